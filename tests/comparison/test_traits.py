"""What a strategy is, whatever it is called: declared, stored, and shown by its fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from planted import Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare
from adaptkit.models.base import Model

TASK = make_task(40)


@dataclass(kw_only=True)
class Declared(Words):
    """Trains weights and says so, under a name that says nothing."""

    name: ClassVar[str] = "house-blend"
    traits: ClassVar[ak.Traits] = ak.Traits(trains_weights=True, complexity=8)


@dataclass(kw_only=True)
class Silent(Words):
    """Answers with other weights and does not say so, under the name of one that trains nothing."""

    name: ClassVar[str] = "few-shot"
    traits: ClassVar[ak.Traits] = ak.Traits(complexity=2)

    def learn(self, model: Model, task: ak.Task) -> Model:
        return planted_model(right)

    def load_state(self, folder: Path, state: object, model: Model) -> Model:
        return planted_model(right)


@dataclass(kw_only=True)
class Named(Words):
    """Trains nothing, and is called like one that does."""

    name: ClassVar[str] = "lora"


def right(name: str, seed: int, row: int) -> bool:
    return row % 10 < {"prompt": 3, "house-blend": 9, "few-shot": 8, "lora": 6}.get(name, 5)


@pytest.mark.parametrize("again", [False, True])
def test_what_trains_weights_is_left_out_where_data_may_not_enter_them(tmp_path: Path, again: bool) -> None:
    strategies = [Words(), Declared(), Silent(), Named()]
    result = compare(strategies, TASK, model=planted_model(right), out=tmp_path)
    if again:  # what was fitted is taken up, some rows are answered anew, and nobody fits again
        lines = (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / "records.jsonl").write_text("".join(lines[:-5]), encoding="utf-8")
        for path in tmp_path.glob("trials/*/result.json"):
            path.unlink()
        result = compare([*strategies], TASK, model=planted_model(right), out=tmp_path)
    by_name = {r.strategy: r.traits.trains_weights for r in result.rows if r.traits.uses_llm}
    assert by_name == {"prompt": False, "house-blend": True, "few-shot": True, "lora": False}
    for comparison in (result, ak.load_comparison(tmp_path)):
        (found,) = comparison.recommend(ak.Requirements(may_enter_weights=False))
        out = {e.strategy for e in found.excluded if e.requirement == "may_enter_weights"}
        assert out == {"house-blend", "few-shot"}
        assert found.named == "lora"
    trials = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["trials"]
    stored = {t["strategy"]: t["traits"]["trains_weights"] for t in trials if t["traits"]["uses_llm"]}
    assert stored == by_name


def test_a_composition_is_all_that_its_parts_are() -> None:
    traits = ak.Compose((ak.RAG(), Declared())).traits
    assert (traits.trains_weights, traits.retrieves, traits.calls_tools) == (True, True, False)
    assert traits.complexity == ak.RAG.traits.complexity + Declared.traits.complexity
    assert ak.Tuned(Declared()).traits == Declared.traits
    alone = [ak.PromptEngineering(), ak.FewShot(), ak.RAG(), ak.FunctionCalling(), ak.LoRASFT(), ak.FullSFT()]
    found = [s.traits.complexity for s in alone]
    assert found == sorted(set(found))


@pytest.mark.parametrize("composed", [False, True])
def test_paraphrases_are_looked_for_where_a_part_has_an_embedder(tmp_path: Path, composed: bool) -> None:
    shots = ak.FewShot(k=2, selection="random")
    strategy = ak.Compose((shots, ak.PromptEngineering(search=0))) if composed else Words()
    compare([strategy], TASK, model=planted_model(right), out=tmp_path, baselines=False)
    found = ak.load_comparison(tmp_path).result.manifest["leakage"][TASK.name]
    assert found["checked"]["embed"] is composed


def test_a_folder_of_another_version_is_refused_or_begun_afresh(tmp_path: Path) -> None:
    first = compare([Words()], TASK, model=planted_model(right), out=tmp_path)
    for name in ("manifest.json", "comparison.json", "records.jsonl"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace('"schema_version": 4', '"schema_version": 3'), "utf-8")
    with pytest.raises(ak.errors.StoreError, match=r"has schema version 3.*with --fresh"):
        compare([Words()], TASK, model=planted_model(right), out=tmp_path)
    settings = ak.RunSettings(fresh=True)
    again = compare([Words()], TASK, model=planted_model(right), out=tmp_path, settings=settings)
    assert [r.quality for r in again.rows] == [r.quality for r in first.rows]
