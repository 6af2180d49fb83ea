"""A comparison as data: the TOML file that says what to run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.core.errors import DataError
from adaptkit.strategies import Strategy, make_strategy

DEFAULT_STRATEGIES = ("prompt", "few-shot", "rag", "lora")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What a suite file holds; every part may be overridden on the command line.

    Attributes:
        tasks: folders (relative to the file, where they exist there) or names.
        strategies: built, unfitted.
    """

    name: str
    tasks: tuple[str, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    model: str | None = None
    limit: int | None = None
    seeds: int = 1
    latency_rows: int = 20


KEYS = ("tasks", "strategies", "model", "limit", "seeds", "latency_rows")


def read_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        DataError: no such file, bad TOML, an unknown key or strategy.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("There is no such suite file. Give the path of a .toml file.", path=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"The suite is no valid TOML: {error}.", path=path) from None
    for key in data:
        if key not in KEYS:
            raise DataError(f"Unknown key '{key}'. Known: {', '.join(KEYS)}.", path=path)
    strategies = data.pop("strategies", [{"name": n} for n in DEFAULT_STRATEGIES])
    tasks = [_beside(path, t) for t in data.pop("tasks", [])]
    return Suite(
        name=path.stem, tasks=tuple(tasks), strategies=tuple(_strategy(s, path) for s in strategies), **data
    )


def _strategy(table: Any, path: Path) -> Strategy:
    if isinstance(table, str):
        return make_strategy(table, {})
    if not isinstance(table, dict) or "name" not in table:
        raise DataError(f"A strategy is a table with a name, and this is {table!r}.", path=path)
    return make_strategy(table["name"], {k: v for k, v in table.items() if k != "name"})


def _beside(path: Path, task: str) -> str:
    """A folder given relative to the suite file."""
    beside = path.parent / task
    return str(beside) if beside.exists() else task
