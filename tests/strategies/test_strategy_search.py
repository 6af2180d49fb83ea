from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tiny import classification_task, qa_task, tiny_model

from adaptkit.core.codec import to_json
from adaptkit.core.errors import CapabilityError, ConfigError, UnknownNameError
from adaptkit.core.types import Request
from adaptkit.models.base import Model
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.function_calling import FunctionCalling
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.proposing import PROPOSERS
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = qa_task()
ANSWERS = {e.input: e.target for rows in (TASK.train, TASK.validation or (), TASK.test) for e in rows}


def knows_when(asks_well: Callable[[Request], bool]) -> FakeModel:
    """Answers rightly where a prompt is as it likes it."""

    def answer(request: Request) -> str:
        (question,) = [q for q in ANSWERS if q in request.prompt.input]
        return ANSWERS[question] if asks_well(request) else "no idea"

    return FakeModel(answer)


LIKES_QUOTES = knows_when(lambda r: r.prompt.input.startswith('"""'))


def test_best_format_on_validation_rows_is_kept_and_the_spread_told() -> None:
    strategy = PromptEngineering(search=6).fit(LIKES_QUOTES, TASK)
    spread = strategy.fit_notes_["format_spread"]
    assert spread["chosen"] == {"format": "quoted", "wording": "full"}
    assert (spread["min"], spread["median"], spread["max"]) == (0.0, 0.0, 1.0)
    assert (spread["metric"], spread["n_rows"]) == (TASK.primary_metric, len(TASK.validation or ()))
    tried = [(t["format"], t["wording"], t["score"]) for t in spread["tried"]]
    assert tried == [
        ("plain", "full", 0.0),
        ("question-answer", "full", 0.0),
        ("plain", "short", 0.0),
        ("in-message", "full", 0.0),
        ("plain", "listed", 0.0),
        ("quoted", "full", 1.0),
    ]
    assert json.loads(json.dumps(to_json(strategy.fit_notes_))) == strategy.fit_notes_
    assert strategy.generate(TASK.test[0].input).output == TASK.test[0].target
    assert strategy.format == "plain"  # parameters stay as they were given


def test_wording_is_searched_too() -> None:
    model = knows_when(lambda r: r.prompt.instruction == TASK.instruction)
    strategy = PromptEngineering(search=4).fit(model, TASK)
    assert strategy.fit_notes_["format_spread"]["chosen"]["wording"] == "short"
    assert strategy.instruction_ == TASK.instruction


def test_only_validation_rows_decide_and_only_so_many() -> None:
    model = knows_when(lambda r: True)
    PromptEngineering(search=3, search_rows=2).fit(model, TASK)
    asked = {q for q in ANSWERS for r in model.requests if q in r.prompt.input}
    assert len(model.requests) == 3 * 2
    assert len(asked) == 2
    assert asked <= {e.input for e in TASK.validation or ()}


def test_a_tie_stays_with_the_prompt_that_was_given() -> None:
    model = knows_when(lambda r: True)
    strategy = PromptEngineering(search=4, format="markdown").fit(model, TASK)
    assert strategy.fit_notes_["format_spread"]["chosen"]["format"] == "markdown"


def test_fit_anew_forgets_what_was_chosen() -> None:
    strategy = PromptEngineering(search=6).fit(LIKES_QUOTES, TASK)
    strategy.fit(knows_when(lambda r: "Question:" in r.prompt.input), TASK)
    assert strategy.fit_notes_["format_spread"]["chosen"]["format"] == "question-answer"
    assert strategy.prompts(["x"])[0].input == "Question: x\nAnswer:"


def test_what_was_chosen_survives_saving(tmp_path: Path) -> None:
    model = LIKES_QUOTES
    strategy = PromptEngineering(search=6, role="You know much.").fit(model, TASK)
    loaded = load_strategy(strategy.save(tmp_path), model)
    assert loaded.prompts(["x"]) == strategy.prompts(["x"])
    assert loaded.prompts(["x"])[0].input == '"""\nx\n"""'
    assert loaded == strategy


def test_choice_of_a_part_is_served_in_a_composition(tmp_path: Path) -> None:
    model = knows_when(lambda r: r.prompt.instruction == TASK.instruction and bool(r.prompt.demonstrations))
    strategy = Compose((FewShot(k=2), PromptEngineering(search=4))).fit(model, TASK)
    assert strategy.fit_notes_["format_spread"]["chosen"]["wording"] == "short"
    assert strategy.prompts(["x"])[0].instruction == TASK.instruction
    assert strategy.generate(TASK.test[0].input).output == TASK.test[0].target
    loaded = load_strategy(strategy.save(tmp_path), model)
    assert loaded.prompts(["x"]) == strategy.prompts(["x"])


def test_part_that_does_not_ask_searches_nothing() -> None:
    model = knows_when(lambda r: True)
    strategy = Compose((FunctionCalling(tools=("calculator",)), PromptEngineering(search=3))).fit(model, TASK)
    assert model.requests == []
    assert "format_spread" not in strategy.fit_notes_


def test_by_default_four_are_tried_where_there_are_rows_and_nothing_else_is_given() -> None:
    given = PromptEngineering()
    strategy = dataclasses.replace(given).fit(LIKES_QUOTES, TASK)
    assert len(strategy.fit_notes_["format_spread"]["tried"]) == 4
    tried = [(t["format"], t["wording"]) for t in strategy.fit_notes_["format_spread"]["tried"]]
    others = given.alternatives(TASK)[1:]
    assert not {(a.format, a.wording) for a in others if not a.thinking} & set(tried)
    assert given.labels_used(TASK) == ("validation",)
    without = dataclasses.replace(TASK, validation=())
    for alone in (
        PromptEngineering(search=0),
        PromptEngineering(instruction_text="Guess."),
        PromptEngineering(role="You are a clerk."),
        PromptEngineering(rules="Be quick."),
        PromptEngineering(format="quoted"),
        PromptEngineering(wording="short"),
        PromptEngineering(thinking=True),
    ):
        assert "format_spread" not in dataclasses.replace(alone).fit(LIKES_QUOTES, TASK).fit_notes_
    assert "format_spread" not in PromptEngineering().fit(LIKES_QUOTES, without).fit_notes_


def test_a_default_search_ends_with_its_time_and_says_so() -> None:
    strategy = PromptEngineering().fit(LIKES_QUOTES, TASK, seconds=1e-9)
    (cut,) = strategy.fit_notes_["cut_short"]
    assert (cut["what"], cut["by"], cut["n_tried"], cut["n_planned"]) == ("tuning", "seconds", 1, 4)


def test_search_tells_how_far_it_is() -> None:
    steps: list[tuple[int, int]] = []
    PromptEngineering(search=3).fit(LIKES_QUOTES, TASK, progress=lambda done, n: steps.append((done, n)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_calibration_goes_with_the_format_chosen() -> None:
    task = classification_task()
    strategy = PromptEngineering(search=3, search_rows=4, calibrate=True).fit(tiny_model("llama"), task)
    assert strategy.label_reader_ is not None
    assert strategy.label_reader_.prior is not None
    chosen = strategy.fit_notes_["format_spread"]["chosen"]
    alone = PromptEngineering(**chosen, calibrate=True, search=0).fit(strategy.model_, task)
    assert strategy.label_reader_ == alone.label_reader_
    inputs = [e.input for e in task.test]
    assert [p.output for p in strategy.generate(inputs)] == [p.output for p in alone.generate(inputs)]


def test_search_needs_validation_rows() -> None:
    task = dataclasses.replace(TASK, validation=())
    with pytest.raises(CapabilityError, match="search needs validation examples"):
        PromptEngineering(search=2).fit(LIKES_QUOTES, task)


def test_model_may_propose_instructions() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> str:
        if "Write a better instruction" in request.prompt.input:
            seen.append(request)
            return f'Here is the instruction: "Give the city, please ({len(seen)})."\n\nI hope this helps.'
        (question,) = [q for q in ANSWERS if q in request.prompt.input]
        return ANSWERS[question] if "please (2)" in request.prompt.instruction else "?"

    strategy = PromptEngineering(search=6, propose="model").fit(FakeModel(answer), TASK)
    chosen = strategy.fit_notes_["format_spread"]["chosen"]
    assert chosen["instruction"] == "Give the city, please (2)."
    assert strategy.instruction_.startswith("Give the city, please (2).\nReply with the answer only")
    assert len(seen) == 3
    assert len({r.seed for r in seen}) == 3
    assert all(r.temperature > 0 for r in seen)
    held_back = [e for rows in (TASK.validation or (), TASK.test) for e in rows]
    shown = [(i, t) for r in seen for i, t in re.findall(r"Input: (.*)\nOutput: (.*)", r.prompt.input)]
    assert set(shown) <= {(e.input, e.target) for e in TASK.train}
    assert not {i for i, _ in shown} & {e.input for e in held_back}


def test_proposals_are_drawn_anew_by_seed() -> None:
    one, two = (PromptEngineering(search=4, propose="model", seed=s) for s in (0, 1))
    model = knows_when(lambda r: True)
    with pytest.MonkeyPatch.context() as patch:
        drawn: list[int] = []

        def proposer(model: Model, task: Task, *, score: object, n: int, seed: int) -> Sequence[str]:
            drawn.append(seed)
            return []

        patch.setattr(PROPOSERS, "get", lambda name: proposer)
        one.fit(model, TASK)
        two.fit(model, TASK)
    assert drawn == [0, 1]
    assert one.draws_at_random
    assert one.takes_seed


def test_optimiser_may_learn_from_scores() -> None:
    model = knows_when(lambda r: r.prompt.instruction.startswith("Well asked"))
    found: dict[str, float] = {}

    def optimiser(
        model: Model, task: Task, *, score: Callable[[str], float], n: int, seed: int
    ) -> Sequence[str]:
        found.update({text: score(text) for text in ("Badly asked.", "Well asked.")})
        return [max(found, key=lambda text: found[text])]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PROPOSERS, "get", lambda name: optimiser)
        strategy = PromptEngineering(search=2, propose="mine").fit(model, TASK)
    assert found == {"Badly asked.": 0.0, "Well asked.": 1.0}
    assert strategy.fit_notes_["format_spread"]["chosen"]["instruction"] == "Well asked."


def test_proposals_need_a_search_and_a_known_name() -> None:
    with pytest.raises(ConfigError, match=r"'search' parameter .* int >= 2"):
        PromptEngineering(propose="model").check()
    with pytest.raises(UnknownNameError, match=r"Unknown proposer 'modell'\. Did you mean 'model'"):
        PromptEngineering(propose="modell", search=3).check()
