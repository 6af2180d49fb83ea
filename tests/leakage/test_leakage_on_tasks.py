"""The bundled tasks are not refused, and of what is planted into them most is found; so are the real ones."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from leak_cases import planted_rows, with_train

from adaptkit.core.types import Example
from adaptkit.leakage import LeakageReport, check_leakage
from adaptkit.tasks import Task, load_task

ROOT = Path(__file__).parents[2]
BUNDLED = ("policy_questions", "record_extraction", "request_routing")
SHARED = Path(os.environ.get("ADAPTKIT_TASKS") or ROOT.parent / "shared" / "tasks")
REAL = sorted(head.parent for head in SHARED.glob("*/task.json"))
N_PLANTED = 40


def bundled(name: str) -> Task:
    return load_task(ROOT / "data" / name)


def natural_ids(report: LeakageReport) -> set[str]:
    return {*report.exact_ids, *report.near_ids}


def in_form_only(text: str, _rng: random.Random) -> str:
    return "  ".join(text.upper().replace("?", " ?!").split())


def slips(text: str, rng: random.Random) -> str:
    """A letter in twenty-five dropped, doubled, replaced or put before its neighbour; figures stay."""
    letters = list(text)
    places = [i for i, c in enumerate(text[:-1]) if c.isalpha() and text[i + 1].isalpha()]
    for i in rng.sample(places, max(1, len(text) // 25)):
        a, b = letters[i], text[i + 1]
        letters[i] = rng.choice(["", a + a, rng.choice("aeiostn"), b])
    return "".join(letters)


def other_order(text: str, rng: random.Random) -> str:
    words = text.split()
    k = rng.randrange(len(words) // 3 + 1, len(words))
    return " ".join([*words[k:], *words[:k]])


def other_words(text: str, rng: random.Random) -> str:
    """A word in eight is another one; figures stay."""
    words = text.split()
    places = [i for i, word in enumerate(words) if word.isalpha()]
    for i in rng.sample(places, max(1, len(words) // 8)):
        words[i] = rng.choice(["please", "again", "quick", "north", "paper"])
    return " ".join(words)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_tasks_are_not_refused(name: str) -> None:
    report = check_leakage(bundled(name), embed=False)
    assert report.exact_ids == ()
    if name != "request_routing":
        assert (report.verdict, report.near_ids) == ("ok", ())
        return
    # Its messages share wordings by design: a third of them, in train among themselves as often as with test.
    assert (report.verdict, report.reason) == ("warn", None)
    assert report.natural_share is not None
    assert 0.2 < len(report.near_ids) / report.n_test < report.natural_share + 0.02


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize(
    ("change", "least"), [(in_form_only, 40), (slips, 38), (other_order, 40), (other_words, 33)]
)
def test_changed_copies_of_bundled_rows_are_found(
    name: str, change: Callable[[str, random.Random], str], least: int
) -> None:
    task, rng = bundled(name), random.Random(5)
    rows = rng.sample([r for r in task.test if len(r.input.split()) > 3], N_PLANTED)
    before = check_leakage(task, embed=False)
    report = check_leakage(
        with_train(task, *planted_rows(rows, (change(r.input, rng) for r in rows))), embed=False
    )
    assert len({r.id for r in rows} & natural_ids(report)) >= least
    # Nothing else is taken for a copy but what shares the wording of a planted row.
    others = natural_ids(report) - natural_ids(before) - {r.id for r in rows}
    assert len(others) <= (5 if name == "request_routing" else 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"), [("policy_questions", 12), ("record_extraction", 7), ("request_routing", 6)]
)
def test_rows_reworded_by_hand_are_found(name: str, least: int) -> None:
    task = bundled(name)
    lines = (Path(__file__).parent / "reworded.jsonl").read_text(encoding="utf-8").splitlines()
    said = {line["id"]: line["input"] for line in map(json.loads, lines) if line["task"] == name}
    rows = [r for r in task.test if r.id in said]
    assert len(rows) == len(said) > least
    report = check_leakage(with_train(task, *planted_rows(rows, (said[r.id] for r in rows))))
    assert len(set(said) & natural_ids(report)) >= least
    assert report.verdict != "refuse"
    clean = check_leakage(task)
    assert clean.verdict == ("warn" if name == "request_routing" else "ok")
    assert len(natural_ids(report) - natural_ids(clean) - set(said)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("folder", REAL, ids=lambda folder: folder.name)
def test_real_tasks_are_not_refused(folder: Path) -> None:
    report = check_leakage(load_task(folder), embed=False)
    assert report.verdict in {"ok", "warn"}
    assert report.exact_ids == ()


@pytest.mark.slow
def test_ten_thousand_rows_are_checked_in_ten_seconds() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(8000)]
    shares = [1 / (i + 1) for i in range(len(words))]
    rows = [
        Example(
            id=f"r{i}",
            input=" ".join(rng.choices(words, shares, k=rng.randint(6, 18))),
            target=f"label {i % 20}",
        )
        for i in range(11_000)
    ]
    task = Task(
        name="large", kind="classification", instruction="?", metrics=("accuracy",), test=tuple(rows[:1000]),
        train=tuple(rows[1000:]), validation=(),
    )  # fmt: skip
    started = time.process_time()
    assert check_leakage(task, embed=False).verdict == "ok"
    assert time.process_time() - started < 10
