"""The scores of a finished comparison, small enough to keep: all that samples are drawn from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.comparison.evidence import evidence_of, judged_by
from adaptkit.comparison.scores import clusters_of, scores_of
from adaptkit.comparison.stored import stored_run
from adaptkit.comparison.trial_data import groups_of
from adaptkit.core.codec import to_json
from adaptkit.core.files import write_text_atomic
from adaptkit.core.result_io import from_json, read_comparison
from adaptkit.core.results import Row
from adaptkit.stats import Scores
from adaptkit.stats.scores import Floats

FOLDER = Path(__file__).parents[1] / "results" / "decision" / "scores"


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredTask:
    """One task: what each strategy scored on each row, and its line of the table.

    Attributes:
        kind: of the task.
        n_train: its train rows.
        n_documents: its documents.
        n_classes: of a classification, else None.
        model_parameters: weights of the model.
        ids: of the rows.
        clusters: by id, what ties rows together.
        rows: the lines of the table, one a strategy that was measured.
        scores: ``[n_rows, n_strategies]`` of the primary metric, seeds averaged, in the order of ``rows``.
    """

    name: str
    kind: str
    n_train: int
    n_documents: int
    n_classes: int | None
    model_parameters: int | None
    ids: tuple[str, ...]
    clusters: Mapping[str, str]
    rows: tuple[Row, ...]
    scores: Floats


def keep(run_folder: Path, folder: Path = FOLDER, *, metric: str | None = None) -> list[Path]:
    """Write the scores of a run's tasks, each to a file of its own.

    Args:
        run_folder: a finished comparison with its records.
        folder: where to.
        metric: what quality is judged by, None for each task's first one.
    """
    written = []
    for task in _read(run_folder, metric):
        path = folder / f"{task['name']}.json"
        write_text_atomic(path, json.dumps(task, ensure_ascii=False, separators=(",", ":")) + "\n")
        written.append(path)
    return written


def _read(run_folder: Path, metric: str | None) -> Iterator[dict[str, Any]]:
    result = read_comparison(run_folder)
    run = stored_run(run_folder, result.manifest)
    described = {t["name"]: t for t in result.manifest["tasks"]}
    evidence = {e.task: e for e in evidence_of(run_folder, result, metric=metric)}
    for task in (judged_by(t, metric) for t in run.tasks):
        groups = [g for g in groups_of(task, run.trials) if g.records]
        # Of what is no mean over rows, no sample of rows can be drawn from scores of rows.
        scores = {name: s for name, s in scores_of(groups).items() if isinstance(s, Scores)}
        ids = sorted(set.intersection(*(set(s.ids) for s in scores.values())))
        table = {name: dict(zip(s.ids, s.row_means.tolist(), strict=True)) for name, s in scores.items()}
        clusters = clusters_of([r for g in groups for r in g.records])
        rows = {r.strategy: r for r in evidence[task.name].rows}
        yield {
            "name": task.name,
            "kind": task.kind,
            "n_train": described[task.name]["n_train"],
            "n_documents": described[task.name]["n_documents"],
            "n_classes": len(task.labels) or None,
            "model_parameters": result.manifest["model"]["n_parameters"],
            "ids": ids,
            "clusters": {i: clusters[i] for i in ids if i in clusters},
            "rows": [{**to_json(rows[name]), "artifact": None} for name in scores],
            "scores": [[round(table[name][i], 6) for name in scores] for i in ids],
        }


def load(folder: Path = FOLDER) -> list[ScoredTask]:
    """Read the tasks that were kept, by name."""
    return [_task(json.loads(p.read_text(encoding="utf-8")), p) for p in sorted(folder.glob("*.json"))]


def _task(data: dict[str, Any], path: Path) -> ScoredTask:
    rows = tuple(from_json(r, Row, f"row {i}", path) for i, r in enumerate(data.pop("rows")))
    scores = np.array(data.pop("scores"), dtype=np.float64)
    return ScoredTask(rows=rows, scores=scores, ids=tuple(data.pop("ids")), **data)
