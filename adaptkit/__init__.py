"""Prompt, few-shot, retrieval or fine-tuning? Run each on your task and your model, and know what it costs.

>>> import adaptkit as ak
>>> ak.FewShot(k=4).k
4

Names are loaded when they are first used, so that importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptkit import testing
    from adaptkit.comparison import Comparison, RunSettings, compare, load_comparison
    from adaptkit.core import errors
    from adaptkit.core.types import Demonstration, Document, Example, Passage, Prediction, Prompt, Traits
    from adaptkit.core.version import __version__
    from adaptkit.costs import CostAssumptions
    from adaptkit.decision import Advice, Recommendation, Requirements, load_requirements
    from adaptkit.decision.advise import advise
    from adaptkit.models.fake import FakeModel
    from adaptkit.models.load import load_model
    from adaptkit.strategies.base import Strategy
    from adaptkit.strategies.compose import Compose
    from adaptkit.strategies.few_shot import FewShot
    from adaptkit.strategies.full_sft import FullSFT
    from adaptkit.strategies.function_calling import FunctionCalling
    from adaptkit.strategies.load import load_strategy
    from adaptkit.strategies.lora_sft import LoRASFT
    from adaptkit.strategies.prompt import PromptEngineering
    from adaptkit.strategies.rag import RAG
    from adaptkit.strategies.tuned import Budget, Tuned, tune
    from adaptkit.studies.diff import Diff, diff
    from adaptkit.studies.freshness import Freshness, measure_freshness
    from adaptkit.studies.learning_curve import LearningCurves, learning_curve
    from adaptkit.studies.pilot import Pilot, pilot
    from adaptkit.studies.robustness import Robustness, measure_robustness
    from adaptkit.tasks import Task, load_task

__all__ = [
    "RAG",
    "Advice",
    "Budget",
    "Comparison",
    "Compose",
    "CostAssumptions",
    "Demonstration",
    "Diff",
    "Document",
    "Example",
    "FakeModel",
    "FewShot",
    "Freshness",
    "FullSFT",
    "FunctionCalling",
    "LearningCurves",
    "LoRASFT",
    "Passage",
    "Pilot",
    "Prediction",
    "Prompt",
    "PromptEngineering",
    "Recommendation",
    "Requirements",
    "Robustness",
    "RunSettings",
    "Strategy",
    "Task",
    "Traits",
    "Tuned",
    "__version__",
    "advise",
    "compare",
    "diff",
    "errors",
    "learning_curve",
    "load_comparison",
    "load_model",
    "load_requirements",
    "load_strategy",
    "load_task",
    "measure_freshness",
    "measure_robustness",
    "pilot",
    "testing",
    "tune",
]

_HOMES = {
    "adaptkit.costs": ("CostAssumptions",),
    "adaptkit.comparison": ("Comparison", "RunSettings", "compare", "load_comparison"),
    "adaptkit.core.types": (
        "Demonstration",
        "Document",
        "Example",
        "Passage",
        "Prediction",
        "Prompt",
        "Traits",
    ),
    "adaptkit.core.version": ("__version__",),
    "adaptkit.studies.learning_curve": ("LearningCurves", "learning_curve"),
    "adaptkit.decision": ("Advice", "Recommendation", "Requirements", "advise", "load_requirements"),
    "adaptkit.studies.diff": ("Diff", "diff"),
    "adaptkit.studies.freshness": ("Freshness", "measure_freshness"),
    "adaptkit.models.fake": ("FakeModel",),
    "adaptkit.models.load": ("load_model",),
    "adaptkit.studies.pilot": ("Pilot", "pilot"),
    "adaptkit.studies.robustness": ("Robustness", "measure_robustness"),
    "adaptkit.strategies.base": ("Strategy",),
    "adaptkit.strategies.compose": ("Compose",),
    "adaptkit.strategies.few_shot": ("FewShot",),
    "adaptkit.strategies.full_sft": ("FullSFT",),
    "adaptkit.strategies.function_calling": ("FunctionCalling",),
    "adaptkit.strategies.load": ("load_strategy",),
    "adaptkit.strategies.lora_sft": ("LoRASFT",),
    "adaptkit.strategies.prompt": ("PromptEngineering",),
    "adaptkit.strategies.rag": ("RAG",),
    "adaptkit.strategies.tuned": ("Budget", "Tuned", "tune"),
    "adaptkit.tasks": ("Task", "load_task"),
}
_MODULES = {"errors": "adaptkit.core.errors", "testing": "adaptkit.testing"}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOME_OF:
        raise AttributeError(f"module 'adaptkit' has no attribute '{name}'")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
