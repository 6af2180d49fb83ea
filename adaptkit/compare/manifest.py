"""What a run was: everything that somebody needs to judge or repeat it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from adaptkit.accounting import Hardware, MachinePrice
from adaptkit.compare.plan import Plan
from adaptkit.compare.provider import ModelProvider
from adaptkit.compare.runner import Outcome
from adaptkit.core.codec import content_hash, to_json
from adaptkit.core.version import __version__
from adaptkit.evaluation import EvaluationSettings

PACKAGES = (
    "torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "numpy", "pandas", "tokenizers",
    "accelerate", "rouge-score",
)  # fmt: skip


def make_manifest(
    plan: Plan,
    outcomes: Sequence[Outcome],
    provider: ModelProvider,
    settings: EvaluationSettings,
    *,
    hardware: Hardware,
    price: MachinePrice | None,
) -> dict[str, Any]:
    """Describe a run.

    Returns:
        What manifest.json holds; all values are JSON's.
    """
    config = {
        "strategies": {t.label: {"name": t.strategy.name, "params": t.strategy.params()} for t in plan.trials},
        "tasks": {t.name: t.content_hash for t in plan.tasks},
        "model": provider.key,
        "rows": {name: len(rows) for name, rows in plan.examples.items()},
        "latency_rows": settings.latency_rows,
        "batch_rows": settings.batch_rows,
    }
    info = provider.loaded
    described: Mapping[str, Any] = to_json(info) if info else {"id": provider.id, "revision": provider.revision}
    return {
        "library": {"name": "adaptkit-llm", "version": __version__},
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": to_json(config),
        "config_hash": content_hash(config),
        "tasks": [_task(t) for t in plan.tasks],
        "model": described,
        "decoding": {"method": "greedy", "choices": "log-probability of the whole label, end token included"},
        "artifacts": {o.trial.artifact: o.trial.key for o in outcomes if o.status == "done"},
        "counts": _counts(plan, outcomes),
        "price": None if price is None else to_json(price),
        "hardware": to_json(hardware),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "git": _git(),
        "trials": [_trial(o) for o in outcomes],
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "source": task.source,
        "hash": task.content_hash,
        "licence": task.licence,
        "n_train": len(task.train),
        "n_validation": len(task.validation or ()),
        "n_test": len(task.test),
        "n_documents": len(task.documents),
    }


def _counts(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    records = [r for o in outcomes for r in o.records]
    return {
        "planned": plan.n_rows,
        "done": len(records),
        "errors": sum(r.error is not None for r in records),
        "trials_failed": sum(o.status == "failed" for o in outcomes),
        "trials_skipped": sum(o.status == "skipped" for o in outcomes),
    }


def _trial(outcome: Outcome) -> dict[str, Any]:
    trial, result = outcome.trial, outcome.result
    return {
        "key": trial.key,
        "strategy": trial.label,
        "task": trial.task.name,
        "seed": trial.seed,
        "status": outcome.status,
        "reason": outcome.reason,
        "fit_s": result.fit_s if result else None,
        "eval_s": result.eval_s if result else None,
        "peak_memory_bytes": result.peak_memory_bytes if result else None,
        "fit_notes": to_json(result.fit_notes) if result else {},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Commit and state of the checkout that the library runs from; None when it is installed otherwise."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git_says(root, "rev-parse", "HEAD")
        dirty = bool(_git_says(root, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": dirty}


def _git_says(root: Path, *arguments: str) -> str:
    out = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return out.stdout.strip()


