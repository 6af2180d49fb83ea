"""The order of strategies: from what needs no model to what needs new weights for every model."""

from __future__ import annotations

# Of strategies that the rows cannot tell apart, the first is the cheapest to keep and the easiest to leave.
ORDER = (
    "knn-vote", "tfidf", "top-passage",
    "prompt", "few-shot", "few-shot+prompt", "rag", "few-shot+rag", "function-calling",
    "lora", "function-calling+lora", "rag+lora", "full-sft", "rag+full-sft",
)  # fmt: skip
