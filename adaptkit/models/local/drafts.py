"""Guesses at a row's next tokens, which one pass checks together.

Decoding a row alone takes the time of reading the weights, and a few tokens more in the same pass cost
little. So a row's likely continuation is fed along with its newest token, and what the model would have
picked anyway is kept (Leviathan et al. 2023, arXiv:2211.17192; the guess is a look-up in the row's own text:
Saxena 2023, prompt look-up decoding). The tokens are the same as without: a guess only saves passes.
"""

from __future__ import annotations

from collections.abc import Sequence

WEIGHT_TOKENS = 16
"""Tokens whose work costs as much as reading the weights once (measured: 16 to 24 on two cores)."""
MOST = 16
"""Tokens of a guess."""
CONTEXTS = (4, 2)
"""Numbers of newest tokens that are looked up, the surest first."""
FIRST_CHANCE = 0.5
"""Of a guessed token to be right, before anything is known."""
MEMORY = 0.8
"""What is left of an estimate after one more observation."""


def least_chance(n_rows: int) -> float:
    """The chance from which on a guessed token saves more than it costs.

    A pass over n rows takes c (W + n), one token more c, and a right one saves its row's part of a pass:
    p c (W + n) / n > c, with W = :data:`WEIGHT_TOKENS`.
    """
    return n_rows / (n_rows + WEIGHT_TOKENS)


class Lookup:
    """How one row's text went on where its newest tokens occurred before.

    Args:
        ids: the prompt's tokens.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        self._tokens = list(ids)
        self._after: dict[tuple[int, ...], int] = {}
        self._n_known = 0
        self._chance = FIRST_CHANCE

    def add(self, token: int) -> None:
        """Take a token that came."""
        self._tokens.append(token)

    def guess(self, least: float) -> list[int]:
        """The tokens that came next, as many as have the chance ``least`` of being right; one at least."""
        at = self._find()
        if at is None:
            return []
        found, chance = self._tokens[at : at + 1], self._chance**2
        while len(found) < MOST and chance > least:
            # Past its end, the text goes on with the guess itself: what repeats goes on repeating.
            at += 1
            found.append(self._tokens[at] if at < len(self._tokens) else found[at - len(self._tokens)])
            chance *= self._chance
        return found

    @property
    def chance(self) -> float:
        """Of a guess's first token to be right, by how often it was lately."""
        return self._chance

    def learn(self, *, right: bool) -> None:
        """Take what became of one guessed token."""
        self._chance = MEMORY * self._chance + (1 - MEMORY) * right

    def _find(self) -> int | None:
        """Position after the latest earlier occurrence of the newest tokens."""
        end = len(self._tokens)
        for at in range(self._n_known, end):
            for n in CONTEXTS:
                if at >= n:
                    self._after[tuple(self._tokens[at - n : at])] = at
        self._n_known = end
        for n in CONTEXTS:
            found = self._after.get(tuple(self._tokens[end - n :])) if end >= n else None
            if found is not None:
                return found
        return None
