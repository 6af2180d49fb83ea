"""The HTML page, its fragment for notebooks, and the figure."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import ComparisonResult, Record
from adaptkit.report import html_table, plot, render_html

VOID = {"meta", "line", "circle", "br"}


@pytest.fixture(scope="module")
def result() -> ComparisonResult:
    return read_comparison(Path(__file__).parent / "invented")


def record(strategy: str, example: str, output: str, score: float, task: str = "snips_intents") -> Record:
    return Record(
        trial="t", strategy=strategy, task=task, example_id=example, seed=0, output=output,
        target="PlayMusic", contexts=(), tool_calls=(), finish_reason="stop", tokens={}, retrieve_s=None,
        first_token_s=None, latency_s=None, batch_size=1, batch_s=None,
        cost_usd=None, scores={"accuracy": score}, error=None,
    )  # fmt: skip


class Page(HTMLParser):
    """Collects tags and text, and checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def count(self, tag: str, **attributes: str) -> int:
        return sum(t == tag and attributes.items() <= a.items() for t, a in self.tags)


def test_the_page_needs_nothing_else(result: ComparisonResult) -> None:
    page = Page(render_html(result))
    assert page.count("script") == page.count("link") == page.count("img") == 0
    links = [a for _, a in page.tags for name in ("src", "href") if name in a]
    assert all((a.get("href") or "").startswith("#") for a in links)
    assert "url(" not in render_html(result)
    assert "prefers-color-scheme: dark" in render_html(result)


def test_the_page_puts_recommendations_first(result: ComparisonResult) -> None:
    page = Page(render_html(result))
    order = [page.texts.index(t) for t in ("Undecided, for now few-shot", "Take rag", "Take lora", "Notes")]
    assert order == sorted(order)
    assert page.texts.index("Take lora") < page.texts.index("98.3 % [91.1, 99.7]")
    targets = {a["href"] for tag, a in page.tags if tag == "a"}
    assert targets == {"#answers", "#task-1", "#task-2", "#task-3"}
    assert targets <= {f"#{a['id']}" for _, a in page.tags if "id" in a}


def test_the_page_shows_each_task(result: ComparisonResult) -> None:
    page = Page(render_html(result))
    # Each chart twice: for a wide window, and for a phone.
    assert page.count("svg", role="img") == 6
    assert page.count("circle") == 18
    assert page.count("circle", **{"class": "mark chosen"}) == 6
    assert page.count("tr", **{"class": "chosen"}) == 3
    assert page.texts.count("Pairs") == page.texts.count("Strict and lenient scores") == 3
    assert page.texts.count("Latency and throughput") == 3
    assert "Examples" not in page.texts
    assert (
        page.texts.count("failed: TrainingError: the loss became NaN at step 40 of 150 (learning rate 0.01)")
        == 1
    )


def test_examples_stand_side_by_side_those_that_differ_first(result: ComparisonResult) -> None:
    records = [
        record("prompt", "same", "PlayMusic", 1.0),
        record("few-shot", "same", "PlayMusic", 1.0),
        record("prompt", "differ", "music?", 0.0),
        record("few-shot", "differ", "PlayMusic", 0.5),
        replace(record("lora", "differ", "", 0.0), error={"type": "ModelError", "message": "timeout"}),
        record("prompt", "other-task", "x", 0.0, task="elsewhere"),
    ]
    texts = Page(render_html(result, records)).texts
    start = texts.index("Examples")
    assert texts[start + 1] == "Examples, snips_intents"
    assert texts[start + 2 : start + 7] == ["row", "target", "prompt", "few-shot", "lora"]
    cells = ["differ", "PlayMusic", "✗ music?", "0.50 PlayMusic", "✗ ModelError: timeout", "same"]
    assert texts[start + 7 : start + 13] == cells
    assert "other-task" not in texts


def test_nothing_that_a_model_says_becomes_markup(result: ComparisonResult) -> None:
    evil = "<script>alert(1)</script>\"'&"
    rows = tuple(replace(r, strategy=evil, task=evil, metric=evil, reason=evil) for r in result.rows[:3])
    odd = replace(result, rows=rows, pairs=(), recommendation=(), manifest={"x": evil})
    examples = [replace(record(evil, "1", evil, 0.0, task=evil), target=evil)]
    for text, n_scripts in ((render_html(odd), 0), (render_html(odd, examples), 3), (html_table(odd), 0)):
        page = Page(text)
        assert page.count("script") == n_scripts
        assert any(evil in t for t in page.texts)
        assert text.count("alert(1)</script>") == 0


def test_the_fragment_is_no_page_of_its_own(result: ComparisonResult) -> None:
    page = Page(html_table(result))
    assert page.tags[0][0] == "div"
    assert page.count("html") == page.count("body") == 0
    assert page.count("table") == 3
    assert "Undecided, for now few-shot" in page.texts


def test_an_empty_result_is_still_a_page() -> None:
    empty = ComparisonResult(rows=(), pairs=(), recommendation=(), manifest={})
    assert "Comparison of strategies" in Page(render_html(empty)).texts
    Page(html_table(empty))


def test_the_figure_shows_quality_beside_latency(result: ComparisonResult, tmp_path: Path) -> None:
    figure = plot(result)
    assert len(figure.axes) == 6
    left, right = figure.axes[:2]
    assert [t.get_text() for t in left.get_yticklabels()] == ["prompt", "few-shot", "lora"]
    assert left.get_ylim() == (2.5, -0.5)  # the table's order, top to bottom
    assert right.get_xscale() == "log"
    filled = [
        line for line in left.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "white"
    ]
    assert [np.asarray(line.get_xdata()).tolist() for line in filled] == [pytest.approx([59 / 60])]
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_figure_bears_gaps(result: ComparisonResult, tmp_path: Path) -> None:
    rows = tuple(
        replace(r, p50_latency_s=None, p95_latency_s=None, quality_low=None, quality_high=None)
        for r in result.rows
        if r.task == "snips_intents"
    )
    plot(replace(result, rows=rows)).savefig(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").count("not measured") >= 1
    plot(replace(result, rows=())).savefig(tmp_path / "b.svg")


def test_plotting_leaves_pyplot_alone() -> None:
    code = (
        "import sys; from pathlib import Path; from adaptkit.core.result_io import read_comparison;"
        "from adaptkit.report import plot; plot(read_comparison(Path(sys.argv[1])));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    folder = Path(__file__).parent / "invented"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
