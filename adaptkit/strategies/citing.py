"""Which passages an answer came from: as the model says, or as the passages' own words show."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adaptkit.core.types import Passage
from adaptkit.metrics.normalise import occurs

CITATION_RULE = (
    "End the reply with the number of the document that the answer comes from, in square brackets: [1]."
)
CITATION_TOKENS = 8
"""Room that an answer needs for its citations."""
# At the end, one bracket or several: "Lima [2].", "Lima [1, 3]", "Lima [1][3]".
_CITATIONS = re.compile(r"(?<!\s)(?:\s*+\[\s*+\d+(?:\s*+[,;]\s*+\d+)*\s*+\])+\s*+\.?\s*+$")


def read_citations(text: str, numbered: Sequence[Passage]) -> tuple[str, tuple[str, ...]]:
    """Take the citations off the end of an answer.

    Args:
        text: the answer as the model wrote it.
        numbered: the passages in the order in which the prompt numbered them, from 1.

    Returns:
        The answer without them, and the ids of the passages cited, each once; numbers that no passage
        has are dropped.

    Examples:
        >>> lima = Passage(id="d7#0", document_id="d7", text="Lima is in Peru.", score=0.9)
        >>> read_citations("Lima [1][4].", [lima])
        ('Lima', ('d7#0',))
    """
    found = _CITATIONS.search(text)
    if found is None:
        return text, ()
    numbers = dict.fromkeys(int(number) for number in re.findall(r"\d+", found[0]))
    cited = tuple(numbered[n - 1].id for n in numbers if 1 <= n <= len(numbered))
    return text[: found.start()].rstrip(), cited


def passage_that_holds(answer: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """The id of the first passage that has the answer word for word, case and punctuation aside; else none.

    Examples:
        >>> lima = Passage(id="d7#0", document_id="d7", text="The capital, Lima, is large.", score=0.9)
        >>> passage_that_holds("lima", [lima]), passage_that_holds("Lim", [lima])
        (('d7#0',), ())
    """
    holding = next((p.id for p in passages if occurs(answer, p.text)), None)
    return () if holding is None else (holding,)
