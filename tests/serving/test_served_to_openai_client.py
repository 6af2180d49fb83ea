"""Each of the four strategies, compared on the embedded model, saved, and served to OpenAI's own client."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai_script import Caller
from served import leave_out_general_loss

import adaptkit as ak
from adaptkit.core.results import Record
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies import Strategy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
KEY = "a-key-of-the-test"
N_ROWS = 50
DTYPE = "float32"
"""In which answers do not depend on what else is in a batch."""
MOST_CHARACTERS = 4
"""Of the train targets: answers may then have few tokens, and fifty are soon written."""
STRATEGIES: dict[str, Strategy] = {
    "prompt": ak.PromptEngineering(),
    "few-shot": ak.FewShot(k=2, selection="random"),
    "rag": ak.RAG(k=1, method="bm25", chunk_tokens=24, overlap_tokens=4),
    "lora": ak.LoRASFT(rank=8, max_tokens=250, batch_size=4),
}


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return ak.load_model(dtype=DTYPE)


@dataclass
class Running:
    """A server process."""

    process: subprocess.Popen[str]
    base_url: str

    def stop(self) -> tuple[int, str]:
        """Its exit code and what it said last."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        return self.process.wait(120), said


@contextmanager
def served(artifact: Path) -> Iterator[Running]:
    command = [
        sys.executable,
        "-m",
        "adaptkit.cli.main",
        "serve",
        str(artifact),
        "--port",
        "0",
        "--dtype",
        DTYPE,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ADAPTKIT_API_KEY": KEY}
    process = subprocess.Popen(
        [*command, "--timeout", "300", "--offline"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Running(process, _base_url(process))
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _base_url(process: subprocess.Popen[str]) -> str:
    """What the server says when it is ready: three lines after it has said what it loads."""
    assert process.stderr is not None
    said = "".join(process.stderr.readline() for _ in range(4))
    found = re.search(r" at (http://\S+/v1)\n", said)
    assert found, said
    assert KEY not in said
    return found[1]


def short_answers() -> ak.Task:
    task = ak.load_task("policy_questions")
    short = tuple(e for e in task.train if len(e.target) <= MOST_CHARACTERS)
    return dataclasses.replace(
        task, train=short, validation=(task.validation or ())[:4], test=task.test[:N_ROWS]
    )


def recorded(strategy: Strategy, task: ak.Task, model: LocalModel, folder: Path) -> list[Record]:
    settings = ak.RunSettings(latency_rows=1)
    comparison = ak.compare([strategy], task, model=model, out=folder, baselines=False, settings=settings)
    records = list(comparison.records())
    assert len(records) == N_ROWS
    assert not any(r.error for r in records)
    return records


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_openai_client_gets_the_recorded_answers(
    name: str, model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out_general_loss(monkeypatch)
    task = short_answers()
    records = recorded(STRATEGIES[name], task, model, tmp_path)
    inputs = {e.id: e.input for e in task.test}
    texts = [inputs[r.example_id] for r in records]
    with served(tmp_path / "artifacts" / name) as running:
        caller = Caller(running.base_url, name, KEY)
        assert caller.models() == [name]
        answers = caller.all_at_once(texts)
        different = [
            (r.output, a.choices[0].message.content)
            for r, a in zip(records, answers, strict=True)
            if a.choices[0].message.content != r.output
        ]
        assert different == []
        assert [a.usage.completion_tokens for a in answers if a.usage] == [r.tokens["out"] for r in records]
        assert [a.usage.prompt_tokens for a in answers if a.usage] == [r.tokens["in"] for r in records]
        passages = [[p["id"] for p in (a.model_extra or {})["adaptkit"]["passages"]] for a in answers]
        assert passages == [[c["id"] for c in r.contexts] for r in records]
        assert any(passages) == (name == "rag")

        short = min(range(N_ROWS), key=lambda i: records[i].tokens["out"])
        plain, streamed = caller.plain(texts[short]), caller.streamed(texts[short])
        assert plain.choices[0].message.content == streamed.text == records[short].output
        assert plain.choices[0].finish_reason == streamed.finish_reason
        assert plain.usage is not None
        assert plain.usage.total_tokens == streamed.n_tokens
        assert caller.with_a_wrong_key(texts[0]) == "invalid_api_key"
        assert caller.too_long("word " * 10_000) == "context_length_exceeded"
        assert running.stop() == (0, f"Stopped: {N_ROWS + 2} request(s) answered.\n")
