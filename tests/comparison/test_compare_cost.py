"""Seconds and USD: measured on requests sent alone, kept with the record, blank where unknown."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from planted import Shots, Words, planted_answer
from questions import make_task

import adaptkit as ak
from adaptkit import report
from adaptkit.comparison import Comparison, RunSettings, compare
from adaptkit.comparison.evidence import evidence_of
from adaptkit.core.types import Completion, Request
from adaptkit.costs import fixed_usd_per_hour, percentile, strategy_costs
from adaptkit.models.base import Model
from adaptkit.report.cells import significant

USD = ("fit_usd", "usd_per_1k_requests", "usd_per_correct", "break_even_requests")
N_ALONE = 10


class Clocked(ak.FakeModel):
    """Says of a single request that it took as many seconds as its row's number, half to the first token."""

    def __init__(self) -> None:
        super().__init__(planted_answer(lambda name, seed, row: row % (2 if name == "prompt" else 4) > 0))

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        completions = super().complete(requests)
        for request, completion in zip(requests, completions, strict=True):
            if len(requests) == 1:
                seconds = float(request.prompt.input.split()[1])
                object.__setattr__(completion, "latency_s", seconds)
                object.__setattr__(completion, "first_token_s", seconds / 2)
        return completions


def run(folder: Path, **options: object) -> Comparison:
    settings = ak.RunSettings(**{"latency_rows": N_ALONE, "usd_per_hour": 3.6, **options})  # type: ignore[arg-type]
    return compare([Words(), Shots()], make_task(40), model=Clocked(), out=folder, settings=settings)


def test_only_requests_sent_alone_have_a_latency_and_a_cost(tmp_path: Path) -> None:
    records = run(tmp_path).records()
    for strategy in ("prompt", "few-shot"):
        mine = [r for r in records if r.strategy == strategy]
        alone = [r for r in mine if r.batch_size == 1]
        assert len(alone) == N_ALONE
        assert all(None not in (r.latency_s, r.first_token_s, r.cost_usd) for r in alone)
        for r in mine[N_ALONE:]:
            assert r.batch_size == 30
            assert (r.latency_s, r.first_token_s, r.cost_usd) == (None, None, None)
    assert all(r.batch_s is not None for r in records)


def test_percentiles_are_those_of_the_requests_sent_alone(tmp_path: Path) -> None:
    comparison = run(tmp_path)
    for row in comparison.rows:
        seconds = [r.latency_s for r in comparison.records() if r.strategy == row.strategy and r.latency_s]
        assert row.n_latency == N_ALONE
        assert row.p50_latency_s == percentile(seconds, 50)
        assert row.p95_latency_s == percentile(seconds, 95)
        expected = percentile([s / 2 for s in seconds], 50)
        # Beside the stated seconds, those that the call itself took.
        assert row.first_token_p50_s == pytest.approx(expected, abs=0.01)


def test_costs_follow_from_seconds_and_price(tmp_path: Path) -> None:
    comparison = run(tmp_path)
    row = comparison.rows[0]
    assert row.rows_per_s is not None
    # 3.6 USD an hour are a thousandth of a USD a second; the machine works 30 % of the time that is paid for.
    assert row.usd_per_1k_requests == pytest.approx(1 / row.rows_per_s / 0.3)
    assert row.quality == 0.5
    assert row.usd_per_correct == pytest.approx(1 / row.rows_per_s / 0.3 / 1000 / 0.5)
    assert row.fit_usd == pytest.approx((row.fit_s or 0) / 1000)
    assert all(
        r.cost_usd is None or r.cost_usd == pytest.approx((r.latency_s or 0) / 1000)
        for r in comparison.records()
    )


@pytest.mark.parametrize("latency_rows", [0, 2])
@pytest.mark.parametrize("utilisation", [0.3, 0.05])
def test_a_strategy_has_one_price_everywhere(tmp_path: Path, utilisation: float, latency_rows: int) -> None:
    """In table, Markdown, CSV, JSON, cost table, page and choice, at the stated use of the machine."""
    settings = RunSettings(
        usd_per_hour=3600.0,
        latency_rows=latency_rows,
        assumptions=ak.CostAssumptions(utilisation=utilisation),
    )
    model = ak.FakeModel(planted_answer(lambda *_: True))
    comparison = compare([Words(), Shots()], make_task(20), model=model, out=tmp_path, settings=settings)
    table = {c["strategy"]: c for c in comparison.result.costs}
    frame = comparison.to_frame().set_index("strategy")
    [evidence] = evidence_of(tmp_path, comparison.result)
    accounts = {m.strategy: m for m in evidence.measured}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    for row in comparison.rows:
        assert row.usd_per_1k_requests == table[row.strategy]["usd_per_1k"]
        assert row.usd_per_1k_requests == pytest.approx(1e3 / (row.rows_per_s or 0) / utilisation)
        assert frame.loc[row.strategy, "usd_per_1k_requests"] == row.usd_per_1k_requests
        costs = strategy_costs(
            accounts[row.strategy], settings.assumptions, machine=fixed_usd_per_hour(3600.0)
        )
        assert row.usd_per_1k_requests == pytest.approx(1000 * (costs.request.usd or 0))
        shown = significant(row.usd_per_1k_requests or 0)
        for text in (markdown, page):
            assert shown in text
    assert f"while it works {100 * utilisation:.0f} % of the time" in markdown
    assert "% use" not in page


def test_vectors_kept_from_earlier_runs_do_not_make_a_fit_look_cheaper(tmp_path: Path) -> None:
    class Indexed(Words):
        def learn(self, model: Model, task: ak.Task) -> Model:
            self.fit_notes_ |= {"embed_s": 0.5, "embed_s_uncached": 100.5}
            return model

    found = ak.compare([Indexed()], make_task(4), model=ak.FakeModel({}), out=tmp_path).rows[0].fit_s
    assert found is not None
    assert 100 <= found < 110


def test_a_cached_run_prints_the_same_bytes(tmp_path: Path) -> None:
    first = run(tmp_path)
    names = ("comparison.json", "comparison.csv", "records.jsonl")
    files = {name: (tmp_path / name).read_bytes() for name in names}
    report_text = (tmp_path / "report.md").read_text(encoding="utf-8")
    second = run(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names} == files
    assert second.rows == first.rows
    # The report ends with the manifest, and that with the time at which the run ended.
    before, _ = report_text.split("finished_at")
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith(before)
    changing = {"finished_at", "git", "hardware"}
    for key in first.result.manifest.keys() - changing:
        assert second.result.manifest[key] == first.result.manifest[key], key


def test_another_price_reprices_every_column_without_measuring_again(tmp_path: Path) -> None:
    first, second = run(tmp_path), run(tmp_path, usd_per_hour=7.2)
    for a, b in zip(first.rows, second.rows, strict=True):
        assert b.p50_latency_s == a.p50_latency_s
        assert b.fit_usd == pytest.approx(2 * (a.fit_usd or 0))
        assert b.usd_per_1k_requests == pytest.approx(2 * (a.usd_per_1k_requests or 0))
        assert b.usd_per_correct == pytest.approx(2 * (a.usd_per_correct or 0))
        assert b.break_even_requests == a.break_even_requests


def money(text: str) -> list[str]:
    """Amounts of money, and numbers that a blank might have become."""
    return re.findall(r"\$\s*\d[\d.]*|(?<![\d.])0\.0+(?![\d])|\bnan\b|\bNone\b", text)


def test_an_unknown_price_is_blank_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.comparison.settings._gpu_name", lambda: "Unheard-of 9000")
    comparison = run(tmp_path, usd_per_hour=None)
    assert comparison.result.manifest["price"] is None
    for row in json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))["rows"]:
        assert [row[name] for name in USD] == [None] * 4
    for row in csv.DictReader(io.StringIO((tmp_path / "comparison.csv").read_text(encoding="utf-8"))):
        assert [row[name] for name in USD] == [""] * 4
    assert comparison.to_frame()[list(USD)].isna().all(axis=None)
    assert all(r.cost_usd is None for r in comparison.records())

    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report.console_table(comparison.result))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    texts = [
        console.export_text(),
        (tmp_path / "report.md").read_text(encoding="utf-8").partition("## Settings")[0],
        re.sub(r"<pre.*?</pre>|<svg.*?</svg>|<style.*?</style>|<script.*?</script>", "", page, flags=re.S),
    ]
    for text in texts:
        assert money(text) == []
        assert "no price is known for Unheard-of 9000" in text


def test_without_requests_alone_latency_is_blank(tmp_path: Path) -> None:
    comparison = run(tmp_path, latency_rows=0)
    row = comparison.rows[0]
    assert (row.p50_latency_s, row.p95_latency_s, row.n_latency) == (None, None, 0)
    # Batches tell what a request takes.
    assert row.usd_per_1k_requests is not None
    assert row.fit_usd is not None


def test_a_bad_price_sheet_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ak.errors.DataError, match=r"nowhere\.toml"):
        run(tmp_path / "run", usd_per_hour=None, prices=tmp_path / "nowhere.toml")
    assert not (tmp_path / "run").exists()


def test_the_report_says_what_its_costs_rest_on(tmp_path: Path) -> None:
    priced = RunSettings(usd_per_hour=0.4, assumptions=ak.CostAssumptions(requests_per_month=500.0))
    model = ak.FakeModel(planted_answer(lambda *_: True))
    comparison = compare([Words()], make_task(20), model=model, out=tmp_path, settings=priced)
    text = (comparison.folder / "report.md").read_text(encoding="utf-8")
    assert "- 500 requests a month, over 12 months." in text
    assert "What a label costs is not known." in text
    assert "what is paid once and each month" in (comparison.folder / "report.html").read_text(
        encoding="utf-8"
    )
