"""MLflow: what is logged to a real store is read back from it by MLflow's own client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from planted import compared

from adaptkit.cli.main import main
from adaptkit.comparison import Comparison
from adaptkit.core.errors import ConfigError, MissingDependencyError


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("run")
    return compared(folder, lambda name, seed, row: name == "few-shot" or row % 2 == 0, noise_floor=False)


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    # Set by the call that names a folder; known here, so that it is put back.
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    return pytest.importorskip("mlflow")


@pytest.mark.filterwarnings("ignore:::mlflow")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_comparison_is_read_back_from_a_folder(
    mlflow: Any, comparison: Comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "tracking"
    arguments = ["--format", "mlflow", "--tracking-uri", str(store), "--experiment", "routing"]
    assert main(["export", str(comparison.folder), *arguments]) == 0
    said = capsys.readouterr().out.split()
    client = mlflow.MlflowClient(tracking_uri=store.resolve().as_uri())
    experiment = client.get_experiment_by_name("routing")
    runs = client.search_runs([experiment.experiment_id])
    parent = next(r for r in runs if r.info.run_id == said[1])
    assert {a.path for a in client.list_artifacts(parent.info.run_id)} >= {"comparison.json", "report.html"}
    assert parent.data.tags["adaptkit.config_hash"] == comparison.result.manifest["config_hash"]
    assert "recommendation.questions" in parent.data.tags
    children = {
        r.data.tags["strategy"]: r
        for r in runs
        if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert children.keys() == {"prompt", "few-shot"}
    for row in comparison.rows:
        logged = children[row.strategy].data
        assert logged.metrics["quality"] == row.quality
        assert logged.metrics["score.exact_match"] == row.metrics["exact_match"]
        assert logged.params == {"seed": "0"}
        assert ("delta" in logged.metrics) == (row.delta is not None)
    assert all(r.info.status == "FINISHED" for r in runs)
    comparison.log_to_mlflow(store, experiment="routing", name="again")
    assert len(client.search_runs([experiment.experiment_id])) == 6


def test_a_store_that_cannot_be_used_is_one_sentence(
    mlflow: Any, comparison: Comparison, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="could not be logged to MLflow"):
        comparison.log_to_mlflow(tmp_path / "file" / "below")


def test_without_mlflow_the_extra_is_named(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingDependencyError, match=r"'mlflow-skinny'.*adaptkit-llm\[mlflow\]"):
        comparison.log_to_mlflow()
