"""What adaptkit has not written is neither deleted nor replaced, which is said before anything is spent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from planted import compared, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.core.errors import ConfigError, StoreError
from adaptkit.core.types import Request
from adaptkit.models.cache import cached


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_symlink() and p.name != ".lock"
    }


def written(path: Path, text: str = "my only copy") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


FOREIGN = [
    "artifacts/prompt/thesis.txt",
    "artifacts/prompt/trial.json",
    "artifacts/prompt/deep/er/thesis.txt",
    "report.html",
    "report.md",
    "comparison.csv",
    "comparison.json",
    "manifest.json",
    "records.jsonl",
]


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_stays_and_the_run_is_refused_before_a_request(
    name: str, fresh: bool, tmp_path: Path
) -> None:
    written(tmp_path / name, '{"mine": 1}\n')
    before = files_of(tmp_path)
    for _ in range(2):  # the refusal must not leave what makes the folder look like a run's
        with pytest.raises(StoreError, match="not written by adaptkit") as caught:
            refused(tmp_path, fresh=fresh)
        assert name.split("/")[0] in str(caught.value)
        assert files_of(tmp_path) == before


def refused(out: Path, *, fresh: bool = False) -> ak.Comparison:
    def answer(request: Request) -> str:
        raise AssertionError("a request was sent")

    return ak.compare(
        [ak.PromptEngineering()],
        make_task(12),
        model=ak.FakeModel(answer),
        baselines=False,
        noise_floor=False,
        out=out,
        settings=ak.RunSettings(fresh=fresh),
    )


def test_a_file_put_into_an_artifact_is_not_deleted_with_it(tmp_path: Path) -> None:
    compared(tmp_path, lambda *_: True)
    notes = written(next((tmp_path / "artifacts").iterdir()) / "notes.txt")
    compared(tmp_path, lambda *_: True)  # the same run goes on as before
    assert notes.exists()
    with pytest.raises(StoreError, match=r"notes\.txt"):
        compared(tmp_path, lambda *_: True, settings=ak.RunSettings(fresh=True))
    assert notes.read_text() == "my only copy"


def test_an_artifact_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    thesis = written(elsewhere / "thesis.txt")
    (tmp_path / "run" / "artifacts").mkdir(parents=True)
    (tmp_path / "run" / "artifacts" / "prompt").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="not written by adaptkit"):
        refused(tmp_path / "run")
    assert files_of(elsewhere) == {"thesis.txt": thesis.read_bytes()}


def test_fresh_forgets_a_run_and_nothing_else(tmp_path: Path) -> None:
    compared(tmp_path, lambda *_: True)
    own = [
        written(tmp_path / name)
        for name in (
            "thesis.txt",
            "trials/mine/result.json",
            "artifacts/mine/a",
            "artifacts/b/trial.json",
        )
    ]
    old = set((tmp_path / "trials").iterdir())
    compared(tmp_path, lambda *_: False, settings=ak.RunSettings(fresh=True))
    assert [p.read_text() for p in own] == ["my only copy"] * len(own)
    assert old & set((tmp_path / "trials").iterdir())


@pytest.mark.parametrize("left", ["records.jsonl", "artifacts", "trials"])
def test_what_a_killed_run_left_is_taken_up(left: str, tmp_path: Path) -> None:
    compared(tmp_path / "whole", lambda *_: True)
    (tmp_path / "killed").mkdir()
    source = tmp_path / "whole" / left
    if source.is_dir():
        shutil.copytree(source, tmp_path / "killed" / left)
    else:
        shutil.copy(source, tmp_path / "killed" / left)
    assert compared(tmp_path / "killed", lambda *_: True).rows


@pytest.mark.parametrize("name", ["strategy.json", "documents/chunks.json"])
def test_saving_does_not_replace_foreign_files(name: str, tmp_path: Path) -> None:
    task = make_task(12)
    model = planted_model(lambda *_: True)
    strategy = (ak.PromptEngineering() if name == "strategy.json" else ak.FewShot(k=1)).fit(model, task)
    strategy.save(tmp_path / "first")
    made = [n for n in files_of(tmp_path / "first") if n != "strategy.json"]
    target = written(tmp_path / "second" / (name if name == "strategy.json" or not made else made[0]))
    with pytest.raises(ConfigError, match=target.name):
        strategy.save(tmp_path / "second")
    assert target.read_text() == "my only copy"
    # Its own are replaced, and what stands beside them stays.
    beside = written(tmp_path / "first" / "thesis.txt")
    strategy.save(tmp_path / "first")
    assert beside.read_text() == "my only copy"


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    comparison = compared(tmp_path, lambda *_: True)
    (tmp_path / "a.csv").symlink_to("/dev/null")
    comparison.export(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").is_char_device()


def test_vectors_of_somebody_else_are_no_entry_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path))
    written(tmp_path / "vectors" / "mine.npy")
    assert "vectors" not in {entry.name for entry in cached()}
    (tmp_path / "vectors" / "mine.npy").unlink()
    written(tmp_path / "vectors" / "a1b2" / "1700000000-0a.vec")
    assert "vectors" in {entry.name for entry in cached()}


def test_marks_name_their_files(tmp_path: Path) -> None:
    compared(tmp_path, lambda *_: True)
    for mark in tmp_path.glob("artifacts/*/trial.json"):
        values = json.loads(mark.read_text())
        assert sorted(files_of(mark.parent)) == sorted([*values["files"], "trial.json"])
