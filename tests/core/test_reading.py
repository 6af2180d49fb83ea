"""The way in: whatever bytes hold, a value within bounds comes out, or one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptkit.cli.suite import read_suite
from adaptkit.core.errors import AdaptKitError
from adaptkit.core.numbers import is_amount, is_positive
from adaptkit.core.reading import Unreadable, parse_json, parse_toml, read_bytes, read_text
from adaptkit.core.result_io import read_comparison
from adaptkit.costs import load_prices
from adaptkit.costs.cost.assumptions import load_assumptions
from adaptkit.decision.requirements_file import load_requirements
from adaptkit.metrics.json_text import NOTHING, parse
from adaptkit.strategies.seal import read_state
from adaptkit.tasks import load_task


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "key 'c' stands twice in one object"),
        ('{"a": Infinity}', "Infinity is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": -1E+400}', "the number -1E\\+400 is too large"),
        ('{"a": 1%s}' % ("0" * 309), "the number 100000000000... of 310 signs is too large"),
        ("9" * 5000, "of 5000 signs is too large"),
        ("[" * 101 + "]" * 101, "nested too deeply"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested too deeply"),
        ("[" * 200_000, "nested too deeply"),
        ('{"\\ud800": 1}', r"\\ud800 is half of a surrogate pair"),
        ('["x \\uDC00"]', r"\\udc00 is half of a surrogate pair"),
        ("\ufeff{}", "column 1"),
        ("{}\x00", "column 3: extra data"),
        ('{\n "a": 1,\n "b": x}', "line 3 column 7: expecting value, found 'x'"),
        ("", "the end of the text"),
    ],
)
def test_json_that_is_none_or_out_of_bounds_is_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
    assert parse(text) is NOTHING


def test_json_within_bounds_is_what_it_says() -> None:
    text = '{"a": [1, -2.5, 1e308, true, null, "\\ud83d\\ude00", "\\\\ud83d"]}'
    assert parse_json(text) == {"a": [1, -2.5, 1e308, True, None, "\U0001f600", "\\ud83d"]}
    assert parse_json("[" * 100 + "]" * 100)
    assert parse_json('"\\ud83d"', half_pairs=True) == "\ud83d"


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a = 1\nb = x", "column 5: invalid value", 2),
        ("a = " + "[" * 100_000, "nested too deeply", None),
        ("a = " + "[" * 150 + "]" * 150, "nested too deeply", None),
        (".".join("a" * 200) + " = 1", "nested too deeply", None),
        ("a = " + "1" * 4_301, "not valid TOML", None),
        ("a = 9223372036854775808", "the number 9223372036854775808 is too large", None),
        ("a = [{b = -1" + "0" * 300 + "}]", "is too large", None),
        ("a = 2024-02-30", "not valid TOML", None),
        ("a = 1\na = 2", "not valid TOML", None),
        ("a = '\x00'", "not valid TOML", 1),
    ],
)
def test_toml_that_is_none_or_out_of_bounds_is_one_sentence(text: str, reason: str, line: int | None) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        parse_toml(text)
    assert line is None or caught.value.line == line
    assert len(str(caught.value)) < 200


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_text("\ufeffhorizon_months = 3\n", encoding="utf-8")
    assert load_assumptions(path).horizon_months == 3


def test_files_beyond_the_bound_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * 11)
    assert read_bytes(path, limit=11) == b"x" * 11
    with pytest.raises(Unreadable, match="longer than"):
        read_bytes(path, limit=10)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\nb = 'caf\xe9'\n")
    with pytest.raises(Unreadable, match="byte 0xe9 at position 9 is not UTF-8") as caught:
        read_text(path)
    assert caught.value.line == 2


def pipe(path: Path) -> None:
    os.mkfifo(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def loop(path: Path) -> None:
    path.symlink_to(path)


def hostile_json(path: Path) -> None:
    path.write_text('{"schema_version": 1' + "0" * 400 + "}")


def not_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00a\xd8")


PLACES = [pipe, dangling, loop, Path.mkdir, hostile_json, not_text]
READERS: dict[str, Callable[[Path], object]] = {
    "requirements.toml": load_requirements,
    "prices.toml": load_prices,
    "costs.toml": load_assumptions,
    "suite.toml": read_suite,
    "comparison.json": lambda path: read_comparison(path.parent),
    "strategy.json": lambda path: read_state(path.parent),
    "task.json": lambda path: load_task(path.parent),
    "rows.jsonl": lambda path: load_task(path, instruction="x"),
    "rows.csv": lambda path: load_task(path, instruction="x"),
    "rows.parquet": lambda path: load_task(path, instruction="x"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.__name__)
@pytest.mark.parametrize("name", READERS)
def test_no_reader_blocks_or_lets_out_an_untyped_error(
    name: str, place: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    place(folder / name)
    with pytest.raises(AdaptKitError) as caught:
        READERS[name](folder / name)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


HOSTILE_PATHS = ["a\0b", "~nobody-of-this-name/x", "x" * 5000, "a/" * 3000, "\ud800.toml", ""]


@pytest.mark.parametrize("given", HOSTILE_PATHS, ids=lambda p: repr(p[:12]))
@pytest.mark.parametrize("name", READERS)
def test_paths_that_no_system_takes_are_one_sentence(name: str, given: str) -> None:
    with pytest.raises(AdaptKitError):
        READERS[name](Path(given) / name)


@pytest.mark.parametrize("given", [*HOSTILE_PATHS, "a\0b.csv", "~nobody"], ids=lambda p: repr(p[:12]))
def test_a_task_that_no_path_can_name_is_unknown(given: str) -> None:
    with pytest.raises(AdaptKitError):
        load_task(given)


@pytest.mark.parametrize("value", [10**400, 1e308, 5e-324, float("nan"), float("inf"), -1, True])
def test_amounts_that_no_sum_of_money_has_are_none(value: object) -> None:
    assert not is_amount(value)
    assert not is_positive(value)
