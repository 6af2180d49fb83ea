"""How values show themselves in a terminal and in a notebook: what models wrote is text, never markup."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from adaptkit.core.shorten import shorten

if TYPE_CHECKING:
    from rich.text import Text

    from adaptkit.core.types import Passage, Prediction

_LONGEST = 200


class ShownAsText:
    """Prints as ``to_text()`` has it, plainly and with rich."""

    def to_text(self) -> str:
        """Return it as plain text."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.to_text()

    def __rich__(self) -> Text:
        # rich is loaded by whoever asks for this.
        from rich.text import Text

        return Text(self.to_text().rstrip("\n"))


def prediction_text(p: Prediction) -> str:
    """The answer, or why there is none; below it how it ended, tokens, seconds, passages and calls."""
    return "\n".join([_answer(p), f"[{'; '.join(_facts(p))}]", *_passages(p), *_calls(p)])


def prediction_html(p: Prediction) -> str:
    """The same for a notebook, passages and calls folded."""
    color = ' style="color:#b00020"' if p.error else ""
    answer = f"<pre{color}>{html.escape(_answer(p)) or '(empty)'}</pre>"
    folded = [*_passages(p), *_calls(p)]
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in folded)
    details = f"<details><summary>{_titled(p)}</summary><ul>{lines}</ul></details>" if folded else ""
    return f"<div>{answer}<small>{html.escape('; '.join(_facts(p)))}</small>{details}</div>"


def _answer(p: Prediction) -> str:
    return f"{p.error.type}: {p.error.message}" if p.error else p.output


def _facts(p: Prediction) -> Iterator[str]:
    yield {"stop": "complete", "length": "cut off", "choice": "chosen", "error": "failed"}[p.finish_reason]
    if p.error is None:
        yield f"{p.usage.tokens_in:,} tokens in, {p.usage.tokens_out:,} out"
    if p.latency_s is not None:
        yield f"{p.latency_s:.3g} s"


def _titled(p: Prediction) -> str:
    parts = [(len(p.contexts), "passages"), (len(p.tool_calls), "calls")]
    return ", ".join(f"{n} {name}" for n, name in parts if n)


def _passages(p: Prediction) -> list[str]:
    return [_passage(passage, passage.id in p.citations) for passage in p.contexts]


def _passage(passage: Passage, cited: bool) -> str:
    mark = ", cited" if cited else ""
    return f"{passage.id} ({passage.score:.2f}{mark}): {_cut(passage.text)}"


def _calls(p: Prediction) -> list[str]:
    return [_call(call) for call in p.tool_calls]


def _call(call: Mapping[str, object]) -> str:
    result = call.get("error") or call.get("result")
    return _cut(f"{call.get('name')}({call.get('arguments')}) = {result}")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return shorten(line, _LONGEST)
