"""A model that a provider bills by the token: the bill counts, and waiting for the provider costs nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from planted import Words, planted_answer
from questions import make_task

import adaptkit as ak
from adaptkit.comparison.billing import TokenMeter, usage_of
from adaptkit.comparison.evaluate import tokens_of
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.types import Completion, Prompt, Request, Usage
from adaptkit.models.base import Model

# Of the bundled sheet: gpt-4o-mini, for a million tokens.
USD_IN, USD_CACHED, USD_OUT = 0.15, 0.075, 0.60
TASK = make_task(20)


class Remote(ak.FakeModel):
    """Reads ten tokens of which four come from the provider's cache, writes two."""

    def __init__(self, id: str = "gpt-4o-mini") -> None:
        super().__init__(planted_answer(lambda name, seed, row: row % 2 == 0), id=id, billed_by="openai")

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request."""
        usage = Usage(tokens_in=10, tokens_out=2, tokens_cached=4)
        return [
            Completion(text=c.text, finish_reason="stop", usage=usage) for c in super().complete(requests)
        ]


@dataclass(kw_only=True)
class Asking(Words):
    """Asks the model three things while it is fitted."""

    name: ClassVar[str] = "asking"
    learns_from: ClassVar[tuple[str, ...]] = ()

    def learn(self, model: Model, task: ak.Task) -> Model:
        model.complete([Request(prompt=Prompt(instruction="prompt|0", input="question 1"))] * 3)
        return model


@dataclass(kw_only=True)
class NoModel(Words):
    """Answers without any token."""

    name: ClassVar[str] = "no-model"

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[ak.Prediction]:
        usage = Usage(tokens_in=0, tokens_out=0)
        return [
            ak.Prediction(output="yes", usage=usage, finish_reason="stop", latency_s=36.0) for _ in prompts
        ]


REQUEST_USD = (6 * USD_IN + 4 * USD_CACHED + 2 * USD_OUT) / 1e6


def run(folder: Path, *strategies: ak.Strategy, model: ak.FakeModel | None = None) -> ak.Comparison:
    settings = ak.RunSettings(latency_rows=3, usd_per_hour=100.0)
    return ak.compare(
        strategies or [Words()], TASK, model=model or Remote(), out=folder, settings=settings, baselines=False
    )


def test_every_row_has_the_providers_price_whether_sent_alone_or_not(tmp_path: Path) -> None:
    comparison = run(tmp_path)
    assert [r.cost_usd for r in comparison.records()] == pytest.approx([REQUEST_USD] * 20)
    row = comparison.rows[0]
    assert row.usd_per_1k_requests == pytest.approx(1000 * REQUEST_USD)
    assert row.usd_per_correct == pytest.approx(REQUEST_USD / 0.5)


def test_what_a_fit_asks_is_billed_and_its_seconds_are_not(tmp_path: Path) -> None:
    comparison = run(tmp_path, Words(), Asking())
    plain, asking = comparison.rows
    assert plain.fit_usd == 0
    assert asking.fit_usd == pytest.approx(3 * REQUEST_USD)
    costs = {c.strategy: c for c in comparison.costs()[TASK.name]}
    # Both pay for the evaluation: its 20 rows.
    assert costs["prompt"].fixed_usd == pytest.approx(20 * REQUEST_USD)
    assert costs["asking"].fixed_usd == pytest.approx(23 * REQUEST_USD)


def test_what_needs_no_model_is_charged_the_own_machine(tmp_path: Path) -> None:
    row = run(tmp_path, Words(), NoModel()).rows[1]
    assert row.rows_per_s is not None
    assert row.usd_per_1k_requests == pytest.approx(1000 / row.rows_per_s / 3600 * 100 / 0.3)


def test_a_provider_without_a_price_leaves_every_usd_blank(tmp_path: Path) -> None:
    comparison = run(tmp_path, Words(), Asking(), model=Remote("gpt-unheard-of"))
    for row in comparison.rows:
        assert (row.fit_usd, row.usd_per_1k_requests, row.usd_per_correct) == (None, None, None)
    assert all(r.cost_usd is None for r in comparison.records())
    assert "no entry for gpt-unheard-of" in comparison.result.manifest["price_note"]
    assert all(c.fixed_usd is None for c in comparison.costs()[TASK.name])


def test_the_folder_alone_gives_the_same_costs(tmp_path: Path) -> None:
    first = run(tmp_path, Words(), Asking())
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["billed_by"] == "openai"
    assert manifest["model_price"]["input"] == USD_IN
    read = ak.load_comparison(tmp_path)
    assert read.costs() == first.costs()
    assert verify_folder(tmp_path).ok


def test_a_fit_taken_up_again_keeps_its_bill(tmp_path: Path) -> None:
    first = run(tmp_path, Words(), Asking())
    again = run(tmp_path, Words(), Asking())
    assert [r.fit_usd for r in again.rows] == [r.fit_usd for r in first.rows]


def test_a_counted_model_is_the_model() -> None:
    model = Remote()
    counted = TokenMeter(model)
    assert counted.info is model.info
    assert isinstance(counted, Model)
    counted.complete([Request(prompt=Prompt(instruction="prompt|0", input="question 1"))] * 2)
    counted.complete([Request(prompt=Prompt(instruction="prompt|0", input="question 1"))])
    assert counted.usage == Usage(tokens_in=30, tokens_out=6, tokens_cached=12)


def test_tokens_are_written_and_read_the_same() -> None:
    usage = Usage(tokens_in=5, tokens_out=4, tokens_cached=3, tokens_written=2, tokens_reasoning=1)
    assert usage_of(tokens_of(usage)) == usage
    assert set(tokens_of(usage)) == {"in", "out", "cached", "written", "reasoning"}
