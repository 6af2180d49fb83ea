"""A comparison as data: the TOML file that says what to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from adaptkit.comparison.decision_settings import is_margin, is_minutes
from adaptkit.comparison.leakage_check import LEAKAGES, Leakage, is_leakage
from adaptkit.core.errors import ConfigError, DataError, UnknownNameError
from adaptkit.core.numbers import is_count
from adaptkit.core.reading import Unreadable, is_there, read_toml
from adaptkit.stats import MARGIN
from adaptkit.strategies import Strategy, make_strategy, parse_strategy

DEFAULT_STRATEGIES = ("prompt", "few-shot", "rag", "lora")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What a suite file holds; every part may be overridden on the command line.

    Attributes:
        tasks: folders (relative to the file, where they exist there) or names.
        reading: of tasks that are written as tables, what ``load_task`` is given beside the source.
        strategies: built, unfitted.
        only: by a strategy's label, the tasks that it is run on: its key ``tasks``. The others run on all.
        tune: configurations of each strategy to choose among on validation rows; None for the given one.
        minutes: about what the run may take; None for no bound.
        baselines: whether what needs no language model takes part.
        train_rows: each task is run with so many train rows; empty for all of them.
        margin: largest difference in quality that does not matter.
        until_decided: answer rows in rounds until the evidence decides.
        noise_floor: run the baseline twice.
        leakage: ``refuse`` when test rows stand in train, ``report`` them only, or ``off``.
    """

    name: str
    tasks: tuple[str, ...] = ()
    reading: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    strategies: tuple[Strategy, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model: str | None = None
    limit: int | None = None
    seeds: int = 1
    latency_rows: int = 20
    tune: int | None = None
    minutes: float | None = None
    baselines: bool = True
    train_rows: tuple[int, ...] = ()
    margin: float = MARGIN
    until_decided: bool = False
    noise_floor: bool = True
    leakage: Leakage = "refuse"


KEYS = tuple(f.name for f in fields(Suite) if f.name not in ("name", "only", "reading"))
_READING = {"columns": dict, "instruction": str, "kind": str, "labels": list}


def read_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        DataError: no such file, bad TOML, an unknown key or strategy, or a value of the wrong type.
    """
    data = _read(path)
    for key in data:
        if key not in KEYS:
            raise DataError(f"Unknown key '{key}'. Known: {', '.join(KEYS)}.", path=path)
    tasks = [_task(t, path) for t in _list(data, "tasks", (), path)]
    described = _list(data, "strategies", DEFAULT_STRATEGIES, path)
    strategies = tuple(_strategy(s, path) for s in described)
    return Suite(
        name=path.stem,
        tasks=tuple(source for source, _ in tasks),
        reading=dict(tasks),
        strategies=strategies,
        only={
            made.label: _names_of_tasks(table["tasks"], path)
            for made, table in zip(strategies, described, strict=True)
            if isinstance(table, dict) and "tasks" in table
        },
        model=_model(data, path),
        limit=_count(data, "limit", None, 1, path),
        seeds=_count(data, "seeds", 1, 1, path) or 1,
        latency_rows=_count(data, "latency_rows", 20, 0, path) or 0,
        tune=_count(data, "tune", None, 1, path),
        minutes=_minutes(data, path),
        baselines=_flag(data, "baselines", True, path),
        train_rows=_counts(data, "train_rows", path),
        margin=_margin(data, path),
        until_decided=_flag(data, "until_decided", False, path),
        noise_floor=_flag(data, "noise_floor", True, path),
        leakage=_leakage(data, path),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except Unreadable as error:
        if error.missing:
            said = "There is no such suite file. Give the path of a .toml file, or a task with --task."
        elif error.folder:
            said = "This is a folder, and a suite is a .toml file. Give a task's folder with --task."
        else:
            said = f"The suite cannot be read: {error.reason}."
        raise DataError(said, path=path, line=error.line) from None


def _wrong(key: str, expected: str, got: object, path: Path) -> DataError:
    return DataError(f"'{key}' should be {expected} and is {got!r}.", path=path)


def _list(data: Mapping[str, Any], key: str, default: Sequence[str], path: Path) -> list[Any]:
    value = data.get(key, list(default))
    if not isinstance(value, list):
        raise _wrong(key, "a list", value, path)
    return value


def _model(data: Mapping[str, Any], path: Path) -> str | None:
    value = data.get("model")
    if value is not None and not isinstance(value, str):
        raise _wrong("model", "a name, a folder or a .gguf file", value, path)
    return value


def _count(data: Mapping[str, Any], key: str, default: int | None, least: int, path: Path) -> int | None:
    if key not in data:
        return default
    value = data[key]
    if is_count(value, least=least):
        return value
    raise _wrong(key, f"an int >= {least}", value, path)


def _minutes(data: Mapping[str, Any], path: Path) -> float | None:
    value = data.get("minutes")
    if value is None or is_minutes(value):
        return value
    raise _wrong("minutes", "a number above 0", value, path)


def _counts(data: Mapping[str, Any], key: str, path: Path) -> tuple[int, ...]:
    values = _list(data, key, (), path)
    if not all(is_count(v, least=1) for v in values):
        raise _wrong(key, "a list of ints >= 1", values, path)
    return tuple(values)


def _flag(data: Mapping[str, Any], key: str, default: bool, path: Path) -> bool:
    value = data.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false", value, path)
    return value


def _margin(data: Mapping[str, Any], path: Path) -> float:
    value = data.get("margin", MARGIN)
    if not is_margin(value):
        raise _wrong("margin", "a number between 0 and 1", value, path)
    return float(value)


def _leakage(data: Mapping[str, Any], path: Path) -> Leakage:
    value = data.get("leakage", "refuse")
    if not is_leakage(value):
        raise _wrong("leakage", LEAKAGES, value, path)
    return value


def _task(table: Any, path: Path) -> tuple[str, dict[str, Any]]:
    """Source of a task, and how it is read."""
    reading = dict(table) if isinstance(table, dict) else {"source": table}
    source = reading.pop("source", None)
    if not isinstance(source, str) or not all(isinstance(reading[k], _READING.get(k, ())) for k in reading):
        raise _wrong(
            "tasks",
            "a list of folders, files or names, or of tables with source, and with columns (a table), "
            "instruction, kind or labels (a list)",
            table,
            path,
        )
    return _beside(path, source), reading


def _strategy(table: Any, path: Path) -> Strategy:
    if not isinstance(table, str) and not (isinstance(table, dict) and isinstance(table.get("name"), str)):
        raise DataError(
            "A strategy should be written as on the command line, e.g. 'few-shot:k=4', or be a table with a "
            f"name, and this is {table!r}.",
            path=path,
        )
    try:
        if isinstance(table, str):
            return parse_strategy(table)
        return make_strategy(table["name"], {k: v for k, v in table.items() if k not in ("name", "tasks")})
    except (ConfigError, UnknownNameError) as error:
        raise DataError(str(error), path=path) from None


def _names_of_tasks(value: Any, path: Path) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(t, str) for t in value):
        return tuple(value)
    raise _wrong("tasks' of a strategy", "a list of names of tasks", value, path)


def _beside(path: Path, task: str) -> str:
    """A folder given relative to the suite file."""
    beside = path.parent / task
    return str(beside) if is_there(beside) else task
