"""The kind of a task that a bare file does not say: guessed, said, and said otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import DataError
from adaptkit.tasks import Task, load_task

QUEUES = ["card lost", "card stolen", "account locked", "transfer late", "refund", "billing", "other"]


def rows_of(targets: Sequence[object], n: int) -> list[object]:
    return list(islice(cycle(targets), n))


def load(tmp_path: Path, source: str, target: str, targets: Sequence[object], **given: Any) -> Task:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({source: f"text {i}", target: t}) + "\n" for i, t in enumerate(targets))
    )
    return load_task(path, instruction="Do.", **given)


@pytest.mark.parametrize(
    ("source", "target", "targets", "kind"),
    [
        ("text", "label", rows_of(QUEUES, 66), "classification"),
        ("text", "category", rows_of(QUEUES, 20), "classification"),
        ("text", "intent", rows_of([f"intent number {i}" for i in range(77)], 154), "classification"),
        ("text", "label", rows_of([f"class {i}" for i in range(1000)], 3000), "classification"),
        ("text", "label", rows_of(range(60), 1200), "classification"),
        ("text", "label", rows_of([1, 2, 3, 4, 5], 40), "classification"),
        ("text", "rating", rows_of([1.0, 1.5, 2.0, 2.5], 40), "classification"),
        ("text", "label", rows_of([True, False], 12), "classification"),
        ("text", "label", ["spam"] * 12, "classification"),
        ("question", "answer", rows_of(["yes", "no"], 12), "classification"),
        ("input", "target", rows_of(QUEUES, 66), "classification"),
        ("prompt", "completion", rows_of([f" label {i}" for i in range(60)], 600), "classification"),
        ("input", "target", rows_of([1, 2, 3, 4, 5], 40), "classification"),
        (
            "text",
            "label",
            [f"A whole sentence about subject {i}, as free text." for i in range(30)],
            "generation",
        ),
        ("text", "label", [f"{'long text ' * 20}{i % 3}" for i in range(30)], "generation"),
        ("text", "label", [f"{i}.5" for i in range(30)], "arithmetic"),
        ("question", "answer", rows_of(range(19), 200), "arithmetic"),
        ("question", "answer", range(30), "arithmetic"),
        ("input", "target", rows_of(range(18), 100), "arithmetic"),
        ("question", "answer", rows_of([f"Town {i}" for i in range(20)], 60), "qa"),
        ("input", "target", rows_of([f"Town {i}" for i in range(40)], 60), "generation"),
        ("input", "output", rows_of([{"a": 1}, {"a": 2}], 60), "structured"),
        ("input", "output", [[{"a": i}] for i in range(20)], "structured"),
    ],
)
def test_names_and_values_say_the_kind(
    tmp_path: Path, source: str, target: str, targets: Sequence[object], kind: str
) -> None:
    columns = {"input": source, "target": target} if target in ("rating", "output") else None
    task = load(tmp_path, source, target, targets, columns=columns)
    assert task.kind == kind
    [said] = [note for note in task.notes if note.startswith("Kind of task")]
    assert f"Kind of task: {kind}, guessed (" in said
    assert "--kind" in said


def test_a_mapped_column_counts_by_its_own_name(tmp_path: Path) -> None:
    columns = {"input": "subject", "target": "support_queue"}
    assert load(tmp_path, "subject", "support_queue", rows_of(QUEUES, 20), columns=columns).labels == tuple(
        sorted(QUEUES)
    )


def test_kind_and_labels_can_be_said(tmp_path: Path) -> None:
    targets = rows_of(QUEUES, 66)
    said = load(tmp_path, "text", "label", targets, kind="generation")
    assert (said.kind, said.metrics[0], said.notes) == ("generation", "rouge_l", ())
    listed = load(tmp_path, "text", "note", targets, columns={"target": "note"}, labels=[*QUEUES, "unused"])
    assert (listed.kind, listed.labels[-1]) == ("classification", "unused")
    with pytest.raises(DataError, match=r"rows\.jsonl line 1: .*'card lost' is not one of the 1 labels"):
        load(tmp_path, "text", "label", targets, labels=["refund"])


def test_doubtful_labels_are_said(tmp_path: Path) -> None:
    notes = load(tmp_path, "text", "label", rows_of(["Card lost", "card  lost", "card-lost", "x"], 40)).notes
    assert any("'Card lost' and 'card  lost' and 'card-lost'" in note for note in notes)
    notes = load(tmp_path, "text", "label", ["spam"] * 40).notes
    assert any("There is only one label, 'spam'" in note for note in notes)


def test_numbers_of_labels_give_way_to_their_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    names = ["sad", "joyful", "angry"]
    path.write_text("text,label,label_text\n" + "".join(f"t{i},{i % 3},{names[i % 3]}\n" for i in range(30)))
    task = load_task(path, instruction="Which emotion?")
    assert task.labels == ("angry", "joyful", "sad")
    assert any("names in 'label_text', not the numbers in 'label'" in note for note in task.notes)
    assert load_task(path, instruction="Which?", columns={"target": "label"}).labels == ("0", "1", "2")


def test_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question;answer\n" + "".join(f"q{i};1.00{i},{i}5\n" for i in range(9)))
    task = load_task(path, instruction="How much?")
    assert task.kind == "arithmetic"
    assert {row.target for row in task.test} <= {f"100{i}.{i}5" for i in range(9)}
    assert any("decimal comma" in note for note in task.notes)
    path.write_text("question;answer\n" + "".join(f'q{i};"{i + 1},200"\n' for i in range(9)))
    assert "1,200" in {row.target for row in [*load_task(path, instruction="How much?").train]} | {
        row.target for row in load_task(path, instruction="How much?", validation=()).test
    } | {row.target for row in load_task(path, instruction="How much?").validation or ()}
