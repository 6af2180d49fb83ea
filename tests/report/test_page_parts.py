"""The parts of the page: who may run what, its data, and the rows that it holds."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recorded import record

from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import ComparisonResult, Record
from adaptkit.report import render_html
from adaptkit.report.findings import PageData
from adaptkit.report.parts import MOST_BYTES_OF_ROWS, RULES, VIEW, as_inert, source
from adaptkit.report.rows_shown import LENGTHS, rows_data
from adaptkit.report.view import TaskView, task_views

TASK = "snips_intents"


@pytest.fixture(scope="module")
def result() -> ComparisonResult:
    return read_comparison(Path(__file__).parent / "invented")


@pytest.fixture(scope="module")
def view(result: ComparisonResult) -> TaskView:
    return next(v for v in task_views(result) if v.task == TASK)


def answered(strategy: str, row: str, **changes: Any) -> Record:
    values = {"target": "PlayMusic", "output": "PlayMusic", "scores": {"accuracy": 1.0}, **changes}
    return record(strategy=strategy, example_id=row, task=TASK, **values)


def data_in(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_only_the_scripts_and_the_style_of_the_page_may_run(result: ComparisonResult) -> None:
    page = render_html(result, [answered("prompt", "r1")])
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="(.*?)"', page)[0])
    texts = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(
        r"<style>(.*?)</style>", page, re.S
    )
    assert len(texts) == 3
    hashes = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts}
    assert set(re.findall(r"'sha256-(.*?)'", policy)) == hashes
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r'\son[a-z]+="|\sstyle="', page)


def test_a_page_with_nothing_that_moves_may_run_nothing(result: ComparisonResult) -> None:
    page = render_html(result)
    assert "script-src &#39;none&#39;" in page
    assert "<script" not in page
    assert "noscript" not in page


def test_data_end_no_element_and_equal_data_are_equal_text(result: ComparisonResult) -> None:
    text = as_inert({"b": "</script><!--", "a": 1})
    assert text == '{"a":1,"b":"\\u003c/script>\\u003c!--"}'
    evil = answered("prompt", "</script>", output="</script><script>alert(1)</script>", contexts=())
    page = render_html(result, [evil])
    assert data_in(page)[0]["rows"]["rows"][0]["answers"][0]["output"] == evil.output
    assert page.count("<script") == page.count("</script>") == 3
    assert render_html(result, [evil]) == page


def test_functions_of_the_page_have_names_of_their_own() -> None:
    names = re.findall(r"^(?:function|const|let) (\w+)", source(*RULES, *VIEW), re.M)
    assert len(names) > 100
    assert [name for name, n in Counter(names).items() if n > 1] == []


def test_rows_hold_inputs_answers_and_passages_once(view: TaskView) -> None:
    passage = {"id": "d1#0", "document_id": "d1", "text": "play it", "score": 0.5, "title": "Music"}
    records = [
        answered("prompt", "r1", output="no", scores={"accuracy": 0.0}),
        answered("lora", "r1", contexts=(passage,)),
        answered("few-shot", "r2", contexts=(passage,)),
        answered("prompt", "r2", repeat=1),
        replace(answered("prompt", "r2"), task="elsewhere"),
    ]
    found = rows_data(view, records, {"r1": "play something"}, most_bytes=10_000)
    assert found is not None
    assert found["strategies"] == [row.strategy for row in view.ran]
    assert found["passages"] == [{"id": "d1#0", "text": "Music: play it"}]
    first, second = found["rows"]
    assert (first["id"], first["input"], second["input"]) == ("r1", "play something", None)
    by_name = dict(zip(found["strategies"], first["answers"], strict=True))
    assert by_name["prompt"] == {"output": "no", "score": 0.0, "failed": False, "passages": []}
    assert by_name["lora"]["passages"] == [0]
    assert by_name["few-shot"] is None
    assert dict(zip(found["strategies"], second["answers"], strict=True))["prompt"] is None


def test_errors_are_shown_as_such(view: TaskView) -> None:
    failed = answered("prompt", "r1", error={"type": "ModelError", "message": "timeout"}, output="")
    found = rows_data(view, [failed], {}, most_bytes=10_000)
    assert found is not None
    answer = found["rows"][0]["answers"][found["strategies"].index("prompt")]
    assert (answer["output"], answer["failed"]) == ("ModelError: timeout", True)


def test_a_thousand_long_rows_of_eight_strategies_stay_below_five_megabytes(
    result: ComparisonResult, view: TaskView
) -> None:
    names = [f"strategy-{i}" for i in range(8)]
    rows = tuple(replace(view.ran[0], strategy=name) for name in names)
    long = replace(result, rows=rows, pairs=(), recommendation=())
    records = [
        answered(
            name,
            f"r{i}",
            output=f"{i} {name} " * 90,
            contexts=({"id": f"d{i}#{k}", "text": f"{i} {k} " * 300},),
        )
        for i in range(1000)
        for k, name in enumerate(names)
    ]
    inputs = {f"r{i}": f"{i} " * 800 for i in range(1000)}
    page = render_html(long, records, {TASK: PageData(inputs=inputs)})
    assert len(page.encode()) < 5_000_000
    data = data_in(page)[0]["rows"]
    assert len(data["rows"]) == data["n_rows"] == 1000
    assert data["longest"] in LENGTHS[1:]
    assert data["rows"][0]["answers"][0]["output"].endswith(" …")


def test_rows_that_no_cut_makes_fit_are_counted(view: TaskView) -> None:
    records = [answered("prompt", f"row-{i}" * 20) for i in range(100)]
    found = rows_data(view, records, {}, most_bytes=10_000)
    assert found is not None
    assert len(json.dumps(found)) < MOST_BYTES_OF_ROWS
    assert 0 < len(found["rows"]) < found["n_rows"] == 100
