"""Split rows in two so that rows which depend on each other stay on one side.

Rows are ordered by a hash of the seed and their cluster, not by a random draw: the same rows give the
same split in any order, and adding rows elsewhere moves few of the old ones.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from adaptkit.core.types import Example

Key = tuple[str, str]


def split_off(
    rows: Sequence[Example], *, share: float, limit: int, seed: int = 0
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Take a share of ``rows`` away, in whole clusters.

    Args:
        rows: what to split.
        share: part to take, 0 to 1; of two rows or more at least one is taken, if clusters allow.
        limit: most rows to take.
        seed: another seed takes other clusters.

    Returns:
        The rows kept and the rows taken, both in their original order. Nothing is taken when all rows
        depend on each other.

    Examples:
        >>> rows = [Example(id=str(i), input=f"q{i}", target="a", cluster=f"c{i // 2}") for i in range(10)]
        >>> kept, taken = split_off(rows, share=0.2, limit=100)
        >>> len(kept), len({row.cluster for row in taken})
        (8, 1)
    """
    taken = set(split_indices(rows, share=share, limit=limit, seed=seed))
    return (
        tuple(row for i, row in enumerate(rows) if i not in taken),
        tuple(row for i, row in enumerate(rows) if i in taken),
    )


def split_indices(rows: Sequence[Example], *, share: float, limit: int, seed: int = 0) -> list[int]:
    """Return the positions that :func:`split_off` takes."""
    if len(rows) < 2:
        return []
    room = min(limit, max(1, round(share * len(rows))))
    groups = clusters(rows)
    ordered = sorted(groups, key=lambda key: (_rank(seed, key), key))
    taken: list[int] = []
    for key in ordered:
        if len(taken) + len(groups[key]) <= room:
            taken += groups[key]
    if not taken:
        # Every cluster is larger than the room: one too many rows is better than no rows.
        smallest = min(ordered, key=lambda key: len(groups[key]))
        taken = groups[smallest] if len(groups[smallest]) <= len(rows) / 2 else []
    return sorted(taken)


def clusters(rows: Sequence[Example]) -> dict[Key, list[int]]:
    """Group the positions of rows that depend on each other.

    They do when they share ``cluster``, or without one a gold document, or the text of the input.
    """
    parent: dict[Key, Key] = {}
    for row in rows:
        first, *others = _keys(row)
        for other in others:
            a, b = _root(parent, first), _root(parent, other)
            # The smaller name leads, so that the order of rows does not matter.
            parent[max(a, b)] = min(a, b)
    groups: dict[Key, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        groups[_root(parent, _keys(row)[0])].append(i)
    return dict(groups)


def cluster_names(rows: Sequence[Example]) -> dict[str, str]:
    """Name the cluster of each row that depends on another one, by the row's id; see :func:`clusters`.

    Examples:
        >>> documents = ("d0",), ("d0",), ("d1",)
        >>> rows = [
        ...     Example(id=str(i), input=f"q{i}", target="a", gold_documents=d)
        ...     for i, d in enumerate(documents)
        ... ]
        >>> cluster_names(rows)
        {'0': 'document d0', '1': 'document d0'}
    """
    return {
        rows[i].id: " ".join(key)
        for key, members in clusters(rows).items()
        if len(members) > 1
        for i in members
    }


def _keys(row: Example) -> list[Key]:
    return [("input", " ".join(row.input.casefold().split())), *ties(row)]


def ties(row: Example) -> list[Key]:
    """What ties a row to others: its cluster, or without one its gold documents."""
    if row.cluster is not None:
        return [("cluster", row.cluster)]
    return [("document", document) for document in row.gold_documents]


def _root(parent: dict[Key, Key], key: Key) -> Key:
    while parent.get(key, key) != key:
        parent[key] = parent.get(parent[key], parent[key])
        key = parent[key]
    return key


def _rank(seed: int, key: Key) -> str:
    return hashlib.sha256("\x00".join((str(seed), *key)).encode()).hexdigest()


def some_rows(rows: Sequence[Example], n: int | None, *, salt: str = "") -> list[Example]:
    """``n`` rows in an order that depends on their ids only; None for all of them.

    So 60 rows are part of the 100 of a later choice, and a file sorted by label gives no lopsided one.

    Args:
        salt: another one gives another order.
    """
    return sorted(rows, key=lambda e: row_order(e.id, salt=salt))[:n]


def row_order(example_id: str, *, salt: str = "") -> bytes:
    """The key by which rows are put in an order that looks random and never changes."""
    return hashlib.sha256(f"{salt}{example_id}".encode()).digest()
