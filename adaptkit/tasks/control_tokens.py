"""Rows that spell what models take for control tokens: pasted by mistake, or an attack."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from adaptkit.core.types import Document, Example
from adaptkit.tasks.readers import Place

_CONTROL = re.compile(
    r"<\|[a-z0-9_ ]{1,40}\|>|<\uff5c[^<>\uff5c]{1,40}\uff5c>|</?s>|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|CLS|SEP|MASK|PAD)\]"
    r"|<(?:start|end)_of_\w{1,20}>|<(?:bos|eos|pad|unk|mask)>|<(?:extra_id_|unused|reserved_)\d{1,4}>",
    re.IGNORECASE,
)
_MOST_NAMED = 3


def control_tokens(
    examples: Mapping[str, Sequence[Example]],
    places: Mapping[str, Sequence[Place]],
    documents: Sequence[Document],
) -> Iterator[str]:
    """Say which rows spell what many models take for control tokens; which ones do is known with the model.

    Args:
        examples: by split.
        places: by split and of the documents, parallel to them.
        documents: of the task.
    """
    found: list[tuple[Place, str]] = []
    for split, rows in examples.items():
        for row, place in zip(rows, places[split], strict=True):
            _look(found, place, "\n".join((row.input, row.target, *row.aliases)))
    for document, place in zip(documents, places["documents"], strict=True):
        _look(found, place, f"{document.title or ''}\n{document.text}")
    if found:
        spelt = ", ".join(map(repr, sorted({token for _, token in found})[:_MOST_NAMED]))
        named = ", ".join(str(place) for place, _ in found[:_MOST_NAMED])
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        spell = "1 row spells" if len(found) == 1 else f"{len(found)} rows spell"
        yield (
            f"{spell} what many models take for control tokens, such as {spelt} ({named}{more}): they are "
            "shown to the model as text, not obeyed."
        )


def _look(found: list[tuple[Place, str]], place: Place, text: str) -> None:
    if ("<" in text or "[" in text) and (match := _CONTROL.search(text)):
        found.append((place, match[0]))
