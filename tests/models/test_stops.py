from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spm import spm_tokenizer
from tiny import CORPUS, tiny_tokenizer

from adaptkit.models.local.stops import StopStrings

KINDS = ("llama", "qwen", "gemma", "base", "spm")
STOPS = (
    "\n",
    "\nInput:",
    "\n\n",
    " ",
    "a",
    "é",
    "…",
    "x…\n",
    "\U0001f600",
    "blue",
    ". ",
    "£2",
    "\ufffd",
    "\ufffd\ufffd",
    "<|im_end|>",
    "",
)
TEXTS = (*CORPUS, "\n\nblue\nInput: x", "Café…\n", "x…\n", "\U0001f600 £20", "  \n a", "\u4eac\n")


@cache
def tokenizer_of(kind: str) -> Any:
    return spm_tokenizer() if kind == "spm" else tiny_tokenizer(kind)


def naive(tokenizer: Any, stops: Sequence[str], generated: Sequence[int]) -> bool:
    """The whole text decoded and searched; a line break before the first word does not count."""
    text = tokenizer.decode(list(generated), skip_special_tokens=True)
    lead = len(text) - len(text.lstrip())
    return any(text.find(s, lead if s.isspace() else 0) >= 0 for s in stops if s)


@st.composite
def completions(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A tokenizer's name and tokens: of texts, and any tokens at all, bytes of half characters included."""
    kind = draw(st.sampled_from(KINDS))
    tokenizer = tokenizer_of(kind)
    anything = st.lists(st.integers(0, len(tokenizer) - 1), max_size=4)
    of_texts = st.sampled_from(TEXTS).map(lambda t: tokenizer.encode(t, add_special_tokens=False))
    of_bytes = st.text(st.sampled_from("ab é…\n\U0001f600"), max_size=4).map(
        lambda t: tokenizer.encode(t, add_special_tokens=False)
    )
    parts = draw(st.lists(st.one_of(anything, of_texts, of_bytes), max_size=6))
    return kind, [token for part in parts for token in part]


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(completions(), st.lists(st.sampled_from(STOPS), max_size=3))
def test_stop_is_seen_at_the_token_at_which_decoding_everything_sees_it(
    completion: tuple[str, list[int]], stops: list[str]
) -> None:
    kind, tokens = completion
    tokenizer = tokenizer_of(kind)
    watched = StopStrings(tokenizer, stops)
    for n in range(1, len(tokens) + 1):
        expected = naive(tokenizer, stops, tokens[:n])
        assert watched.reached(tokens[:n]) is expected
        assert (watched.cut(tokens[:n]) is not None) is expected
        if expected:
            return


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_decoded_only_where_a_stop_string_may_end(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tokenizer_of(kind)
    tokens = tokenizer.encode("The sky is blue. Which colour has it? " * 4, add_special_tokens=False)
    watched = StopStrings(tokenizer, ("\n", "\nInput:"))
    for n in range(1, len(tokens) + 1):
        assert not watched.reached(tokens[:n])
    decoded: list[list[int]] = []
    decode = type(tokenizer).decode

    def counted(self: Any, ids: list[int], **options: Any) -> str:
        decoded.append(ids)
        return str(decode(self, ids, **options))

    monkeypatch.setattr(type(tokenizer), "decode", counted)
    for n in range(1, len(tokens) + 1):
        assert not watched.reached(tokens[:n])
    assert decoded == []
    line_break = tokenizer.encode("a\n", add_special_tokens=False)[-1]
    assert watched.reached([line_break]) is False  # learns about the token
    decoded.clear()
    assert watched.reached([*tokens, line_break])
    assert decoded == [[*tokens, line_break]]


def test_line_break_stops_an_answer_only_after_its_first_word() -> None:
    tokenizer = tiny_tokenizer("llama")
    watched = StopStrings(tokenizer, ("\n",))
    ids = tokenizer.encode("\n\nblue\nred", add_special_tokens=False)
    assert watched.cut(ids) == "\n\nblue"
    assert watched.cut(ids[:2]) is None
    assert StopStrings(tokenizer, ("\nInput:",)).cut(tokenizer.encode("\nInput: x")) == ""


def test_tokenizer_that_tidies_up_spaces_is_decoded_at_every_token() -> None:
    """Two tokens " ." become "." : a stop string can come about where no token holds its end."""
    tokenizer = tiny_tokenizer("llama")
    tokenizer.clean_up_tokenization_spaces = True
    tokens = tokenizer.encode("blue .", add_special_tokens=False)
    watched = StopStrings(tokenizer, ("e.",))
    for n in range(1, len(tokens) + 1):
        assert watched.reached(tokens[:n]) is naive(tokenizer, ("e.",), tokens[:n])


def test_without_stop_strings_nothing_is_reached() -> None:
    tokenizer = tiny_tokenizer("llama")
    assert not StopStrings(tokenizer, ()).reached([1, 2])
    assert not StopStrings(tokenizer, ("",)).reached([1, 2])
    assert not StopStrings(tokenizer, ("\n",)).reached([])
