"""What was found so far: by kind and place, for each test row the weightiest thing that is like it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adaptkit.leakage.entries import TextItem
from adaptkit.leakage.report import LeakCount, LeakKind, LeakPair, Place

SHOWN_PAIRS = 20
SHOWN_CHARACTERS = 160

Found = tuple[TextItem, TextItem, float, bool]
"""A test row, what is like it, how alike they are, and whether it gives the row's answer away."""


class FoundAlike:
    """Test rows and what is like them.

    Args:
        rows: the test rows in use.
    """

    def __init__(self, rows: Sequence[TextItem]) -> None:
        self._order = {row.id: i for i, row in enumerate(rows)}
        # Two a row at most, one that gives its answer and one that does not: templates make many pairs.
        self._found: dict[tuple[LeakKind, Place], dict[tuple[str, bool], Found]] = {}

    def add(self, kind: LeakKind, place: Place, found: Iterable[Found]) -> None:
        """Note what was found, be it nothing."""
        kept = self._found.setdefault((kind, place), {})
        for new in found:
            row, other, similarity, with_answer = new
            old = kept.get((row.id, with_answer))
            if old is None or (-similarity, other.id) < (-old[2], old[1].id):
                kept[row.id, with_answer] = new

    def forget(self, kind: LeakKind) -> None:
        """As if it had not been looked for."""
        self._found = {key: found for key, found in self._found.items() if key[0] != kind}

    def ids(
        self, kinds: Iterable[LeakKind], places: Iterable[Place], *, with_answer: bool = True
    ) -> tuple[str, ...]:
        """Test rows, in their order, of which such a thing was found, with their answer or in any case."""
        keys = [self._found.get((kind, place), {}) for kind in kinds for place in places]
        ids = {id for found in keys for id, gives in found if gives or not with_answer}
        return tuple(sorted(ids, key=self._order.__getitem__))

    def counts(self) -> tuple[LeakCount, ...]:
        """One for each kind and place that was looked into."""
        n = max(1, len(self._order))
        made = []
        for kind, place in self._found:
            n_rows = len(self.ids([kind], [place], with_answer=False))
            n_given = len(self.ids([kind], [place]))
            made.append(
                LeakCount(
                    kind=kind,
                    place=place,
                    n_rows=n_rows,
                    share=n_rows / n,
                    n_with_answer=n_given,
                    share_with_answer=n_given / n,
                )
            )
        return tuple(made)

    def shown(self) -> tuple[LeakPair, ...]:
        """The weightiest of each kind and place: those with the answer first, then the nearest."""
        pairs: list[LeakPair] = []
        for (kind, place), found in self._found.items():
            ordered = sorted(found.values(), key=lambda f: (not f[3], -f[2], self._order[f[0].id]))
            pairs += [_pair(kind, place, f) for f in ordered[:SHOWN_PAIRS]]
        return tuple(pairs)


def _pair(kind: LeakKind, place: Place, found: Found) -> LeakPair:
    row, other, similarity, with_answer = found
    return LeakPair(
        kind=kind,
        place=place,
        test_id=row.id,
        other_id=other.id,
        similarity=round(similarity, 4),
        with_answer=with_answer,
        test_text=_short(row.text),
        other_text=_short(other.text),
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3] + "..."
