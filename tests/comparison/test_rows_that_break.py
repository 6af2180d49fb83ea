"""Whatever one row's input, output or score brings about, no other row is harmed and the run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import adaptkit as ak
from adaptkit.core.errors import AnswerError, ScoringError
from adaptkit.core.results import Record
from adaptkit.core.types import Completion, Prediction, Prompt, Usage
from adaptkit.metrics import METRICS, Answer, Score, names, score
from adaptkit.strategies.choosing import score_of

BAD = "row 7"
LONG = 60_000


def task(kind: str = "structured", metrics: Sequence[str] = ("json_exact",), **fields: Any) -> ak.Task:
    target = '{"amount": 5}' if kind == "structured" else "5"
    rows = tuple(ak.Example(id=f"r{i}", input=f"row {i}", target=target) for i in range(12))
    fields = {"train": rows[10:], "validation": (), **fields}
    return ak.Task(name="t", kind=kind, instruction="x", metrics=tuple(metrics), test=rows[:10], **fields)  # type: ignore[arg-type]


def compared(
    tmp_path: Path, given: ak.Task, output: str, strategy: ak.Strategy | None = None
) -> tuple[Any, list[Record]]:
    def answer(request: Any) -> str:
        right = given.test[0].target
        return output if request.prompt.input == BAD else right

    result = ak.compare(
        [strategy or ak.PromptEngineering()],
        given,
        model=ak.FakeModel(answer),
        out=tmp_path,
        baselines=False,
        leakage="off",
        noise_floor=False,
    )
    return result, list(ak.load_comparison(tmp_path).records())


@pytest.mark.parametrize(
    "output",
    [
        '{"amount": 1' + "0" * 300 + "}",
        '{"amount": 1' + "0" * 5_000 + "}",
        '{"amount": 1e308}',
        '{"amount": NaN}',
        '{"amount": -Infinity, "b": 1e999}',
        "[" * 5_000,
        '{"a":' * 400 + "1" + "}" * 400,
        "half \ud800 a pair",
        '{"amount": "\\ud800"}',
        '{"\\udfff": "\udc00"}',
        "\x00\x1b[31m",
        '{"word": "' + "a" * 3_000 + '!"}',
        "```" + " " * LONG,
        " " * LONG + "x",
    ],
    ids=range(14),
)
def test_one_output_counts_as_wrong_and_the_others_as_they_are(tmp_path: Path, output: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "multipleOf": 0.01},
            "word": {"type": "string", "pattern": "^(a+)+$"},
        },
    }
    result, records = compared(
        tmp_path, task(metrics=("json_exact", "slot_f1", "json_valid"), schema=schema), output
    )
    (row,) = result.rows
    assert (row.status, row.n, row.quality) == ("done", 10, pytest.approx(0.9))
    by_id = {r.example_id: r for r in records}
    assert by_id["r7"].scores["json_exact"] == 0
    assert all(by_id[f"r{i}"].scores["json_exact"] == 1 for i in range(10) if i != 7)
    if any("\ud800" <= c <= "\udfff" for c in output):
        result.report(tmp_path / "report.html")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "unit",
    [" ", "\n", "1", "1,", "1.1", "- ", "[", "[1]", '{"a":', "```", "`` ", "a ", "\u00e9", "the answer: "],
)
def test_a_long_output_is_scored_in_bounded_time(name: str, unit: str) -> None:
    output = unit * (LONG // len(unit)) + "x"
    row = ak.Example(id="1", input="?", target="5", gold_documents=("d",))
    started = time.process_time()
    score(name, Answer(output=output, example=row, labels=("5", "no")))
    assert time.process_time() - started < 20


def broken(answer: Answer) -> Score:
    if "bad" in answer.output:
        raise ZeroDivisionError("division by zero")
    return Score.same(1.0)


def out_of_range(answer: Answer) -> Score:
    return Score.same(float("nan") if "bad" in answer.output else 1.0)


def no_score(answer: Answer) -> Any:
    return None if "bad" in answer.output else Score.same(1.0)


@pytest.mark.parametrize("metric", [broken, out_of_range, no_score])
@pytest.mark.parametrize("first", [True, False])
def test_a_metric_that_raises_marks_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: Any, first: bool
) -> None:
    monkeypatch.setattr(METRICS, "_added", {"own": metric})
    chosen = ("own", "contains") if first else ("contains", "own")
    result, records = compared(tmp_path, task("qa", chosen), "bad 5")
    (row,) = result.rows
    assert (row.status, row.n, row.n_errors) == ("done", 10, 1)
    assert row.quality == pytest.approx(0.9 if first else 1.0)
    (failed,) = (r for r in records if r.error)
    assert failed.example_id == "r7"
    assert failed.error is not None
    assert failed.error["type"] == "ScoringError"
    assert "'own'" in failed.error["message"]
    assert (failed.scores["own"], failed.scores["contains"], failed.output) == (0, 1, "bad 5")
    with pytest.raises(ScoringError, match="'own'"):
        score("own", Answer(output="bad", example=ak.Example(id="1", input="?", target="5")))
    predictions = [
        Prediction(output=o, finish_reason="stop", usage=Usage(tokens_in=1, tokens_out=1))
        for o in ("5", "bad")
    ]
    assert score_of(predictions, task("qa", ("own",)).test[:2], task("qa", ("own",))) == 0.5


@dataclass(kw_only=True)
class Fragile(ak.Strategy):
    """Fails on one input, at the place named."""

    name: ClassVar[str] = "fragile"
    place: str = "decide"

    def instruction(self, task: ak.Task) -> str:
        return "x"

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        if self.place == "extend" and any(p.input == BAD for p in prompts):
            raise RecursionError("maximum recursion depth exceeded")
        return list(prompts)

    def decide(self, completion: Completion) -> str:
        if completion.text == "bad":
            if self.place == "decide":
                raise KeyError("label")
            if self.place == "type":
                return None  # type: ignore[return-value]
        return completion.text

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        found = super().ask(prompts, looked_up_s)
        if self.place == "count" and any(p.input == BAD for p in prompts):
            return found[:-1]
        if self.place == "calls":
            calls = (
                {"name": "f", "arguments": {"x": float("nan"), "y": {1, 2}, "z": object(), "s": "\ud800"}},
            )
            return [replace(p, tool_calls=calls) for p in found]
        return found


@pytest.mark.parametrize("place", ["decide", "extend", "type", "count"])
def test_a_strategy_that_raises_on_one_input_loses_that_one(tmp_path: Path, place: str) -> None:
    result, records = compared(tmp_path, task("qa", ("exact_match",)), "bad", Fragile(place=place))
    (row,) = result.rows
    assert (row.status, row.n, row.n_errors, row.quality) == ("done", 10, 1, pytest.approx(0.9))
    (failed,) = (r for r in records if r.error)
    assert failed.example_id == "r7"
    assert failed.error is not None
    assert failed.error["type"] == "AnswerError"
    assert "fragile" in failed.error["message"]
    fitted = Fragile(place=place).fit(
        ak.FakeModel(lambda r: "bad" if r.prompt.input == BAD else "5"), task("qa")
    )
    with pytest.raises(AnswerError, match="fragile"):
        fitted.generate(BAD)
    assert [p.error is None for p in fitted.generate(["row 1", BAD, "row 2"])] == [True, False, True]


def test_what_no_file_takes_is_stored_as_text(tmp_path: Path) -> None:
    result, records = compared(tmp_path, task("qa", ("exact_match",)), "5", Fragile(place="calls"))
    assert result.rows[0].status == "done"
    assert len(records) == 10
    assert records[0].tool_calls[0]["name"] == "f"
    result.report(tmp_path / "report.html")


DEEP = '{"name":"f","parameters":' + '{"type":"object","properties":{"a":' * 100 + "{}" + "}}" * 100 + "}"
TOOL = '{"name":"f","parameters":{"type":"dict","properties":{"a":{"type":"int"}}}}'


@pytest.mark.parametrize(
    "described", [DEEP, DEEP * 3, TOOL.replace('"int"', '"int","pattern":"("'), TOOL[:-3], "{" * 5_000]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_one_input_that_describes_what_is_no_function(tmp_path: Path, described: str, split: str) -> None:
    call = json.dumps([{"name": "f", "arguments": {"a": 1}}])

    def rows(name: str, n: int) -> tuple[ak.Example, ...]:
        return tuple(
            ak.Example(
                id=f"{name}{i}",
                input=f"Functions: {described if (name, i) == (split, 5) else TOOL} Request {name} {i}",
                target=call,
            )
            for i in range(n)
        )

    given = replace(task(), train=rows("train", 12), test=rows("test", 20))
    result, _ = compared(tmp_path, given, call, ak.FunctionCalling())
    (row,) = result.rows
    assert row.status == "done", row.reason
    assert row.n == 20
    assert row.quality is not None
    assert row.quality >= 0.95
