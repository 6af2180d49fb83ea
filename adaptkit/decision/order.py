"""The order of strategies: from what needs no model to what needs new weights for every model."""

from __future__ import annotations

from typing import Final

# Of strategies that the rows cannot tell apart, the first is the cheapest to keep and the easiest to leave.
ORDER = (
    "knn-vote", "tfidf", "top-passage",
    "prompt", "few-shot", "few-shot+prompt", "rag", "few-shot+rag", "function-calling",
    "lora", "function-calling+lora", "rag+lora", "full-sft", "rag+full-sft",
)  # fmt: skip
_PLACES: Final = {frozenset(name.split("+")): place for place, name in enumerate(ORDER)}
BASELINES = ORDER[:3]
_TRAINED: Final = frozenset({"lora", "full-sft"})
_RETRIEVING: Final = frozenset({"rag", "top-passage"})
_CALLING: Final = frozenset({"function-calling"})


def name_of(label: str) -> str:
    """A name in a table without the parameters that tell two of a kind apart.

    Examples:
        >>> name_of("few-shot:k=2")
        'few-shot'
    """
    return label.partition(":")[0]


def parts_of(label: str) -> frozenset[str]:
    """The strategies that a name in a table is made of.

    Examples:
        >>> sorted(parts_of("lora+rag:k=3"))
        ['lora', 'rag']
    """
    return frozenset(name_of(label).split("+"))


def rank(label: str) -> int:
    """Place a name in ``ORDER``, its parts in either order; an unknown one comes last."""
    return _PLACES.get(parts_of(label), len(ORDER))


def effort(label: str) -> int:
    """How much it takes to keep and to undo: as ``rank``, what needs no model all alike.

    Examples:
        >>> effort("tfidf") == effort("knn-vote") < effort("prompt") < effort("lora")
        True
    """
    return max(0, rank(label) - len(BASELINES) + 1)


def trains(label: str) -> bool:
    """Whether weights are trained."""
    return bool(parts_of(label) & _TRAINED)


def retrieves(label: str) -> bool:
    """Whether answers rest on passages that can be named."""
    return bool(parts_of(label) & _RETRIEVING)


def calls(label: str) -> bool:
    """Whether functions are called."""
    return bool(parts_of(label) & _CALLING)


def needs_no_model(label: str) -> bool:
    """Whether no language model answers."""
    return parts_of(label) <= set(BASELINES)
