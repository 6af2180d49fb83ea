"""Stop strings, looked for only when the newest token can have completed one.

Decoding all that was generated at every token costs more the longer the completion. Almost no token can
end a stop string, and which ones can is known from the token's own text: either it holds the whole string,
or it begins with the string's last characters. Only then is the text decoded and searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adaptkit.models.reasoning import answer_start
from adaptkit.models.render import decode

REPLACEMENT = "\ufffd"
"""What a decoder writes for bytes that are no whole character (yet)."""
PROBE = "ab cd\nef: g."


class StopStrings:
    """A set of stop strings, for one tokenizer.

    It remembers about tokens, not about rows: one serves all requests with these stop strings.

    Args:
        tokenizer: a ``transformers`` tokenizer.
        stops: strings that end a completion; empty ones are ignored.
    """

    def __init__(self, tokenizer: Any, stops: Iterable[str]) -> None:
        self._tokenizer = tokenizer
        self._stops = tuple(dict.fromkeys(s for s in stops if s))
        self._suspects: dict[int, bool] = {}
        self._before = list(tokenizer.encode("a", add_special_tokens=False))[-1:]
        self._before_text = self._decode(self._before)
        self._is_checked_by_token = self._adds_up()

    def reached(self, generated: Sequence[int]) -> bool:
        """Whether the completion holds a stop string.

        To be asked at every token: an answer of True says that the newest one completed a stop string,
        and one that an earlier token completed is not looked for again.

        Args:
            generated: all tokens of the completion so far.
        """
        if not self._stops or not generated or not self._may_complete(generated[-1]):
            return False
        return self.cut(generated) is not None

    def cut(self, generated: Sequence[int]) -> str | None:
        """The text before the first stop string, or None when there is none yet.

        A line break before the first word does not count: a model may start with one. Nor does anything
        within the reasoning before an answer.
        """
        text = self._decode(generated)
        start = answer_start(text)
        if start is None:
            return None
        lead = start + len(text[start:]) - len(text[start:].lstrip())
        found = [at for at in (text.find(s, lead if s.isspace() else start) for s in self._stops) if at >= 0]
        return text[: min(found)] if found else None

    def _may_complete(self, token: int) -> bool:
        if not self._is_checked_by_token:
            return True
        known = self._suspects.get(token)
        if known is None:
            known = self._suspects[token] = self._is_suspect(token)
        return known

    def _is_suspect(self, token: int) -> bool:
        text = self._added_text(token)
        return text is None or any(_ends_in(stop, text) for stop in self._stops)

    def _added_text(self, token: int) -> str | None:
        """What a token adds to a text; None when that depends on the text.

        It is read off behind another token, because some decoders drop the space of a text's first word.
        """
        together = self._decode([*self._before, token])
        return together[len(self._before_text) :] if together.startswith(self._before_text) else None

    def _adds_up(self) -> bool:
        """Whether a text is its tokens' texts in a row: not where the decoder tidies up spaces."""
        if getattr(self._tokenizer, "clean_up_tokenization_spaces", False) or not self._before:
            return False
        if any(REPLACEMENT in stop for stop in self._stops):
            return False  # a later byte changes how many of them stand for the earlier ones
        tokens = list(self._tokenizer.encode(PROBE, add_special_tokens=False))
        added = [self._added_text(token) for token in tokens[1:]]
        whole = self._decode(tokens)
        return None not in added and whole == self._decode(tokens[:1]) + "".join(t for t in added if t)

    def _decode(self, tokens: Sequence[int]) -> str:
        return decode(self._tokenizer, tokens)


def _ends_in(stop: str, text: str) -> bool:
    r"""Whether a stop string may end within a text that stands at the end of another.

    Examples:
        >>> _ends_in("\nInput:", "put: x"), _ends_in("\nInput:", "Input"), _ends_in("\n", ".\n")
        (True, False, True)
    """
    if stop in text or any(text.startswith(stop[-n:]) for n in range(1, len(stop))):
        return True
    # A character that only this token makes whole is not seen in the token's own text.
    return REPLACEMENT in text and not stop.isascii()
