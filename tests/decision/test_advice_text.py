"""An advice as Markdown, plain text and HTML: what an engineer would forward."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

from hypothesis import given, settings
from situations import models, near_rules, requirements, routing, rows

from adaptkit.decision.advise import advise
from adaptkit.decision.requirements import Requirements


def sections(markdown: str) -> dict[str, str]:
    parts = markdown.split("\n## ")[1:]
    return {head: body for head, _, body in (part.partition("\n") for part in parts)}


def test_the_worked_example_reads_as_a_break_even() -> None:
    required = Requirements(
        missing="format",
        examples_now=500,
        requests_per_month=100_000,
        usd_per_request_prompted=0.00039,
        usd_per_request_tuned=0.00018,
        usd_to_tune=1.35,
    )
    markdown = advise(required).to_markdown()
    assert (
        "Tuning pays from 6,429 requests in all on; 1,200,000 are expected in 12 months: it pays" in markdown
    )
    cached = advise(required.with_values(usd_per_request_prompted=0.00024))
    assert "Tuning pays from 22,500 requests" in cached.to_markdown()
    never = advise(required.with_values(usd_per_request_prompted=0.00012))
    assert "on price tuning never pays" in never.to_markdown()
    assert (cached.first, never.first) == ("lora", "few-shot")


def test_an_advice_says_what_why_how_sure_and_what_next() -> None:
    found = advise(Requirements(missing="knowledge", examples_now=200, margin=0.05)).to_markdown()
    assert found.startswith("# First hypothesis: rag\n")
    parts = sections(found)
    assert list(parts) == [
        "Why rag",
        "Before you start",
        "Order of hypotheses",
        "Not worth trying now",
        "Plan",
        "What would change this",
        "The other reasons",
        "Sources, and the rules that rest on them",
    ]
    assert "controlled study" in parts["Why rag"]
    assert "GEK as reported" in parts["Why rag"]
    assert "*Measure* prompt, retrieved and given passages" in parts["Why rag"]
    assert "**Confirmed** if `rag` beats `prompt`, `few-shot` and `lora` by more than 5 points" in found
    assert "| 1 | `rag` | +2 | R4 +2 |" in parts["Order of hypotheses"]
    assert "The prompt runs all the same" in parts["Not worth trying now"]
    assert "626 test rows" in parts["Plan"]
    assert "(as reported by secondary sources: R4)" in parts["Sources, and the rules that rest on them"]


@settings(max_examples=50)
@given(near_rules | requirements, models)
def test_each_reason_stands_in_full_once_and_each_name_is_explained(
    required: Requirements, model_parameters: float | None
) -> None:
    advice = advise(required, model_parameters=model_parameters)
    markdown = advice.to_markdown()
    reasons = {r.rule: r for h in advice.hypotheses for r in (*h.because, *h.against)}
    reasons |= {r.rule: r for x in advice.not_worth_trying for r in x.because}
    reasons |= {r.rule: r for r in advice.warnings}
    for reason in reasons.values():
        assert markdown.count(reason.text) == 1, reason.rule
        for citation in reason.sources:
            assert f"**{citation.key}**: {citation.reference}" in markdown


def test_plain_text_has_no_marks_and_keeps_to_its_width() -> None:
    text = advise(Requirements(missing="both", examples_now=300)).to_text(80)
    assert "**" not in text
    assert "`" not in text
    prose = [line for line in text.splitlines() if "arXiv" not in line and "docs." not in line]
    tables = [line for line in prose if "  " in line.strip()]
    assert max(len(line) for line in prose if line not in tables) <= 80
    assert "First hypothesis: rag+lora\n=====" in text


class Tags(HTMLParser):
    """Counts tags that are opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_closed_tags_and_no_names_as_markup() -> None:
    task = dataclasses.replace(routing(train=rows(300, "ab")), name="<script>x</script>")
    html = advise(task=task)._repr_html_()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert {"h3", "table", "li", "b", "code", "i"} <= tags.seen
    assert "script" not in tags.seen
    assert "&lt;script&gt;" in html
    assert "<script" not in advise(task=task).to_markdown()
