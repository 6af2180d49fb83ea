"""With many strategies the page stays small, says what is left out, and is made in little time."""

from __future__ import annotations

from functools import partial
from typing import Any

import many
import numpy as np
import pytest

from adaptkit.comparison.page import every_saving
from adaptkit.core.results import ComparisonResult
from adaptkit.decision import Evidence, Requirements, recommend_for
from adaptkit.decision.decide import judge
from adaptkit.report.draws import N_DRAWS, draws_data
from adaptkit.report.findings import PageData
from adaptkit.report.html import render_html
from adaptkit.report.markdown import render_markdown
from adaptkit.stats import Gaps

N_PAIRS = {20: 190, 21: 210, 160: 12_720}


def page_of(n: int) -> tuple[str, ComparisonResult]:
    evidence = many.evidence(n)
    result, baseline = many.result_of(evidence), evidence.rows[0].strategy
    found = PageData(evidence=evidence, baseline=baseline, savings=every_saving(evidence.measured, baseline))
    return render_html(result, (), {evidence.task: found}), result


def test_a_page_of_160_strategies_can_be_sent_by_mail() -> None:
    page, _ = page_of(160)
    assert len(page.encode()) < 3_000_000
    assert "200 of 12,720 pairs: those with" in page
    assert "p-values are corrected for all 12,720, so only large differences can be significant" in page


@pytest.mark.parametrize("n", [20, 21])
def test_up_to_twenty_strategies_every_pair_is_shown(n: int) -> None:
    page, result = page_of(n)
    assert len(result.pairs) == N_PAIRS[n]
    for text in (page, render_markdown(result)):
        assert ("200 of 210 pairs" in text) is (n == 21)
        assert text.count("exact McNemar test") == min(200, N_PAIRS[n])


def test_bands_of_savings_are_of_the_baseline_and_the_best_of_many() -> None:
    evidence = many.evidence(40)
    ranked = sorted(evidence.measured, key=lambda m: m.quality or 0.0)
    found = every_saving(evidence.measured, ranked[0].strategy)
    assert list(found)[:2] == [ranked[0].strategy, ranked[-1].strategy]
    assert len(found) == 12
    few = every_saving(evidence.measured[:5], None)
    assert set(few) == {m.strategy for m in evidence.measured[:5]}


def test_of_many_strategies_fewer_draws_are_kept() -> None:
    def kept(n: int) -> int:
        found = draws_data(Gaps(tuple(map(str, range(n))), np.zeros((3000, n))))
        assert found is not None
        return len(found["values"]) * 3 // 4 // 2 // n

    assert [kept(n) for n in (2, 40, 80, 160, 320)] == [N_DRAWS, N_DRAWS, 1000, 500, 500]


class Counted:
    """How often pairs are judged: the work that grows as the square of strategies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from adaptkit.decision import candidates

        self.n = 0
        monkeypatch.setattr(candidates, "_judged", partial(self._judged, candidates._judged))

    def _judged(self, original: Any, *given: Any) -> Any:
        self.n += 1
        return original(*given)


@pytest.mark.parametrize("margin", [0.005, 0.05, 0.3])
def test_another_margin_judges_only_the_pairs_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, margin: float
) -> None:
    counts = []
    for n in (20, 80):
        counted = Counted(monkeypatch)
        judge(many.evidence(n), Requirements(margin=margin))
        counts.append(counted.n)
        monkeypatch.undo()
    assert counts[1] <= 8 * max(20, counts[0])  # four times the strategies, sixteen times the pairs


def test_another_margin_gives_what_judging_every_pair_gives() -> None:
    evidence: Evidence = many.evidence(12)
    wide = recommend_for(evidence, Requirements(margin=0.3))
    assert wide.verdict in ("recommend", "equivalent")
    narrow = recommend_for(evidence, Requirements(margin=0.001))
    assert narrow.verdict == "undecided"
