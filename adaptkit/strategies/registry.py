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
        "compose": "adaptkit.strategies.compose:Compose",
        "tuned": "adaptkit.strategies.tuned:Tuned",
    },
    group="adaptkit.strategies",
)
