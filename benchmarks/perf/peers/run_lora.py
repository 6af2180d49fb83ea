"""adaptkit's LoRA training, through ``LoRASFT.fit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, serve

WARMUP_STEPS = 2


def load(job: Job) -> Peer:
    """Load the model; two steps warm up, and tell how many fit the time."""
    import adaptkit as ak
    from adaptkit.core.types import Example

    model = ak.load_model(job["model_name"], offline=True)
    examples = [Example(id=r["id"], input=r["input"], target=r["target"]) for r in job["rows"]]
    apart = Example(id="apart", input="no row of this job", target="none")
    n_tokens = [len(r["prompt"]) + len(r["completion"]) for r in job["rows"]]

    def fit(n_steps: int) -> Mapping[str, Any]:
        """Train on so many batches, by the budget of tokens; no validation, which TRL has not either."""
        rows = tuple(examples[: n_steps * job["batch_size"]])
        task = ak.Task(**job["task"], metrics=("rouge_l",), train=rows, test=(apart,), validation=())
        strategy = ak.LoRASFT(
            rank=job["rank"],
            batch_size=job["batch_size"],
            learning_rate=job["learning_rate"],
            epochs=1,
            max_tokens=sum(n_tokens[: len(rows)]) + 1,
        )
        notes = strategy.fit(model, task).fit_notes_
        rate = float(notes["train_tokens_per_s"])
        return {
            "seconds": 1_000 / rate,
            "tokens_per_s": rate,
            "n_tokens": notes["train_tokens"],
            "n_steps": notes["n_steps"],
            "loss": notes["final_loss"],
        }

    warm = fit(min(WARMUP_STEPS, job["max_steps"]))
    a_step = job["batch_size"] * sum(n_tokens) / len(n_tokens) / warm["tokens_per_s"]
    n_steps = max(WARMUP_STEPS, min(job["max_steps"], int(job["max_s"] / a_step)))
    return Peer(version=ak.__version__, dtype=model.info.dtype, run=lambda: fit(n_steps))


if __name__ == "__main__":
    serve(load)
