"""Inputs that are no texts: said at once where the call is wrong, in its own place where one of many is."""

from __future__ import annotations

from typing import Any

import pytest
from questions import make_task

import adaptkit as ak
from adaptkit.core.errors import ConfigError

STRATEGIES = [ak.PromptEngineering(), ak.FewShot(k=2, selection="random")]
HALF = "half \ud83d"


def fitted(strategy: ak.Strategy) -> ak.Strategy:
    return strategy.fit(ak.FakeModel(lambda r: f"said {r.prompt.input}"), make_task(4))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.label)
@pytest.mark.parametrize(
    "given", [None, 3, 2.5, b"a", {"a": 1}, object(), HALF], ids=lambda v: type(v).__name__
)
def test_a_call_that_gives_no_texts_is_a_sentence(strategy: ak.Strategy, given: Any) -> None:
    with pytest.raises(ConfigError, match="text") as caught:
        fitted(strategy).generate(given)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.label)
@pytest.mark.parametrize(
    "bad", [None, 3, b"a", ["b"], {"a": 1}, float("nan"), 10**5000, HALF], ids=lambda v: type(v).__name__
)
def test_one_that_is_no_text_harms_no_other(strategy: ak.Strategy, bad: Any) -> None:
    found = fitted(strategy).generate(["a", bad, "b", bad])
    assert [p.output for p in found] == ["said a", "", "said b", ""]
    assert [p.error is None for p in found] == [True, False, True, False]
    assert found[1].error is not None
    assert found[1].error.type == "ConfigError"
    assert "text" in found[1].error.message


def test_any_sequence_of_texts_will_do() -> None:
    strategy = fitted(ak.PromptEngineering())
    for given in (("a", "b"), {"a": 0, "b": 1}.keys(), (t for t in "ab")):
        assert [p.output for p in strategy.generate(given)] == ["said a", "said b"]  # type: ignore[arg-type]
    assert strategy.generate([]) == []
