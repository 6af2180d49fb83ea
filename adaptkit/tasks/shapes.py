"""Which columns of a file hold the input and the target.

Shapes that many files have are known; any other is said with a mapping from field to column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.tasks import beside, choices
from adaptkit.tasks.answers import SEVERAL, read_answers
from adaptkit.tasks.beside import NOTHING_BESIDE, Beside
from adaptkit.tasks.choices import Choices
from adaptkit.tasks.infer import LABELS, is_named_label, is_number
from adaptkit.tasks.marks import MARKED, is_bad, is_mark
from adaptkit.tasks.messages import Turn, left_out, read_turns, shared_system, split_chat
from adaptkit.tasks.readers import SourceRow
from adaptkit.tasks.unused import names_of
from adaptkit.tasks.values import as_text, looks_like_list

OPTIONAL = ("id", "aliases", "gold_documents", "cluster", "metadata")
FIELDS = ("input", "target", *OPTIONAL, *beside.COLUMNS)
_KNOWN = (
    "input/target, prompt/completion, prompt/chosen, instruction/input/output, question/answer, text/label, "
    "premise/hypothesis/label, messages"
)
_INPUTS = ("input", "prompt", "question", "text")
_TARGETS = ("target", "completion", "answer", "answers", "output", "label")
_ASKED = ("question", "query", "prompt", "input", "instruction")
_ANSWERED = ("answer", "answers", "response", "output", "completion")
_TEXTS = ("text", "sentence", "review", "tweet", "utterance")
_ANSWERS = tuple((asked, answered) for asked in _ASKED for answered in _ANSWERED)
_LABELLED = tuple((text, name) for text in (*_TEXTS, "question") for name in LABELS)
_OF_TWO = (
    ("premise", "hypothesis"),
    ("context", "hypothesis"),
    ("claim", "evidence"),
    ("query", "passage"),
    ("query", "document"),
    *((f"{text}{gap}{one}", f"{text}{gap}{two}") for text in ("sentence", "question", "text", "s")
      for gap in ("", "_") for one, two in ("12", "ab")),
    *(("question", text) for text in _TEXTS),
)  # fmt: skip
"""Two texts of which the label says something together."""
_OF_TWO_LABELS = (
    *LABELS, "gold_label", "score", "relevance", "is_duplicate", "relation", "verdict", "answer", "target",
)  # fmt: skip
KNOWN_COLUMNS = frozenset(
    name
    for names in (
        FIELDS, _INPUTS, _TARGETS, _ASKED, _ANSWERED, _TEXTS, SEVERAL, *_OF_TWO, _OF_TWO_LABELS,
        *beside.COLUMNS.values(), ("messages", "conversations", "chosen", "rejected", "id", "title"),
    )
    for name in names
)  # fmt: skip
"""Names of columns that are known without a mapping, in lower case."""

Pair = tuple[Any, ...]
"""Input and target as the file holds them, and other targets that are right."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How input and target are taken out of a row.

    Attributes:
        columns: the columns that every row must have, ``also`` those that are read where a row has them.
        read: takes input and targets out of a row's values; raises ValueError.
        instruction: what all rows say apart from their input, if anything.
        beside: further columns that are part of the input.
        marks: the column that says of each row whether its target is good, if there is one.
        kind: of the task, where the columns show it.
        notes: what of the rows is used in another way than its name says, or not at all.
    """

    name: str
    columns: tuple[str, ...]
    also: tuple[str, ...] = ()
    read: Callable[[Mapping[str, Any]], Pair]
    instruction: str | None = None
    beside: Beside = NOTHING_BESIDE
    marks: str | None = None
    kind: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The column of the target."""
        return self.columns[-1]

    @property
    def used(self) -> set[str]:
        """All columns that something is read from, but for the optional fields."""
        return {*self.columns, *self.also, *self.beside.used, *([self.marks] if self.marks else [])}

    def pair(self, row: SourceRow) -> Pair:
        """Read one row.

        Raises:
            DataError: a column is missing or holds what cannot be read.
        """
        for column in self.columns:
            if column not in row.values:
                raise row.place.error(f"{column!r} is missing. Found the columns {_listed(row)}.")
        try:
            return self.read(row.values)
        except ValueError as error:
            raise row.place.error(f"{error}.") from None


def choose_shape(
    rows: Sequence[SourceRow], columns: Mapping[str, str] | None, kind: str | None = None
) -> Shape:
    """Recognise the shape of ``rows`` by the columns of the first one.

    Args:
        rows: all rows of the task, since a system turn is handled by whether it differs between rows.
        columns: field to column, for what is not recognised; wins over what would be.
        kind: of the task, where it is said.

    Raises:
        ConfigError: ``columns`` names no field, or a column twice.
        DataError: the columns are not recognised, or a mapped column is not there.
    """
    mapping = dict(columns or {})
    _check_mapping(mapping)
    if not rows:
        return _two_columns("input", "target", kind)
    _check_columns_exist(rows, mapping)
    shape = _with_names(_recognised(rows, mapping, kind), rows, mapping, kind)
    shape = _with_marks(shape, rows, mapping)
    if shape.name == "messages":
        return shape
    return _with_beside(shape, rows, mapping)


def _recognised(rows: Sequence[SourceRow], mapping: Mapping[str, str], kind: str | None) -> Shape:
    found = rows[0].values.keys()
    if "input" in mapping or "target" in mapping:
        return _mapped(rows[0], mapping, kind)
    if {"input", "target"} <= found:
        return _two_columns("input", "target", kind)
    if shape := _of_chats(rows, kind):
        return shape
    if offered := _offered(rows[0], mapping, None):
        source, target = _first(rows[0], _INPUTS), _first(rows[0], choices.TARGETS)
        if source and target and target not in offered:
            return _two_columns(source, target, kind)
    if answered := next((pair for pair in _ANSWERS if set(pair) <= found), None):
        return _two_columns(*answered, kind)
    two, label = _two_texts(rows[0]), _first(rows[0], _OF_TWO_LABELS)
    if two and label:
        return _of_two(two, label, kind)
    if labelled := next((pair for pair in _LABELLED if set(pair) <= found), None):
        return _two_columns(*labelled, kind)
    raise _not_recognised(rows[0])


def _two_texts(row: SourceRow) -> tuple[str, str] | None:
    return next((two for two in _OF_TWO if set(two) <= row.values.keys()), None)


def _of_chats(rows: Sequence[SourceRow], kind: str | None) -> Shape | None:
    """The shapes that files for tuning have, chats or not."""
    found = rows[0].values.keys()
    if chat := _first(rows[0], ("messages", "conversations")):
        return _messages(rows, lambda values: read_turns(values[chat]), (chat,))
    if "instruction" in found and (output := _first(rows[0], ("output", "response"))):
        return _alpaca(output, kind)
    if {"prompt", "completion"} <= found:
        return _prompt_completion(rows, "prompt", "completion", kind)
    return _preferred(rows, kind) if "chosen" in found and found & {"prompt", "rejected"} else None


def _offered(row: SourceRow, mapping: Mapping[str, str], target: str | None) -> tuple[str, ...]:
    """Columns of choices: one with all of them, or one each."""
    column = mapping.get("choices") or _first(row, choices.COLUMNS)
    if column is None and "answers" in row.values and _first(row, choices.SAYING_WHICH):
        column = "answers"  # a list beside a column that says which one is right
    if column is not None:
        return () if column == target else (column,)
    return choices.one_column_each(list(row.values), target)


def _with_beside(shape: Shape, rows: Sequence[SourceRow], mapping: Mapping[str, str]) -> Shape:
    """Add what else belongs to the input."""
    taken = {*shape.columns, *mapping.values()}
    # A column that only some rows have may be absent from the first.
    every = SourceRow(values=dict.fromkeys(name for row in rows for name in row.values), place=rows[0].place)
    found = {
        name: column
        for name, known in beside.COLUMNS.items()
        if name != "choices"
        and (column := mapping.get(name) or _first(every, [k for k in known if k not in taken]))
        and column not in shape.columns
    }
    if shape.name.startswith("instruction/input/"):
        found.pop("instruction", None)
    offered = _offered(every, mapping, shape.target)
    offer = Choices.of(rows, offered, shape.target) if offered else None
    if not found and offer is None:
        return shape
    more = Beside.of(rows, found, offer)
    notes = [f"The input is made of {names_of([*more.used, *shape.columns[:-1]])}."]
    shape = replace(shape, beside=more, instruction=more.system)
    if offer is not None:
        shape, said = _of_choices(shape, offer, rows)
        notes.append(said)
    return replace(shape, notes=(*shape.notes, *notes))


def _of_choices(shape: Shape, offer: Choices, rows: Sequence[SourceRow]) -> tuple[Shape, str]:
    """Make the letter of the right choice the target; a free answer stays as it is written."""
    read = shape.read
    if shape.target not in choices.TARGETS and not all(_says_a_choice(offer, row) for row in rows):
        return shape, f"The choices are shown; the answers in {shape.target!r} stay as they are written."
    counted = "" if offer.first is None else f" (positions count from {offer.first})"
    guess = " Nothing in the rows shows from where they count: check it." if offer.guessed else ""
    note = f"The target is the letter of the right choice, as {shape.target!r} says it{counted}.{guess}"
    return replace(
        shape, kind="classification", read=lambda values: (read(values)[0], offer.answer(values))
    ), note


def _says_a_choice(offer: Choices, row: SourceRow) -> bool:
    try:
        return offer.answer(row.values) is not None
    except ValueError:
        return offer.first is not None


def _with_names(
    shape: Shape, rows: Sequence[SourceRow], mapping: Mapping[str, str], kind: str | None
) -> Shape:
    """Take labels by their names where a file holds them beside their numbers."""
    number = shape.target
    named = _first(rows[0], [f"{number}_text", f"{number}_name"])
    if "target" in mapping or named is None or len(shape.columns) != 2 or shape.name == "messages":
        return shape
    pairs = {(as_text(row.values.get(number)), as_text(row.values.get(named))) for row in rows}
    numbers, names = {a for a, _ in pairs}, {b for _, b in pairs}
    one_to_one = len(pairs) == len(numbers) == len(names) and None not in names
    if not one_to_one or not all(a is not None and is_number(a) for a in numbers):
        return shape
    found = _two_columns(shape.columns[0], named, kind)
    return replace(
        found,
        name=shape.name,
        columns=(shape.columns[0], number, named),
        kind="classification",
        notes=(f"The labels are the names in {named!r}, not the numbers in {number!r}.",),
    )


def _with_marks(shape: Shape, rows: Sequence[SourceRow], mapping: Mapping[str, str]) -> Shape:
    """Find a column that marks good and bad answers."""
    tuning = shape.name.startswith(("prompt/completion", "messages"))
    mapped = shape.target == mapping.get("target") and not is_named_label(shape.target)
    if not (tuning or mapped or shape.target in _ANSWERED):
        return shape
    found = set().union(*(row.values for row in rows)) - shape.used - set(mapping.values())
    for name in (name for name in MARKED if name in found):
        marks = {as_text(row.values[name]) for row in rows if row.values.get(name) not in (None, "")}
        if not marks or not all(is_mark(mark, asked=name != "label") for mark in marks):
            continue
        if (tuning and name == "label") or (name != "label" and len({is_bad(mark) for mark in marks}) == 2):
            return replace(shape, marks=name)
        if name == "label" and not mapping.keys() & {"input", "target"}:
            raise _of_what(rows[0], shape.target, marks)
    return shape


def _of_what(row: SourceRow, target: str, marks: set[str | None]) -> DataError:
    return row.place.error(
        f"'label' says true or false beside {target!r}, and it is not clear of what (it holds "
        f"{names_of(sorted(map(str, marks)))}). If it is the target, say so with "
        "columns={'target': 'label'} (--columns target=label). If it marks bad answers, take those rows and "
        "the column out."
    )


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


def _check_columns_exist(rows: Sequence[SourceRow], mapping: Mapping[str, str]) -> None:
    for field, column in mapping.items():
        # A column that only some rows have (aliases, say) may be absent from the first.
        needed = rows[:1] if field in ("input", "target") else rows
        if any(column in row.values for row in needed):
            continue
        close = get_close_matches(column, list(rows[0].values)[:1000], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise rows[0].place.error(
            f"there is no column {column!r} for {field!r}.{hint} Found the columns {_listed(rows[0])}."
        )


def _mapped(row: SourceRow, mapping: Mapping[str, str], kind: str | None) -> Shape:
    two = _two_texts(row)
    if two and "input" not in mapping and mapping["target"] not in two:
        return _of_two(two, mapping["target"], kind)
    source = mapping.get("input") or _first(row, _INPUTS)
    target = mapping.get("target") or _first(row, _TARGETS)
    if source is None or target is None:
        raise _not_recognised(row)
    return _two_columns(source, target, kind)


def _first(row: SourceRow, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row.values), None)


def _two_columns(source: str, target: str, kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        found = values[target]
        if isinstance(found, str) and found[:1] not in "[({" and "|" not in found and found[-1:] != ")":
            return values[source], found
        return values[source], *read_answers(found, source=source, target=target, kind=kind)

    return Shape(name=f"{source}/{target}", columns=(source, target), read=read)


def _alpaca(output: str, kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        parts = [as_text(values.get(name)) for name in ("instruction", "input")]
        source = "\n\n".join(part.strip() for part in parts if part and part.strip())
        return source, *read_answers(values[output], source="instruction", target=output, kind=kind)

    return Shape(
        name=f"instruction/input/{output}", columns=("instruction", output), also=("input",), read=read
    )


def _messages(
    rows: Sequence[SourceRow], turns: Callable[[Mapping[str, Any]], Any], columns: tuple[str, ...]
) -> Shape:
    def read_only(row: SourceRow) -> Any:
        missing = [column for column in columns if column not in row.values]
        if missing:
            raise row.place.error(f"{missing[0]!r} is missing. Found the columns {_listed(row)}.")
        try:
            return turns(row.values)
        except ValueError as error:
            raise row.place.error(f"{error}.") from None

    chats = [read_only(row) for row in rows]
    system = shared_system(chats)
    return Shape(
        name="messages",
        columns=columns,
        read=lambda values: split_chat(turns(values), with_system=system is None),
        instruction=system,
        notes=tuple(left_out(chats, (row.values[column] for row in rows for column in columns))),
    )


def _preferred(rows: Sequence[SourceRow], kind: str | None) -> Shape:
    """Rows that hold a better and a worse answer: the better one is the target."""
    first = rows[0]
    source = _first(first, ("prompt", *_ASKED))
    if {"instruction", "input"} <= first.values.keys() and isinstance(first.values["chosen"], str):
        shape = _alpaca("chosen", kind)
    elif source:
        shape = _prompt_completion(rows, source, "chosen", kind)
    elif isinstance(first.values["chosen"], str) and not looks_like_list(first.values["chosen"]):
        raise first.place.error(
            f"'chosen' is a text, and none of the columns {_listed(first)} is known to hold what it answers. "
            "Say which does: columns={'input': '<column>', 'target': 'chosen'} "
            "(--columns input=<column>,target=chosen)."
        )
    else:
        shape = _messages(rows, lambda values: read_turns(values["chosen"]), ("chosen",))
    if not any("rejected" in row.values for row in rows):
        return shape
    note = "The answers in 'chosen' are the targets; those in 'rejected' are not used."
    return replace(shape, also=(*shape.also, "rejected"), notes=(*shape.notes, note))


def _of_two(pair: tuple[str, str], label: str, kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        parts = [(name, as_text(values[name]) or "") for name in pair]
        source = "\n".join(f"{name.replace('_', ' ').capitalize()}: {text.strip()}" for name, text in parts)
        return source, *read_answers(values[label], source=pair[0], target=label, kind=kind)

    return Shape(name=f"{'/'.join(pair)}/{label}", columns=(*pair, label), read=read)


def _prompt_completion(rows: Sequence[SourceRow], prompt: str, completion: str, kind: str | None) -> Shape:
    columns = (prompt, completion)
    if isinstance(rows[0].values[prompt], list):
        return _messages(
            rows,
            lambda values: read_turns(values[prompt]) + read_turns(values[completion]),
            columns,
        )
    if isinstance(rows[0].values[completion], list):

        def turns(values: Mapping[str, Any]) -> list[Turn]:
            found = read_turns(values[completion])
            if any(role != "assistant" for role, _ in found):
                return found  # the prompt stands in it, too
            return [("user", as_text(values[prompt]) or ""), *found]

        return replace(_messages(rows, turns, (completion,)), also=(prompt,))
    plain = _two_columns(*columns, kind)

    def read(values: Mapping[str, Any]) -> Pair:
        # Such files often put a space before the completion, for the tokenizer's sake.
        source, *targets = plain.read(values)
        return source, *(t.strip() if isinstance(t, str) else t for t in targets)

    return replace(plain, read=read)


def _not_recognised(row: SourceRow) -> DataError:
    parts = re.split(r"[^\w\s-]+| - ", next(iter(row.values), ""))
    if len(row.values) == 1 and len(parts) > 1 and all(parts):
        return row.place.error(
            f"found one column only, {next(iter(row.values))!r}. If a sign in it stands between columns, "
            "write the file with commas or tabs, and texts that hold them in double quotes."
        )
    return row.place.error(
        f"found the columns {_listed(row)}, and cannot tell which are the input and the target. Say it: "
        "load_task(..., columns={'input': '<column>', 'target': '<column>'}), or --columns input=<column>,"
        "target=<column>. "
        f"Recognised without that: {_KNOWN}."
    )


def _listed(row: SourceRow) -> str:
    return names_of(list(row.values)) or "(none)"
