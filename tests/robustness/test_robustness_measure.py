"""Robustness measured: a fragile choice is found, a sturdy one stands, and nothing is run twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from interrupting import interrupted_after, rows_stored
from tiny import qa_task
from worded import (
    FITS,
    N_ROWS,
    Exact,
    Fails,
    Lucky,
    Obedient,
    Reads,
    Sturdy,
    asked,
    make_task,
    measured,
    worded_model,
)

import adaptkit as ak
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.retrieval import Retriever

INPUTS = ("typos", "case", "wrapping")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robustness")


@pytest.fixture(scope="module")
def found(folder: Path) -> ak.Robustness:
    return measured(folder)


def test_a_fragile_choice_is_found_and_another_would_be_named(found: ak.Robustness) -> None:
    assert (found.unchanged.named, found.unchanged.is_shown) == ("exact", True)
    for change in INPUTS:
        choice = found.choice(change)
        assert (choice.named, choice.reference, choice.stands) == ("sturdy", "exact", False)
        effect = found.effect("exact", change)
        assert (effect.delta, effect.is_shown, effect.n) == (-1, True, N_ROWS)
        assert found.effect("sturdy", change).delta == 0
        assert not found.effect("sturdy", change).is_shown
    assert found.stands is False
    assert found.most_sensitive is not None
    assert found.most_sensitive.strategy == "exact"


def test_a_sturdy_choice_stands(tmp_path: Path) -> None:
    found = measured(tmp_path, Sturdy(), Obedient(), changes=("typos", "case", "instruction"))
    assert found.unchanged.named == "obedient"
    assert [found.choice(c).stands for c in ("typos", "case", "instruction")] == [True, True, False]
    assert found.effect("obedient", "instruction").delta == -1
    sturdy = measured(tmp_path / "b", Sturdy(), Obedient(), changes=INPUTS)
    assert sturdy.stands is True
    assert sturdy.most_sensitive is None
    low = min(e.low for e in sturdy.effects if e.low is not None)
    assert sturdy.summary() == (
        "The choice (obedient) stands under 3 of 3 changes; no change is shown to cost a strategy anything, "
        f"though losses of up to {-100 * low:.1f} points are not ruled out."
    )


def test_the_summary_says_what_is_named_and_what_suffers_most(found: ak.Robustness) -> None:
    said = found.summary()
    assert said.startswith(
        "The choice (exact) stands under 1 of 4 changes; under typos sturdy would be named"
    )
    assert "most sensitive: exact, \N{MINUS SIGN}100.0 [" in said
    assert "points under typos" in said


def test_strategies_are_fitted_once_for_all_changes_of_inputs(tmp_path: Path) -> None:
    FITS.clear()
    measured(tmp_path, changes=(*INPUTS, "instruction"))
    # Once unchanged, and once more for the instruction.
    assert sorted(FITS) == ["exact"] * 2 + ["sturdy"] * 2
    marks = [json.loads(p.read_text()) for p in tmp_path.glob("*/artifacts/exact/trial.json")]
    assert len({m["key"] for m in marks}) == 5


def test_an_index_is_built_again_only_for_other_documents(
    tmp_path: Path, hash_embedder: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    original = Retriever.built_as

    def counted(settings: Any, documents: Any, **options: Any) -> Retriever:
        built.append(len(documents))
        return original(settings, documents, **options)

    monkeypatch.setattr(Retriever, "built_as", staticmethod(counted))
    found = measured(
        tmp_path,
        ak.RAG(k=1),
        ak.PromptEngineering(),
        task=qa_task(),
        changes=("typos", "distractors"),
        model=ak.FakeModel(lambda r: r.prompt.context[0].text if r.prompt.context else ""),
        leakage="off",
    )
    assert built == [10, 20]
    assert found.effect("rag", "typos").n == len(qa_task().test)


def test_a_finished_measurement_asks_no_model_again(folder: Path, found: ak.Robustness) -> None:
    model = worded_model()
    again = measured(folder, model=model)
    assert model.requests == []
    assert again.to_text() == found.to_text()
    assert again == found


def test_more_changes_and_rows_add_to_what_is_there(tmp_path: Path) -> None:
    measured(tmp_path, changes=("typos",), limit=10)
    model = worded_model()
    found = measured(tmp_path, changes=("typos", "case"), limit=20, model=model)
    assert len(asked(model)) == 2 * (10 + 10 + 20)
    assert found.effect("exact", "case").n == 20


def test_an_interrupted_measurement_goes_on_where_it_was(tmp_path: Path, found: ak.Robustness) -> None:
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path, model=interrupted_after(worded_model(), 60))
    stored = rows_stored(tmp_path)
    assert stored > 2 * N_ROWS
    rest = worded_model()
    again = measured(tmp_path, model=rest)
    assert len(asked(rest)) == 2 * N_ROWS * 5 - stored
    assert again.effects == found.effects


def test_fresh_forgets_what_was_measured(tmp_path: Path) -> None:
    measured(tmp_path, changes=("case",))
    FITS.clear()
    model = worded_model()
    measured(tmp_path, changes=("case",), model=model, settings=ak.RunSettings(fresh=True))
    assert len(asked(model)) == 2 * 2 * N_ROWS
    assert FITS == ["exact", "sturdy"]


def test_skipped_changes_carry_their_reasons(found: ak.Robustness) -> None:
    assert found.skipped == {
        "format": "no strategy has a prompt format to change",
        "distractors": "the task 'storage' has no documents",
        "slice": 'metadata["slice"] names one in no test row in use',
    }
    assert "format was not measured: no strategy has a prompt format to change." in found.to_text()


def test_over_seeds_the_choice_of_each_is_told(tmp_path: Path) -> None:
    found = measured(tmp_path, Lucky(), Sturdy(), seeds=3, changes=("case",))
    assert found.unchanged.named == "sturdy"
    assert found.unchanged.by_seed == {0: "lucky", 1: "sturdy", 2: "lucky"}
    assert found.choice("case").by_seed == found.unchanged.by_seed
    assert found.summary().endswith("of 3 seeds alone, 1 name the same.")


def test_paraphrases_are_of_some_rows_and_the_choice_is_held_against_those(tmp_path: Path) -> None:
    rows = make_task().test[:30]
    texts = {row.id: f"Tell me what lies in {row.input.split()[-1]}" for row in rows}
    found = measured(tmp_path, changes=(), paraphrases=texts)
    choice = found.choice("paraphrases")
    assert (choice.n, choice.named, choice.reference) == (30, "sturdy", "exact")
    assert found.effect("exact", "paraphrases").n == 30
    assert choice.what == "as paraphrased by the user: 30 of 40 inputs"
    none = measured(tmp_path, changes=("paraphrases",))
    assert none.skipped == {"paraphrases": "no paraphrases were given"}


def test_distractors_reach_only_what_reads_documents(tmp_path: Path) -> None:
    task = make_task(documents=True)
    model = worded_model()
    found = measured(tmp_path, Reads(), Sturdy(), task=task, changes=("distractors",), model=model)
    assert len(asked(model)) == 3 * N_ROWS
    assert found.effect("reads", "distractors").delta == -1
    untouched = found.effect("sturdy", "distractors")
    assert (untouched.touched, untouched.delta, untouched.p_value) == (False, 0, None)
    assert found.choice("distractors").named == "sturdy"
    assert found.choice("distractors").what == "40 documents beside 40: copies without the answers"


def test_a_slice_is_held_against_the_other_rows_without_a_run(tmp_path: Path) -> None:
    hard = dict.fromkeys(range(0, N_ROWS, 5), "hard") | {1: "alone"}
    model = worded_model()
    found = measured(tmp_path, task=make_task(slices=hard), changes=("slice",), model=model)
    assert len(asked(model)) == 2 * N_ROWS
    effect = found.effect("sturdy", "slice hard")
    assert (effect.n, effect.quality, effect.delta, effect.p_value) == (8, 0, -1, None)
    assert effect.low is not None
    assert effect.high is not None
    assert -1 <= effect.low <= -1 < effect.high < 0
    assert effect.is_shown
    assert found.most_sensitive is None
    assert [c.change for c in found.choices] == ["slice hard"]
    assert found.choice("slice hard").named == "exact"


def test_formats_are_changed_where_a_strategy_has_one(tmp_path: Path) -> None:
    task = make_task()

    def by_format(request: Any) -> str:
        if "|" in request.prompt.instruction:
            return "no idea"
        plain = request.prompt.input.startswith("What")
        return f"thing {request.prompt.input.split()[-1][:-1]}" if plain else "no idea"

    found = measured(
        tmp_path,
        ak.PromptEngineering(),
        Sturdy(),
        task=task,
        changes=("format",),
        model=ak.FakeModel(by_format),
    )
    assert found.effect("prompt", "format").delta == -1
    assert not found.effect("sturdy", "format").touched
    assert found.choice("format").what == "prompts are set out in another format: 1 of 2 strategies"


def test_two_strategies_that_a_change_makes_equal_are_run_once(tmp_path: Path) -> None:
    both = (ak.PromptEngineering(), ak.PromptEngineering(format="in-message"))
    model = ak.FakeModel(lambda _: "thing 1")
    found = measured(tmp_path, *both, changes=("format",), model=model)
    names = ["prompt", "prompt:format=in-message"]
    assert [e.strategy for e in found.effects if e.change == "format"] == names
    assert len(ak.load_comparison(tmp_path / "format").rows) == 1


def test_a_trial_that_fails_under_a_change_is_told_and_left_out(tmp_path: Path) -> None:
    found = measured(tmp_path, Fails(), Sturdy(), Exact(), changes=("instruction",))
    effect = found.effect("fails", "instruction")
    assert (effect.quality, effect.reason) == (None, "another instruction")
    assert found.gaps == ("fails, instruction, seed 0: failed: another instruction",)
    assert found.gaps[0] in found.to_text()
    assert found.choice("instruction").named == "exact"


def test_one_strategy_alone_names_nothing(tmp_path: Path) -> None:
    found = measured(tmp_path, Exact(), changes=("case",))
    assert found.unchanged.named is None
    assert found.stands is None
    assert found.summary().startswith(
        "Nothing can be named on the unchanged rows, so nothing can stand: Only"
    )
    assert found.effect("exact", "case").delta == -1


def test_p_values_are_corrected_over_strategies_and_changes(found: ak.Robustness) -> None:
    tested = [e for e in found.effects if e.p_value is not None]
    assert len(tested) == 8
    lost = found.effect("exact", "typos")
    assert lost.p_value is not None
    assert lost.p_adjusted == pytest.approx(min(1, 8 * lost.p_value))


def test_text_frame_page_and_file_say_the_same(found: ak.Robustness, tmp_path: Path) -> None:
    text = found.to_text()
    assert found.summary() in text
    assert "- typos: sturdy, not exact (words are mistyped: 40 of 40 inputs)." in text
    frame = found.to_frame()
    assert len(frame) == 2 * 5
    assert frame["delta"].isna().sum() == 2
    assert set(frame[frame["change"] == "case"]["named"]) == {"sturdy"}
    html = found._repr_html_()
    assert html.count("<tr>") == 6
    saved = json.loads(found.save(tmp_path / "new").read_text(encoding="utf-8"))
    assert saved["summary"] == found.summary()
    assert saved["settings"]["task"] == "storage"


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"changes": ("typo",)}, UnknownNameError, "Unknown change 'typo'. Did you mean 'typos'"),
        ({"changes": "typos"}, ConfigError, "'changes' parameter of measure_robustness"),
        ({"seeds": 0}, ConfigError, "'seeds' parameter"),
        ({"seed": -1}, ConfigError, "'seed' parameter of measure_robustness must be an int >= 0"),
        ({"limit": 0}, ConfigError, "'limit' parameter"),
        ({"task": "storage"}, ConfigError, "'task' parameter of measure_robustness"),
        ({"paraphrases": {"row1": " "}}, ConfigError, "texts by example id, none of them empty"),
        ({"paraphrases": {"row99": "x"}}, UnknownNameError, "Unknown test row of storage 'row99'"),
        ({"model": "fake"}, ConfigError, "a model, made by ak.load_model"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: dict[str, object], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        measured(tmp_path, **options)


def test_unknown_names_are_told_with_the_known(found: ak.Robustness) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'case'"):
        found.choice("cases")
    with pytest.raises(UnknownNameError, match="Unknown strategy and change"):
        found.effect("exact", "cases")
