"""adaptkit itself, through its public names, in the dtype that it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.perf.peers.protocol import Job, Peer, serve

if TYPE_CHECKING:
    from adaptkit.core.types import Request


def load(job: Job) -> Peer:
    """Load the model and make requests of the prepared parts."""
    import adaptkit as ak

    model = ak.load_model(job["model_name"], offline=True)
    requests = [as_request(r) for r in job["requests"]]
    model.complete([as_request(r) for r in job["warmup"]])

    def run() -> Mapping[str, Any]:
        completions = model.complete(requests)
        return {
            "outputs": [c.text for c in completions],
            "n_tokens": [c.usage.tokens_out for c in completions],
        }

    return Peer(
        version=ak.__version__,
        dtype=model.info.dtype,
        note=f"engine {model.info.engine}",
        run=run,
        reset=lambda: forget_prefixes(model),
    )


def as_request(prepared: Mapping[str, Any]) -> Request:
    """Make the request that a prepared one stands for."""
    from adaptkit.core.types import Demonstration, Passage, Prompt, Request

    return Request(
        prompt=Prompt(
            instruction=prepared["instruction"],
            input=prepared["input"],
            demonstrations=tuple(Demonstration(input=i, target=t) for i, t in prepared["demonstrations"]),
            context=tuple(Passage(**p) for p in prepared["context"]),
        ),
        max_new_tokens=prepared["max_new_tokens"],
        stop=tuple(prepared["stop"]),
    )


def forget_prefixes(model: Any) -> None:
    """Make the next call a cold one: prefixes are kept between calls, which a peer cannot do."""
    prefixes = getattr(getattr(model, "_engine", None), "prefixes", None)
    if prefixes is not None:
        prefixes.clear()


if __name__ == "__main__":
    serve(load)
