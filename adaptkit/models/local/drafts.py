"""Guesses at a row's next tokens, which one pass checks together.

Decoding a row alone takes the time of reading the weights, and a few tokens more in the same pass cost
little. So a row's likely continuation is fed along with its newest token, and what the model would have
picked anyway is kept (Leviathan et al. 2023, arXiv:2211.17192). The guess is a look-up in the row's own text
(Saxena 2023, prompt look-up decoding), and where that knows nothing, in the answers of the call's other rows:
rows of one task have much in common. The tokens are the same as without: a guess only saves passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

WEIGHT_TOKENS = 16
"""Tokens whose work costs as much as reading the weights once, where that is not measured. By whole passes
it was 6 on two cores that lack bfloat16 instructions, 25 on such as have them, and 60 with matrix units."""
MOST_WEIGHT_TOKENS = 64
"""What is measured counts up to here. Products alone would give more on matrix units (120 to 150); attention
costs time as well."""
MOST = 16
"""Tokens of a guess."""
CONTEXTS = (4, 2)
"""Numbers of newest tokens that are looked up in a row's own text, the surest first."""
OTHERS_CONTEXTS = (2, 1)
"""And in other rows' answers."""
FIRST_CHANCE = 0.5
"""Of a guessed token to be right, before anything is known."""
MEMORY, OTHERS_MEMORY = 0.8, 0.95
"""What is left of an estimate after one more observation: of one row's, and of all rows' together."""
MOST_KNOWN = 2**17
"""Contexts that are remembered of other rows: some 20 MB."""


def least_chance(n_rows: int, weight_tokens: float) -> float:
    """The chance from which on a guessed token saves more than it costs.

    A pass over n rows takes c (W + n), one token more c, and a right one saves its row's part of a pass:
    p c (W + n) / n > c.

    Args:
        weight_tokens: W, tokens whose work costs as much as reading the weights once.
    """
    return n_rows / (n_rows + weight_tokens)


def _contexts(tokens: Sequence[int], at: int, lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The tokens before position ``at``, as many as each length says, where there are so many."""
    for n in lengths:
        if at >= n:
            yield tuple(tokens[at - n : at])


class DraftSource:
    """Where guesses come from, and how often they came true lately.

    Args:
        memory: what is left of the estimate after one more observation.
    """

    def __init__(self, memory: float) -> None:
        self.chance = FIRST_CHANCE
        self._memory = memory

    def learn(self, *, right: bool) -> None:
        """Take what became of one guessed token."""
        self.chance = self._memory * self.chance + (1 - self._memory) * right


class Guessed(NamedTuple):
    """A token that may come.

    Attributes:
        source: that its fate is told to; None where it is forced.
        is_fed: whether it is worth a place in the pass. One that is not is still learned from.
    """

    token: int
    source: DraftSource | None
    is_fed: bool


class RowAnswerLookup:
    """How the answers of a call's rows went on after their newest tokens.

    Nothing is kept for the next call: strategies answer the same rows one after the other, and the later one
    would be faster for what the earlier one found.
    """

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._sources = {n: DraftSource(OTHERS_MEMORY) for n in OTHERS_CONTEXTS}

    def add(self, tokens: Sequence[int], n_new: int) -> None:
        """Take the last ``n_new`` of a row's tokens; those before are their context."""
        if len(self._after) > MOST_KNOWN:
            self._after.clear()
        for at in range(len(tokens) - n_new, len(tokens)):
            for context in _contexts(tokens, at, OTHERS_CONTEXTS):
                self._after[context] = tokens[at]

    def next(self, newest: Sequence[int]) -> tuple[int, DraftSource] | None:
        """The token that came last after these, and where it is from."""
        for context in _contexts(newest, len(newest), OTHERS_CONTEXTS):
            if context in self._after:
                return self._after[context], self._sources[len(context)]
        return None


class Lookup:
    """How one row's text went on where its newest tokens occurred before.

    Args:
        ids: the prompt's tokens.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        self._tokens = list(ids)
        self._after: dict[tuple[int, ...], int] = {}
        self._n_known = 0
        self.source = DraftSource(MEMORY)

    def add(self, token: int) -> None:
        """Take a token that came."""
        self._tokens.append(token)

    def guess(self, least: float, others: RowAnswerLookup, forced: Sequence[int] = ()) -> list[Guessed]:
        """What may come next: tokens as long as their chance is at least ``least``, and one more, unfed.

        Args:
            others: asked where the row's own text knows nothing.
            forced: what will surely come first.
        """
        self._take_in()
        found = [Guessed(token, None, True) for token in forced[:MOST]]
        chance, at = 1.0, None
        while len(found) < MOST and (not found or found[-1].is_fed):
            newest = [*self._tokens[-max(CONTEXTS) :], *(g.token for g in found)]
            at = self._find(newest) if at is None else at + 1
            coming = others.next(newest) if at is None else (self._at(at, found), self.source)
            if coming is None:
                break
            token, source = coming
            chance *= source.chance
            found.append(Guessed(token, source, chance >= least))
        return found

    def _at(self, at: int, found: Sequence[Guessed]) -> int:
        """A token of the text; past its end it goes on with the guess: what repeats goes on repeating."""
        return self._tokens[at] if at < len(self._tokens) else found[at - len(self._tokens)].token

    def _take_in(self) -> None:
        """Note what each token so far came after."""
        for at in range(self._n_known, len(self._tokens)):
            for context in _contexts(self._tokens, at, CONTEXTS):
                self._after[context] = at
        self._n_known = len(self._tokens)

    def _find(self, newest: Sequence[int]) -> int | None:
        """Position after the latest earlier occurrence of the newest tokens."""
        for context in _contexts(newest, len(newest), CONTEXTS):
            if context in self._after:
                return self._after[context]
        return None
