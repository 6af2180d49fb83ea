"""llama-cpp-python on the quantised file itself, one request at a time, with its own prefix cache."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, final, quantisation, serve


def load(job: Job) -> Peer:
    """Load the file; every core computes, where the package would take half of them."""
    import llama_cpp

    if not job["gguf"]:
        raise ImportError("this model has no GGUF file")
    longest = max(len(r["ids"]) + r["max_new_tokens"] for r in [*job["requests"], *job["warmup"]])
    n_cores = len(os.sched_getaffinity(0))
    llm = llama_cpp.Llama(
        model_path=job["gguf"],
        n_ctx=longest + 16,
        n_batch=512,
        n_threads=n_cores,
        n_threads_batch=n_cores,
        verbose=False,
    )

    def run(requests: Sequence[Mapping[str, Any]]) -> list[str]:
        texts = []
        for r in requests:
            # Token ids, so that nothing is added in front and special tokens stay what they are.
            made = llm.create_completion(
                list(r["ids"]),
                max_tokens=r["max_new_tokens"],
                temperature=0.0,
                repeat_penalty=1.0,
                stop=list(r["stop"]),
            )
            texts.append(final(made["choices"][0]["text"], r["stop"]))
        return texts

    run(job["warmup"])
    return Peer(
        version=llama_cpp.__version__,
        dtype=quantisation(job["gguf"]),
        note="one request at a time; its last prompt's common prefix is reused",
        run=lambda: {"outputs": run(job["requests"])},
        reset=llm.reset,
    )


if __name__ == "__main__":
    serve(load)
