"""lm-evaluation-harness, model type ``hf``: ``generate_until`` on the rendered texts, no task involved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, best_batch_size, final, serve


def load(job: Job) -> Peer:
    """Load the model and find its batch size."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from benchmarks.perf.peers.placement import dtype_name, place

    device, dtype = place(job["dtype"])
    lm = HFLM(pretrained=job["model"], dtype=dtype_name(dtype), device=device, batch_size=16)

    def run(requests: Sequence[Mapping[str, Any]], batch_size: int) -> list[str]:
        lm.batch_size_per_gpu = batch_size
        instances = [
            Instance(
                request_type="generate_until",
                doc={},
                arguments=(
                    r["text"],
                    {"until": list(r["stop"]), "max_gen_toks": r["max_new_tokens"], "do_sample": False},
                ),
                idx=i,
            )
            for i, r in enumerate(requests)
        ]
        texts = lm.generate_until(instances, disable_tqdm=True)
        return [final(text, r["stop"]) for text, r in zip(texts, requests, strict=True)]

    run(job["warmup"], 2)
    size, note = best_batch_size(run, job["requests"])
    return Peer(
        version=version("lm_eval"),
        dtype=dtype_name(dtype),
        note=note,
        run=lambda: {"outputs": run(job["requests"], size)},
    )


if __name__ == "__main__":
    serve(load)
