"""The README's strategy, as it stands there, keeps to the contract."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import adaptkit as ak
from adaptkit.strategies.registry import STRATEGIES

README = Path(__file__).parents[2] / "README.md"
MAX_LINES = 30


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class, out of a module that another process can import too."""
    section = README.read_text(encoding="utf-8").partition("## Your own strategy")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.S)
    assert len([line for line in code.splitlines() if line]) < MAX_LINES
    (tmp_path / "overlap_of_the_readme.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("overlap_of_the_readme").WordOverlap


def test_the_strategy_of_the_readme_passes_every_check(own: Any) -> None:
    report = ak.testing.check_strategy(own())
    assert list(report.skipped) == [
        "another_seed_gives_the_same_answers_where_nothing_is_drawn",  # it has no seed
        "files_of_another_strategy_are_refused",  # it saves none
    ]


def test_it_is_compared_and_composed_without_being_registered(own: Any) -> None:
    task = ak.load_task("request_routing")
    model = ak.testing.StandIn()
    result = ak.compare([ak.PromptEngineering(), own(k=2)], task, model=model, limit=6)
    assert [row.strategy for row in result.rows] == ["prompt", "word-overlap"]
    both = ak.Compose((own(k=2), ak.PromptEngineering())).fit(model, task)
    shown = both.prompts([task.test[0].input])[0].demonstrations
    assert len(shown) == 2


def test_its_registered_name_is_enough_to_load_it(own: Any, tmp_path: Path) -> None:
    """What the entry point does: after that, ``load_strategy`` finds the class by its name."""
    model, task = ak.testing.StandIn(), ak.load_task("request_routing")
    folder = own(k=2).fit(model, task).save(tmp_path / "saved")
    with pytest.raises(LookupError, match="Unknown strategy 'word-overlap'"):
        ak.load_strategy(folder, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STRATEGIES._builtin, "word-overlap", "overlap_of_the_readme:WordOverlap")
        assert ak.load_strategy(folder, model) == own(k=2)
