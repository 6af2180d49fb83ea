"""Targets as files hold them: one answer, several that are right, or an answer with its other spellings.

{"question": "...", "answer": "Lima"}                                   one
{"question": "...", "answers": ["Lima", "Lima, Peru"]}                  several: target and aliases
{"question": "...", "answer": {"value": "Lima", "aliases": ["..."]}}    with its aliases
{"question": "...", "answers": {"text": ["Lima"], "answer_start": [3]}} as SQuAD has them
{"input": "...", "target": {"city": "Lima"}}                            an object is the answer itself
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adaptkit.core.reading import parse_json
from adaptkit.tasks.values import looks_like_list, parted, read_cell

SEVERAL = frozenset(
    [
        "answers",
        "accepted_answers",
        "acceptable_answers",
        "correct_answers",
        "gold_answers",
        "reference_answers",
        "references",
        "targets",
        "outputs",
        "completions",
        "responses",
        "ideal",
    ]
)
"""Columns whose lists hold answers that are all right; so do those of ``answer`` and of questions."""
_PYTHON = re.compile(r"[\[{(]\s*'")
_TEXTS = ("text", "texts", "value", "answer", "answers")
_ALIASES = (
    "aliases", "alias", "normalized_aliases", "alternatives", "alternative_answers", "other_answers",
    "synonyms", "variants", "spellings",
)  # fmt: skip
_BESIDE = frozenset(
    [
        "answer_start",
        "answer_end",
        "start",
        "end",
        "type",
        "types",
        "category_idx",
        "answer_id",
        "normalized_value",
        "matched_wiki_entity_name",
        "normalized_matched_wiki_entity_name",
    ]
)


def read_answers(value: Any, *, source: str, target: str, kind: str | None) -> tuple[Any, ...]:
    """Return the target and, behind it, other answers that are right.

    Args:
        value: what the file holds.
        source: name of the input's column.
        target: name of the target's column.
        kind: of the task, where it is said: in a structured one a list is the answer itself.

    Raises:
        ValueError: a cell that looks like a list and cannot be read, or a list of which it is not clear
            whether it holds several answers or is the answer.

    Examples:
        >>> read_answers(["a", "b"], source="question", target="answers", kind=None)
        ('a', 'b')
        >>> read_answers("['a', 'b']", source="question", target="answers", kind=None)
        ('a', 'b')
        >>> read_answers({"value": "a", "aliases": ["b"]}, source="question", target="answer", kind=None)
        ('a', 'b')
        >>> read_answers({"city": "Lima"}, source="input", target="target", kind=None)
        ({'city': 'Lima'},)
    """
    if kind == "structured":
        return (read_cell(value) if isinstance(value, str) and _PYTHON.match(value) else value,)
    plural = target.lower() in SEVERAL
    named = plural or target.lower() == "answer" or source.lower() == "question" or kind is not None
    if isinstance(value, str):
        value = _of_cell(value, plural=plural, named=named)
    if isinstance(value, Mapping):
        return _of_object(value) if named and _is_answer(value, alone=plural) else (value,)
    if not isinstance(value, list | tuple):
        return (value,)
    if plural and value and all(isinstance(item, list | tuple) for item in value):
        raise ValueError(
            f"{target!r} holds a list of lists, and it is not clear whether all of them have to be given or "
            "one is enough. Write one list of the answers that are right"
        )
    if any(_is_part(item) for item in value):
        return (value,)
    if not named:
        raise ValueError(
            f"{target!r} holds a list. If each of its items is a right answer, say so with kind='qa' "
            "(--kind qa); if the list itself is the answer, with kind='structured' (--kind structured)"
        )
    found = [text for item in value for text in (_of_object(item) if isinstance(item, Mapping) else (item,))]
    return _distinct(found)


def _of_cell(text: str, *, plural: bool, named: bool) -> Any:
    """What a text stands for: itself, unless it is how a list or an object is written into a cell."""
    if not looks_like_list(text):
        if plural and _PYTHON.match(text) and not _CLOSED.search(text):
            raise ValueError(f"{text[:60]!r} looks like a list that is cut off. Write it in full")
        return parted(text) if plural else text
    if text[0] not in "[({":  # array([...]) and the like
        return read_cell(text)
    first = text[1:].lstrip()[:1]
    if text[0] == "{" or first == "{":
        try:
            value = parse_json(text)
        except ValueError:
            return read_cell(text)
        # An object in JSON is an answer as it is written; one with its aliases is not.
        return value if named and _has_answers(value) else text
    # [0, 1] may be an interval, and so an answer; ['a', 'b'] is a list.
    return read_cell(text) if plural or first in ("'", '"') else text


def _has_answers(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    in_list = isinstance(value, list)
    return all(isinstance(item, Mapping) and _is_answer(item, alone=in_list) for item in items)


def _is_answer(value: Mapping[str, Any], *, alone: bool = False) -> bool:
    """Whether an object is an answer with what is known of it, and not itself the answer.

    Args:
        alone: whether a text alone is one too, by what the column is called or by the list that it stands in.
    """
    texts = [name for name in _TEXTS if name in value]
    known = set(value) <= {*_TEXTS, *_ALIASES, *_BESIDE}
    return len(texts) == 1 and known and (alone or len(value) > 1 or isinstance(value[texts[0]], list))


_CLOSED = re.compile(r"[\])}]\W*$")
_PARTED = re.compile(r";|\uff1b| / |//|\|+|\n|\t|<br ?/?>|\"\s*,\s*\"")
# Where a column's name says that it holds several.
_PARTED_IN_LIST = re.compile(rf"{_PARTED.pattern}|,(?!\d)|\u3001|\uff0c| or | & ", re.IGNORECASE)
_SIGNS = re.compile(r"[;\uff1b/|\n\t<\"]")
_WORDS_OF_ANSWER = 5


def perhaps_several(text: str, *, plural: bool) -> bool:
    """Whether one answer may be meant for several, parted by semicolons, slashes, line breaks and the like.

    Args:
        text: the answer.
        plural: whether its column is called so that it holds several; otherwise only short texts count.

    Examples:
        >>> [perhaps_several(t, plural=True) for t in ("Lima; Lima, Peru", "a b / c", "km/h", "Lima")]
        [True, True, False, False]
        >>> [perhaps_several(t, plural=False) for t in ("Lima; Peru", "It is so; and if it is not, say why.")]
        [True, False]
    """
    if text[:1] in ("{", "["):  # an answer in JSON
        return False
    if plural and "\n" in text.strip():
        return True
    parted = _PARTED_IN_LIST if plural else _PARTED
    if not plural and _SIGNS.search(text) is None:
        return False
    pieces = [piece.split() for piece in parted.split(text.strip())]
    whole = [words for words in pieces if words]
    return len(whole) > 1 and all(len(words) <= _WORDS_OF_ANSWER for words in whole)


def _is_part(item: Any) -> bool:
    """Whether a list that holds this is an answer itself."""
    return isinstance(item, list | tuple) or (isinstance(item, Mapping) and not _is_answer(item, alone=True))


def _of_object(value: Mapping[str, Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for name in (*_TEXTS, *_ALIASES):
        part = value.get(name)
        found += part if isinstance(part, list | tuple) else [part]
    return _distinct(found)


def _distinct(items: list[Any]) -> tuple[Any, ...]:
    """The items without repeats, nulls and blanks, which fill up lists of unequal length."""
    return tuple(
        item
        for i, item in enumerate(items)
        if item is not None and not (isinstance(item, str) and not item.strip()) and item not in items[:i]
    )
