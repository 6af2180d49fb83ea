"""A very small grammar for hand-written sentence shapes.

``[a|b]`` is a choice, ``<slot>`` is a value, ``{ ... }`` is a part that is kept only
when every slot inside it has a value.

>>> expand("[Bring|Send] <n> chairs{ on <day>}.", {"n": "4"}, random.Random(0))
'Send 4 chairs.'
"""

import random
import re
from collections.abc import Callable, Mapping

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"<(\w+)>")
_OPTIONAL = re.compile(r"\{([^{}]*)\}")


def slot_names(shape: str) -> list[str]:
    """Names of the slots of a shape, in order of first use."""
    return list(dict.fromkeys(_SLOT.findall(shape)))


def choose(shape: str, rng: random.Random) -> str:
    """Settle every ``[a|b]``, innermost first."""
    while _CHOICE.search(shape):
        shape = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), shape, count=1)
    return shape


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with a value in each slot."""
    return _SLOT.sub(lambda match: values[match.group(1)], text)


def expand(shape: str, values: Mapping[str, str], rng: random.Random) -> str:
    """Settle choices, drop optional parts that lack a value, fill the slots."""

    def keep(match: re.Match[str]) -> str:
        part = match.group(1)
        return part if all(values.get(name) for name in _SLOT.findall(part)) else ""

    settled = _OPTIONAL.sub(keep, choose(shape, rng))
    return re.sub(r" {2,}", " ", fill(settled, values)).strip()


def capitalised(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def fold(text: str) -> str:
    """Case and space folded, as duplicates are compared."""
    return " ".join(text.casefold().split())


def unfinished(sentence: str) -> bool:
    """Whether a sentence lacks its full stop or other end mark."""
    return not sentence.rstrip().endswith((".", "!", "?", ")"))


def swap_letters(word: str, rng: random.Random) -> str:
    """Two neighbouring inner letters exchanged."""
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def drop_letter(word: str, rng: random.Random) -> str:
    """One inner letter left out."""
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


_SLIPS: tuple[Callable[[str, random.Random], str], ...] = (swap_letters, drop_letter)
_SHORT = {
    "please": "pls", "because": "cos", "tomorrow": "tmrw", "you": "u", "your": "ur",
    "delivery": "delvry", "collection": "collectn", "and": "&", "number": "no.",
    "weekend": "wkend", "morning": "am", "received": "recieved", "definitely": "definately",
    "booking": "bkg", "deposit": "dep", "invoice": "inv",
}  # fmt: skip


def mistype(text: str, rng: random.Random) -> str:
    """Text as typed in a hurry: one slip, some short forms, at times no capitals."""
    words = text.split(" ")
    plain = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()]
    if plain:
        at = rng.choice(plain)
        words[at] = rng.choice(_SLIPS)(words[at], rng)
    words = [_SHORT.get(word, word) if rng.random() < 0.5 else word for word in words]
    joined = " ".join(words)
    return joined.lower() if rng.random() < 0.3 else joined
