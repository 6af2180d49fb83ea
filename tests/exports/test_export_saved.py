"""Prompts and weights of saved strategies: what is pasted is what is asked; what is loaded answers alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import CHATML, classification_task, qa_task, save_tiny

import adaptkit as ak
from adaptkit.cli.main import main
from adaptkit.comparison import compare
from adaptkit.comparison.exports import export_weights, prompts_of
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Request
from adaptkit.models.render import Renderer
from adaptkit.strategies.training import lora

pytestmark = pytest.mark.usefixtures("hash_embedder")
TASK = replace(classification_task(), validation=())
TEXT = "play a loud song"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ak.Strategy, Path]:
    model = ak.load_model(base, dtype="float32")
    strategy = ak.LoRASFT(rank=4, epochs=2, batch_size=4).fit(model, TASK)
    return strategy, strategy.save(tmp_path_factory.mktemp("lora"))


def test_exported_weights_are_plain_and_answer_as_the_adapter_beside_the_weights(
    trained: tuple[ak.Strategy, Path], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strategy, folder = trained
    out = tmp_path / "merged"
    arguments = ["--format", "transformers", "--dtype", "float32", "--out", str(out)]
    assert main(["export", str(folder), *arguments]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    auto: Any = transformers.AutoModelForCausalLM
    module = auto.from_pretrained(out, dtype="float32").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    assert not any("lora" in name for name, _ in module.named_parameters())
    assert tokenizer.chat_template == CHATML

    (prompt,) = strategy.prompts([TEXT])
    ids = torch.tensor([Renderer(tokenizer).encode(prompt)])
    original = auto.from_pretrained(base, dtype="float32").eval()
    beside = lora.load_adapter(original, folder / "adapter")
    with torch.inference_mode():
        merged = module(input_ids=ids).logits
        torch.testing.assert_close(merged, beside(input_ids=ids).logits, rtol=1e-4, atol=1e-4)
        # The adapter does something, so that equality means something.
        assert (merged - original(input_ids=ids).logits).abs().max() > 1e-2

    pasted = (out / "prompt.txt").read_text(encoding="utf-8")
    assert "--- user ---\n{input}\n" in pasted
    assert prompt.instruction in pasted
    again = ak.load_model(out, dtype="float32")
    inputs = [e.input for e in (*TASK.train, *TASK.test)]
    asked = [Request(prompt=p, max_new_tokens=6) for p in strategy.prompts(inputs)]
    answers = [c.text for c in again.complete(asked)]
    assert answers == [c.text for c in strategy.model_.complete(asked)]
    assert len(set(answers)) > 1


def test_as_measured_means_in_the_number_format_that_this_machine_answers_in(
    trained: tuple[ak.Strategy, Path], base: Path, tmp_path: Path
) -> None:
    export_weights(trained[1], tmp_path / "auto")
    served = ak.load_strategy(trained[1], ak.load_model(base)).model_
    auto: Any = transformers.AutoModelForCausalLM
    written = auto.from_pretrained(tmp_path / "auto", dtype="auto").state_dict()
    for name, weights in served.module.state_dict().items():  # type: ignore[attr-defined]
        assert torch.equal(written[name], weights), name


def test_weights_are_refused_where_there_are_none_or_no_room(
    trained: tuple[ak.Strategy, Path], base: Path, tmp_path: Path
) -> None:
    plain = ak.PromptEngineering().fit(ak.load_model(base), TASK).save(tmp_path / "prompt")
    with pytest.raises(CapabilityError, match=r"'prompt' changes no weights: the model stays .*'prompts'"):
        export_weights(plain, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConfigError, match="is not an empty folder"):
        export_weights(trained[1], plain)
    other = save_tiny("qwen", tmp_path / "qwen")
    with pytest.raises(ConfigError, match="was fitted to the model"):
        export_weights(trained[1], tmp_path / "new", model=str(other))


def test_a_model_that_moved_is_named(
    trained: tuple[ak.Strategy, Path], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in base.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    assert main(["export", str(trained[1]), "--format", "prompts", "--model", str(moved)]) == 0
    assert "{input}" in capsys.readouterr().out


def test_prompts_are_what_the_strategy_asks(base: Path, tmp_path: Path) -> None:
    model = ak.load_model(base, dtype="float32")
    few = ak.FewShot(k=2).fit(model, TASK)
    few.save(tmp_path / "few")
    (found,) = prompts_of(tmp_path / "few", text=TEXT)
    (prompt,) = few.prompts([TEXT])
    assert [m["role"] for m in found.messages] == ["system", *["user", "assistant"] * 2, "user"]
    rendered = model.tokenizer.apply_chat_template(
        list(found.messages), tokenize=False, add_generation_prompt=True
    )
    assert model.encode(prompt) == model.tokenizer.encode(rendered, add_special_tokens=False)
    assert found.choices == TASK.labels
    assert not any("placeholder" in note for note in found.notes)
    (placed,) = prompts_of(tmp_path / "few")
    assert placed.messages[-1] == {"role": "user", "content": "{input}"}
    assert "Demonstrations are chosen for each input: these are those of a placeholder." in placed.notes
    fixed = ak.FewShot(k=2, selection="random").fit(model, TASK).save(tmp_path / "fixed")
    (placed,) = prompts_of(fixed)
    assert not any("placeholder" in note for note in placed.notes)


def test_passages_are_in_the_prompt_and_said_to_be_those_of_a_placeholder(base: Path, tmp_path: Path) -> None:
    task = qa_task()
    ak.RAG(k=2).fit(ak.load_model(base), task).save(tmp_path / "rag")
    (found,) = prompts_of(tmp_path / "rag", text="What is the capital of Peru?")
    assert "The capital of Peru is Lima." in found.messages[-1]["content"]
    assert found.choices == ()
    (placed,) = prompts_of(tmp_path / "rag")
    assert "Passages are looked up for each input: these are those of a placeholder." in placed.notes


def test_of_a_run_each_strategy_is_shown_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The session's fixture plans no second run; here there is one, whose artifact must not be shown.
    monkeypatch.setattr("adaptkit.comparison.plan.run_twice", lambda labels: labels[0])
    model = ak.load_model(base, dtype="float32")
    strategies = [ak.PromptEngineering(), ak.FewShot(k=1, selection="random")]
    run = tmp_path / "run"
    compare(strategies, TASK, model=model, out=run, seeds=2, limit=2, leakage="off")
    assert len(list((run / "artifacts").iterdir())) == 4
    assert main(["export", str(run), "--format", "prompts", "--out", str(tmp_path / "p.json")]) == 0
    found = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert [f["strategy"] for f in found] == ["prompt", "few-shot"]
    capsys.readouterr()
    assert main(["export", str(run), "--format", "prompts", "--input", "wake me"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("# prompt (") == 1
    assert shown.count("--- user ---\nwake me\n") + shown.endswith("--- user ---\nwake me\n") >= 2


def test_a_folder_without_strategies_says_where_they_stand(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist. Give a run folder, or DIR/artifacts/<strategy>"):
        prompts_of(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds no saved strategy"):
        prompts_of(tmp_path)
