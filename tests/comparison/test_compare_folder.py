"""What a run leaves: the files of the run folder, the manifest, and the comparison read back."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import Shots, Tuned, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, compare
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.core.codec import content_hash, file_sha256
from adaptkit.core.errors import ConfigError, StoreError
from adaptkit.models.base import Model

CSV_HEADER = (
    "task,strategy,model,n,n_errors,metric,quality,quality_low,quality_high,delta,delta_low,delta_high,"
    "p_value_adjusted,verdict,p50_latency_s,p95_latency_s,first_token_p50_s,tokens_in,tokens_cached,tokens_out,"
    "fit_s,fit_usd,usd_per_1k_requests,usd_per_correct,break_even_requests,seeds,n_scored,cut_short"
)
DOCUMENTS = (ak.Document(id="d", text="The answer to row 3 is answer 3."),)
TASK = replace(make_task(30), documents=DOCUMENTS, licence="MIT")


class Templated(ak.FakeModel):
    template_hash = "0123abcd"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Comparison:
    model = planted_model(lambda name, seed, row: row % 3 > 0 or name == "lora")
    return compare([Words(), Shots(), Tuned()], TASK, model=model, seeds=2, out=folder)


@pytest.fixture(scope="module")
def manifest(comparison: Comparison, folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


@pytest.mark.usefixtures("comparison")
def test_the_promised_files_are_there(folder: Path) -> None:
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == {
        "manifest.json", "records.jsonl", "comparison.json", "comparison.csv", "report.html", "report.md",
        "artifacts", "trials",
    }  # fmt: skip
    assert {p.name for p in (folder / "artifacts").iterdir()} == {"prompt", "few-shot", "lora", "lora+seed1"}
    assert all((p / "strategy.json").is_file() for p in (folder / "artifacts").iterdir())


def test_the_csv_has_the_promised_columns_in_order(comparison: Comparison, folder: Path) -> None:
    lines = (folder / "comparison.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == CSV_HEADER
    assert [row["strategy"] for row in csv.DictReader(lines)] == [r.strategy for r in comparison.rows]


@pytest.mark.usefixtures("comparison")
def test_a_record_has_the_promised_fields(folder: Path) -> None:
    for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        assert set(record) >= {
            "strategy", "task", "example_id", "seed", "output", "contexts", "tool_calls", "finish_reason",
            "tokens", "retrieve_s", "first_token_s", "latency_s", "cost_usd", "scores", "error", "cached",
        }  # fmt: skip
        assert set(record["tokens"]) == {"in", "cached", "written", "out", "reasoning"}
        assert set(record["scores"]) == {"exact_match", "exact_match_lenient"}


def test_the_comparison_has_the_promised_keys(comparison: Comparison, folder: Path) -> None:
    data = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert list(data) == ["schema_version", "rows", "pairs", "recommendation", "noise", "costs"]
    assert (len(data["rows"]), len(data["pairs"]), len(data["recommendation"])) == (3, 3, 1)


def test_reading_back_gives_the_same(comparison: Comparison, folder: Path) -> None:
    again = ak.load_comparison(folder)
    assert again.result == comparison.result
    assert again.records() == comparison.records()
    assert again.recommend() == comparison.recommend()


def test_the_manifest_identifies_data_model_and_machine(manifest: dict[str, Any]) -> None:
    assert manifest["config_hash"] == content_hash(manifest["config"])
    (task,) = manifest["tasks"]
    assert task["hash"] == TASK.content_hash
    assert task["documents_hash"] == content_hash(DOCUMENTS)
    assert (task["licence"], task["n_train"], task["n_test"], task["n_documents"]) == ("MIT", 8, 30, 1)
    assert {"id", "revision", "n_parameters", "dtype", "device", "template_hash"} <= set(manifest["model"])
    assert manifest["decoding"]["method"] == "greedy"
    assert {"usd_per_hour", "label", "source", "date"} <= set(manifest["price"])
    assert {"torch", "transformers", "peft", "faiss-cpu", "numpy"} <= set(manifest["packages"])
    assert {"cpu", "n_cores", "memory_bytes", "gpu_name", "platform"} <= set(manifest["hardware"])
    assert {"library", "python", "git", "finished_at"} <= set(manifest)


def test_the_manifest_tells_how_to_read_the_table(manifest: dict[str, Any]) -> None:
    assert manifest["baseline"] == "prompt"
    assert manifest["interval_method"] == {
        "questions": "prompt, few-shot: Wilson interval; "
        "lora: Wilson interval for the spread of 30 rows and 2 seeds"
    }
    assert manifest["price_note"] is None
    assert manifest["counts"] == {
        "planned": 120, "done": 120, "errors": 0, "trials_failed": 0, "trials_skipped": 0,
    }  # fmt: skip


def test_the_config_holds_each_strategys_own_parameters_and_seeds(manifest: dict[str, Any]) -> None:
    assert manifest["config"]["strategies"] == {
        "prompt": {"name": "prompt", "params": {"seed": 0}, "seeds": 1},
        "few-shot": {"name": "few-shot", "params": {"seed": 0}, "seeds": 1},
        "lora": {"name": "lora", "params": {"seed": 0}, "seeds": 2},
    }
    assert manifest["config"]["rows"] == {"questions": 30}


def test_each_file_of_each_artifact_has_its_hash(manifest: dict[str, Any], folder: Path) -> None:
    assert set(manifest["artifacts"]) == {f"artifacts/{p.name}" for p in (folder / "artifacts").iterdir()}
    keys = {t["key"] for t in manifest["trials"]}
    for name, artifact in manifest["artifacts"].items():
        assert artifact["trial"] in keys
        assert artifact["sha256"] == {"strategy.json": file_sha256(folder / name / "strategy.json")}


def test_the_template_of_a_model_that_has_one_is_kept_also_when_nothing_was_left_to_do(
    tmp_path: Path,
) -> None:
    info = Templated({}).info
    loaded = 0

    def load() -> Templated:
        nonlocal loaded
        loaded += 1
        return Templated(lambda r: "x")

    models = [
        compare(
            [Words()],
            TASK,
            model=LazyModel(id=info.id, revision=info.revision, load=load),
            out=tmp_path,
        ).result.manifest["model"]
        for _ in range(2)
    ]
    assert loaded == 1
    assert models[0]["template_hash"] == "0123abcd"
    assert models[1] == models[0]


def test_tasks_with_different_baselines_are_told_apart(tmp_path: Path) -> None:
    class OnOneTask(Words):
        def learn(self, model: Model, task: ak.Task) -> Model:
            if task.name == "more":
                raise ValueError("fails on the second task")
            return model

    tasks, model = [make_task(30), make_task(40, name="more")], planted_model(lambda *_: True)
    manifest = compare([OnOneTask(), Shots()], tasks, model=model, out=tmp_path).result.manifest
    assert manifest["baseline"] == {"questions": "prompt", "more": "few-shot"}


def test_a_frame_has_the_columns_of_the_csv(comparison: Comparison) -> None:
    frame = comparison.to_frame()
    assert list(frame.columns) == CSV_HEADER.split(",")
    assert frame["quality"].tolist() == [r.quality for r in comparison.rows]
    assert frame["delta"].isna().tolist() == [True, False, False]


def test_a_plot_is_a_figure(comparison: Comparison) -> None:
    from matplotlib.figure import Figure

    assert isinstance(comparison.plot(), Figure)


@pytest.mark.parametrize("name", ["page.html", "sub/text.md"])
def test_a_report_is_written_by_its_suffix(comparison: Comparison, tmp_path: Path, name: str) -> None:
    path = comparison.report(tmp_path / name)
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / name
    assert text.lstrip().lower().startswith("<!doctype html" if name.endswith("html") else "#")
    assert "few-shot" in text


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_a_report_in_an_unknown_form_is_refused(comparison: Comparison, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.html or \.md"):
        comparison.report(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_the_table(comparison: Comparison) -> None:
    assert "few-shot" in comparison._repr_html_()


def test_a_folder_without_a_comparison_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere: There is no such folder"):
        ak.load_comparison(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(StoreError, match="Has the run finished"):
        ak.load_comparison(tmp_path)
