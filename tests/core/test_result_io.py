"""A comparison survives writing and reading; a damaged one says where."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.result_io import comparison_csv, read_comparison, write_comparison
from adaptkit.core.results import CSV_COLUMNS, ComparisonResult, Pair, Row, TaskRecommendation

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
        TaskRecommendation(task="intents", verdict="tied", strategy="prompt", tied=("prompt",), reason="é"),
    ),
    manifest={"config": {"seeds": 1}},
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
    assert list(data) == ["schema_version", "rows", "pairs", "recommendation"]
    assert data["schema_version"] == 1
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
    with pytest.raises(StoreError, match=r"line \d+: It is no valid JSON"):
        read_comparison(tmp_path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match="no UTF-8"):
        read_comparison(tmp_path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(StoreError, match="holds a list"):
        read_comparison(tmp_path)


def row_json(**changes: object) -> list[dict[str, object]]:
    return [{**to_json(ROW), **changes}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema version 2, and this adaptkit reads up to 1"),
        ({"schema_version": None}, "'schema_version' should be a whole number and is None"),
        ({"rows": None}, "'rows' should be a list"),
        ({"rows": ["x"]}, r"rows\[0\] should be an object and is 'x'"),
        ({"rows": row_json(colour="red")}, r"rows\[0\] has the unknown field 'colour'"),
        ({"rows": row_json(quality="high")}, "field 'quality' should be of type float | None and is 'high'"),
        ({"rows": row_json(n=None)}, "field 'n' should be of type int and is None"),
        ({"rows": row_json(n=True)}, "field 'n' should be of type int and is True"),
        ({"rows": row_json(n=1.5)}, "field 'n' should be of type int"),
        ({"rows": row_json(metrics=[])}, "field 'metrics'"),
        ({"rows": [{"task": "t"}]}, r"rows\[0\] lacks the field 'strategy'"),
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
