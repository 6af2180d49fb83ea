"""What the strategies that train weights have in common, and how they compose."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
import torch
from tiny import classification_task, qa_task, tiny_llama

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Demonstration, Prompt
from adaptkit.models.base import Model
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.full_sft import FullSFT
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.rag import RAG
from adaptkit.strategies.sft_base import SupervisedFineTuning
from adaptkit.strategies.training import sft
from adaptkit.strategies.training.encode import EncodedRow

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = classification_task()
QA = qa_task()
BOTH = [LoRASFT, FullSFT]
SMALL: dict[type, dict[str, Any]] = {
    LoRASFT: {"rank": 4, "learning_rate": 1e-2},
    FullSFT: {"learning_rate": 3e-3},
}


def small(kind: type[SupervisedFineTuning], **changes: Any) -> SupervisedFineTuning:
    return kind(**{**SMALL[kind], **changes})


class Rows:
    """What training was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.train: list[EncodedRow] = []
        self.validation: list[EncodedRow] = []
        kept = sft.train

        def train(module: Any, rows: Any, validation: Any, *rest: Any, **options: Any) -> Any:
            self.train, self.validation = list(rows), list(validation)
            return kept(module, rows, validation, *rest, **options)

        monkeypatch.setattr(sft, "train", train)

    def texts(self, model: Model, split: str = "train") -> list[tuple[str, str]]:
        assert isinstance(model, LocalModel)
        return [
            (model.tokenizer.decode(r.prompt), model.tokenizer.decode(r.completion[:-1]))
            for r in getattr(self, split)
        ]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Rows:
    return Rows(monkeypatch)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"patience": 0}, "The 'patience' parameter of {} must be an int >= 1, or None. Got 0 instead."),
        (
            {"learning_rate_factor": 0},
            "The 'learning_rate_factor' parameter of {} must be a number above 0. Got 0 instead.",
        ),
        (
            {"permute_targets": 1},
            "The 'permute_targets' parameter of {} must be True or False. Got 1 instead.",
        ),
        ({"max_tokens": 0}, "The 'max_tokens' parameter of {} must be above 0, or None. Got 0 instead."),
    ],
)
def test_bad_parameter_is_told(kind: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(**params).fit(tiny_llama(), TASK)
    assert str(caught.value) == message.format(kind.__name__)


@pytest.mark.parametrize("kind", BOTH)
def test_alternatives_begin_with_learning_rates_and_differ_in_more(kind: type[SupervisedFineTuning]) -> None:
    given = small(kind, learning_rate=None, batch_size=8)
    found = given.alternatives(TASK)
    assert found[0] is given
    assert [c.learning_rate_factor for c in found[:3]] == [1.0, 2.0, pytest.approx(1 / 3)]
    changed = [{n for n, v in c.params().items() if v != getattr(given, n)} for c in found]
    own = [{"rank"}] if kind is LoRASFT else []
    factor = {"learning_rate_factor"}
    assert changed == [set(), factor, factor, *own, {"batch_size"}, {"epochs"}]
    # 24 rows are 3 steps a pass; a hundred steps would be more than the 20 passes at most.
    assert found[-1].epochs == 40
    assert not any(c.permute_targets for c in found)
    assert len(found) <= 8
    for candidate in found:
        candidate.check()


def test_larger_rank_keeps_the_scale() -> None:
    larger = LoRASFT(rank=8, alpha=4).alternatives(TASK)[3]
    assert isinstance(larger, LoRASFT)
    assert (larger.rank, larger.alpha) == (32, 16)


def test_smallest_steps_have_no_smaller_alternative() -> None:
    assert all(c.batch_size == 1 for c in LoRASFT(batch_size=1).alternatives(TASK))


@pytest.mark.parametrize("kind", BOTH)
def test_factor_multiplies_the_default_learning_rate(kind: type[SupervisedFineTuning]) -> None:
    notes = kind(learning_rate_factor=0.5, epochs=1).fit(tiny_llama(), TASK).fit_notes_
    assert notes["learning_rate"] == pytest.approx(0.5 * kind().default_learning_rate(100))


@pytest.mark.parametrize("kind", BOTH)
def test_patience_decides_when_to_stop(kind: type[SupervisedFineTuning]) -> None:
    """The validation rows want what no train row says: their loss soon stops falling."""
    wrong = tuple(dataclasses.replace(e, target="zqx jkv zqx") for e in QA.validation or ())
    task = dataclasses.replace(QA, validation=wrong)
    steps = []
    for patience in (1, None):
        strategy = small(kind, epochs=20, learning_rate=2e-2, patience=patience)
        notes = strategy.fit(tiny_llama(), task).fit_notes_
        steps.append((notes["n_steps"], notes["n_steps_planned"]))
    assert steps[0][0] < steps[0][1]
    assert steps[1][0] == steps[1][1] == steps[0][1]


@pytest.mark.parametrize("kind", BOTH)
def test_control_trains_on_the_targets_of_other_rows(kind: Any, given: Rows) -> None:
    def pairs(**params: Any) -> list[tuple[str, str]]:
        strategy = small(kind, epochs=1, **params).fit(tiny_llama(), QA)
        assert ("control" in strategy.fit_notes_) == bool(params.get("permute_targets"))
        return given.texts(strategy.model_) + given.texts(strategy.model_, "validation")

    plain, permuted = pairs(), pairs(permute_targets=True)
    assert [p for p, _ in permuted] == [p for p, _ in plain]
    n = len(QA.train)
    for part in (slice(n), slice(n, None)):
        answers, others = ([c for _, c in found[part]] for found in (plain, permuted))
        assert sorted(others) == sorted(answers)
        assert others != answers
    assert pairs(permute_targets=True) == permuted
    assert pairs(permute_targets=True, seed=1) != permuted


def test_control_learns_nothing_of_the_relation() -> None:
    def share_right(**params: Any) -> float:
        strategy = small(LoRASFT, rank=8, epochs=12, **params).fit(tiny_llama(), TASK)
        predictions = strategy.generate([e.input for e in TASK.train])
        return float(sum(p.output == e.target for p, e in zip(predictions, TASK.train, strict=True))) / 24

    assert share_right() - share_right(permute_targets=True) > 0.3


@pytest.mark.parametrize("kind", BOTH)
def test_train_rows_that_the_context_cannot_hold_are_left_out_and_counted(kind: Any, given: Rows) -> None:
    long = dataclasses.replace(TASK.train[0], input="zqxjkv " * 200)
    task = dataclasses.replace(TASK, train=(long, *TASK.train[1:]))
    strategy = small(kind, epochs=1).fit(tiny_llama(), task)
    assert strategy.fit_notes_["train_rows_too_long"] == 1
    assert len(given.train) == len(TASK.train) - 1
    assert "train_rows_too_long" not in small(kind, epochs=1).fit(tiny_llama(), TASK).fit_notes_
    only = dataclasses.replace(TASK, train=(long,))
    with pytest.raises(CapabilityError, match=r"No train example of the task 'commands' fits into the 768"):
        small(kind).fit(tiny_llama(), only)


@dataclasses.dataclass(kw_only=True)
class ManyShown(PromptEngineering):
    """Shows more than a short context can hold."""

    name: ClassVar[str] = "many-shown"

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        shown = tuple(Demonstration(input=f"play song {i}", target="music") for i in range(20))
        return [dataclasses.replace(p, demonstrations=shown) for p in prompts]


@pytest.mark.parametrize("kind", BOTH)
def test_training_prompts_are_trimmed_as_they_are_served(kind: Any, given: Rows) -> None:
    model = tiny_llama(context_tokens=400)
    composed = Compose((ManyShown(), small(kind, epochs=1))).fit(model, TASK)
    prompts = composed.prompts([e.input for e in TASK.train])
    served = [composed._request(p).prompt for p in prompts]
    assert all(
        0 < len(s.demonstrations) < len(p.demonstrations) for s, p in zip(served, prompts, strict=True)
    )
    assert [r.prompt for r in given.train] == [model.encode(p) for p in served]


def logits_of(model: Model, prompt: Prompt) -> torch.Tensor:
    assert isinstance(model, LocalModel)
    with torch.inference_mode():
        found: torch.Tensor = model.module(input_ids=torch.tensor([model.encode(prompt)])).logits[0, -1]
    return found


def assert_served_by(composed: Compose, notes: Sequence[str]) -> None:
    """All parts answer with the trained weights, which are not those of the model given."""
    assert composed.model_.info.notes == tuple(notes)
    assert all(part.model_ is composed.model_ for part in composed.parts_)
    (prompt,) = composed.prompts([QA.test[0].input])
    assert not torch.allclose(logits_of(composed.model_, prompt), logits_of(tiny_llama(), prompt))
    (completion,) = composed.model_.complete([composed._request(prompt)])
    assert composed.generate([QA.test[0].input])[0].output == completion.text


def test_lora_after_rag_trains_on_prompts_that_hold_passages(given: Rows) -> None:
    model = tiny_llama()
    parts = (RAG(k=2, chunk_tokens=24, overlap_tokens=4), small(LoRASFT, epochs=2))
    composed = Compose(parts).fit(model, QA)
    pairs = given.texts(model)
    assert len(pairs) == len(QA.train)
    served = composed.prompts([e.input for e in QA.train])
    for (prompt, completion), example, at_serving in zip(pairs, QA.train, served, strict=True):
        assert len(at_serving.context) == 2
        assert all(prompt.index(p.text) < prompt.index(example.input) for p in at_serving.context)
        assert completion == example.target
    assert_served_by(composed, ["LoRA rank 4, merged"])
    prediction = composed.generate(QA.test[0].input)
    assert len(prediction.contexts) == 2


def test_full_training_after_few_shot_trains_on_prompts_that_hold_demonstrations(given: Rows) -> None:
    model = tiny_llama()
    composed = Compose((FewShot(k=2), small(FullSFT, epochs=2))).fit(model, QA)
    (prompt, _), example = given.texts(model)[0], QA.train[0]
    shown = composed.prompts([example.input])[0].demonstrations
    assert len(shown) == 2
    assert all(d.input in prompt and d.input != example.input for d in shown)
    assert_served_by(composed, ["all weights trained"])


def test_weights_trained_twice_are_saved_and_read_back_in_turn(tmp_path: Any) -> None:
    from adaptkit.strategies import load_strategy

    parts = (small(FullSFT, epochs=1), small(LoRASFT, epochs=1))
    composed = Compose(parts).fit(tiny_llama(), QA)
    assert composed.model_.info.notes == ("all weights trained", "LoRA rank 4, merged")
    composed.save(tmp_path)
    loaded = load_strategy(tmp_path, tiny_llama())
    inputs = [e.input for e in QA.test]
    assert loaded.generate(inputs) == composed.generate(inputs)
    (prompt,) = composed.prompts(inputs[:1])
    torch.testing.assert_close(
        logits_of(loaded.model_, prompt), logits_of(composed.model_, prompt), rtol=0, atol=0
    )
