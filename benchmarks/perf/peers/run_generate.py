"""transformers ``generate``: greedy, rows sorted by length, at the best of three batch sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, best_batch_size, cut, final, serve


def load(job: Job) -> Peer:
    """Load the model and find its batch size."""
    import torch
    import transformers

    from benchmarks.perf.peers.placement import dtype_name, place

    device, dtype = place(job["dtype"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    module: Any = transformers.AutoModelForCausalLM.from_pretrained(job["model"], dtype=dtype)
    module = module.to(device).eval()

    def batch(requests: Sequence[Mapping[str, Any]]) -> list[str]:
        width = max(len(r["ids"]) for r in requests)
        ids = torch.full((len(requests), width), int(tokenizer.pad_token_id or 0), device=device)
        mask = torch.zeros_like(ids)
        for i, request in enumerate(requests):  # padded on the left, as generate asks
            ids[i, width - len(request["ids"]) :] = torch.tensor(request["ids"], device=device)
            mask[i, width - len(request["ids"]) :] = 1
        out = module.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(r["max_new_tokens"] for r in requests),
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
            stopping_criteria=[_Stop(tokenizer, width, [r["stop"] for r in requests])],
        )
        texts = tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
        return [final(text, r["stop"]) for text, r in zip(texts, requests, strict=True)]

    def run(requests: Sequence[Mapping[str, Any]], batch_size: int) -> list[str]:
        order = sorted(range(len(requests)), key=lambda i: -len(requests[i]["ids"]))
        texts = [""] * len(requests)
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            for i, text in zip(part, batch([requests[i] for i in part]), strict=True):
                texts[i] = text
        return texts

    batch(job["warmup"])
    size, note = job.get("batch_size"), "batch size as given"
    if size is None:
        size, note = best_batch_size(run, job["requests"])
    return Peer(
        version=transformers.__version__,
        dtype=dtype_name(dtype),
        note=note,
        run=lambda: {"outputs": run(job["requests"], size)},
    )


class _Stop:
    """Ends a row at its stop strings, by the text so far; a step's decoding is small beside its products."""

    def __init__(self, tokenizer: Any, width: int, stops: Sequence[Sequence[str]]) -> None:
        self.tokenizer, self.width, self.stops = tokenizer, width, stops

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        if not any(self.stops):
            return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        texts = self.tokenizer.batch_decode(input_ids[:, self.width :], skip_special_tokens=True)
        ended = [cut(text, stop) is not None for text, stop in zip(texts, self.stops, strict=True)]
        return torch.tensor(ended, device=input_ids.device)


if __name__ == "__main__":
    serve(load)
