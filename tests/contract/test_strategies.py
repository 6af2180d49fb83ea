"""What every strategy keeps to, by its name in the registry: a new one is tested by being registered."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import classification_task, qa_task, tiny_model

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, ContextLengthError, NotFittedError
from adaptkit.core.types import Example, Prediction
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies import STRATEGIES, Strategy, load_strategy, make_strategy
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

SMALL: dict[str, dict[str, Any]] = {
    "few-shot": {"k": 3},
    "rag": {"k": 2, "chunk_tokens": 24, "overlap_tokens": 4},
    "lora": {"rank": 2, "epochs": 2, "learning_rate": 0.02},
}
SMALL["compose"] = {"parts": [{"name": n, "params": SMALL[n]} for n in ("few-shot", "rag")]}
SMALL["tuned"] = {"strategy": {"name": "few-shot", "params": SMALL["few-shot"]}, "n_configs": 2, "n_rows": 4}
WITHOUT_TRAINING = [name for name in STRATEGIES.names() if "lora" not in name]
TASK = qa_task()
INPUTS = [e.input for e in TASK.test] + ["What is the capital of Mars?", "x"]
WRITTEN = {".json", ".safetensors", ".faiss"}


def make(name: str) -> Strategy:
    return make_strategy(name, SMALL.get(name, {}))


def answers(predictions: list[Prediction]) -> list[tuple[str, str, int]]:
    """What of a prediction may depend on its input only."""
    return [(p.output, p.finish_reason, p.usage.tokens_in) for p in predictions]


@dataclasses.dataclass
class Case:
    """A fitted strategy, with what it was given."""

    name: str
    strategy: Strategy
    model: LocalModel
    before: dict[str, Any]


@pytest.fixture(scope="module", params=["llama", "gemma"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=STRATEGIES.names())
def case(request: pytest.FixtureRequest, kind: str, hash_embedder: None) -> Case:
    model = tiny_model(kind, stop_every=40)
    strategy = make(request.param)
    before = {
        "params": copy.deepcopy(strategy.params()),
        "weights": {n: p.clone() for n, p in model.module.state_dict().items()},
        "info": model.info,
        "task": to_json(TASK),
        "fitted": strategy.fit(model, TASK),
    }
    return Case(request.param, strategy, model, before)


def test_fit_returns_the_strategy_with_its_parameters_as_they_were(case: Case) -> None:
    assert case.before["fitted"] is case.strategy
    assert case.strategy.params() == case.before["params"]
    assert case.strategy == make(case.name)


def test_fit_leaves_model_and_task_as_they_were(case: Case) -> None:
    weights = case.model.module.state_dict()
    assert weights.keys() == case.before["weights"].keys()
    assert all(torch.equal(weights[n], w) for n, w in case.before["weights"].items())
    assert all(p.requires_grad and p.grad is None for p in case.model.module.parameters())
    assert not case.model.module.training
    assert case.model.info == case.before["info"]
    assert to_json(TASK) == case.before["task"]


def test_what_was_learnt_ends_in_an_underscore(case: Case) -> None:
    learnt = vars(case.strategy).keys() - case.strategy.params().keys()
    assert learnt
    assert all(name.endswith("_") for name in learnt)


def test_notes_of_the_fit_can_be_written_as_json(case: Case) -> None:
    json.dumps(to_json(case.strategy.fit_notes_), allow_nan=False)


def test_string_gives_a_timed_prediction(case: Case) -> None:
    prediction = case.strategy.generate(INPUTS[0])
    assert isinstance(prediction, Prediction)
    assert prediction.error is None
    assert prediction.latency_s is not None
    assert prediction.first_token_s is not None
    assert (prediction.retrieve_s or 0) < prediction.first_token_s <= prediction.latency_s
    assert prediction.usage.tokens_in > 0
    assert prediction.usage.tokens_cached <= prediction.usage.tokens_in


def test_list_gives_a_list_of_its_length_and_order_without_times(case: Case) -> None:
    predictions = case.strategy.generate(INPUTS)
    assert isinstance(predictions, list)
    assert answers(predictions) == answers([case.strategy.generate(text) for text in INPUTS])
    assert len({p.output for p in predictions}) > 1
    assert all(p.latency_s is p.first_token_s is p.retrieve_s is None for p in predictions)


def test_list_of_one_is_answered_as_the_string(case: Case) -> None:
    predictions = case.strategy.generate(INPUTS[:1])
    assert answers(predictions) == answers([case.strategy.generate(INPUTS[0])])


def test_no_input_gives_no_prediction(case: Case) -> None:
    assert case.strategy.generate([]) == []
    assert case.strategy.generate(()) == []


def test_same_input_twice_gets_the_same_answer(case: Case) -> None:
    (first, _, second) = case.strategy.generate([INPUTS[0], INPUTS[1], INPUTS[0]])
    assert answers([first]) == answers([second])


def test_answers_depend_neither_on_the_batch_nor_on_its_order(case: Case) -> None:
    together = answers(case.strategy.generate(INPUTS))
    assert answers(case.strategy.generate(INPUTS[::-1]))[::-1] == together
    halves = [*case.strategy.generate(INPUTS[:2]), *case.strategy.generate(INPUTS[2:])]
    assert answers(halves) == together
    assert answers(case.strategy.generate(tuple(INPUTS))) == together


def test_same_seed_gives_the_same_answers_on_a_model_of_its_own(case: Case, kind: str) -> None:
    again = make(case.name).fit(tiny_model(kind, stop_every=40), TASK)
    assert answers(again.generate(INPUTS)) == answers(case.strategy.generate(INPUTS))


def test_saved_strategy_answers_as_before(case: Case, kind: str, tmp_path: Path) -> None:
    folder = case.strategy.save(tmp_path / "new" / "folder")
    assert folder == tmp_path / "new" / "folder"
    loaded = load_strategy(folder, tiny_model(kind, stop_every=40))
    assert loaded == case.strategy
    assert answers(loaded.generate(INPUTS)) == answers(case.strategy.generate(INPUTS))
    assert to_json(loaded.fit_notes_) == to_json(case.strategy.fit_notes_)
    # What was loaded can be saved again, and says the same.
    second = loaded.save(tmp_path / "second") / "strategy.json"
    assert second.read_text(encoding="utf-8") == (folder / "strategy.json").read_text(encoding="utf-8")


def test_saved_folder_holds_no_pickle(case: Case, tmp_path: Path) -> None:
    case.strategy.save(tmp_path)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= WRITTEN
    assert all(not p.read_bytes().startswith((b"\x80\x04", b"\x80\x02", b"PK")) for p in files)


def test_saved_strategy_leaves_the_model_that_it_is_loaded_on(case: Case, kind: str, tmp_path: Path) -> None:
    model = tiny_model(kind, stop_every=40)
    load_strategy(case.strategy.save(tmp_path), model)
    weights = model.module.state_dict()
    assert all(torch.equal(weights[n], w) for n, w in case.before["weights"].items())


def test_strategy_of_another_model_is_refused(case: Case, kind: str, tmp_path: Path) -> None:
    folder = case.strategy.save(tmp_path)
    with pytest.raises(ConfigError, match=r"was fitted to the model tiny-.* \(seed-0\), the one given is"):
        load_strategy(folder, tiny_model(kind, seed=1))


def test_input_that_is_far_too_long_loses_no_other(case: Case) -> None:
    bad = "word " * 2000
    predictions = case.strategy.generate([INPUTS[0], bad, *INPUTS[1:]])
    assert answers([predictions[0], *predictions[2:]]) == answers(case.strategy.generate(INPUTS))
    failed = predictions[1]
    assert failed.error is not None
    assert failed.error.type == "ContextLengthError"
    assert (failed.output, failed.finish_reason) == ("", "error")
    with pytest.raises(ContextLengthError):
        case.strategy.generate(bad)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_nothing_works_before_fit(name: str, tmp_path: Path) -> None:
    strategy = make(name)
    sentence = rf"This {type(strategy).__name__} is not fitted. Call fit\(model, task\) before"
    with pytest.raises(NotFittedError, match=rf"{sentence} generate\(\)"):
        strategy.generate("x")
    with pytest.raises(NotFittedError, match=rf"{sentence} generate\(\)"):
        strategy.generate([])
    with pytest.raises(NotFittedError, match=rf"{sentence} save\(\)"):
        strategy.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_second_fit_forgets_the_first(name: str) -> None:
    model = tiny_model("llama")
    other = dataclasses.replace(TASK, instruction="Name the city.", train=TASK.train[:6])
    twice = make(name).fit(model, TASK).fit(model, other)
    once = make(name).fit(model, other)
    assert answers(twice.generate(INPUTS)) == answers(once.generate(INPUTS))


@pytest.mark.parametrize("name", [n for n in STRATEGIES.names() if n not in ("rag", "compose")])
def test_answer_of_a_classification_is_one_of_its_labels(name: str) -> None:
    task = classification_task()
    strategy = make(name).fit(tiny_model("gemma"), task)
    inputs = [e.input for e in task.test] + ["???", "\n", "a b c " * 20]
    for prediction in strategy.generate(inputs):
        assert prediction.output in task.labels
        assert prediction.finish_reason == "choice"


def secretive(task: Task) -> Task:
    """The task with answers in the metadata and with test rows that can be told from the others."""

    def row(example: Example, split: str) -> Example:
        return dataclasses.replace(
            example, metadata={"answer": f"secret {split}"}, input=f"{example.input} {split}-row"
        )

    return dataclasses.replace(
        task,
        train=tuple(row(e, "train") for e in task.train),
        validation=tuple(row(e, "validation") for e in task.validation or ()),
        test=tuple(row(e, "test") for e in task.test),
    )


@pytest.mark.parametrize("name", WITHOUT_TRAINING)
def test_prompts_hold_no_metadata_and_nothing_of_other_test_rows(name: str) -> None:
    task = secretive(TASK)
    model = FakeModel(lambda _: "Lima")
    make(name).fit(model, task).generate([task.test[0].input, "another"])
    written = json.dumps(to_json(model.requests))
    assert "secret" not in written
    if name != "tuned":  # which asks them to choose by the answers
        assert "validation-row" not in written
    assert {r.prompt.input for r in model.requests if "test-row" in r.prompt.input} == {task.test[0].input}
    shown = [d.input for r in model.requests for d in r.prompt.demonstrations]
    assert not any("test-row" in text for text in shown)


@pytest.mark.parametrize("name", WITHOUT_TRAINING)
def test_model_without_weights_serves_strategies_that_need_none(name: str) -> None:
    strategy = make(name).fit(FakeModel(lambda r: r.prompt.input.upper()), TASK)
    assert [p.output for p in strategy.generate(["a", "b"])] == ["A", "B"]
    assert strategy.generate("a").latency_s is not None


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_parameter_that_does_not_exist_is_named_with_the_closest_one(name: str) -> None:
    with pytest.raises(LookupError, match="Unknown parameter of"):
        make_strategy(name, {"no_such_parameter": 1})
