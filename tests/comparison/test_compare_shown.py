"""How what a comparison gives shows itself: in a notebook, printed, and with rich."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from planted import Shots, Words
from questions import make_task
from rich.console import Console

import adaptkit as ak
from adaptkit.comparison import Comparison
from adaptkit.core.types import Passage, Prediction, Request, Usage

EVIL = "<script>alert(1)</script> [bold red]x[/bold red] </pre> & \"'"
TAGS = {"div", "pre", "small", "details", "summary", "ul", "li"}


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Every second answer of one strategy is right, the others hostile."""

    def answer(request: Request) -> str:
        number = int(request.prompt.input.split()[1])
        right = request.prompt.instruction.startswith("few-shot") and number % 2
        return f"answer {number}" if right else EVIL

    folder = tmp_path_factory.mktemp("run")
    return ak.compare([Words(), Shots()], make_task(12), model=ak.FakeModel(answer), out=folder)


@pytest.fixture(scope="module")
def shown(comparison: Comparison) -> dict[str, Any]:
    return {
        "comparison": comparison,
        "recommendations": comparison.recommend(),
        "recommendation": comparison.recommend(ak.Requirements())[0],
        "recommendations for": comparison.recommend(ak.Requirements()),
        "causes": comparison.causes("few-shot"),
        "flips": comparison.flips("few-shot", "prompt"),
        "prediction": prediction(),
        "failed": Prediction.failed(ValueError(EVIL)),
        "advice": ak.advise(task=make_task(12)),
    }


def prediction(**changes: Any) -> Prediction:
    values: dict[str, Any] = {
        "output": EVIL,
        "finish_reason": "stop",
        "usage": Usage(tokens_in=1431, tokens_out=4),
        "contexts": (Passage(id="d#0", document_id="d", text=EVIL, score=0.5),),
        "citations": ("d#0",),
        "tool_calls": ({"name": EVIL, "arguments": {"x": EVIL}, "result": EVIL},),
        "latency_s": 0.3456,
    }
    return Prediction(**{**values, **changes})


NAMES = (
    "comparison", "recommendations", "recommendation", "recommendations for", "causes", "flips", "prediction",
    "failed", "advice",
)  # fmt: skip


def with_rich(value: object) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(value)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Markup(HTMLParser):
    """The tags and the text of a fragment."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_it_and_no_output_becomes_markup(name: str, shown: dict[str, Any]) -> None:
    page = Markup(shown[name]._repr_html_())
    assert "script" not in page.tags
    assert {"div", "h3", "table", "pre"} & set(page.tags)
    if name in {"prediction", "failed"}:
        assert set(page.tags) <= TAGS
        assert EVIL in page.text


@pytest.mark.parametrize("name", NAMES)
def test_it_is_printed_as_text_and_not_as_python(name: str, shown: dict[str, Any]) -> None:
    text = str(shown[name])
    assert not any(f"{name}=" in text for name in ("strategy", "tied", "finish_reason", "rows", "gained"))
    assert text.strip()


@pytest.mark.parametrize("name", NAMES)
def test_rich_says_the_same_words_and_takes_no_output_for_its_own_marks(
    name: str, shown: dict[str, Any]
) -> None:
    printed = words(with_rich(shown[name]))
    assert printed
    if "[bold red]x[/bold red]" in str(shown[name]):
        assert "[bold red]x[/bold red]" in with_rich(shown[name]).replace("\n", "") or "[bold" in printed
    # Frames and wrapping aside, in another order where columns are folded.
    told = [w for w in words(str(shown[name])) if w.isalpha() and len(w) > 3]
    missing = [w for w in told if w not in set(printed) and w not in "".join(printed)]
    assert len(missing) <= 0.02 * len(told), missing[:10]


def words(text: str) -> list[str]:
    return text.split()


def test_the_outputs_that_are_shown_are_hostile(shown: dict[str, Any]) -> None:
    """Otherwise the tests above would prove nothing."""
    for name in ("causes", "flips", "prediction", "failed"):
        assert "alert(1)" in str(shown[name]), name
        assert "alert(1)" in Markup(shown[name]._repr_html_()).text, name


def test_a_comparison_is_named_in_one_line(comparison: Comparison) -> None:
    text = repr(comparison)
    assert text == f"Comparison(2 strategies on 1 task, folder={str(comparison.folder)!r})"
    assert str(comparison).startswith("questions\n")
    assert "few-shot" in str(comparison)


def test_recommendations_are_a_tuple_all_the_same(comparison: Comparison) -> None:
    found = comparison.recommend()
    assert found == comparison.result.recommendation
    assert isinstance(found, tuple)
    assert [r.task for r in found] == ["questions"]
    assert str(found).startswith(f"questions: {title(found[0])}")
    assert str(type(found)()) == "No task was compared.\n"


def title(found: Any) -> str:
    return f"take {found.strategy}" if found.strategy else f"undecided; for now {found.for_now}"


def test_a_prediction_tells_its_tokens_seconds_passages_and_calls() -> None:
    assert str(prediction(output="blue", tool_calls=())).splitlines() == [
        "blue",
        "[complete; 1,431 tokens in, 4 out; 0.346 s]",
        f"d#0 (0.50, cited): {EVIL}",
    ]
    bare = prediction(output="blue", contexts=(), citations=(), tool_calls=(), latency_s=None)
    assert str(bare) == "blue\n[complete; 1,431 tokens in, 4 out]"
    assert "<details>" not in bare._repr_html_()
    assert "1 passages, 1 calls" in Markup(prediction()._repr_html_()).text
    assert str(Prediction.failed(ValueError("no"))) == "ValueError: no\n[failed]"


def test_flips_show_the_first_rows_of_each_side(comparison: Comparison) -> None:
    text = comparison.flips("few-shot", "prompt").to_text(width=200)
    assert "6 rows gained, 0 lost, 6 with the same score." in text
    assert "Gained by few-shot (the first 5 of 6)" in text
    assert "Lost by" not in text
    assert len([line for line in text.splitlines() if line.startswith("row")]) == 1 + 5
    assert "Lost by prompt (the first 5 of 6)" in comparison.flips("prompt", "few-shot").to_markdown()


def test_what_prints_as_text_is_printed_by_rich_as_it_stands(tmp_path: Path) -> None:
    made = ak.compare(
        [Shots()],
        [make_task(6, n_train=8).with_train(n, seed=0) for n in (4, 8)],
        model=ak.FakeModel(lambda r: "x"),
        out=tmp_path,
    )
    curves = ak.LearningCurves.of(made)
    assert str(curves) == curves.to_text()
    assert words(with_rich(curves)) == words(curves.to_text())
