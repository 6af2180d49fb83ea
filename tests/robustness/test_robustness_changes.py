"""Changes: deterministic, of test inputs, instruction, format or documents only; targets and ids stay."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny import qa_task
from worded import Exact, Sturdy, make_task

import adaptkit as ak
from adaptkit.strategies import Strategy
from adaptkit.strategies.baselines import TfidfClassifier
from adaptkit.studies.robustness.distractors import SUFFIX, with_distractors
from adaptkit.studies.robustness.texts import in_lower_case, with_typos, wrapped
from adaptkit.studies.robustness.variants import (
    CHANGES,
    FRAMES,
    MAKERS,
    Given,
    Variant,
    is_touched,
    keeps_fit,
)

PROSE = "Where can the longer ladders be returned after seven on 24 December, please?"


def made(name: str, task: ak.Task, *strategies: Strategy, **options: object) -> Variant:
    everyone = strategies or (ak.PromptEngineering(), Exact())
    found = MAKERS[name](Given(task=task, strategies=everyone, rows=task.test, **options))  # type: ignore[arg-type]
    assert isinstance(found, Variant), found
    return found


@pytest.mark.parametrize("name", [n for n in CHANGES if n in MAKERS])
def test_a_change_is_the_same_each_time_and_keeps_ids_targets_and_train_rows(name: str) -> None:
    task = qa_task()
    first, second = made(name, task), made(name, task)
    assert first == second
    assert first.task.content_hash == second.task.content_hash
    assert first.task.train == task.train
    assert first.task.validation == task.validation
    for old, new in zip(task.test, first.task.test, strict=True):
        assert dataclasses.replace(new, input=old.input) == old
    assert first.task.documents[: len(task.documents)] == task.documents


@pytest.mark.parametrize("name", ["typos", "wrapping", "instruction"])
def test_another_seed_makes_another_change(name: str) -> None:
    task = make_task()
    assert made(name, task, seed=0).task.content_hash != made(name, task, seed=1).task.content_hash


def test_a_row_changes_in_the_same_way_whatever_rows_stand_beside_it() -> None:
    many, few = made("typos", make_task(20)).task.test, made("typos", make_task(5)).task.test
    assert many[:5] == few


@example("A¹¹º", 0)
@given(st.text(), st.integers(0, 5))
def test_typos_keep_length_and_everything_but_letters(text: str, seed: int) -> None:
    found = with_typos(text, np.random.default_rng(seed))
    assert found == with_typos(text, np.random.default_rng(seed))
    assert len(found) == len(text)
    for a, b in zip(text, found, strict=True):
        assert a == b or (a.isalpha() and b.isalpha())


@given(st.lists(st.sampled_from(PROSE.split()), min_size=1), st.integers(0, 5))
def test_typos_touch_a_share_of_the_longer_words(words: list[str], seed: int) -> None:
    found = with_typos(" ".join(words), np.random.default_rng(seed)).split()
    changed = [(a, b) for a, b in zip(words, found, strict=True) if a != b]
    n_long = sum(len(w.strip(",.?")) >= 4 and w.strip(",.?").isalpha() for w in words)
    assert len(changed) == (max(1, round(0.15 * n_long)) if n_long else 0)
    assert all(a[0] == b[0] for a, b in changed)


@pytest.mark.parametrize(
    "text", ["", "to be", "12,000", "ask@depot.org", "docs/guide.html", "AB12CD", "x-rays"]
)
def test_typos_leave_short_words_numbers_addresses_and_codes(text: str) -> None:
    assert with_typos(text, np.random.default_rng(0)) == text


@given(st.text())
def test_lower_case_is_idempotent_and_leaves_something(text: str) -> None:
    once = in_lower_case(text)
    assert in_lower_case(once) == once
    assert bool(once.strip()) == bool(text.strip())


@pytest.mark.parametrize(("text", "said"), [("", ""), ("?!", "?!"), ("Open at 5.30?", "open at 5.30")])
def test_lower_case_of_odd_texts(text: str, said: str) -> None:
    assert in_lower_case(text) == said


@given(st.text(), st.integers(0, 9))
def test_wrapping_holds_the_input_word_for_word(text: str, seed: int) -> None:
    found = wrapped(text, np.random.default_rng(seed))
    assert text in found
    assert found != text


def test_the_instruction_stands_in_its_frame_or_is_the_users() -> None:
    task = make_task()
    assert all("{}" in frame for frame in FRAMES)
    assert "Answer." in made("instruction", task).task.instruction
    assert made("instruction", task, instruction="Reply.").task.instruction == "Reply."
    same = MAKERS["instruction"](Given(task=task, strategies=(), rows=task.test, instruction="Answer."))
    assert same == "the instruction given is the task's own"


def test_distractors_hold_no_answer_and_have_new_ids() -> None:
    task = qa_task()
    found = with_distractors(task)
    assert len(found) == len(task.documents)
    assert {d.id for d in found} == {f"{d.id}{SUFFIX}" for d in task.documents}
    for document, original in zip(found, task.documents, strict=True):
        targets = {e.target for e in (*task.train, *(task.validation or ()), *task.test)}
        assert not any(target in document.text for target in targets)
        assert document.title == original.title
        assert "rice, tea and long walks" in document.text


def test_a_document_that_states_no_answer_word_for_word_gives_no_distractor() -> None:
    task = make_task(documents=True)
    row = dataclasses.replace(task.test[0], target="in other words")
    found = with_distractors(dataclasses.replace(task, test=(row, *task.test[1:])))
    assert len(found) == len(task.documents) - 1
    taken = (*task.documents, ak.Document(id=f"doc1{SUFFIX}", text="Something else."))
    ids = [d.id for d in with_distractors(dataclasses.replace(task, documents=taken))]
    assert f"doc1{SUFFIX}~" in ids


def test_what_a_change_does_not_reach_is_known() -> None:
    task = qa_task()
    strategies = (ak.PromptEngineering(), TfidfClassifier(), ak.RAG())
    whole = Given(task=task, strategies=strategies, rows=task.test)
    reached = {
        name: [is_touched(i, whole, made(name, task, *strategies)) for i in range(3)]
        for name in ("typos", "instruction", "format", "distractors")
    }
    assert reached == {
        "typos": [True, True, True],
        "instruction": [True, False, True],
        "format": [True, False, False],
        "distractors": [False, False, True],
    }
    kept = [keeps_fit(i, whole, made("typos", task, *strategies)) for i in range(3)]
    assert kept == [True, True, True]
    assert not keeps_fit(0, whole, made("instruction", task, *strategies))
    assert not keeps_fit(2, whole, made("distractors", task, *strategies))


def test_formats_of_the_parts_of_a_composition_change_too() -> None:
    task = make_task()
    both = ak.Compose((ak.RAG(), ak.PromptEngineering()))
    (changed,) = made("format", task, both).strategies
    assert isinstance(changed, ak.Compose)
    assert [getattr(p, "format", None) for p in changed.parts] == [None, "input-output"]
    found = MAKERS["format"](Given(task=task, strategies=(Sturdy(),), rows=task.test))
    assert found == "no strategy has a prompt format to change"


def test_a_change_that_changes_nothing_is_skipped() -> None:
    task = make_task()
    lower = tuple(dataclasses.replace(e, input=in_lower_case(e.input)) for e in task.test)
    task = dataclasses.replace(task, test=lower)
    found = MAKERS["case"](Given(task=task, strategies=(Exact(),), rows=task.test))
    assert found == "it leaves every input as it is"
