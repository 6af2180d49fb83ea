"""Read-only SQL over one SQLite file that the user named."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from adaptkit.core.errors import ConfigError
from adaptkit.tools.tool import Tool, object_schema

SECONDS = 5.0
MAX_ROWS = 50
MAX_VALUE_BYTES = 1_000_000
STEPS_BETWEEN_LOOKS = 10_000
SCHEMA_CHARS = 1_500
# What a statement may do. Attaching files, pragmas, writes, temporary tables and recursion are not here.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


def sql(file: str | Path) -> Tool:
    """One SELECT at a time over a SQLite file; the tables are told in the description.

    The file is opened read-only for each call. A statement may read and compute, nothing else; it is
    interrupted after 5 seconds, and the first 50 rows are given.

    Args:
        file: the database.

    Raises:
        ConfigError: there is no such file, or it is no SQLite database.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError.for_parameter("FunctionCalling", "tools", "'sql=' and an SQLite file", str(file))
    text = {"type": "string", "description": "one SELECT statement"}
    return Tool(
        name="sql",
        description=f"Runs one SELECT statement over a SQLite database. Tables: {_tables(path)}",
        parameters=object_schema({"query": text}),
        run=lambda query: select(path, query),
        spec=f"sql={file}",
    )


def select(path: Path, query: str, *, seconds: float = SECONDS, max_rows: int = MAX_ROWS) -> str:
    """Run one statement.

    Returns:
        JSON: the columns, the rows, and whether there were more.

    Raises:
        sqlite3.Error: it is no statement, or does what it must not, or takes too long.
    """
    with closing(_open(path)) as connection:
        _guard(connection, seconds)
        cursor = connection.execute(query)
        rows = cursor.fetchmany(max_rows + 1)
        columns = [c[0] for c in cursor.description or ()]
    found: dict[str, object] = {"columns": columns, "rows": rows[:max_rows]}
    if len(rows) > max_rows:
        found["more"] = f"only the first {max_rows} rows are shown"
    return json.dumps(found, ensure_ascii=False, default=repr)


def _open(path: Path) -> sqlite3.Connection:
    # Read-only by the address itself, in which a '?' of the file's name is written otherwise.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _guard(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute("PRAGMA temp_store = MEMORY")  # a large sort writes no file
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), STEPS_BETWEEN_LOOKS)
    connection.set_authorizer(_authorise)


def _authorise(action: int, first: str | None, second: str | None, _db: str | None, _by: str | None) -> int:
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _tables(path: Path) -> str:
    """The tables with their columns, such as ``city(name, people); river(name)``."""
    try:
        with closing(_open(path)) as connection:
            names = (
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            )
            tables = [str(name) for (name,) in connection.execute(f"{names} ORDER BY name")]
            columns = [connection.execute("SELECT name FROM pragma_table_info(?)", (t,)) for t in tables]
            told = [
                f"{t}({', '.join(str(c) for (c,) in found)})"
                for t, found in zip(tables, columns, strict=True)
            ]
    except sqlite3.Error as error:
        raise ConfigError(f"'{path}' is no SQLite database that can be read ({error}).") from None
    text = "; ".join(told) or "none"
    return text if len(text) <= SCHEMA_CHARS else text[:SCHEMA_CHARS] + " ..."
