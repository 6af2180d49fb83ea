"""A comparison survives writing and reading; a damaged one says where."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.result_io import comparison_csv, read_comparison, write_comparison
from adaptkit.core.results import (
    CSV_COLUMNS,
    ComparisonResult,
    NoiseFloor,
    Pair,
    Row,
    TaskRecommendation,
)

ROW = Row(
    task="intents", strategy="few-shot", model="m", n=60, n_errors=1, metric="accuracy",
    quality=0.1 + 0.2, quality_low=0.2, quality_high=0.45, tokens_in=432.0,
    metrics={"accuracy": 0.3, "accuracy_lenient": None}, config={"k": 8},
)  # fmt: skip
PAIR = Pair(
    task="intents", strategy="few-shot", baseline="prompt", n=60, n_unpaired=0, delta=0.1, delta_low=None,
    delta_high=None, gained=8, lost=2, p_value=0.1, p_value_adjusted=0.2, test="t", verdict="undecided",
)  # fmt: skip
RESULT = ComparisonResult(
    rows=(ROW, replace(ROW, strategy="lora", status="failed", reason="a, \"b\"\nc", quality=None)),
    pairs=(PAIR,),
    recommendation=(
        TaskRecommendation(
            task="intents", verdict="undecided", strategy=None, tied=("prompt",), reason="é", for_now="prompt"
        ),
    ),
    manifest={"config": {"seeds": 1}},
    noise=(
        NoiseFloor(task="intents", strategy="prompt", n=60, n_changed=1, n_scores_changed=0, delta=0.0),
    ),
)  # fmt: skip


def damage(folder: Path, **changes: object) -> None:
    """Write a sound comparison.json, then change some of its top-level entries."""
    write_comparison(folder, RESULT)
    path = folder / "comparison.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    write_comparison(tmp_path / "new" / "run", RESULT)
    assert read_comparison(tmp_path / "new" / "run") == RESULT
    assert sorted(p.name for p in (tmp_path / "new" / "run").iterdir()) == [
        "comparison.csv",
        "comparison.json",
        "manifest.json",
    ]


def test_json_has_the_promised_keys(tmp_path: Path) -> None:
    write_comparison(tmp_path, RESULT)
    data = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert list(data) == ["schema_version", "rows", "pairs", "recommendation", "noise", "costs"]
    assert data["schema_version"] == 4
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["schema_version"] == 4
    assert data["rows"][0]["metrics"] == {"accuracy": 0.3, "accuracy_lenient": None}


def test_csv_has_the_columns_in_order_and_blanks_for_undefined() -> None:
    first, second = csv.DictReader(io.StringIO(comparison_csv(RESULT)))
    assert tuple(first) == CSV_COLUMNS
    assert first["quality"] == "0.3"  # not 0.30000000000000004
    assert (first["n"], first["tokens_in"], first["fit_usd"], first["verdict"]) == ("60", "432.0", "", "")
    assert second["quality"] == ""


@given(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)))
def test_csv_keeps_twelve_digits(value: float | None) -> None:
    (row,) = csv.DictReader(io.StringIO(comparison_csv(replace(RESULT, rows=(replace(ROW, quality=value),)))))
    if value is None:
        assert row["quality"] == ""
    else:
        assert float(row["quality"]) == pytest.approx(value, rel=1e-11)


def test_undefined_numbers_are_refused_and_leave_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nan"):
        write_comparison(tmp_path, replace(RESULT, rows=(replace(ROW, quality=float("nan")),)))
    assert not (tmp_path / "comparison.json").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"comparison.json: There is no such file"):
        read_comparison(tmp_path)
    write_comparison(tmp_path, RESULT)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(StoreError, match="There is no such file") as caught:
        read_comparison(tmp_path)
    assert caught.value.path == tmp_path / "manifest.json"


def test_half_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    write_comparison(tmp_path, RESULT)
    path = tmp_path / "comparison.json"
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")
    with pytest.raises(StoreError, match=r"line \d+: It cannot be read: it is not valid JSON"):
        read_comparison(tmp_path)
    path.write_bytes(b"\xff\xff")
    with pytest.raises(StoreError, match="is not UTF-8"):
        read_comparison(tmp_path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(StoreError, match="holds a list"):
        read_comparison(tmp_path)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(tmp_path: Path, number: str) -> None:
    write_comparison(tmp_path, RESULT)
    path = tmp_path / "comparison.json"
    text = path.read_text(encoding="utf-8").replace('"quality_low": 0.2', f'"quality_low": {number}')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match="is not a JSON value"):
        read_comparison(tmp_path)


def test_a_comparison_that_names_no_version_is_refused(tmp_path: Path) -> None:
    write_comparison(tmp_path, RESULT)
    path = tmp_path / "comparison.json"
    path.write_text(path.read_text(encoding="utf-8").replace("schema_version", "version"), encoding="utf-8")
    with pytest.raises(StoreError, match="has no schema version, and this adaptkit reads version 4"):
        read_comparison(tmp_path)


@pytest.mark.parametrize("n_before", range(4))
def test_a_disk_that_fills_up_while_results_are_written_leaves_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_before: int
) -> None:
    write_comparison(tmp_path, RESULT)
    files = {p: p.read_bytes() for p in tmp_path.iterdir()}
    real, n = os.fsync, 0

    def sync(handle: int) -> None:
        nonlocal n
        n += 1
        if n > n_before:
            raise OSError(28, "No space left on device")
        real(handle)

    changed = replace(RESULT, rows=RESULT.rows[:1], manifest={})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        with pytest.raises(OSError, match="No space left"):
            write_comparison(tmp_path, changed)
    left = {p: p.read_bytes() for p in tmp_path.iterdir()}
    if n_before < 3:
        assert left == files
    else:  # all is written, and the old comparison has given way
        assert left == {p: b for p, b in files.items() if p.name != "comparison.json"}
    write_comparison(tmp_path, changed)
    assert read_comparison(tmp_path) == changed


@pytest.mark.parametrize("n_before", range(4))
def test_old_and_new_results_never_stand_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_before: int
) -> None:
    """Whatever stops the moves half way: where comparison.json is, the others are of the same result."""
    write_comparison(tmp_path, RESULT)
    changed = replace(RESULT, rows=RESULT.rows[:1], manifest={"config": {"seeds": 9}})
    real, n_done = Path.replace, 0

    def move(path: Path, target: Path) -> Path:
        nonlocal n_done
        n_done += 1
        if n_done > n_before:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "replace", move)
    if n_before < 3:
        with pytest.raises(KeyboardInterrupt):
            write_comparison(tmp_path, changed)
        assert not (tmp_path / "comparison.json").exists()
    else:
        write_comparison(tmp_path, changed)
        assert read_comparison(tmp_path) == changed
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def row_json(**changes: object) -> list[dict[str, object]]:
    return [{**to_json(ROW), **changes}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"schema_version": 3},
            "has schema version 3, and this adaptkit reads version 4. Read it with",
        ),
        ({"schema_version": None}, "has schema version None"),
        ({"rows": None}, "'rows' should be a list"),
        ({"rows": ["x"]}, r"rows\[0\] should be an object and is 'x'"),
        ({"rows": row_json(colour="red")}, r"rows\[0\] has the unknown field 'colour'"),
        ({"rows": row_json(quality="high")}, "field 'quality' should be of type float | None and is 'high'"),
        ({"rows": row_json(n=None)}, "field 'n' should be of type int and is None"),
        ({"rows": row_json(n=True)}, "field 'n' should be of type int and is True"),
        ({"rows": row_json(n=1.5)}, "field 'n' should be of type int"),
        ({"rows": row_json(metrics=[])}, "field 'metrics'"),
        ({"rows": row_json(metrics=None)}, "field 'metrics'"),
        ({"pairs": [{**to_json(PAIR), "non_inferior": "yes"}]}, "field 'non_inferior'"),
        ({"pairs": [{**to_json(PAIR), "delta": True}]}, "field 'delta'"),
        ({"rows": [{"task": "t"}]}, r"rows\[0\] lacks the field 'strategy'"),
        ({"noise": [{"task": "t"}]}, r"noise\[0\] lacks the field 'strategy'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    damage(tmp_path, **changes)
    with pytest.raises(StoreError, match=message) as caught:
        read_comparison(tmp_path)
    assert caught.value.path == tmp_path / "comparison.json"


def test_fields_with_a_default_may_be_absent(tmp_path: Path) -> None:
    """A comparison written before a field was added can still be read."""
    (row,) = row_json()
    del row["rows_per_s"], row["metrics"]
    damage(tmp_path, rows=[row])
    assert read_comparison(tmp_path).rows == (replace(ROW, metrics={}),)
