"""Which columns of a file hold the input and the target.

Shapes that many files have are known; any other is said with a mapping from field to column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.tasks.messages import read_turns, shared_system, split_chat
from adaptkit.tasks.readers import Row

FIELDS = ("id", "input", "target", "aliases", "gold_documents", "cluster", "metadata")
_KNOWN = "input/target, prompt/completion, instruction/input/output, question/answer, text/label, messages"
_INPUTS = ("input", "prompt", "question", "text")
_TARGETS = ("target", "completion", "answer", "output", "label")

Pair = tuple[Any, Any]
"""Input and target as the file holds them; a target that is a tuple holds the target and its aliases."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How input and target are taken out of a row.

    Attributes:
        columns: the columns that every row must have.
        read: takes input and target out of a row's values; raises ValueError.
        instruction: what all rows say apart from their input, if anything.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], Pair]
    instruction: str | None = None

    def pair(self, row: Row) -> Pair:
        """Read one row.

        Raises:
            DataError: a column is missing or holds what cannot be read.
        """
        missing = [column for column in self.columns if column not in row.values]
        if missing:
            raise row.place.error(f"{missing[0]!r} is missing. Found the columns {_listed(row)}.")
        try:
            return self.read(row.values)
        except ValueError as error:
            raise row.place.error(f"{error}.") from None


def choose_shape(rows: Sequence[Row], columns: Mapping[str, str] | None) -> Shape:
    """Recognise the shape of ``rows`` by the columns of the first one.

    Args:
        rows: all rows of the task, since a system turn is handled by whether it differs between rows.
        columns: field to column, for what is not recognised; wins over what would be.

    Raises:
        ConfigError: ``columns`` names no field, or a column twice.
        DataError: the columns are not recognised, or a mapped column is not there.
    """
    mapping = dict(columns or {})
    _check_mapping(mapping)
    if not rows:
        return _two_columns("input", "target")
    _check_columns_exist(rows[0], mapping)
    found = rows[0].values.keys()
    if "input" in mapping or "target" in mapping:
        return _mapped(rows[0], mapping)
    if {"input", "target"} <= found:
        return _two_columns("input", "target")
    if "messages" in found:
        return _messages(rows, lambda values: read_turns(values["messages"]), ("messages",))
    if {"instruction", "output"} <= found:
        return Shape(name="instruction/input/output", columns=("instruction", "output"), read=_alpaca)
    if {"prompt", "completion"} <= found:
        return _prompt_completion(rows)
    for pair in (("question", "answer"), ("text", "label")):
        if set(pair) <= found:
            return _two_columns(*pair)
    raise _not_recognised(rows[0])


def _check_mapping(mapping: Mapping[str, str]) -> None:
    for field, column in mapping.items():
        if field in FIELDS:
            continue
        close = get_close_matches(field, FIELDS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        if column in FIELDS:
            hint = f" Write it the other way round: columns={{{column!r}: {field!r}}}."
        raise ConfigError(
            f"The 'columns' parameter of load_task maps a field to a column, and {field!r} is not a field."
            f"{hint} Fields: {', '.join(FIELDS)}."
        )


def _check_columns_exist(row: Row, mapping: Mapping[str, str]) -> None:
    # A column that only some rows have (aliases, say) may be absent from the first.
    for field in ("input", "target"):
        column = mapping.get(field)
        if column is not None and column not in row.values:
            close = get_close_matches(column, list(row.values), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise row.place.error(
                f"there is no column {column!r} for {field!r}.{hint} Found the columns {_listed(row)}."
            )


def _mapped(row: Row, mapping: Mapping[str, str]) -> Shape:
    source = mapping.get("input") or _first(row, _INPUTS)
    target = mapping.get("target") or _first(row, _TARGETS)
    if source is None or target is None:
        raise _not_recognised(row)
    return _two_columns(source, target)


def _first(row: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row.values), None)


def _two_columns(source: str, target: str) -> Shape:
    # A list of answers to a question is a target and its aliases; any other list is a JSON target.
    several = (source, target) == ("question", "answer")

    def read(values: Mapping[str, Any]) -> Pair:
        answer = values[target]
        if several and isinstance(answer, list) and all(isinstance(a, str) for a in answer):
            return values[source], tuple(answer)
        return values[source], answer

    return Shape(name=f"{source}/{target}", columns=(source, target), read=read)


def _alpaca(values: Mapping[str, Any]) -> Pair:
    parts = [values["instruction"], values.get("input")]
    return "\n\n".join(str(part).strip() for part in parts if part and str(part).strip()), values["output"]


def _messages(
    rows: Sequence[Row], turns: Callable[[Mapping[str, Any]], Any], columns: tuple[str, ...]
) -> Shape:
    def read_only(row: Row) -> Any:
        missing = [column for column in columns if column not in row.values]
        if missing:
            raise row.place.error(f"{missing[0]!r} is missing. Found the columns {_listed(row)}.")
        try:
            return turns(row.values)
        except ValueError as error:
            raise row.place.error(f"{error}.") from None

    system = shared_system([read_only(row) for row in rows])
    return Shape(
        name="messages",
        columns=columns,
        read=lambda values: split_chat(turns(values), with_system=system is None),
        instruction=system,
    )


def _prompt_completion(rows: Sequence[Row]) -> Shape:
    columns = ("prompt", "completion")
    if isinstance(rows[0].values["prompt"], list):
        return _messages(
            rows,
            lambda values: read_turns(values["prompt"]) + read_turns(values["completion"]),
            columns,
        )
    return Shape(name="prompt/completion", columns=columns, read=_stripped)


def _stripped(values: Mapping[str, Any]) -> Pair:
    # Such files often put a space before the completion, for the tokenizer's sake.
    target = values["completion"]
    return values["prompt"], target.strip() if isinstance(target, str) else target


def _not_recognised(row: Row) -> DataError:
    return row.place.error(
        f"found the columns {_listed(row)}, and cannot tell which are the input and the target. Say it: "
        "load_task(..., columns={'input': '<column>', 'target': '<column>'}), or --columns input=<column>,"
        "target=<column>. "
        f"Recognised without that: {_KNOWN}."
    )


def _listed(row: Row) -> str:
    return ", ".join(repr(name) for name in row.values) or "(none)"
