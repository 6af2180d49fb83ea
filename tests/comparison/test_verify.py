"""A folder vouches for itself: every number follows from the records, and a changed one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planted import Shots, Tuned, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.errors import StoreError

TASK = make_task(24, rows_per_cluster=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = planted_model(lambda name, seed, row: (row + seed) % 3 > 0 if name == "lora" else row % 2 == 0)
    compare([Words(), Shots(), Tuned()], TASK, model=model, seeds=2, limit=18, out=tmp_path)
    return tmp_path


def test_an_untouched_folder_is_verified(folder: Path) -> None:
    found = verify_folder(folder)
    assert found.differences == ()
    assert found.ok
    assert found.n_numbers > 18 * 4 * 2  # the scores of all trials, and the table


def change(path: Path, edit: Callable[[dict[str, Any]], None], line: int | None = None) -> None:
    if line is None:
        data = json.loads(path.read_text())
        edit(data)
        path.write_text(json.dumps(data))
        return
    lines = path.read_text().splitlines()
    record = json.loads(lines[line])
    edit(record)
    lines[line] = json.dumps(record)
    path.write_text("\n".join(lines) + "\n")


def test_a_number_changed_in_the_table_is_named(folder: Path) -> None:
    change(folder / "comparison.json", lambda d: d["rows"][1].update(quality=0.875))
    found = verify_folder(folder)
    assert not found.ok
    (sentence,) = found.differences
    assert sentence.startswith("rows[questions few-shot].quality: the file has 0.875, the records give")


@pytest.mark.parametrize("key", ["delta_low", "p_value_adjusted", "n_unpaired", "verdict"])
def test_a_changed_pair_is_named(folder: Path, key: str) -> None:
    change(
        folder / "comparison.json", lambda d: d["pairs"][0].update({key: "better" if key == "verdict" else 7})
    )
    (sentence,) = verify_folder(folder).differences
    assert sentence.startswith(f"pairs[questions few-shot prompt].{key}")


def test_a_score_that_the_answer_does_not_earn_is_named(folder: Path) -> None:
    def praise(record: dict[str, Any]) -> None:
        value = 1.0 - record["scores"]["exact_match"]
        record["scores"] = {"exact_match": value, "exact_match_lenient": value}

    change(folder / "records.jsonl", praise, line=0)
    found = verify_folder(folder)
    assert any("exact_match is" in d and "the answer earns" in d for d in found.differences)
    assert any(d.startswith("rows[questions prompt].quality") for d in found.differences)


def test_a_changed_answer_is_named(folder: Path) -> None:
    lines = (folder / "records.jsonl").read_text().splitlines()
    right = next(i for i, text in enumerate(lines) if json.loads(text)["scores"]["exact_match"] == 1)
    change(folder / "records.jsonl", lambda r: r.update(output=r["output"] + " or not"), line=right)
    assert not verify_folder(folder).ok


def test_a_missing_record_is_noticed(folder: Path) -> None:
    lines = (folder / "records.jsonl").read_text().splitlines()
    (folder / "records.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert any(".n:" in d for d in verify_folder(folder).differences)


def test_rows_of_a_longer_run_do_not_count(folder: Path) -> None:
    model = planted_model(lambda name, seed, row: row % 2 == 0)
    compare([Words(), Shots(), Tuned()], TASK, model=model, seeds=2, out=folder)
    compare([Words(), Shots(), Tuned()], TASK, model=ak.FakeModel({}), seeds=2, limit=18, out=folder)
    assert verify_folder(folder).differences == ()


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        verify_folder(tmp_path)
