"""The main job on the embedded model and the bundled data: what it is for, it does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import adaptkit as ak
from adaptkit.models.local.model import LocalModel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SETTINGS = ak.RunSettings(latency_rows=1)


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return ak.load_model()


def qualities(comparison: ak.Comparison) -> dict[str, float]:
    return {r.strategy: r.quality for r in comparison.rows if r.quality is not None}


def test_nearest_demonstrations_beat_the_prompt_on_routing(model: LocalModel, tmp_path: Path) -> None:
    task = ak.load_task("request_routing")
    # Ways of asking given, not tried: what is tried has tests of its own, and takes minutes here.
    strategies = [ak.PromptEngineering(search=0, normalise_length=True), ak.FewShot(k=8, calibrate=False)]
    found = qualities(ak.compare(strategies, task, model=model, limit=28, settings=SETTINGS, out=tmp_path))
    assert found["few-shot"] >= found["prompt"] + 0.2


def test_passages_help_where_the_model_cannot_know_and_random_ones_do_not(
    model: LocalModel, tmp_path: Path
) -> None:
    task = ak.load_task("policy_questions")
    # One short passage: less to read than the default's three, and a small model copies from it as well.
    rag = ak.RAG(k=1, chunk_tokens=60, overlap_tokens=10)
    strategies = [ak.PromptEngineering(search=0), rag, dataclasses.replace(rag, passages="shuffled")]
    comparison = ak.compare(strategies, task, model=model, limit=24, settings=SETTINGS, out=tmp_path)
    prompt, passages, shuffled = qualities(comparison).values()
    assert passages > prompt
    high = comparison.rows[0].quality_high
    assert high is not None
    assert shuffled <= high


def test_a_short_lora_training_learns_and_comes_back_from_disk(model: LocalModel, tmp_path: Path) -> None:
    task = ak.load_task("record_extraction")
    fitted = ak.LoRASFT(rank=8, max_tokens=5_000, batch_size=4).fit(model, task)
    inputs = [e.input for e in task.test[:6]]
    answers = [p.output for p in fitted.generate(inputs)]
    before = [p.output for p in ak.PromptEngineering(search=0).fit(model, task).generate(inputs)]
    assert answers != before
    assert sum(a.startswith("{") for a in answers) >= 5
    fitted.save(tmp_path / "lora")
    again = ak.load_strategy(tmp_path / "lora", model)
    assert [p.output for p in again.generate(inputs)] == answers
