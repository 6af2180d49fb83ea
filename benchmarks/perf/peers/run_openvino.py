"""openvino-genai on the GGUF file: continuous batching with prefix caching, all requests in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, final, quantisation, serve

CACHE_GB = 4


def load(job: Job) -> Peer:
    """Build the pipeline; it is built anew for every run, because its prefix cache cannot be emptied."""
    import openvino_genai

    if not job["gguf"]:
        raise ImportError("this model has no GGUF file")

    def build() -> Any:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GB
        scheduler.enable_prefix_caching = True
        return openvino_genai.LLMPipeline(job["gguf"], "CPU", scheduler_config=scheduler)

    def run(pipeline: Any, requests: Sequence[Mapping[str, Any]]) -> list[str]:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = max(r["max_new_tokens"] for r in requests)
        config.stop_strings = {s for r in requests for s in r["stop"]}
        config.do_sample = False
        config.apply_chat_template = False  # the texts are rendered
        texts = pipeline.generate([r["text"] for r in requests], config).texts
        return [final(text, r["stop"]) for text, r in zip(texts, requests, strict=True)]

    state: dict[str, Any] = {}

    def reset() -> None:
        # Its first call compiles; the warm-up prompts begin otherwise and share no prefix with the timed
        # ones.
        state.clear()
        state["pipeline"] = build()
        run(state["pipeline"], job["warmup"])

    reset()
    return Peer(
        version=version("openvino-genai"),
        dtype=quantisation(job["gguf"]),
        note="continuous batching, prefix caching; its GGUF reader builds a model that answers otherwise",
        run=lambda: {"outputs": run(state["pipeline"], job["requests"])},
        reset=reset,
    )


if __name__ == "__main__":
    serve(load)
