"""What the terminal, Markdown, CSV, JSON and pandas show of invented results."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import CSV_COLUMNS, ComparisonResult, Row
from adaptkit.report import (
    console_table,
    csv_text,
    json_text,
    markdown_table,
    render_markdown,
    to_frame,
)
from adaptkit.report.cells import delta, duration, latency, quality, tokens, usd
from adaptkit.report.view import general_notes, task_views

EMPTY = ComparisonResult(rows=(), pairs=(), recommendation=(), manifest={})


@pytest.fixture(scope="module")
def result() -> ComparisonResult:
    return read_comparison(Path(__file__).parent / "invented")


def shown(result: ComparisonResult, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(console_table(result))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row_of(result: ComparisonResult, task: str, strategy: str) -> Row:
    return next(r for r in result.rows if (r.task, r.strategy) == (task, strategy))


def test_importing_the_package_loads_no_library() -> None:
    code = (
        "import sys, adaptkit.report, adaptkit.decision, adaptkit.costs;"
        "print([m for m in ('matplotlib','pandas','rich','jinja2','psutil','torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_at_100_columns_the_whole_table_fits(result: ComparisonResult) -> None:
    text = shown(result, 100)
    assert "…" not in text
    assert "No room" not in text
    assert max(map(len, text.splitlines())) <= 100
    line = next(line for line in text.splitlines() if line.startswith("▸ few-shot"))
    assert "98.3 % [91.1, 99.7]  +48 [37, 62] ▲  0.34/0.52   431/4  1.4 s" in line
    assert line.rstrip().endswith("<0.001  0.0087   60/0")


@pytest.mark.parametrize("width", [60, 80])
def test_narrow_terminals_lose_columns_and_say_which(result: ComparisonResult, width: int) -> None:
    text = shown(result, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "98.3 % [91.1, 99.7]" in text
    assert "No room here for: " in text


def test_unknown_prices_are_blank_and_the_reason_stands_below(result: ComparisonResult) -> None:
    text = shown(result, 100)
    line = next(line for line in text.splitlines() if line.startswith("▸ lora"))
    assert line.split("10m11s")[1].split() == ["120/0"]
    assert "Blank USD: e2e_slots lora ran on a GPU without a known price." in text


def test_what_did_not_run_stands_in_one_line_with_its_reason(result: ComparisonResult) -> None:
    lines = shown(result, 100).splitlines()
    assert "lora failed: TrainingError: the loss became NaN at step 40 of 150 (learning rate 0.01)" in lines
    assert lines.count("rag skipped: the task has no documents") == 2


def test_footnotes_say_how_the_numbers_were_made(result: ComparisonResult) -> None:
    text = " ".join(shown(result, 100).split())
    for part in (
        "60 test rows; 95 % intervals (Wilson interval). Mean over seeds: few-shot 3 and lora 3",
        "Between few-shot and lora, a true difference below 8 points would be missed on 60 rows",
        "percentile of 20 requests sent alone; p95 of so few is rough",
        "Completions cut off at the token limit: prompt 7.",
        "as of 2026-11. Source: AWS documentation",
        "Undecided, for now few-shot:",
        "weights were quantised to 4 bits",
    ):
        assert part in text


def test_names_in_square_brackets_are_no_markup(result: ComparisonResult) -> None:
    row = replace(row_of(result, "snips_intents", "prompt"), strategy="[red]k[/red]", task="[bold]t")
    text = shown(replace(result, rows=(row,), pairs=(), recommendation=()), 100)
    assert "[red]k[/red]" in text
    assert "[bold]t" in text


def test_several_models_are_told_apart(result: ComparisonResult) -> None:
    row = row_of(result, "snips_intents", "prompt")
    rows = (row, replace(row, model="other"))
    text = shown(replace(result, rows=rows), 100)
    assert "prompt (smollm2-135m-instruct)" in text
    assert "prompt (other)" in text


def test_nothing_measured_and_nothing_at_all(result: ComparisonResult) -> None:
    failed = row_of(result, "xquad_en", "lora")
    text = shown(replace(EMPTY, rows=(failed,)), 100)
    assert "lora failed: TrainingError" in text
    assert shown(EMPTY, 100).strip() == ""
    assert markdown_table(EMPTY) == "\n"
    assert len(to_frame(EMPTY)) == 0
    assert general_notes(EMPTY) == []


def test_a_manifest_without_entries_still_gives_notes(result: ComparisonResult) -> None:
    bare = replace(result, manifest={"hardware": {"gpu_name": "NVIDIA H200"}})
    assert any("no price is known for NVIDIA H200" in note for note in general_notes(bare))
    assert [view.baseline for view in task_views(bare)] == ["prompt"] * 3
    assert "95 % intervals. " in task_views(bare)[0].notes[0]


def test_markdown_has_a_row_a_strategy_and_escapes(result: ComparisonResult) -> None:
    text = markdown_table(result)
    assert "| **few-shot** | 98.3 % [91.1, 99.7] | +48 [37, 62] ▲ |" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in tables}) == 1
    assert "$" not in text  # two of them are a formula on GitHub
    odd = replace(row_of(result, "snips_intents", "prompt"), strategy="a|b<img>", reason=None)
    escaped = markdown_table(replace(result, rows=(odd,), pairs=(), recommendation=()))
    assert "a\\|b&lt;img>" in escaped


def test_report_md_puts_the_answer_first(result: ComparisonResult) -> None:
    text = render_markdown(result)
    lines = text.splitlines()
    assert lines[0] == "# Comparison of strategies"
    assert lines[2].startswith("- **snips_intents: Undecided, for now few-shot.** ")
    assert text.count("### Pairs") == text.count("### Latency and throughput") == 3
    assert '"platform": "Linux x86_64"' in text
    assert text.index("## snips_intents") < text.index("## xquad_en") < text.index("## Notes")


def test_csv_and_json_are_the_files(result: ComparisonResult) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(result))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 12
    assert json.loads(json_text(result))["rows"][1]["strategy"] == "few-shot"


def test_frame_has_numbers_where_numbers_belong(result: ComparisonResult) -> None:
    frame = to_frame(result)
    assert tuple(frame.columns) == CSV_COLUMNS
    assert frame["n"].dtype == "int64"
    assert {str(frame[c].dtype) for c in ("quality", "fit_usd", "break_even_requests")} == {"float64"}
    lora = frame[(frame.task == "e2e_slots") & (frame.strategy == "lora")].iloc[0]
    assert lora["fit_s"] == 611.0
    assert lora["fit_usd"] != lora["fit_usd"]  # NaN: unknown, not 0
    assert frame["break_even_requests"].isna().all()


def test_cells(result: ComparisonResult) -> None:
    row = row_of(result, "snips_intents", "prompt")
    assert (
        quality(replace(row, quality=0.9333, quality_low=0.841, quality_high=0.974)) == "93.3 % [84.1, 97.4]"
    )
    assert quality(replace(row, quality=0.5, quality_low=None)) == "50.0 %"
    assert quality(replace(row, quality=None, quality_low=None)) == ""
    assert (delta(row, "prompt"), delta(row, "other"), delta(row, None)) == ("baseline", "", "")
    worse = replace(row, n=500, delta=-0.0312, delta_low=-0.06, delta_high=-0.001, verdict="worse")
    assert delta(worse, "x") == "−3.1 [−6.0, −0.1] ▼".replace("−", "\N{MINUS SIGN}")  # noqa: RUF001
    assert latency(replace(row, p50_latency_s=None, p95_latency_s=None)) == ""
    assert latency(replace(row, p50_latency_s=12.6, p95_latency_s=0.0346)) == "13/0.035"
    assert tokens(replace(row, tokens_in=None, tokens_out=None)) == ""
    seconds = (None, 0.0, 0.04, 0.8, 9.96, 59.4, 59.6, 192.0, 3599.6, 3900.0)
    assert [duration(s) for s in seconds] == [
        "", "0 s", "0 s", "0.8 s", "10 s", "59 s", "1m00s", "3m12s", "1h00m", "1h05m",
    ]  # fmt: skip
    assert [usd(x) for x in (None, 0.0, 0.00123, 0.5, 1.0, 1234.5)] == [
        "", "0", "0.0012", "0.50", "1.00", "1,234.50",
    ]  # fmt: skip
    assert [usd(x, least=0.001) for x in (0.0, 0.0009, 0.001)] == ["0", "<0.001", "0.0010"]


def test_what_was_tried_on_validation_rows_is_told(result: ComparisonResult) -> None:
    tried = [
        {"config": {}, "score": 0.25, "seconds": 3.21, "tokens": 1200},
        {"config": {"k": 16}, "score": 0.5, "seconds": 4.0, "tokens": 2400},
    ]
    tuning = {"n_rows": 40, "chosen": {"k": 16}, "tried": tried}
    rows = [replace(r, fit_notes={"tuning": tuning}) if r.strategy == "few-shot" else r for r in result.rows]
    text = render_markdown(replace(result, rows=tuple(rows)))
    assert "Tuned on 40 validation rows among 2 configurations each." in text
    assert "| few-shot | as given | 25.0 % | 3.2 | 1,200 |  |" in text
    assert "| few-shot | k=16 | 50.0 % | 4.0 | 2,400 | ✓ |" in text
    assert "Tuning, on validation rows" not in render_markdown(result)
