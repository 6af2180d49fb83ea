"""A comparison as MLflow runs: one with its files, and one below it for each line of the table."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.errors import AdaptKitError, ConfigError, MissingDependencyError
from adaptkit.core.result_io import COMPARISON_CSV, COMPARISON_JSON, MANIFEST_JSON
from adaptkit.core.results import CSV_COLUMNS, ComparisonResult, Row

FOLDERS_VARIABLE = "MLFLOW_ALLOW_FILE_STORE"
EXPERIMENT = "adaptkit"
FILES = (COMPARISON_JSON, COMPARISON_CSV, MANIFEST_JSON, "report.html", "report.md")
MAX_PARAM = 500
"""Longest value of a parameter that all versions of MLflow's stores take."""
NOT_METRICS = frozenset({"task", "strategy", "model", "metric", "verdict", "cut_short"})


def log_to_mlflow(
    result: ComparisonResult,
    folder: Path,
    *,
    tracking_uri: str | Path | None = None,
    experiment: str = EXPERIMENT,
    name: str | None = None,
) -> str:
    """Log a comparison to MLflow.

    Figures that are undefined are left out: MLflow has no blank.

    Args:
        result: the comparison.
        folder: its run folder, whose tables and reports become artifacts.
        tracking_uri: of a server, a database or a folder; None for what MLflow is set to.
        experiment: made where it does not exist.
        name: of the run; None for the folder's.

    Returns:
        The id of the run that holds the others.

    Raises:
        MissingDependencyError: MLflow is not installed.
        ConfigError: the store cannot be used; MLflow's words are in the message.
    """
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("Logging to MLflow", "mlflow-skinny", "mlflow") from None
    try:
        client = mlflow.MlflowClient(tracking_uri=None if tracking_uri is None else _uri(tracking_uri))
        return _log(client, result, folder, experiment, name or folder.resolve().name)
    except AdaptKitError:
        raise
    except (MlflowException, ModuleNotFoundError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ConfigError(f"The comparison could not be logged to MLflow: {first}") from error


def _uri(given: str | Path) -> str:
    """A folder as MLflow wants it; anything with a scheme as it is."""
    text = str(given)
    if "://" in text or text.startswith("databricks"):
        return text
    # Newer versions take a folder only from those who ask for one, and who names a folder does.
    os.environ.setdefault(FOLDERS_VARIABLE, "true")
    return Path(text).resolve().as_uri()


def _log(client: Any, result: ComparisonResult, folder: Path, experiment: str, name: str) -> str:
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    parent = client.create_run(experiment_id, run_name=name, tags=_tags(result)).info.run_id
    status = "FAILED"
    try:
        for recommendation in result.recommendation:
            client.set_tag(parent, f"recommendation.{recommendation.task}", recommendation.reason)
        for file in FILES:
            if (folder / file).is_file():
                client.log_artifact(parent, str(folder / file))
        for row in result.rows:
            _log_row(client, experiment_id, parent, row)
        status = "FINISHED"
    finally:
        client.set_terminated(parent, status)
    return str(parent)


def _log_row(client: Any, experiment_id: str, parent: str, row: Row) -> None:
    tags = {
        "mlflow.parentRunId": parent,
        "task": row.task,
        "strategy": row.strategy,
        "model": row.model,
        "metric": row.metric,
        "status": row.status,
        "verdict": row.verdict or "",
        "cut_short": row.cut_short or "",
    }
    run_id = client.create_run(experiment_id, run_name=f"{row.task} {row.strategy}", tags=tags).info.run_id
    for name, value in row.config.items():
        client.log_param(run_id, name, _param(value))
    for name, value in _figures(row).items():
        client.log_metric(run_id, name, value)
    client.set_terminated(run_id, "FINISHED" if row.status == "done" else "FAILED")


def _param(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(to_json(value), ensure_ascii=False)
    return text if len(text) <= MAX_PARAM else f"{text[: MAX_PARAM - 3]}..."


def _figures(row: Row) -> dict[str, float]:
    """The figures of a line that are known: its columns, and all metrics under their names."""
    columns: Mapping[str, Any] = {n: getattr(row, n) for n in CSV_COLUMNS if n not in NOT_METRICS}
    every = {**columns, **{f"score.{name}": value for name, value in row.metrics.items()}}
    return {n: float(v) for n, v in every.items() if v is not None and math.isfinite(v)}


def _tags(result: ComparisonResult) -> dict[str, str]:
    manifest = result.manifest
    model = manifest.get("model") or {}
    tags = {
        "adaptkit.version": (manifest.get("library") or {}).get("version"),
        "adaptkit.config_hash": manifest.get("config_hash"),
        "adaptkit.finished_at": manifest.get("finished_at"),
        "model": model.get("id"),
        "model.revision": model.get("revision"),
    }
    tags |= {f"data_hash.{t['name']}": t.get("hash") for t in manifest.get("tasks", ())}
    return {name: str(value) for name, value in tags.items() if value is not None}
