"""No statement takes more memory or time than it may, whatever it asks SQLite to make."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from adaptkit.strategies.tools.database import select

COLUMNS = ",".join("hex(zeroblob(499999))" for _ in range(60))
LONG = "SELECT hex(zeroblob(400000)) AS h FROM city"
GREEDY = {
    "many long columns": f"SELECT {COLUMNS} FROM city",
    "many long columns of one row": f"SELECT {COLUMNS}",
    "a sort of long values": "SELECT hex(zeroblob(400000)) AS h FROM city a, city b, city c ORDER BY h",
    "distinct long values": "SELECT DISTINCT hex(zeroblob(400000)) || a.n || b.n FROM city a, city b, city c",
    "long values put together": "SELECT group_concat(hex(zeroblob(400000))) FROM city a, city b",
    "json": "SELECT json_group_array(hex(zeroblob(400000))) FROM city a, city b",
    "replacements": "SELECT replace(replace(hex(zeroblob(400000)), '0', '0000000000'), '0', '0000000000')",
    "one long value": "SELECT randomblob(2000000000)",
    "a width": "SELECT printf('%2000000000d', 1)",
    "a repeated sign": "SELECT printf('%.*c', 1000000000, 'x')",
    "repeated signs": "SELECT count(printf('%.*c', 1000000000, 'x')) FROM city a, city b, city c, city d",
    "a pattern": f"SELECT hex(zeroblob(400000)) LIKE '{'%0' * 600}1' FROM city",
    "a glob": f"SELECT hex(zeroblob(400000)) GLOB '{'*0' * 400}1' FROM city a, city b",
    "a product": "SELECT count(*) FROM city a, city b, city c, city d, city e, city f",
    "a table made of it": f"WITH x AS MATERIALIZED ({LONG} a, city b, city c) SELECT count(*) FROM x a, x b",
    "a window": f"SELECT group_concat(h) OVER (ORDER BY h) FROM ({LONG} a, city b)",
    "a long statement": f"SELECT {'1+' * 20_000}1",
    "a deep statement": f"SELECT {'(' * 5_000}1{')' * 5_000}",
    "half a pair": "SELECT '\ud83d'",
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE city (n)")
        connection.executemany("INSERT INTO city VALUES (?)", [(i,) for i in range(60)])
        connection.commit()
    return path


@pytest.mark.parametrize("query", GREEDY.values(), ids=GREEDY)
def test_a_greedy_statement_is_ended_or_its_answer_small(city: Path, query: str) -> None:
    began = time.monotonic()
    with contextlib.suppress(sqlite3.Error):
        assert len(select(city, query, seconds=1.0)) < 5_000_000
    assert time.monotonic() - began < 10


def test_memory_stays_bounded(city: Path) -> None:
    """In a process whose children are the statements' only: the largest of them is what was needed.

    Of the process itself nothing is taken: on Linux its peak begins with that of its parent.
    """
    program = (
        "import json, resource, sqlite3, sys\n"
        "from pathlib import Path\n"
        "from adaptkit.strategies.tools.database import select\n"
        "for query in json.load(sys.stdin):\n"
        "    try: select(Path(sys.argv[1]), query, seconds=1.0)\n"
        "    except sqlite3.Error: pass\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    pytest.importorskip("resource")
    queries = [q for name, q in GREEDY.items() if "long" in name or "table" in name or name == "json"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(city)],
        input=json.dumps(queries),
        capture_output=True,
        text=True,
        check=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 700 << 20


def test_long_values_are_still_read_where_they_fit(city: Path) -> None:
    found = json.loads(select(city, "SELECT hex(zeroblob(100000)) FROM city"))
    assert len(found["rows"]) == 5
    assert found["more"] == "only the first 5 rows are shown"
    with pytest.raises(sqlite3.DataError, match="a row has more than 1,000,000 bytes"):
        select(city, "SELECT hex(zeroblob(400000)), hex(zeroblob(400000))")
    assert json.loads(select(city, "SELECT zeroblob(2), 'é東', NULL, 1.5"))["rows"] == [
        ["b'\\x00\\x00'", "é東", None, 1.5]
    ]
