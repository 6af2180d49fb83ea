"""The causes of a strategy's wrong answers as a short document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from adaptkit.core.shorten import shorten
from adaptkit.decision.blocks import Block, Bullets, Heading, Paragraph, TextTable
from adaptkit.decision.cause_of import CauseName
from adaptkit.decision.wording import digits_for, percent, points
from adaptkit.metrics import is_row_mean

if TYPE_CHECKING:
    from adaptkit.decision.causes import Cause, Causes, WrongAnswer

MEANING: Mapping[CauseName, str] = {
    "error": "the row raised an error",
    "refused": "the model declined to answer",
    "truncated": "the answer was cut off at the token limit",
    "empty": "the answer is empty",
    "format": "the answer is not in the form asked for",
    "retrieval_miss": "what holds the answer is not among the passages",
    "passage_ignored": "the passages were there, and the answer is the one given without any",
    "distracted": "the passages were there, and the answer is right with oracle passages only",
    "knowledge_missing": "the answer is right once passages are added",
    "wrong_reasoning": "the answer is wrong with oracle passages too",
    "unexplained": "wrong, and no control that was run tells why",
}
LONGEST = 80


def blocks(found: Causes) -> list[Block]:
    """Headline, sentence, table and examples."""
    digits = digits_for(found.n)
    made: list[Block] = [
        Heading(text=f"Why {found.strategy} is not right on {found.task}", level=1),
        Paragraph(text=_head(found, digits)),
        Paragraph(text=f"**Next lever**: {found.next_lever}"),
    ]
    if found.causes:
        made += [_table(found, digits), Heading(text="Examples"), _examples(found)]
    return made


def _head(found: Causes, digits: int) -> str:
    if not found.n:
        return f"No row has a score of {found.metric}."
    if not is_row_mean(found.metric):
        return (
            f"{_rows(found.n_right)} of {found.n} rows are right. {found.metric} is no mean over rows, so "
            "points below are shares of rows."
        )
    return f"{found.metric} {percent(found.quality, digits)} on {found.n} rows; {_rows(found.n_right)} right."


def _table(found: Causes, digits: int) -> TextTable:
    return TextTable(
        header=("Cause", "Rows", "Share", "Points lost", "Meaning"),
        rows=tuple(_line(cause, digits) for cause in found.causes),
    )


def _line(cause: Cause, digits: int) -> tuple[str, ...]:
    lost = points(cause.lost, digits).removeprefix("+")
    return _words(cause.name), _rows(cause.n), percent(cause.share, digits), lost, MEANING[cause.name]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _rows(n: float) -> str:
    """Rows are whole where each has one seed."""
    return f"{n:.1f}".removesuffix(".0")


def _examples(found: Causes) -> Bullets:
    return Bullets(lines=tuple(_example(c.name, e) for c in found.causes for e in c.examples))


def _example(name: str, answer: WrongAnswer) -> str:
    shown = f"; passages {', '.join(answer.passages)}" if answer.passages else ""
    return (
        f"{_words(name)}, {answer.example_id}: expected “{one_line(answer.target)}”, "
        f"got “{one_line(answer.output)}”{shown}"
    )


def one_line(text: str) -> str:
    """One line without marks that the document would take for its own."""
    line = " ".join(text.replace("*", "").replace("`", "").split())
    return shorten(line, LONGEST)
