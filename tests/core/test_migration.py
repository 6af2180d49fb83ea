"""What version 1 wrote is read as if today's library had written it; what a newer one wrote is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import adaptkit as ak
from adaptkit.comparing.store import RunStore
from adaptkit.core.errors import StoreError
from adaptkit.core.migration import FIRST_VERSION, STEPS, Kind, up_to_date, version_of, versioned
from adaptkit.core.result_io import read_comparison, written_version
from adaptkit.core.results import SCHEMA_VERSION

# A run folder that version 1 left: two strategies on four rows, one row failed.
VERSION_1 = Path(__file__).parent / "version1"
PATH = Path("records.jsonl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(VERSION_1, tmp_path / "run")
    return tmp_path / "run"


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_version_before_this_one_has_steps() -> None:
    assert sorted(STEPS) == list(range(FIRST_VERSION, SCHEMA_VERSION))
    assert all(STEPS.values())


def test_a_comparison_of_version_1_is_read_and_left_as_it_is(folder: Path) -> None:
    before = content(folder)
    result = read_comparison(folder)
    assert result.schema_version == SCHEMA_VERSION
    prompt, shots = result.rows
    assert (prompt.n_errors, prompt.quality_answered) == (0, prompt.quality)
    # What was answered of the rows that did not fail cannot be told from version 1's table.
    assert (shots.n_errors, shots.quality_answered) == (1, None)
    assert (prompt.p_best, prompt.n_planned, result.pairs[0].margin) == (None, None, None)
    assert result.noise == ()
    assert [t["repeat"] for t in result.manifest["trials"]] == [0, 0]
    assert "schema_version" not in result.manifest
    assert content(folder) == before


def test_records_of_version_1_are_read_with_and_without_the_folders_other_files(folder: Path) -> None:
    records = ak.load_comparison(folder).records()
    assert len(records) == 8
    assert records == RunStore(folder).records()
    assert records[0].tokens == {"in": 8, "cached": 0, "out": 1, "written": 0, "reasoning": 0}
    assert (records[0].aliases, records[0].cluster, records[0].repeat) == ((), None, 0)


def test_trial_results_of_version_1_are_read(folder: Path) -> None:
    for path in folder.glob("trials/*/result.json"):
        result = RunStore(folder).trial_result(path.parent.name)
        assert result is not None
        assert (result.key, result.status) == (path.parent.name, "done")


def test_the_version_that_was_written_can_be_asked_for(folder: Path) -> None:
    assert written_version(folder) == 1


@pytest.mark.parametrize("kind", ["comparison", "manifest", "record", "trial"])
def test_what_is_of_this_version_stays_as_it_is(kind: Kind) -> None:
    values: dict[str, Any] = {"rows": [{"n_errors": 0}], "trials": [{}], "tokens": {}}
    assert up_to_date(kind, versioned(values), PATH) == values


@pytest.mark.parametrize("kind", ["comparison", "manifest", "record", "trial"])
@pytest.mark.parametrize(
    "values", [{}, {"rows": None, "trials": 3, "tokens": []}, {"rows": [1], "trials": [None]}]
)
def test_what_is_damaged_is_left_for_the_reader_to_name(kind: Kind, values: dict[str, Any]) -> None:
    assert {**up_to_date(kind, values, PATH), **values} == up_to_date(kind, values, PATH)


def test_a_step_does_not_change_what_it_was_given() -> None:
    values = {"rows": [{"n_errors": 0}], "trials": [{}], "tokens": {"in": 1}}
    before = json.dumps(values)
    for kind in STEPS[1]:
        up_to_date(kind, values, PATH)
    assert json.dumps(values) == before


@pytest.mark.parametrize("version", [0, -1, True, None, "2", 1.0])
def test_a_version_that_is_none_is_named(version: object) -> None:
    with pytest.raises(StoreError, match=r"records\.jsonl line 3: 'schema_version' should be a whole number"):
        version_of({"schema_version": version}, PATH, line=3)


NEWER = (
    f"It was written with schema version {SCHEMA_VERSION + 1}, and this adaptkit reads up to "
    f"{SCHEMA_VERSION}. Update adaptkit to read it, or choose another folder."
)


@pytest.mark.parametrize("name", ["comparison.json", "manifest.json"])
def test_a_newer_comparison_is_refused(folder: Path, name: str) -> None:
    values = json.loads((folder / name).read_text(encoding="utf-8"))
    values["schema_version"] = SCHEMA_VERSION + 1
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        ak.load_comparison(folder)
    assert str(caught.value) == f"{folder / name}: {NEWER}"


def test_a_newer_record_is_refused_and_kept(folder: Path) -> None:
    path = folder / "records.jsonl"
    values = {"schema_version": SCHEMA_VERSION + 1, "of": "another form"}
    with path.open("a", encoding="utf-8") as f:
        f.write(json.dumps(values) + "\n")
    before = path.read_bytes()
    store = RunStore(folder)
    with store.locked():
        store.repair()
        with pytest.raises(StoreError) as caught:
            store.records()
    assert str(caught.value) == f"{path} line 9: {NEWER}"
    assert path.read_bytes() == before


def test_a_newer_trial_result_is_refused(folder: Path) -> None:
    path = next(folder.glob("trials/*/result.json"))
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}), encoding="utf-8")
    with pytest.raises(StoreError, match="Update adaptkit to read it"):
        RunStore(folder).trial_result(path.parent.name)


def test_a_folder_whose_results_are_newer_is_not_gone_on_with_but_may_be_cleared(folder: Path) -> None:
    (folder / "manifest.json").write_text(
        json.dumps({"schema_version": SCHEMA_VERSION + 1}), encoding="utf-8"
    )
    store = RunStore(folder)
    with store.locked():
        with pytest.raises(StoreError, match="Update adaptkit to read it"):
            store.repair()
        store.clear()
        store.repair()
    assert store.records() == []


def test_a_tie_of_version_2_was_not_decided() -> None:
    """Version 2 took the cheapest of what it could not tell apart; that is a choice for now."""
    tied = {"task": "t", "verdict": "tied", "strategy": "prompt", "tied": ["prompt", "lora"], "reason": "r"}
    won = {**tied, "verdict": "recommend"}
    old = {"schema_version": 2, "rows": [], "pairs": [], "noise": [], "recommendation": [tied, won]}
    found = up_to_date("comparison", old, PATH)["recommendation"]
    assert found == [{**tied, "verdict": "undecided", "strategy": None, "for_now": "prompt"}, won]
