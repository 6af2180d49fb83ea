"""A folder whose records are not those that its manifest counts gives no answer, and says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from planted import Shots, Tuned, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.cli.main import main
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.errors import StoreError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = planted_model(lambda name, seed, row: row % 2 == 0)
    ak.compare([Words(), Shots(), Tuned()], make_task(24), model=model, seeds=2, out=tmp_path / "run")
    return tmp_path / "run"


Cut = Callable[[list[str]], list[str]]
DAMAGE: dict[str, Cut] = {
    "half a last line": lambda lines: [*lines[:-1], lines[-1][:40]],
    "the end is missing": lambda lines: lines[:-7],
    "a line is missing": lambda lines: [*lines[:5], *lines[6:]],
    "all but one are missing": lambda lines: lines[:1],
    "empty": lambda lines: [],
    "a line stands twice": lambda lines: [*lines, lines[3]],
    "a line took another's place": lambda lines: [*lines[:-1], lines[0]],
}
READERS: dict[str, Callable[[Path], object]] = {
    "recommend": lambda folder: ak.load_comparison(folder).recommend(ak.Requirements()),
    "report": lambda folder: ak.load_comparison(folder).report(folder / "report.html"),
    "export records": lambda folder: ak.load_comparison(folder).export(folder / "a.csv", part="records"),
    "diff": lambda folder: ak.diff(folder, folder),
    "flips": lambda folder: ak.load_comparison(folder).flips("few-shot", "prompt"),
    "command recommend": lambda folder: command("recommend", folder),
    "command report": lambda folder: command("report", folder),
    "command diff": lambda folder: command("diff", folder, folder),
    "command export": lambda folder: command(
        "export", folder, "--format", "csv", "--part", "records", "--out", folder / "b.csv"
    ),
}


def command(*arguments: object) -> None:
    if main([str(a) for a in arguments]) == 2:
        raise StoreError("refused", path=Path())


def damaged(folder: Path, damage: Cut) -> None:
    path = folder / "records.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(damage(lines)))


@pytest.mark.parametrize("name", DAMAGE)
def test_records_that_are_not_those_counted_are_refused_by_every_reader(name: str, folder: Path) -> None:
    before = (folder / "report.html").read_bytes()
    damaged(folder, DAMAGE[name])
    for reader in READERS.values():
        with pytest.raises(StoreError):
            reader(folder)
    assert (folder / "report.html").read_bytes() == before
    assert not verify_folder(folder).ok


def test_the_refusal_names_the_strategy_and_what_to_do(folder: Path) -> None:
    path = folder / "records.jsonl"
    lines = path.read_text().splitlines()
    lines[-1] = json.dumps({**json.loads(lines[-1]), "trial": "f" * 16})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        StoreError, match=r"1 of the 24 records of lora on questions are missing.*same command"
    ):
        READERS["recommend"](folder)


def test_a_table_of_another_run_is_refused(folder: Path) -> None:
    path = folder / "comparison.json"
    values = json.loads(path.read_text())
    for row in values["rows"]:
        if row["strategy"] == "few-shot":
            row["quality"] = row["metrics"]["exact_match"] = 0.99
    path.write_text(json.dumps(values))
    for name in ("recommend", "report"):
        with pytest.raises(StoreError, match=r"few-shot, and the records give 0\.5 of 24"):
            READERS[name](folder)


def test_a_table_kept_without_records_is_still_read(folder: Path) -> None:
    (folder / "records.jsonl").unlink()
    for name in ("recommend", "report"):
        READERS[name](folder)


def test_records_of_a_run_that_goes_on_are_no_fault(folder: Path) -> None:
    path = folder / "records.jsonl"
    more = json.loads(path.read_text().splitlines()[0])
    lines = [json.dumps({**more, "trial": "f" * 16, "example_id": f"new{i}"}) for i in range(3)]
    path.write_text(path.read_text() + "\n".join([*lines, '{"half']))
    for name in ("recommend", "report", "diff", "export records"):
        READERS[name](folder)
    assert verify_folder(folder).ok
