"""The parts of a comparison as flat lines: a value a column, so that any table program reads them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from adaptkit.core.codec import to_json
from adaptkit.core.results import CSV_COLUMNS, ComparisonResult, Pair, Record

Part = Literal["table", "pairs", "records"]
Line = dict[str, Any]
# What a record holds as a mapping, and what its entries are called as columns.
_NESTED = {"tokens": "tokens_{}", "scores": "{}", "error": "error_{}"}


def table_lines(result: ComparisonResult, _: Sequence[Record]) -> list[Line]:
    """One line a task and strategy, with the columns of comparison.csv."""
    return [{name: getattr(row, name) for name in CSV_COLUMNS} for row in result.rows]


def pair_lines(result: ComparisonResult, _: Sequence[Record]) -> list[Line]:
    """One line a pair of strategies, with its test."""
    names = [f.name for f in dataclasses.fields(Pair)]
    return [{name: getattr(pair, name) for name in names} for pair in result.pairs]


def record_lines(_: ComparisonResult, records: Sequence[Record]) -> list[Line]:
    """One line a recorded answer: scores, tokens and errors are columns, passages and calls JSON texts."""
    flat = [_flat(record) for record in records]
    columns = list(dict.fromkeys(name for line in flat for name in line))
    return [{name: line.get(name) for name in columns} for line in flat]


def _flat(record: Record) -> Line:
    line: Line = {}
    for name, value in vars(record).items():
        if name in _NESTED:
            line |= {_NESTED[name].format(key): v for key, v in (value or {}).items()}
        elif isinstance(value, tuple | list | Mapping):
            line[name] = json.dumps(to_json(value), ensure_ascii=False)
        else:
            line[name] = value
    return line


PARTS: Mapping[Part, Callable[[ComparisonResult, Sequence[Record]], list[Line]]] = {
    "table": table_lines,
    "pairs": pair_lines,
    "records": record_lines,
}
