"""Values of files as texts: a target is a text, whatever type a file gave it."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adaptkit.core.reading import parse_json

_LIST = re.compile(
    r"""\[\s*(?:\]|['"\[{(\d+.-]|(?:None|null|nan|true|false|array)\b|[^\]]*,)|[({]\s*['"]""", re.I
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_LONGEST_CELL = 100_000
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_ARRAY = re.compile(r"\b(?:np\.)?array\(|(?P<close>\])\s*,\s*dtype=\w+\)")
# How a list is shown that is of another type: array([...]), Index([...], dtype='object'), frozenset({...}).
_TYPED = re.compile(
    r"(?:np\.|pd\.)?(?:array|Index|frozenset|set|tuple|list|deque)\(\s*(?P<list>[\[({].*[\])}])"
    r"(?:\s*,\s*\w+=[\w'.]+)*\s*\)",
    re.DOTALL,
)
# NumPy's numbers and texts: np.float64(0.5), np.str_('a').
_SCALAR = re.compile(r"\bnp\.\w+\(([-+.\w]*)\)")
_BEFORE_TEXT, _BEHIND_TEXT = re.compile(r"\bnp\.str_\($"), re.compile(r"^\)")
_NOTHING = re.compile(r"\b(?:nan|null|NaT)\b")
_NUMBERS = re.compile(r"(?<=[\d.])\s+(?=[-+\d.])")


def as_text(value: object) -> str | None:
    """Write a value as text; None for what stands for nothing (null, NaN).

    Whole floats lose their ``.0``: an integer column with a gap comes out of many tools as floats.

    Raises:
        ValueError: a type that has no agreed text, such as an image.

    Examples:
        >>> [as_text(v) for v in ("a", 3, 3.0, 2.5, True, {"a": [1]}, None)]
        ['a', '3', '3', '2.5', 'true', '{"a":[1]}', None]
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    raise ValueError(f"a value of type {type(value).__name__} cannot be written as text")


def _number(value: float | Decimal) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def as_texts(value: object) -> tuple[str, ...]:
    """Read a list of texts.

    In a cell that is a list as JSON or Python write it, or texts parted by ``|``, or one text.

    Raises:
        ValueError: a cell that looks like a list and cannot be read as one, or an item that has no text.

    Examples:
        >>> as_texts('["a", "b"]'), as_texts("['a', 'b']"), as_texts("a|b"), as_texts("a, b"), as_texts(None)
        (('a', 'b'), ('a', 'b'), ('a', 'b'), ('a, b',), ())
    """
    if value is None:
        return ()
    if isinstance(value, str):
        value = read_cell(value) if looks_like_list(value) else parted(value)
    items = value if isinstance(value, list | tuple) else [value]
    texts = [as_text(item) for item in items]
    return tuple(text for text in texts if text is not None and text.strip())


def parted(text: str) -> list[str]:
    """Return the texts that bars part in a cell; a bar may also belong to a text, as in P(A|B) and |x|."""
    pieces = [piece.strip() for piece in text.split("|")]
    whole = all(pieces) and all(piece.count(a) == piece.count(b) for piece in pieces for a, b in ("()", "[]"))
    return pieces if whole else [text]


def looks_like_list(text: str) -> bool:
    """Whether a cell seems to hold a list.

    Examples:
        >>> [looks_like_list(t) for t in ("['a', 'b']", "[1 2]", "('a',)", "[laughs]", "[1] See", "(a)")]
        [True, True, True, False, False, False]
    """
    text = text.strip()
    if text[-1:] == ")" and text[:1] not in "[({":
        return _TYPED.fullmatch(text) is not None
    return bool(_LIST.match(text)) and text[-1] == _CLOSING[text[0]]


def read_cell(text: str) -> Any:
    """Read a list or an object as JSON, Python (what pandas writes) or NumPy write it.

    Raises:
        ValueError: it is neither.

    Examples:
        >>> read_cell("['a' 'b']"), read_cell("{'text': array(['a'], dtype=object), 'answer_start': [3]}")
        (['a', 'b'], {'text': ['a'], 'answer_start': [3]})
    """
    try:
        return parse_json(text)
    except ValueError:
        if len(text) > _LONGEST_CELL:
            raise
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that Python does not know
            value = ast.literal_eval(_as_python(text.strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        value = None
    # The order of a set is another one in every process.
    value = sorted(value, key=str) if isinstance(value, set) else value
    if not isinstance(value, list | tuple | dict) or _holds_ellipsis(value):
        short = text if len(text) <= 60 else f"{text[:57]}..."
        raise ValueError(f'{short!r} looks like a list and cannot be read. Write it as JSON: ["a", "b"]')
    return list(value) if isinstance(value, tuple) else value


def _holds_ellipsis(value: Any) -> bool:
    # NumPy leaves out the middle of long arrays.
    items = value.values() if isinstance(value, dict) else value
    return any(item is ... or (isinstance(item, list | dict) and _holds_ellipsis(item)) for item in items)


def _as_python(text: str) -> str:
    """Write NumPy's arrays, numbers and missing values, outside of quotes, so that Python reads them."""
    if typed := _TYPED.fullmatch(text):
        text = typed["list"]
    # Every second part is quoted. Python would join quoted parts that only spaces separate.
    parts = _QUOTED.split(text)
    for i in range(0, len(parts), 2):
        if 0 < i < len(parts) - 1 and not parts[i].strip():
            parts[i] = ", "
        parts[i] = _SCALAR.sub(r"\1", parts[i])
        if i + 2 < len(parts) and _BEFORE_TEXT.search(parts[i]) and _BEHIND_TEXT.search(parts[i + 2]):
            parts[i], parts[i + 2] = _BEFORE_TEXT.sub("", parts[i]), parts[i + 2][1:]
        parts[i] = _NOTHING.sub("None", _ARRAY.sub(lambda found: found["close"] or "", parts[i]))
        parts[i] = _NUMBERS.sub(", ", parts[i])
    return "".join(parts)


def as_mapping(value: object) -> dict[str, Any]:
    """Read metadata: an object, or in a CSV field a JSON object; nothing gives an empty one.

    Raises:
        ValueError: something else.

    Examples:
        >>> as_mapping('{"a": 1}'), as_mapping("")
        ({'a': 1}, {})
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    if isinstance(value, str):
        value = read_cell(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a JSON object, found {value!r}")
    return dict(value)
