"""SQL over one file: it reads, in bounds, and does nothing else."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools import run_tool
from adaptkit.strategies.tools.database import select, sql


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "a shop?#.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE item (name TEXT, price REAL)")
        connection.executemany("INSERT INTO item VALUES (?, ?)", [(f"thing {i}", i / 2) for i in range(200)])
        connection.execute("CREATE TABLE town (name)")
        connection.commit()
    return path


def test_rows_come_with_their_columns_and_are_bounded(shop: Path) -> None:
    found = json.loads(select(shop, "SELECT name, price FROM item WHERE price < 1 ORDER BY price"))
    assert found == {"columns": ["name", "price"], "rows": [["thing 0", 0.0], ["thing 1", 0.5]]}
    found = json.loads(select(shop, "SELECT count(*) AS n, max(upper(name)) FROM item"))
    assert found["rows"] == [[200, "THING 99"]]
    found = json.loads(select(shop, "SELECT name FROM item"))
    assert len(found["rows"]) == 50
    assert found["more"] == "only the first 50 rows are shown"


def test_the_description_tells_the_tables(shop: Path) -> None:
    assert sql(shop).description.endswith("Tables: item(name, price); town(name)")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO item VALUES ('x', 1)",
        "UPDATE item SET price = 0",
        "DELETE FROM item",
        "DROP TABLE item",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "ATTACH DATABASE 'other.db' AS other",
        "PRAGMA query_only = 0",
        "SELECT * FROM pragma_database_list",
        "VACUUM INTO 'copy.db'",
        "BEGIN",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM item",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
        "SELECT hex(zeroblob(10000000))",
        "nonsense",
    ],
)
def test_what_is_not_reading_is_refused_and_changes_nothing(
    shop: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.parent)
    before = shop.read_bytes()
    with pytest.raises((sqlite3.Error, sqlite3.Warning)):
        select(shop, statement)
    assert shop.read_bytes() == before
    assert [p.name for p in shop.parent.iterdir()] == [shop.name]


def test_a_statement_without_end_is_interrupted(shop: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        select(shop, "SELECT count(*) FROM item a, item b, item c, item d, item e", seconds=0.2)
    assert time.perf_counter() - started < 3


def test_the_tool_tells_errors_to_the_model(shop: Path) -> None:
    outcome = run_tool(sql(shop), {"query": "SELECT colour FROM item"}, seconds=5, max_chars=500)
    assert outcome.failed
    assert outcome.text == "OperationalError: no such column: colour"
    outcome = run_tool(sql(shop), {"query": "SELECT count(*) FROM item"}, seconds=5, max_chars=500)
    assert json.loads(outcome.text)["rows"] == [[200]]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be 'sql=' and an SQLite file"):
        sql(tmp_path / "missing.db")
    assert list(tmp_path.iterdir()) == []
    text = tmp_path / "text.db"
    text.write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(ConfigError, match="is no SQLite database that can be read"):
        sql(text)
