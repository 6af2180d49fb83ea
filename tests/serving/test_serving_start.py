"""Starting and stopping: settings, keys, artefacts, addresses, the command line, and signals."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from questions import make_task
from served import CHAT, GatedModel, fitted
from tiny import save_tiny, tiny_llama

import adaptkit as ak
from adaptkit.cli.main import main
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.core.errors import ConfigError
from adaptkit.serving import ServerSettings
from adaptkit.serving.artifact import Artifact, provider_for
from adaptkit.serving.server import Ended, how_to_call, listening, serve, url_of
from adaptkit.serving.service import Service
from adaptkit.serving.settings import read_key
from adaptkit.strategies import make_strategy

HERE = Path(__file__).parent
KEY = "a-key-of-the-test"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAPTKIT_API_KEY", raising=False)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def saved(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompt fitted to the model in that folder."""
    model = ak.load_model(model_folder, dtype="float32")
    return (
        ak.PromptEngineering().fit(model, make_task(2)).save(tmp_path_factory.mktemp("artifacts") / "prompt")
    )


WRONG = [
    ("port", -1), ("port", 65_536), ("port", True), ("max_batch", 0), ("max_batch", 1.5), ("gather_s", -0.1),
    ("max_waiting", 0), ("max_body_bytes", 0), ("max_input_tokens", 0), ("timeout_s", 0),
    ("timeout_s", float("inf")), ("grace_s", -1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_settings_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"The '{name}' parameter of serve must be .* Got"):
        ServerSettings(**{name: value})


def test_another_address_than_this_machines_needs_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "box.lan", ""):
        with pytest.raises(ConfigError, match="so it needs a key"):
            ServerSettings(host=host)
        assert ServerSettings(host=host, api_key=KEY).api_key == KEY
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert ServerSettings(host=host).is_loopback


def test_the_key_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_key(None) is None
    monkeypatch.setenv("ADAPTKIT_API_KEY", f" {KEY}\n")
    assert read_key(None) == KEY
    (tmp_path / "key").write_text("another\n")
    assert read_key(tmp_path / "key") == "another"


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"two words", b"two\nlines", b"\xff", "schl\u00fcssel".encode()]
)
def test_a_file_without_a_usable_key_is_refused_without_telling_what_it_holds(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"The key file .*key' (holds no usable key|cannot be read)"
    ) as caught:
        read_key(tmp_path / "key")
    assert "two" not in str(caught.value)
    with pytest.raises(ConfigError, match="No such file"):
        read_key(tmp_path / "none")


def test_an_empty_key_in_the_environment_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_API_KEY", "")
    with pytest.raises(ConfigError, match="environment variable ADAPTKIT_API_KEY holds no usable key"):
        read_key(None)


def test_an_artefact_names_its_model(saved: Path, model_folder: Path) -> None:
    artifact = Artifact.read(saved)
    assert artifact.model_id == str(model_folder)
    provider = provider_for(artifact, dtype="float32")
    assert provider.loaded is None
    strategy = artifact.load(provider)
    assert strategy.label == "prompt"
    assert strategy.model_.info.dtype == "float32"


def test_another_model_is_refused_before_it_is_loaded(saved: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"was fitted to the model .*tiny .*, the one given is smollm2-135m-instruct"
    ):
        provider_for(Artifact.read(saved), "smollm2-135m-instruct")


def test_a_model_that_moved_is_asked_for_and_taken_from_its_new_place(
    saved: Path, model_folder: Path
) -> None:
    artifact = Artifact.read(saved)
    moved = model_folder.rename(model_folder.parent / "moved")
    try:
        with pytest.raises(ConfigError, match=r"not found from here. Say with --model where it is"):
            provider_for(artifact)
        assert provider_for(artifact, str(moved)).id == str(moved)
    finally:
        moved.rename(model_folder)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence with which the command ends."""
    assert main(["serve", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1
    assert lines[-1] == errors[0]
    return errors[0]


def test_what_cannot_be_served_is_said_in_a_sentence(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "There is no folder" in refused(capsys, tmp_path / "none")
    assert "No saved strategy in" in refused(capsys, tmp_path)
    assert "so it needs a key" in refused(capsys, saved, "--host", "0.0.0.0")
    assert "cannot be read: No such file" in refused(capsys, saved, "--api-key-file", tmp_path / "key")
    assert "the one given is smollm2" in refused(capsys, saved, "--model", "smollm2-135m-instruct")
    assert "is no address of this machine" in refused(
        capsys, saved, "--host", "nowhere.invalid", *with_key(tmp_path)
    )
    assert "cannot be listened on" in refused(capsys, saved, "--host", "203.0.113.7", *with_key(tmp_path))


def test_the_folder_of_a_comparison_is_answered_with_its_strategies(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("rag", "lora"):
        shutil.copytree(saved, tmp_path / "artifacts" / name)
    both = f"{tmp_path / 'artifacts' / 'lora'}, {tmp_path / 'artifacts' / 'rag'}."
    for folder in (tmp_path, tmp_path / "artifacts"):
        assert refused(capsys, folder).endswith(f"Give one of them: {both}")


def with_key(folder: Path) -> tuple[object, ...]:
    (folder / "a-key").write_text(KEY)
    return ("--api-key-file", folder / "a-key")


def test_a_tampered_artefact_is_refused(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (saved / "strategy.json").read_text()
    (tmp_path / "strategy.json").write_text(text.replace("Answer.", "Answer!"))
    assert "is damaged" in refused(capsys, tmp_path)


def test_a_port_in_use_is_said_before_the_model_is_loaded(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = refused(capsys, saved, "--port", port)
    assert message.startswith(f"Error: Port {port} on 127.0.0.1 is in use.")
    assert "give another --port" in message


def test_two_that_took_the_port_before_either_listened(saved: Path) -> None:
    """Both may bind; the one that is ready later is told."""
    first = listening("127.0.0.1", 0)
    port = first.getsockname()[1]
    model = ak.FakeModel({})

    def load() -> ak.FakeModel:
        first.listen()
        return model

    artifact = saved_on(model, saved.parent / "of-a-fake")
    provider = LazyModel(id="fake", revision="fake", load=load)
    with first, pytest.raises(ConfigError, match=f"Port {port} on 127.0.0.1 is in use"):
        serve(artifact, provider, ServerSettings(port=port))


def saved_on(model: ak.FakeModel, folder: Path) -> Artifact:
    return Artifact.read(fitted(model).save(folder))


def test_a_missing_extra_is_named(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("adaptkit.serving.server.PACKAGES", ("fastapi", "no_such_package"))
    message = refused(capsys, saved)
    assert message == (
        "Error: adaptkit serve needs the package 'no_such_package'. Install it with: "
        "pip install 'adaptkit-llm[serve]'"
    )


def test_the_command_hands_its_options_on(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Any] = []

    def run(*arguments: Any, **options: Any) -> Ended:
        given.extend([*arguments, options])
        return Ended(n_answered=3, n_cut_off=len(given) - 4)

    monkeypatch.setattr("adaptkit.serving.server.serve", run)
    options = "--port 0 --max-batch 3 --gather-ms 2 --max-waiting 4 --max-body-bytes 99 --max-input-tokens 8"
    arguments = ["serve", str(saved), "--name", "bot", *options.split(), "--timeout", "9", "--grace", "1"]
    assert main([*arguments, "--host", "0.0.0.0", *map(str, with_key(tmp_path))]) == 0
    assert capsys.readouterr().err == "Stopped: 3 request(s) answered.\n"
    artifact, provider, settings, named = given
    assert (artifact.folder, provider.id, named["name"]) == (saved, artifact.model_id, "bot")
    assert settings == ServerSettings(
        host="0.0.0.0", port=0, api_key=KEY, max_batch=3, gather_s=0.002, max_waiting=4, max_body_bytes=99,
        max_input_tokens=8, timeout_s=9.0, grace_s=1.0,
    )  # fmt: skip
    assert main(arguments) == 1  # four were cut off
    assert capsys.readouterr().err == "Stopped: 3 request(s) answered, 4 cut off.\n"


def test_a_model_that_is_still_busy_does_not_keep_the_process(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = Ended(n_answered=0, n_cut_off=2, still_busy=True)
    left: list[int] = []
    monkeypatch.setattr("adaptkit.serving.server.serve", lambda *_arguments, **_options: ended)
    monkeypatch.setattr("os._exit", left.append)
    main(["serve", str(saved)])
    assert left == [1]
    assert capsys.readouterr().err == "Stopped: 0 request(s) answered, 2 cut off.\n"


def test_when_ready_it_says_what_is_served_where_and_how_to_call_it() -> None:
    service = Service(fitted(GatedModel()), ServerSettings(), name="bot")
    text = how_to_call(service, "http://127.0.0.1:8000")
    assert text.startswith(
        "Serving prompt on fake (none, cpu) at http://127.0.0.1:8000/v1\nTry: curl http://"
    )
    body = text.partition("-d '")[2].partition("'")[0]
    assert json.loads(body)["model"] == "bot"
    assert "Authorization" not in text
    keyed = how_to_call(Service(fitted(GatedModel()), ServerSettings(api_key=KEY)), "http://x")
    assert '-H "Authorization: Bearer $ADAPTKIT_API_KEY"' in keyed
    assert KEY not in keyed


def test_the_url_is_one_that_this_machine_can_call() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        for host, shown in (
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::1", "[::1]"),
            ("::", "[::1]"),
        ):
            assert url_of(listener, host) == f"http://{shown}:{port}"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_a_request_is_answered_lets_it_be_answered(sent: signal.Signals) -> None:
    paths = os.pathsep.join((str(HERE.parent), str(HERE.parents[1])))
    process = subprocess.Popen(
        [sys.executable, str(HERE / "serve_fake.py"), "1.0"],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = urlsplit(process.stdout.readline().strip())
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=60)
    body = json.dumps({"model": "prompt", "messages": [{"role": "user", "content": "hello"}]})
    connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
    assert process.stdout.readline() == "answering\n"
    process.send_signal(sent)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["choices"][0]["message"]["content"] == "you said hello"
    assert process.wait(60) == 0
    assert process.stdout.read() == "1 0\n"
    process.stdout.close()


def test_a_served_strategy_reads_its_artefact(saved: Path, model_folder: Path) -> None:
    """The seam by which a model in memory is served."""
    model = tiny_llama()
    artifact = Artifact.read(ak.PromptEngineering().fit(model, make_task(2)).save(saved.parent / "tiny"))
    assert artifact.load(LazyModel.of(model)).generate("x").output == (
        ak.PromptEngineering().fit(model, make_task(2)).generate("x").output
    )


@pytest.mark.usefixtures("hash_embedder")
@pytest.mark.parametrize("name", ["tfidf", "knn-vote", "top-passage"])
def test_a_strategy_that_asks_no_model_is_served_without_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the model is gone."""
    monkeypatch.setattr("adaptkit.serving.artifact.load_model", lambda *_a, **_o: pytest.fail("loaded"))
    words = ("red", "blue") * 9
    rows = tuple(ak.Example(id=f"{i}", input=f"{word} {i}", target=word) for i, word in enumerate(words))
    documents = (ak.Document(id="d", text="Red is warm and blue is cold."),)
    kind: Any
    kind, labels = ("qa", ()) if name == "top-passage" else ("classification", ("red", "blue"))
    task = ak.Task(
        name="t", kind=kind, instruction="Colour?", metrics=("exact_match",), labels=labels,
        train=rows, validation=(), test=(ak.Example(id="x", input="red", target="red"),), documents=documents,
    )  # fmt: skip
    fitted_to = ak.FakeModel({}, id="/nowhere/model")
    artifact = Artifact.read(make_strategy(name, {}).fit(fitted_to, task).save(tmp_path / "saved"))
    assert not artifact.uses_llm
    served = artifact.load(provider_for(artifact))
    assert served.generate("red 3").error is None
    service = Service(served, ServerSettings(max_input_tokens=5))
    assert "without a language model at http://x/v1" in how_to_call(service, "http://x")
    service.start()
    service.stop()
