"""Read-only SQL over one SQLite file that the user named."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools.tool import Tool, object_schema

SECONDS = 5.0
MAX_ROWS = 50
MAX_BYTES = 1_000_000
SCHEMA_CHARS = 1_500
START_S = 10.0
"""For the process to start on a busy machine; it ends itself in time."""
_PROCESS = Path(__file__).with_name("select_process.py")


def sql(file: str | Path) -> Tool:
    """One SELECT at a time over a SQLite file; the tables are told in the description.

    The file is opened read-only for each call, by a process of its own. A statement may read and compute,
    nothing else; it is ended after 5 seconds or where it takes 256 MB, and the first 50 rows are given.

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
    """Run one statement, in a process of its own.

    Returns:
        JSON: the columns, the rows, and whether there were more.

    Raises:
        sqlite3.Error: it is no statement, or does what it must not, or takes too long or too much memory.
    """
    asked = {
        "uri": _uri(path), "query": query, "seconds": seconds, "max_rows": max_rows, "max_bytes": MAX_BYTES,
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_PROCESS)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=seconds + START_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise sqlite3.OperationalError("interrupted") from None
    if done.returncode == -getattr(signal, "SIGALRM", 0):
        raise sqlite3.OperationalError("interrupted")
    if done.returncode or not done.stdout:
        raise sqlite3.OperationalError("the statement ended the process that ran it, by its memory or time")
    found = json.loads(done.stdout)
    if "error" in found:
        raise getattr(sqlite3, found["error"], sqlite3.OperationalError)(found["message"])
    return done.stdout.decode()


def _uri(path: Path) -> str:
    """Read-only by the address itself, in which a '?' of the file's name is written otherwise."""
    return f"{path.resolve().as_uri()}?mode=ro"


def _tables(path: Path) -> str:
    """The tables with their columns, such as ``city(name, people); river(name)``."""
    try:
        with closing(sqlite3.connect(_uri(path), uri=True)) as connection:
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
