"""Reasoning that a model writes before its answer, parted from the answer: one place for all strategies.

Models of many vendors reason between marks of their own. What stands there is no part of the answer: it is
neither scored nor parsed, its tokens are counted apart, and where it never ends there is no answer.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from adaptkit.core.codec import well_formed
from adaptkit.core.types import Completion, Request
from adaptkit.models.base import Model

# think, inner-monologue, deep_think, InnerThoughts, reasoning_content: a word for it, perhaps with others.
_NAME = (
    r"(?:\w+:)?(?!end)(?:[a-z]{1,12}[_-]){0,4}"
    r"(?:[a-z]{0,12}?(?:think|thinking|thoughts?|reasoning|monologue)|reason|reflect|reflection|rationale|analysis"
    r"|scratch_?pad|introspection|deliberation|ponder(?:ing)?|cot)"
    r"(?:[_-]?(?:content|process|steps?|block|trace|mode|fast(?:er)?))?\d?"
)
_L, _R = (
    r"(?:\\?<|&lt;|&#60;|\\u003c|\uff1c)\s?",
    r"(?:\s[^<>]{0,200}?)?\s?(?<!/)(?:\\?>|&gt;|&#62;|\\u003e|\uff1e)",
)
_BAR, _GAP = r"[|\uff5c]", r"[_\u2581 -]?"
_SPECIAL = (
    rf"<{_BAR}(?:(?:begin|start){_GAP}(?:of{_GAP})?)?{_NAME}(?:{_GAP}(?:start|begin))?{_BAR}>"
    rf"|\u25c1{_NAME}\u25b7|<\|channel>thought|<unused94>thought|<\|inner_prefix\|>"
)
# <think>, [THINK], ◁think▷, <|think|>, <|begin_of_thought|>, <|START_THINKING|>, <|channel>thought ...
OPENING = re.compile(
    rf"{_L}{_NAME}{_R}|\[{_NAME}\]|{_SPECIAL}|^\s*Here is my thought process:",
    re.IGNORECASE,
)
CLOSING = re.compile(
    rf"{_L}(?:\\?/\s?|end_of_|end_){_NAME}{_R}|\[/{_NAME}\]|\u25c1/{_NAME}\u25b7"
    rf"|<{_BAR}(?:/|end{_GAP}(?:of{_GAP})?){_NAME}{_BAR}>|<{_BAR}{_NAME}{_GAP}end{_BAR}>"
    r"|<channel\|>|<unused95>|<\|inner_suffix\|>|Here is my response:",
    re.IGNORECASE,
)
# Marks that no text has by chance open reasoning anywhere, others only where nothing stands before.
_UNMISTAKABLE = re.compile(rf"{_SPECIAL}|\W*(?:\w+[:_-])?think(?:ing)?\b.*", re.IGNORECASE | re.DOTALL)
# A fold of HTML or a fenced block is reasoning by what it says of itself; others are closed in the same way.
_SAYS = r"(?:reasoning|thinking|thoughts?)\b"
_FOLD_OPENING = (
    rf"<details\b[^<>]*\b{_SAYS}[^<>]*>|<details\b[^<>]*>\s*<summary>[^<>]{{0,40}}\b{_SAYS}[^<>]*</summary>"
)
_FOLD = re.compile(rf"({_FOLD_OPENING})(?:(?!<details).)*?(</details>|\Z)", re.IGNORECASE | re.DOTALL)
_FENCE_OPENING = rf"```(?:think|{_SAYS})[^\n]*\n"
_FENCE = re.compile(rf"\s*({_FENCE_OPENING}).*?(\n```|\Z)", re.IGNORECASE | re.DOTALL)
# Around the answer, and a mark that holds nothing.
_BOX = re.compile(rf"<\|(?:begin|end)_of_box\|>|{_L}{_NAME}\s?/>", re.IGNORECASE)
# gpt-oss: messages of the channels analysis and commentary, then one of the channel final; and what is left
# of them where a server drops the marks.
_HARMONY = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.IGNORECASE)
_HARMONY_END = re.compile(r"<\|(?:return|end|call)\|>")
_BARE_HARMONY = re.compile(
    r"\s*(?:assistant\s*)?analysis(?:(?=\W|[A-Z]).*?assistant\s*final|.*?assistantfinal)", re.DOTALL
)
# What some models put around the answer that follows their reasoning.
_AROUND = re.compile(
    r"\s*(?:<(answer|response|output|solution|final|final_answer)>(.*?)(?:</\1>\s*)?"
    r"|<\|(?:begin_of_solution|START_RESPONSE)\|>(.*?)(?:<\|(?:end_of_solution|END_RESPONSE)\|>\s*)?)",
    re.DOTALL | re.IGNORECASE,
)
MARKS = re.compile(
    rf"{OPENING.pattern}|{CLOSING.pattern}|{_FOLD_OPENING}|{_FENCE_OPENING}|<\|(?:channel|message|constrain|start|return|end)\|>",
    re.IGNORECASE,
)
"""A mark of reasoning, as a whole token or in a text."""


_AT_END = re.compile(rf"(<{_NAME}>|\[{_NAME}\]|\u25c1{_NAME}\u25b7)\s*\Z", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Parted:
    """A completion's text, parted.

    Attributes:
        answer: what is no reasoning.
        reasoning: the rest, its marks included; empty where there is none.
        is_open: whether the reasoning never ends.
    """

    answer: str
    reasoning: str = ""
    is_open: bool = False


def part(text: str) -> Parted:
    r"""Part a text into reasoning and answer.

    A closing mark without an opening one ends reasoning that the prompt opened.

    Examples:
        >>> part("<think>\nRome? No.\n</think>\n\nLima").answer, part("Rome? No.</think>Lima").answer
        ('Lima', 'Lima')
        >>> part("<think>Rome? Or"), part("Lima").reasoning
        (Parted(answer='', reasoning='<think>Rome? Or', is_open=True), '')
    """
    if "<|channel|>" in text:
        return _harmony(text)
    bare = _BARE_HARMONY.match(text)
    if bare is not None:
        return Parted(text[bare.end() :].strip(), text[: bare.end()])
    kept, reasoning, is_open = _outside(text)
    kept = _BOX.sub("", kept)
    if not reasoning:
        return Parted(kept)
    around = _AROUND.fullmatch(kept)
    answer = kept if around is None else (around[2] or around[3] or "")
    return Parted(answer.strip(), reasoning, is_open)


def _outside(text: str) -> tuple[str, str, bool]:
    """What stands outside all marks, what inside, and whether the last is not closed."""
    folds = [*_FOLD.finditer(text), *filter(None, [_FENCE.match(text)])]
    marks = sorted(
        [(m.start(), m.end(), 1) for m in OPENING.finditer(text)]
        + [(m.start(), m.end(), -1) for m in CLOSING.finditer(text)]
        + [(*m.span(1), 1) for m in folds]
        + [(*m.span(2), -1) for m in folds if m[2]]
    )
    last_closing = max((start for start, _, step in marks if step < 0), default=-1)
    kept, inside, depth, at, of_text, is_blank = "", "", 0, 0, 0, True
    for start, end, step in marks:
        if not depth:
            is_blank = is_blank and not text[at:start].strip()
        if step > 0 and not depth and not _opens(text, start, end, last_closing, is_first=is_blank):
            of_text, is_blank = of_text + 1, False  # a tag of the answer's own, and so is what closes it
            continue
        if step < 0 and not depth and of_text:
            of_text -= 1
            continue
        if depth or step < 0:
            if not depth:  # the prompt opened it: all before is reasoning
                inside, kept, is_blank = inside + kept, "", True
            inside += text[at:end]
        else:
            kept += text[at:start]
            inside += text[start:end]
        depth, at = max(0, depth + step), end
    rest = text[at:]
    return (kept, inside + rest, True) if depth else (kept + rest, inside, False)


def _opens(text: str, start: int, end: int, last_closing: int, *, is_first: bool) -> bool:
    """Whether what looks like an opening mark is one: answers hold tags and bracketed words, too."""
    is_closed = last_closing >= end
    unmistakable = _UNMISTAKABLE.match(text, start, end) is not None
    if is_first:
        return is_closed or unmistakable or text[start] != "["
    begins_line = text[max(0, start - 9) : start].rstrip(" \t").endswith("\n")
    return unmistakable and (is_closed or begins_line or text[start : start + 2] in ("<|", "<\uff5c"))


def _harmony(text: str) -> Parted:
    found = list(_HARMONY.finditer(text))
    if not found:
        return Parted("", text, is_open=True)
    start = found[-1].end()
    return Parted(_HARMONY_END.split(text[start:])[0].strip(), text[:start])


def closing_of(text: str) -> str | None:
    r"""The mark that closes the reasoning which a prompt opens at its end; None where it opens none.

    Examples:
        >>> closing_of("Hi\n<think>\n"), closing_of("[THINK]"), closing_of("Hi")
        ('</think>', '[/THINK]', None)
    """
    found = _AT_END.search(text)
    return None if found is None else f"{found[1][0]}/{found[1][1:]}"


def answer_start(text: str) -> int | None:
    """Where the answer starts in a text that is still being written; None within reasoning."""
    if MARKS.match(text.lstrip()) is None:
        return 0
    parted = part(text)
    return None if parted.is_open else len(parted.reasoning)


def holds_marks(texts: Iterable[str]) -> bool:
    """Whether texts that are meant as answers hold such marks themselves: then nothing is parted.

    Examples:
        >>> holds_marks(["Use <think> to reason."]), holds_marks(["Lima"])
        (True, False)
    """
    return any(OPENING.search(text) or CLOSING.search(text) for text in texts)


def completed(model: Model, requests: Sequence[Request], *, parts: bool = True) -> list[Completion]:
    """Have a model answer requests; its texts are answers, and such as a file takes.

    Args:
        model: what answers.
        requests: in order.
        parts: whether reasoning is parted from the answer.
    """
    return [_of_answer(c, model, parts=parts) for c in model.complete(requests)]


def _of_answer(completion: Completion, model: Model, *, parts: bool) -> Completion:
    text = well_formed(completion.text)
    parted = part(text) if parts and completion.choice_logprobs is None else Parted(text)
    if not parted.reasoning:
        return completion if text == completion.text else dataclasses.replace(completion, text=text)
    usage = completion.usage
    if not usage.tokens_reasoning:  # a provider that counts them knows better
        thought = min(model.count_tokens(parted.reasoning), usage.tokens_out)
        usage = dataclasses.replace(usage, tokens_reasoning=thought)
    return dataclasses.replace(
        completion,
        text=parted.answer,
        reasoning=parted.reasoning,
        finish_reason="length" if parted.is_open else completion.finish_reason,
        usage=usage,
    )
