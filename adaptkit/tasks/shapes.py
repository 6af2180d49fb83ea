"""Which columns of a file hold the input and the target.

Shapes that many files have are known; any other is said with a mapping from field to column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.tasks import beside, choices
from adaptkit.tasks.answers import SEVERAL, read_answers
from adaptkit.tasks.beside import NOTHING_BESIDE, Beside
from adaptkit.tasks.choices import Choices
from adaptkit.tasks.infer import LABELS, is_number
from adaptkit.tasks.messages import left_out, read_turns, shared_system, split_chat
from adaptkit.tasks.readers import Row
from adaptkit.tasks.values import as_text

OPTIONAL = ("id", "aliases", "gold_documents", "cluster", "metadata")
FIELDS = ("input", "target", *OPTIONAL, *beside.COLUMNS)
_KNOWN = (
    "input/target, prompt/completion, prompt/chosen, instruction/input/output, question/answer, text/label, "
    "premise/hypothesis/label, messages"
)
_INPUTS = ("input", "prompt", "question", "text")
_TARGETS = ("target", "completion", "answer", "answers", "output", "label")
_TEXTS = ("text", "sentence", "review", "tweet", "utterance")
_PAIRS = (
    ("question", "answer"),
    ("question", "answers"),
    *((text, name) for text in _TEXTS for name in LABELS),
)
_OF_TWO = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text1", "text2"),
)
"""Two texts of which the label says something together."""
KNOWN_COLUMNS = frozenset(
    name
    for names in (
        FIELDS, _INPUTS, _TARGETS, _TEXTS, LABELS, SEVERAL, *_OF_TWO, *beside.COLUMNS.values(),
        ("messages", "conversations", "output", "chosen", "rejected", "id", "title", "text"),
    )
    for name in names
)  # fmt: skip
"""Names of columns that are known without a mapping, in lower case."""
_MOST_LISTED = 20
_PROSE_WORDS = 4

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

    def pair(self, row: Row) -> Pair:
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


def choose_shape(rows: Sequence[Row], columns: Mapping[str, str] | None, kind: str | None = None) -> Shape:
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


def _recognised(rows: Sequence[Row], mapping: Mapping[str, str], kind: str | None) -> Shape:
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
    for pair in _PAIRS:
        if set(pair) <= found:
            return _two_columns(*pair, kind)
    label = _first(rows[0], LABELS)
    for two in _OF_TWO:
        if set(two) <= found and label:
            return _of_two(two, label, kind)
    raise _not_recognised(rows[0])


def _of_chats(rows: Sequence[Row], kind: str | None) -> Shape | None:
    """The shapes that files for tuning have, chats or not."""
    found = rows[0].values.keys()
    if chat := _first(rows[0], ("messages", "conversations")):
        return _messages(rows, lambda values: read_turns(values[chat]), (chat,))
    if {"instruction", "output"} <= found:
        return _alpaca(kind)
    if {"prompt", "completion"} <= found:
        return _prompt_completion(rows, "completion", kind)
    return _preferred(rows, kind) if {"chosen", "rejected"} <= found else None


def _offered(row: Row, mapping: Mapping[str, str], target: str | None) -> tuple[str, ...]:
    """Columns of choices: one with all of them, or one each."""
    column = mapping.get("choices") or _first(row, choices.COLUMNS)
    if column is None and "answers" in row.values and _first(row, choices.SAYING_WHICH):
        column = "answers"  # a list beside a column that says which one is right
    if column is not None:
        return () if column == target else (column,)
    return choices.one_column_each(list(row.values), target)


def _with_beside(shape: Shape, rows: Sequence[Row], mapping: Mapping[str, str]) -> Shape:
    """Add what else belongs to the input."""
    taken = {*shape.columns, *mapping.values()}
    # A column that only some rows have may be absent from the first.
    every = Row(values=dict.fromkeys(name for row in rows for name in row.values), place=rows[0].place)
    found = {
        name: column
        for name, known in beside.COLUMNS.items()
        if name != "choices"
        and (column := mapping.get(name) or _first(every, [k for k in known if k not in taken]))
        and column not in shape.columns
    }
    if shape.name == "instruction/input/output":
        found.pop("instruction", None)
    offered = _offered(every, mapping, shape.target)
    offer = Choices.of(rows, offered, shape.target) if offered else None
    if not found and offer is None:
        return shape
    more = Beside.of(rows, found, offer)
    notes = [f"The input is made of {_names([*more.used, *shape.columns[:-1]])}."]
    shape = replace(shape, beside=more, instruction=more.system)
    if offer is not None:
        shape, said = _of_choices(shape, offer, rows)
        notes.append(said)
    return replace(shape, notes=(*shape.notes, *notes))


def _of_choices(shape: Shape, offer: Choices, rows: Sequence[Row]) -> tuple[Shape, str]:
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


def _says_a_choice(offer: Choices, row: Row) -> bool:
    try:
        return offer.answer(row.values) is not None
    except ValueError:
        return offer.first is not None


def _with_names(shape: Shape, rows: Sequence[Row], mapping: Mapping[str, str], kind: str | None) -> Shape:
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


def _with_marks(shape: Shape, rows: Sequence[Row], mapping: Mapping[str, str]) -> Shape:
    """Find a column that marks good and bad answers."""
    if "label" in shape.columns or "label" in mapping.values():
        return shape
    found = {str(row.values["label"]) for row in rows if row.values.get("label") not in (None, "")}
    if not found or not all(map(is_mark, found)):
        return shape
    if shape.name in ("prompt/completion", "messages"):
        return replace(shape, marks="label")
    if mapping.keys() & {"input", "target"} or shape.target not in ("answer", "answers", "output"):
        return shape
    raise rows[0].place.error(
        f"'label' says true or false beside {shape.target!r}, and it is not clear of what. If it is the "
        "target, say so with columns={'target': 'label'} (--columns target=label). If it marks bad answers, "
        "take those rows and the column out."
    )


_GOOD = (
    "true",
    "1",
    "1.0",
    "good",
    "correct",
    "right",
    "accepted",
    "up",
    "thumbs up",
    "thumbs_up",
    "\U0001f44d",
)
_BAD = (
    "false", "0", "0.0", "-1", "bad", "incorrect", "wrong", "rejected", "down", "thumbs down", "thumbs_down",
    "\U0001f44e",
)  # fmt: skip


def is_mark(value: object) -> bool:
    """Whether a value says good or bad, and nothing else."""
    return str(value).strip().lower() in (*_GOOD, *_BAD)


def is_bad(value: object) -> bool:
    """Whether a mark says bad."""
    return str(value).strip().lower() in _BAD


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


def _check_columns_exist(rows: Sequence[Row], mapping: Mapping[str, str]) -> None:
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


def _mapped(row: Row, mapping: Mapping[str, str], kind: str | None) -> Shape:
    source = mapping.get("input") or _first(row, _INPUTS)
    target = mapping.get("target") or _first(row, _TARGETS)
    if source is None or target is None:
        raise _not_recognised(row)
    return _two_columns(source, target, kind)


def _first(row: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row.values), None)


def _two_columns(source: str, target: str, kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        found = values[target]
        if isinstance(found, str) and found[:1] not in "[({" and "|" not in found and found[:6] != "array(":
            return values[source], found
        return values[source], *read_answers(found, source=source, target=target, kind=kind)

    return Shape(name=f"{source}/{target}", columns=(source, target), read=read)


def _alpaca(kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        parts = [as_text(values.get(name)) for name in ("instruction", "input")]
        source = "\n\n".join(part.strip() for part in parts if part and part.strip())
        return source, *read_answers(values["output"], source="instruction", target="output", kind=kind)

    return Shape(
        name="instruction/input/output", columns=("instruction", "output"), also=("input",), read=read
    )


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

    chats = [read_only(row) for row in rows]
    system = shared_system(chats)
    return Shape(
        name="messages",
        columns=columns,
        read=lambda values: split_chat(turns(values), with_system=system is None),
        instruction=system,
        notes=tuple(left_out(chats, (row.values[column] for row in rows for column in columns))),
    )


def _preferred(rows: Sequence[Row], kind: str | None) -> Shape:
    """Rows that hold a better and a worse answer: the better one is the target."""
    if "prompt" in rows[0].values:
        shape = _prompt_completion(rows, "chosen", kind)
    else:
        shape = _messages(rows, lambda values: read_turns(values["chosen"]), ("chosen",))
    note = "The answers in 'chosen' are the targets; those in 'rejected' are not used."
    return replace(shape, also=(*shape.also, "rejected"), notes=(*shape.notes, note))


def _of_two(pair: tuple[str, str], label: str, kind: str | None) -> Shape:
    def read(values: Mapping[str, Any]) -> Pair:
        parts = [(name, as_text(values[name]) or "") for name in pair]
        source = "\n".join(f"{name.capitalize()}: {text.strip()}" for name, text in parts)
        return source, *read_answers(values[label], source=pair[0], target=label, kind=kind)

    return Shape(name=f"{'/'.join(pair)}/{label}", columns=(*pair, label), read=read)


def _prompt_completion(rows: Sequence[Row], completion: str, kind: str | None) -> Shape:
    columns = ("prompt", completion)
    if isinstance(rows[0].values["prompt"], list):
        return _messages(
            rows,
            lambda values: read_turns(values["prompt"]) + read_turns(values[completion]),
            columns,
        )
    if isinstance(rows[0].values[completion], list):  # the prompt stands in it, too
        return replace(
            _messages(rows, lambda values: read_turns(values[completion]), (completion,)), also=("prompt",)
        )
    plain = _two_columns(*columns, kind)

    def read(values: Mapping[str, Any]) -> Pair:
        # Such files often put a space before the completion, for the tokenizer's sake.
        source, *targets = plain.read(values)
        return source, *(t.strip() if isinstance(t, str) else t for t in targets)

    return replace(plain, read=read)


def _not_recognised(row: Row) -> DataError:
    return row.place.error(
        f"found the columns {_listed(row)}, and cannot tell which are the input and the target. Say it: "
        "load_task(..., columns={'input': '<column>', 'target': '<column>'}), or --columns input=<column>,"
        "target=<column>. "
        f"Recognised without that: {_KNOWN}."
    )


def _listed(row: Row) -> str:
    return _names(list(row.values)) or "(none)"


def _names(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _MOST_LISTED} more" if len(columns) > _MOST_LISTED else ""
    return ", ".join(repr(name) for name in columns[:_MOST_LISTED]) + more


def unused(rows: Sequence[Row], used: set[str], *, hint: str) -> Iterator[str]:
    """Say which columns hold something that nothing is read from."""
    names = sorted(set().union(*(row.values for row in rows)) - used)
    full = [n for n in names if any(row.values.get(n) not in (None, "", [], {}) for row in rows)]
    if full:
        texts = any(_is_prose(row.values.get(name)) for name in full for row in rows[:_MOST_LISTED])
        noun = "column" if len(full) == 1 else "columns"
        yield f"Not used, and in no prompt: {noun} {_names(full)}.{hint if texts else ''}"


def _is_prose(value: object) -> bool:
    """Whether a value may be worth showing: a text of several words, and no list of answers."""
    return isinstance(value, str) and len(value.split()) >= _PROSE_WORDS and value[:1] not in "[{"
