"""Names of strategies in a table, taken apart."""

from __future__ import annotations


def name_of(label: str) -> str:
    """A name in a table without the parameters that tell two of a kind apart.

    Examples:
        >>> name_of("rag:k=3+lora:rank=8")
        'rag+lora'
    """
    return "+".join(part.partition(":")[0] for part in label.split("+"))


def parts_of(label: str) -> frozenset[str]:
    """The strategies that a name in a table is made of.

    Examples:
        >>> sorted(parts_of("lora+rag:k=3"))
        ['lora', 'rag']
    """
    return frozenset(name_of(label).split("+"))
