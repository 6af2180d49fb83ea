"""Strategies by name; another package adds its own through the entry point group ``adaptkit.strategies``."""

from __future__ import annotations

from adaptkit.core.registry import Registry
from adaptkit.strategies.base import Strategy

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "prompt": "adaptkit.strategies.prompt:PromptEngineering",
        "few-shot": "adaptkit.strategies.few_shot:FewShot",
        "rag": "adaptkit.strategies.rag:RAG",
        "lora": "adaptkit.strategies.lora_sft:LoRASFT",
        "full-sft": "adaptkit.strategies.full_sft:FullSFT",
        "knn-vote": "adaptkit.strategies.baselines:NearestVote",
        "tfidf": "adaptkit.strategies.baselines:TfidfClassifier",
        "top-passage": "adaptkit.strategies.baselines:TopPassage",
        "function-calling": "adaptkit.strategies.function_calling:FunctionCalling",
        "compose": "adaptkit.strategies.compose:Compose",
        "tuned": "adaptkit.strategies.tuned:Tuned",
    },
    group="adaptkit.strategies",
)
