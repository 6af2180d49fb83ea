"""How values show themselves: what models, files and callers wrote is text, never markup and no command.

A terminal obeys control characters, Markdown loads images, a spreadsheet works formulas out. Whatever is
written for one of them passes through one of the functions here (cells of a CSV: :mod:`core.files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from adaptkit.core.shorten import shorten

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    from adaptkit.core.types import Passage, Prediction

_LONGEST = 200


# C0 but for tabs and line ends, DEL, C1, line separators, what turns the direction of text, half surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\(?=[!-/:-@\[-`{-~])"), r"\\\\"),
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r"(?<=!)\[|(?<=\])[(\[:]"), r"\\\g<0>"),
)
_LINKS = ((re.compile(r"(?<=:)//"), r"\\//"), (re.compile(r"(?i)(?<=www)\."), r"\\."))


def escaped(character: str) -> str:
    r"""A character as JSON and most languages write it: ``\u001b``, of two parts above U+FFFF."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def visible(text: str) -> str:
    r"""Write control characters out, so that a terminal shows them instead of obeying.

    Tabs and line ends stay. JSON text stays JSON of the same value.

    Examples:
        >>> visible("a\x1b[31mb\u202e")
        'a\\u001b[31mb\\u202e'
    """
    return _CONTROLS.sub(lambda m: escaped(m[0]), text)


def as_markdown(text: str, *, links: bool = False) -> str:
    r"""Write a text on one line of Markdown: no image, link, reference or HTML comes of it.

    Args:
        text: what is written; emphasis and code in it stay.
        links: let bare addresses be links, for texts with sources.

    Examples:
        >>> as_markdown("![x](http://a) <img>")
        '!\\[x]\\(http:\\//a) &lt;img>'
    """
    line = visible(" ".join(text.split()))
    for pattern, replacement in (*_MARKUP, *(() if links else _LINKS)):
        line = pattern.sub(replacement, line)
    return line


def as_markdown_table(rows: Iterable[Iterable[str]], *, links: bool = False) -> str:
    """Write lines of cells as a Markdown table; the second line is that of dashes."""
    cells = [[as_markdown(str(cell), links=links).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def text_console(**options: Any) -> Console:
    """A console of rich on which texts are text: of all control sequences only rich's own are written."""
    from rich.console import Console
    from rich.segment import Segment

    class TextConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    return TextConsole(**options)


class ShownAsText:
    """Prints as ``to_text()`` has it, plainly and with rich."""

    def to_text(self) -> str:
        """Return it as plain text."""
        raise NotImplementedError

    def __str__(self) -> str:
        return visible(self.to_text())

    def __rich__(self) -> Text:
        # rich is loaded by whoever asks for this.
        from rich.text import Text

        return Text(str(self).rstrip("\n"))


def prediction_text(p: Prediction) -> str:
    """The answer, or why there is none; below it how it ended, tokens, seconds, passages and calls."""
    return visible("\n".join([_answer(p), f"[{'; '.join(_facts(p))}]", *_passages(p), *_calls(p)]))


def prediction_html(p: Prediction) -> str:
    """The same for a notebook, passages and calls folded."""
    import html  # its table of names takes longer to load than a command's help

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
