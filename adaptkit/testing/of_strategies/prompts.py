"""Prompts: what may stand in them, and what may not."""

from __future__ import annotations

from collections.abc import Iterable

from adaptkit.core.codec import canonical_json
from adaptkit.core.types import Demonstration, Passage, Prompt
from adaptkit.testing.failure import expect, shown_short
from adaptkit.testing.strategy_case import StrategyCase
from adaptkit.testing.tasks import OWN, SECRET, TEST_ROW

SHOWN = Demonstration(input="What does a crab do?", target="clicks")
LOOKED_UP = Passage(id="crab#0", document_id="crab", text="A crab clicks.", score=1.0)


def prompts_hold_no_metadata(case: StrategyCase) -> None:
    """Metadata of rows may hold answers: neither training nor asking shows them to the model."""
    found = _holding(SECRET, case.watched.prompts)
    expect(not found, "no metadata in a prompt", found, "Use input and target of examples only.")


def prompts_hold_nothing_of_test_rows(case: StrategyCase) -> None:
    """The one test input that is asked is all of the test rows that the model sees."""
    watched = case.watched
    own = watched.asked.rpartition(TEST_ROW)[2]
    others = [
        p for p in _holding(TEST_ROW, watched.prompts) if TEST_ROW in _text(p).replace(TEST_ROW + own, "")
    ]
    found = others + _holding(TEST_ROW, watched.fitting.prompts)
    expect(
        not found,
        "nothing of test rows in a prompt",
        found,
        "Learn from task.train and task.validation only.",
    )


def prompts_of_train_rows_do_not_hold_their_own_answer(case: StrategyCase) -> None:
    """A strategy that is fitted later may train on these prompts: it would learn to copy the answer."""
    watched = case.watched
    rows = watched.task.train
    prompts = watched.strategy.prompts([row.input for row in rows])
    for prompt, row in zip(prompts, rows, strict=True):
        shown = [d for d in prompt.demonstrations if d.input == row.input]
        told = row.target.startswith(OWN) and _tells(prompt, row.target)
        expect(
            not shown and not told,
            f"the prompt of '{row.input}' not to hold its answer '{row.target}'",
            shown_short(prompt),
            "Leave out in extend() what has the prompt's own input.",
        )


def extend_keeps_what_others_added(case: StrategyCase) -> None:
    """In a composition, demonstrations and passages of the strategies before it stay; so do the inputs."""
    inputs = case.inputs[:2]
    given = [
        Prompt(instruction="Reply.", input=text, demonstrations=(SHOWN,), context=(LOOKED_UP,))
        for text in inputs
    ]
    found = case.strategy.extend(given)
    remedy = "Add to prompt.demonstrations and prompt.context with dataclasses.replace, and keep the order."
    expect([p.input for p in found] == inputs, f"prompts for {inputs}", [p.input for p in found], remedy)
    for prompt in found:
        kept = SHOWN in prompt.demonstrations and LOOKED_UP in prompt.context
        expect(kept, "the demonstration and the passage of another strategy to stay", prompt, remedy)


def _holding(word: str, prompts: Iterable[Prompt]) -> list[Prompt]:
    return [p for p in prompts if word in _text(p)]


def _text(prompt: Prompt) -> str:
    return canonical_json(prompt)


def _tells(prompt: Prompt, word: str) -> bool:
    """Whether a word stands in the prompt as a whole: ``codeword-1`` is no part of ``codeword-12``."""
    text = _text(prompt)
    at = text.find(word)
    while at >= 0:
        if not text[at + len(word) : at + len(word) + 1].isdigit():
            return True
        at = text.find(word, at + 1)
    return False


CHECKS = (
    prompts_hold_no_metadata,
    prompts_hold_nothing_of_test_rows,
    prompts_of_train_rows_do_not_hold_their_own_answer,
    extend_keeps_what_others_added,
)
