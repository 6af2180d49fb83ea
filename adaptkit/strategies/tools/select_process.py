"""Run one SELECT in a process of its own: ``python -I -S select_process.py``, asked and answered in JSON.

A statement of a line can fill gigabytes inside SQLite, and some of its functions hear no interruption. What a
process may use and how long it lives is bounded by the system, whatever the statement does. Uses the standard
library only, and nothing of this one: it starts in hundredths of a second.
"""

import contextlib
import json
import signal
import sqlite3
import sys
import time
from typing import Any

MAX_VALUE_BYTES = 1_000_000
MAX_QUERY_BYTES = 20_000
MAX_PATTERN_BYTES = 1_000
SQLITE_BYTES, PROCESS_BYTES = 256 << 20, 1 << 30
STEPS_BETWEEN_LOOKS = 10_000
LATE_S = 0.5
"""After which the process ends though SQLite has not heard that the time is over."""
# What a statement may do. Attaching files, pragmas, writes, temporary tables and recursion are not here.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_VALUE_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: MAX_QUERY_BYTES,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: MAX_PATTERN_BYTES,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Run the statement.

    Args:
        asked: ``uri`` of the file, ``query``, ``seconds``, ``max_rows`` and ``max_bytes`` of all values.

    Returns:
        ``columns`` and ``rows``, and ``more`` where there were more; or ``error`` and ``message``.
    """
    _bound_process(asked["seconds"])
    try:
        with contextlib.closing(sqlite3.connect(asked["uri"], uri=True)) as connection:
            _bound_statement(connection, asked["seconds"])
            return _select(connection, asked["query"], asked["max_rows"], asked["max_bytes"])
    except MemoryError:
        said = f"the statement needs more memory than the {SQLITE_BYTES >> 20} MB that it may have"
        return {"error": "OperationalError", "message": said}
    except Exception as error:  # of SQLite, or of a text that it cannot take
        return {"error": type(error).__name__, "message": str(error)}


def _select(connection: sqlite3.Connection, query: str, max_rows: int, max_bytes: int) -> dict[str, Any]:
    cursor = connection.execute(query)
    columns = [c[0] for c in cursor.description or ()]
    rows: list[Any] = []
    left = max_bytes
    for row in cursor:
        left -= sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if len(rows) >= max_rows or left < 0:
            if not rows:
                raise sqlite3.DataError(f"a row has more than {max_bytes:,} bytes: select less of it")
            return {"columns": columns, "rows": rows, "more": f"only the first {len(rows)} rows are shown"}
        rows.append(row)
    return {"columns": columns, "rows": rows}


def _bound_process(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        # Its usual effect: the process ends, in whatever it is.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds + LATE_S)
    try:
        import resource
    except ModuleNotFoundError:  # Windows: the caller ends it, and SQLite keeps its own bound
        return
    with contextlib.suppress(ValueError, OSError):  # a lower limit stands already
        resource.setrlimit(resource.RLIMIT_AS, (PROCESS_BYTES, PROCESS_BYTES))


def _bound_statement(connection: sqlite3.Connection, seconds: float) -> None:
    for pragma in ("temp_store = MEMORY", f"hard_heap_limit = {SQLITE_BYTES}", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")  # a large sort writes no file
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), STEPS_BETWEEN_LOOKS)
    connection.set_authorizer(_authorise)


def _authorise(action: int, first: str | None, second: str | None, _db: str | None, _by: str | None) -> int:
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


if __name__ == "__main__":
    found = answer(json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False, default=repr).encode("utf-8", "replace"))
