"""What a run was: everything that somebody needs to judge or repeat it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from adaptkit.comparison.plan import Plan
from adaptkit.comparison.run_context import RunContext
from adaptkit.comparison.summary import Summary
from adaptkit.comparison.trial_data import TrialData
from adaptkit.core.codec import content_hash, to_json
from adaptkit.core.version import __version__
from adaptkit.costs import CostAssumptions, Hardware, Prices, cost_notes
from adaptkit.tasks import Task

PACKAGES = (
    "torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "numpy", "pandas", "tokenizers",
    "accelerate", "rouge-score",
)  # fmt: skip


def make_manifest(
    run: RunContext,
    trials: Sequence[TrialData],
    summary: Summary,
    *,
    hardware: Hardware,
    prices: Prices,
    assumptions: CostAssumptions,
) -> dict[str, Any]:
    """Describe a run.

    Args:
        run: what was run, and where its files lie.
        trials: what came of it.
        summary: the table made of it.
        hardware: this machine.
        prices: of an hour of it, or of tokens.
        assumptions: of the cost table.

    Returns:
        What manifest.json holds; all values are JSON's.
    """
    config = _config(run)
    baselines = set(summary.baselines.values())
    return {
        "library": {"name": "adaptkit-llm", "version": __version__},
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config,
        "config_hash": content_hash(config),
        "tasks": [_task(t) for t in run.plan.tasks],
        "model": _model(run),
        "decoding": {"method": "greedy", "choices": "log-probability of the whole label, end token included"},
        "artifacts": _artifacts(run, trials),
        "baseline": baselines.pop() if len(baselines) == 1 else dict(summary.baselines),
        "interval_method": dict(summary.interval_methods),
        "counts": _counts(run.plan, trials),
        "price": to_json(prices.machine),
        "billed_by": prices.billed_by,
        "model_price": to_json(prices.model),
        "cost_assumptions": to_json(assumptions),
        "cost_notes": cost_notes(
            assumptions, machine=prices.machine, model=prices.model, today=datetime.now(UTC).date()
        ),
        "price_note": _price_note(run, hardware, prices),
        "hardware": to_json(hardware),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "git": _git(),
        "trials": [t.to_manifest() for t in trials],
    }


def _config(run: RunContext) -> dict[str, Any]:
    """What the user chose: what is equal here gives equal outputs."""
    plan = run.plan
    strategies: dict[str, Any] = {}
    for trial in plan.trials:
        described = {"name": trial.strategy.name, "params": trial.strategy.described_params(), "seeds": 0}
        strategies.setdefault(trial.label, described)
    for label, described in strategies.items():
        described["seeds"] = len({t.seed for t in plan.trials if t.label == label})
    return {
        "strategies": strategies,
        "tasks": {t.name: t.content_hash for t in plan.tasks},
        "model": run.provider.key,
        "rows": {name: len(rows) for name, rows in plan.examples.items()},
        "latency_rows": run.settings.latency_rows,
        "batch_rows": run.settings.batch_rows,
        "margin": run.standards.margin,
        "until_decided": run.standards.until_decided,
        "minutes": run.minutes,
    }


def _model(run: RunContext) -> dict[str, Any]:
    """The model that answered; a run with nothing left to do loads none, and repeats the last one's words."""
    if run.provider.loaded:
        model = run.provider.get()
        return {
            **to_json(run.provider.loaded),
            "template_hash": getattr(model, "template_hash", None),
            # Requests by the path that answered them, and why some could not take the fast one.
            "paths": dict(getattr(model, "paths", {})),
            "engine_obstacle": getattr(model, "obstacle", None),
        }
    last = run.store.last_manifest()
    config, described = last.get("config"), last.get("model")
    if isinstance(config, dict) and config.get("model") == run.provider.key and isinstance(described, dict):
        return described
    return {"id": run.provider.id, "revision": run.provider.revision, "template_hash": None}


def _artifacts(run: RunContext, trials: Sequence[TrialData]) -> dict[str, Any]:
    """By folder, whose it is and the sha256 of each file: adapters, indexes and demonstrations."""
    keys = {t.artifact: t.key for t in trials if t.artifact}
    return {
        folder: {"trial": key, "sha256": run.store.artifact_files(folder)} for folder, key in keys.items()
    }


def _price_note(run: RunContext, hardware: Hardware, prices: Prices) -> str | None:
    """Why USD are blank, where they are."""
    if prices.billed_by is not None:
        missing = f"the price sheet has no entry for {run.provider.id}; give one with --prices"
        return None if prices.model else missing
    if prices.machine is None:
        machine = hardware.gpu_name or hardware.cpu or "this machine"
        return f"no price is known for {machine}; give one with --usd-per-hour"
    if run.settings.latency_rows == 0:
        return "no request was sent alone, so none was timed"
    return None


def _task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "metrics": list(task.metrics),
        "labels": list(task.labels),
        "schema": to_json(task.schema),
        "source": task.source,
        "read_with": to_json(task.read_with),
        "hash": task.content_hash,
        "licence": task.licence,
        "n_train": len(task.train),
        "n_validation": len(task.validation or ()),
        "n_test": len(task.test),
        "n_documents": len(task.documents),
        "documents_hash": content_hash(task.documents) if task.documents else None,
        "notes": list(task.notes),
    }


def _counts(plan: Plan, trials: Sequence[TrialData]) -> dict[str, int]:
    records = [r for t in trials for r in t.records]
    return {
        "planned": plan.n_rows,
        "done": len(records),
        "errors": sum(r.error is not None for r in records),
        "trials_failed": sum(t.status == "failed" for t in trials),
        "trials_skipped": sum(t.status == "skipped" for t in trials),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def _git() -> Mapping[str, Any] | None:
    """Commit and state of the checkout that the library runs from; None when it is installed otherwise.

    Asked once: what counts is the code that this process has loaded.
    """
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
        # Without optional locks, so that a commit in another window is not disturbed.
        ["git", "--no-optional-locks", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return out.stdout.strip()
