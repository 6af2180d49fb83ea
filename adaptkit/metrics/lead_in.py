"""Find the answer in a text that says more than the answer."""

from __future__ import annotations

import re

# "So, the final answer is:" and the like; the answer follows.
_LEAD_IN = re.compile(
    r"""^\W*
    (?:(?:so|thus|therefore|hence|ok|okay|sure|certainly|of\ course)\b[\s,.!:]*)?
    (?:
        (?:the\s+|my\s+)?(?:final\s+|correct\s+|short\s+|best\s+)?(?:answer|result|output|label|summary)
        (?:\s+to\s+(?:the|this|your)\s+question)?
        \s*(?:(?:is|was|are|were|would\s+be|should\s+be)\b\s*:?|:|=)
      | (?:it|this|that|he|she|they)\s+(?:is|was|are|were)\b
      | (?:it|that)['\u2019]s\b
      | here(?:\s+is|['\u2019]s)\b[^:\n]{0,60}:
      | a\s*:
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_QUOTES = "\"'`*\u201c\u201d\u2018\u2019\u00ab\u00bb"


def candidates(output: str) -> tuple[str, ...]:
    r"""Return the texts that a lenient metric compares: the output first, then shorter readings of it.

    These are its first line, and both without a lead-in and outer quotes.

    Examples:
        >>> candidates("The answer is: 'Lima'.\nIt is the capital of Peru.")[-1]
        'Lima'
    """
    cut = cut_lead_in(output)
    texts = [output, first_line(output), _unquoted(cut), _unquoted(first_line(cut))]
    return tuple(dict.fromkeys(texts))


def cut_lead_in(text: str) -> str:
    """Take "The answer is", "So it is:" and the like off the front.

    Examples:
        >>> cut_lead_in("Final answer: 42")
        '42'
        >>> cut_lead_in("Answers vary")
        'Answers vary'
    """
    rest = _LEAD_IN.sub("", text, count=1).strip()
    return rest or text.strip()


def first_line(text: str) -> str:
    """Return the first line that is not blank."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _unquoted(text: str) -> str:
    return text.strip().rstrip(".").strip(_QUOTES).strip() or text
