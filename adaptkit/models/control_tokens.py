"""Control tokens inside data are text: only a template opens a turn or ends one.

A row, document or request may spell a control token of the model, such as ``<|im_end|>``. A tokenizer makes
the token of it wherever it stands. So what data spells is found before the template is filled in, stands in
for itself as a private character while it is, and the tokens at those places are exchanged for the tokens of
the text. Texts without control tokens are encoded as they always were: they never come here.

Splitting all special tokens (``split_special_tokens=True``) would split the template's own, and encoding
template and data apart would give other tokens where they meet.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from adaptkit.models.reasoning import MARKS

_TOOL_MARK = re.compile(r"</?tool_(?:call|calls|response|responses|result)>")
_FIRST, _LAST = 0xF0000, 0xFFFFD
"""Private characters: what stands for the n-th control token that data spells."""
_BEFORE = "a"

Span = tuple[int, int]


class ControlTokens:
    """The control tokens of one tokenizer, and how texts that spell them are encoded.

    Args:
        tokenizer: a ``transformers`` tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # Added tokens that are not special are words like others ("<table>"), but for marks of turns.
        self._ids = {
            str(token): int(i)
            for i, token in tokenizer.added_tokens_decoder.items()
            if str(token).strip()
            and (token.special or MARKS.fullmatch(str(token)) or _TOOL_MARK.fullmatch(str(token)))
        }
        longest_first = sorted(self._ids, key=len, reverse=True)
        first = "".join(sorted({re.escape(token[0]) for token in longest_first}))
        # Some tokenizers have hundreds: they are looked for where a first character stands.
        pattern = rf"(?=[{first}])(?:{'|'.join(map(re.escape, longest_first))})" if first else r"(?!)"
        self._spelled = re.compile(pattern)
        self._known: dict[str, list[int]] = {}

    def masked(self, text: str, found: list[str]) -> str:
        """The text with a private character for each control token, which is added to ``found``."""

        def stand_in(match: re.Match[str]) -> str:
            if _FIRST + len(found) > _LAST:
                return match[0]
            found.append(match[0])
            return chr(_FIRST + len(found) - 1)

        return self._spelled.sub(stand_in, text)

    @staticmethod
    def unmasked(text: str, found: Sequence[str]) -> tuple[str, list[Span]]:
        """The text with the control tokens back, and where they stand."""
        whole, spans, length = [], [], 0
        for piece in re.split(f"([{chr(_FIRST)}-{chr(_LAST)}])", text):
            number = ord(piece) - _FIRST if len(piece) == 1 else -1
            if 0 <= number < len(found):
                piece = found[number]
                spans.append((length, length + len(piece)))
            whole.append(piece)
            length += len(piece)
        return "".join(whole), spans

    def encode(self, text: str, spans: Sequence[Span], *, add_special_tokens: bool) -> list[int]:
        """Token ids of a text of which some spans spell control tokens and are meant as text."""
        if not getattr(self._tokenizer, "is_fast", False):
            return self._encode_in_pieces(text, spans, add_special_tokens=add_special_tokens)
        found = self._tokenizer(text, add_special_tokens=add_special_tokens, return_offsets_mapping=True)
        control, starts = set(self._ids.values()), [start for start, _ in spans]
        ids: list[int] = []
        for token, (start, end) in zip(found["input_ids"], found["offset_mapping"], strict=True):
            at = bisect_right(starts, end - 1) - 1
            if token in control and at >= 0 and start < spans[at][1] and end > start:
                # With the white space that some tokens take along.
                ids += self._of_text(text[min(start, spans[at][0]) : max(end, spans[at][1])])
            else:
                ids.append(int(token))
        return ids

    def _encode_in_pieces(self, text: str, spans: Sequence[Span], *, add_special_tokens: bool) -> list[int]:
        ids: list[int] = []
        at = 0
        for start, end in spans:
            ids += self._tokenizer.encode(text[at:start], add_special_tokens=add_special_tokens and not at)
            ids += self._of_text(text[start:end])
            at = end
        return [*ids, *self._tokenizer.encode(text[at:], add_special_tokens=add_special_tokens and not at)]

    def _of_text(self, spelled: str) -> list[int]:
        """Token ids of a control token's text, none of which is a control token."""
        if spelled not in self._known:
            ids = self._within(self._plain, spelled)
            if not set(self._ids.values()).isdisjoint(ids):
                ids = [i for c in spelled for i in self._within(self._plain, c)]
            self._known[spelled] = ids
        return self._known[spelled]

    @staticmethod
    def _within(encode: Callable[[str], list[int]], text: str) -> list[int]:
        """Token ids of a text that is not the first: some tokenizers put a space before that."""
        before, whole = encode(_BEFORE), encode(_BEFORE + text)
        return whole[len(before) :] if whole[: len(before)] == before else encode(text)

    @cached_property
    def _plain(self) -> Callable[[str], list[int]]:
        """Encodes as if there were no added tokens at all."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return lambda text: list(
                self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
            )
        described = json.loads(backend.to_str())
        described["added_tokens"] = []
        described["post_processor"] = None
        made = type(backend).from_str(json.dumps(described))
        return lambda text: list(made.encode(text, add_special_tokens=False).ids)
