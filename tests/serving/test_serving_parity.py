"""A served answer is the measured one: every record of a comparison, served from its artefact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from served import leave_out_general_loss, serving
from tiny import qa_task, tiny_llama

import adaptkit as ak
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.core.results import Record
from adaptkit.serving.artifact import Artifact

STRATEGIES = (
    ak.PromptEngineering(),
    ak.FewShot(k=3),
    ak.RAG(k=2, chunk_tokens=24, overlap_tokens=4),
    ak.LoRASFT(rank=2, max_tokens=600, batch_size=2, learning_rate=0.02),
)


@pytest.mark.usefixtures("hash_embedder")
def test_every_recorded_answer_is_served_again_by_each_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out_general_loss(monkeypatch)
    task, model = qa_task(), tiny_llama(stop_every=12)
    comparison = ak.compare(list(STRATEGIES), task, model=model, out=tmp_path, baselines=False,
                            settings=ak.RunSettings(latency_rows=1))  # fmt: skip
    inputs = {e.id: e.input for e in task.test}
    outputs = set()
    for row in comparison.rows:
        records = [r for r in comparison.records() if r.strategy == row.strategy]
        assert len(records) == len(task.test)
        artifact = Artifact.read(tmp_path / "artifacts" / row.strategy)
        with serving(artifact.load(LazyModel.of(model)), gather_s=0.05) as served:
            assert served.service.name == row.strategy
            with ThreadPoolExecutor(len(records)) as pool:
                replies = list(pool.map(lambda r: served.chat(inputs[r.example_id]).json, records))
        for record, reply in zip(records, replies, strict=True):
            same(record, reply)
        outputs |= {r.output for r in records}
    assert len(outputs) > len(task.test)  # strategies differ, so that one in another's place would be noticed


def same(record: Record, reply: dict[str, Any]) -> None:
    """The answer, why it ended, the tokens and the passages are those of the record."""
    choice = reply["choices"][0]
    known, usage = reply["adaptkit"], reply["usage"]
    assert choice["message"]["content"] == record.output
    assert known["finish_reason"] == record.finish_reason
    assert usage["prompt_tokens"] == record.tokens["in"]
    assert usage["completion_tokens"] == record.tokens["out"]
    assert [p["id"] for p in known["passages"]] == [c["id"] for c in record.contexts]
