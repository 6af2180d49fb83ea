"""What strategies need when documents change: planted ones, whose figures are known beforehand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import pytest
from fresh_world import COUNTRIES, Memory, city_task, country_of, read
from tiny import tiny_model

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Request
from adaptkit.strategies.tuned import Budget, Tuned
from adaptkit.studies.freshness import Freshness, FreshnessRow
from adaptkit.studies.freshness.judging import metric_of
from adaptkit.studies.freshness.measure import KINDS

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = city_task()
RAG = ak.RAG(k=2, chunk_tokens=60, overlap_tokens=0)
LINEUP = (ak.PromptEngineering(), RAG, Memory())


def measured(*strategies: ak.Strategy, **options: Any) -> Freshness:
    options = {"model": ak.FakeModel(read), "share": 0.25, **options}
    return ak.measure_freshness(strategies or LINEUP, options.pop("task", TASK), **options)


def row_of(freshness: Freshness, kind: str, strategy: str) -> FreshnessRow:
    return next(r for r in freshness.rows if (r.kind, r.strategy) == (kind, strategy))


def values(row: FreshnessRow, group: str) -> list[float | None]:
    phases = getattr(row, group)
    estimates = [getattr(phases, phase) for phase in ("before", "stale", "after")]
    return [None if e is None else e.value for e in estimates]


@pytest.fixture(scope="module")
def freshness(hash_embedder: None) -> Freshness:
    return measured(usd_per_hour=3.6)


@pytest.mark.parametrize(
    ("kind", "strategy", "update", "affected", "unaffected"),
    [
        ("change", "prompt", "nothing", [0, 0, 0], [0, 0, 0]),
        ("change", "rag", "re-index", [1, 0, 1], [1, 1, 1]),
        ("change", "memory", "re-train", [1, 0, 1], [1, 1, 1]),
        ("add", "prompt", "nothing", [None, 0, 0], [0, 0, 0]),
        ("add", "rag", "re-index", [None, 0, 1], [1, 1, 1]),
        ("add", "memory", "re-train", [None, 0, 1], [1, 1, 1]),
        ("delete", "prompt", "nothing", [0, None, None], [0, 0, 0]),
        ("delete", "rag", "re-index", [1, None, None], [1, 1, 1]),
        ("delete", "memory", "re-train", [1, None, None], [1, 1, 1]),
    ],
)
def test_planted_strategies_have_the_figures_that_they_must_have(
    freshness: Freshness, kind: str, strategy: str, update: str, affected: Any, unaffected: Any
) -> None:
    row = row_of(freshness, kind, strategy)
    assert row.update == update
    assert values(row, "affected") == affected
    assert values(row, "unaffected") == unaffected
    assert (row.n_affected, row.n_unaffected, row.n_errors) == (4, 12, 0)
    assert row.reason is None


def test_deleted_content_is_told_until_the_update(freshness: Freshness) -> None:
    for strategy, told in (("rag", [None, 1, 0]), ("memory", [None, 1, 0]), ("prompt", [None, 0, 0])):
        assert values(row_of(freshness, "delete", strategy), "still_told") == told
        assert row_of(freshness, "change", strategy).still_told is None
        assert row_of(freshness, "add", strategy).still_told is None


def test_citing_a_deleted_document_is_telling_it() -> None:
    model = ak.FakeModel(lambda r: "noon is tea time" if r.prompt.context else "unknown")
    row = row_of(measured(RAG, model=model, kinds=["delete"]), "delete", "rag")
    # Other documents say so too, and are cited once the deleted ones are gone.
    assert values(row, "still_told") == [None, 1, 0]


def test_differences_are_those_of_the_same_rows(freshness: Freshness) -> None:
    row = row_of(freshness, "change", "rag")
    assert row.affected is not None
    assert row.unaffected is not None
    assert row.affected.gain is not None
    assert row.affected.change is not None
    assert (row.affected.gain.delta, row.affected.gain.n) == (1, 4)
    assert row.affected.change.delta == 0
    assert row.unaffected.change is not None
    assert (row.unaffected.change.delta, row.unaffected.change.n) == (0, 12)
    added = row_of(freshness, "add", "rag").affected
    assert added is not None
    assert added.change is None  # nobody could answer before
    assert added.gain is not None


def test_update_is_timed_and_priced(freshness: Freshness) -> None:
    for row in freshness.rows:
        assert row.update_s is not None
        assert row.update_usd == pytest.approx(row.update_s * 0.001)
        assert (row.update_s > 0) is (row.update != "nothing")
        assert row.fit_s is not None
    unpriced = measured(RAG, Memory(), kinds=["change"])
    assert [r.update_usd for r in unpriced.rows] == [None, None]
    assert all(r.update_s for r in unpriced.rows)


def test_table_follows_from_the_answers(freshness: Freshness) -> None:
    for row in freshness.rows:
        own = [a for a in freshness.answers if (a.kind, a.strategy) == (row.kind, row.strategy)]
        for group in ("affected", "unaffected"):
            rows = [a for a in own if a.affected is (group == "affected")]
            assert len(rows) == getattr(row, f"n_{group}")
            for phase, value in zip(("before", "stale", "after"), values(row, group), strict=True):
                scores = [s for a in rows if (s := getattr(a, phase)) is not None]
                assert value == (fmean(scores) if scores else None)


def test_every_strategy_meets_the_same_rows_and_truths(freshness: Freshness) -> None:
    for kind in KINDS:
        seen = [
            [(a.example_id, a.affected, a.old_target, a.new_target) for a in freshness.answers
             if (a.kind, a.strategy) == (kind, strategy)]
            for strategy in ("prompt", "rag", "memory")
        ]  # fmt: skip
        assert seen[0] == seen[1] == seen[2]
        assert len(seen[0]) == 16


def test_others_in_the_lineup_and_their_order_change_nothing(freshness: Freshness) -> None:
    alone = measured(Memory(), RAG)
    for row in alone.rows:
        there = row_of(freshness, row.kind, row.strategy)
        assert (row.affected, row.unaffected, row.still_told) == (
            there.affected, there.unaffected, there.still_told
        )  # fmt: skip
    assert alone.changes == freshness.changes


def test_strategies_given_stay_unfitted_and_the_task_as_it_is() -> None:
    before = TASK.content_hash
    measured(kinds=["change"])
    assert not any(hasattr(s, "model_") for s in LINEUP)
    assert TASK.content_hash == before


def test_kinds_with_the_same_past_share_a_fit() -> None:
    fitted: list[int] = []

    @dataclasses.dataclass(kw_only=True)
    class Counting(Memory):
        name: ClassVar[str] = "counting"

        def learn(self, model: Any, task: ak.Task) -> Any:
            fitted.append(len(task.train))
            return super().learn(model, task)

    measured(Counting())
    # Fitted to everything once, for change and delete, and once without what is added; updated three times.
    assert sorted(fitted) == [12, 12, 16, 16, 16]


def test_only_answers_after_an_update_are_asked_for_again() -> None:
    model = ak.FakeModel(read)
    measured(ak.PromptEngineering(search=0), model=model, kinds=["change"])
    assert len(model.requests) == 16


@dataclasses.dataclass(kw_only=True)
class Broken(Memory):
    """Cannot be fitted, or only once."""

    name: ClassVar[str] = "broken"
    when: str = "fit"

    def learn(self, model: Any, task: ak.Task) -> Any:
        if self.when == "fit":
            raise RuntimeError("no way")
        return super().learn(model, task)

    def updated(self, model: Any, old: ak.Task, new: ak.Task) -> Any:  # type: ignore[misc]
        if len(new.documents) < len(old.documents):
            raise RuntimeError
        return super().updated(model, old, new)


def test_strategy_that_fails_is_a_row_with_the_reason() -> None:
    found = measured(Broken(), Broken(when="update"), RAG, ak.LoRASFT())
    by_name = {
        n: [r for r in found.rows if r.strategy == n] for n in dict.fromkeys(r.strategy for r in found.rows)
    }
    never, once, rag, lora = by_name.values()
    assert [r.reason for r in never] == ["RuntimeError: no way"] * 3
    assert [r.reason for r in once] == [None, None, "RuntimeError"]
    assert [r.reason for r in rag] == [None] * 3
    assert [r.reason for r in lora] == [
        "LoRASFT needs a model whose weights are at hand, and 'fake' is not one."
    ] * 3
    assert all(r.affected is None and r.update is None and r.update_s is None for r in never)
    assert values(once[0], "affected") == [1, 0, 1]


def test_interrupt_passes() -> None:
    def interrupted(_: Request) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(RAG, model=ak.FakeModel(interrupted))


def test_answers_that_fail_count_as_wrong_and_are_told() -> None:
    def fails(request: Request) -> str:
        if country_of(request.prompt.input) in COUNTRIES[:8]:
            raise ak.errors.ModelError("too warm")
        return read(request)

    row = row_of(measured(RAG, model=ak.FakeModel(fails), kinds=["change"], share=1.0), "change", "rag")
    assert row.n_errors == 8
    assert values(row, "affected") == [0.5, 0, 0.5]


def test_compositions_and_tuned_strategies_are_updated_in_their_cheapest_way() -> None:
    read_and_shown = ak.Compose((ak.FewShot(k=1), RAG))
    tuned = Tuned(RAG, grid={"k": [1]}, budget=Budget(trials=2))
    trained = ak.Compose((Memory(), RAG))
    found = measured(read_and_shown, tuned, trained, kinds=["change"])
    assert [r.update for r in found.rows] == ["re-fit+re-index", "re-index", "re-index"]
    assert [values(r, "affected") for r in found.rows[:2]] == [[1, 0, 1]] * 2
    # What answers in the last one remembers and does not read: indexing anew does not help it.
    assert values(found.rows[2], "affected") == [1, 0, 0]


def test_weights_are_trained_again_on_the_new_truths() -> None:
    model = tiny_model("llama", stop_every=40)
    lora = ak.LoRASFT(rank=2, epochs=1, learning_rate=0.02)
    (row,) = measured(lora, model=model, kinds=["change"], limit=2).rows
    assert (row.update, row.reason) == ("re-train", None)
    assert row.update_s is not None
    assert row.update_s > 0


def test_limit_bounds_rows_of_either_side() -> None:
    (row,) = measured(RAG, kinds=["change"], limit=3).rows
    assert (row.n_affected, row.n_unaffected) == (3, 3)


def test_frame_has_a_line_a_row_with_numbers_for_numbers(freshness: Freshness) -> None:
    frame = freshness.to_frame()
    assert len(frame) == 9
    assert list(frame["kind"][:3]) == ["change"] * 3
    numbers = [c for c in frame.columns if c not in ("kind", "strategy", "update", "reason")]
    assert all(frame[c].dtype.kind in "fi" for c in numbers)
    rag = frame[(frame["kind"] == "change") & (frame["strategy"] == "rag")].iloc[0]
    assert (rag["affected_before"], rag["affected_stale"], rag["affected_after"]) == (1, 0, 1)
    assert rag["affected_gain"] == 1
    assert rag["affected_gain_low"] <= 1
    assert frame["still_told_after"].notna().sum() == 3


def test_table_is_complete_in_markdown_and_html(freshness: Freshness) -> None:
    text, page = freshness.to_markdown(), freshness._repr_html_()
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 9
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "| answers changed | rag | re-index |" in text
    assert "+100.0" in text
    assert page.count("<tr>") == 1 + 9
    for note in ("4 of 16 documents", "4 affected and 12 unaffected test rows", "95 % intervals"):
        assert note in text
        assert note in page
    assert "Blank USD" not in text
    assert "Blank USD" in measured(RAG, kinds=["change"]).to_markdown()


def test_names_and_reasons_are_no_markup() -> None:
    broken = Broken(when="fit")
    found = measured(broken, kinds=["change"])
    odd = dataclasses.replace(found, rows=tuple(dataclasses.replace(r, reason="a|b <i>") for r in found.rows))
    assert "a\\|b &lt;i>" in odd.to_markdown()
    assert "<i>" not in odd._repr_html_()


def test_file_holds_everything_and_nothing_undefined_but_null(freshness: Freshness, tmp_path: Path) -> None:
    path = freshness.save(tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "freshness.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["schema_version"] == 1
    assert [r["strategy"] for r in saved["rows"]] == [r.strategy for r in freshness.rows]
    assert saved["rows"][0]["affected"]["before"]["value"] == 0
    assert saved["rows"][3]["affected"]["before"] is None
    assert len(saved["answers"]) == len(freshness.answers) == 9 * 16
    assert saved["settings"]["strategies"]["rag"]["k"] == 2
    assert saved["settings"]["task_hash"] == TASK.content_hash
    assert set(saved["changes"]) == set(KINDS)


def test_quality_is_the_first_metric_that_is_a_mean_over_rows() -> None:
    assert metric_of(TASK) == "exact_match"
    labels = tuple({e.target for e in (*TASK.train, *(TASK.validation or ()), *TASK.test)})
    labelled = dataclasses.replace(TASK, metrics=("macro_f1", "contains"), labels=labels)
    assert metric_of(labelled) == "contains"
    with pytest.raises(CapabilityError, match="a mean over rows"):
        metric_of(dataclasses.replace(labelled, metrics=("macro_f1",)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"share": 0},
            "The 'share' parameter of measure_freshness must be above 0 and at most 1. Got 0 instead.",
        ),
        ({"share": True}, "above 0 and at most 1. Got True"),
        ({"share": 1.2}, "above 0 and at most 1. Got 1.2"),
        (
            {"kinds": ["rename"]},
            r"The 'kinds' parameter of measure_freshness must be some of .* Got \['rename'\]",
        ),
        ({"kinds": []}, "The 'kinds' parameter"),
        ({"kinds": "add"}, "The 'kinds' parameter"),
        ({"kinds": ["add", "add"]}, "The 'kinds' parameter"),
        (
            {"limit": 0},
            "The 'limit' parameter of measure_freshness must be an int >= 1, or None. Got 0 instead.",
        ),
        ({"task": "cities"}, "The 'task' parameter of measure_freshness must be a task"),
        ({"usd_per_hour": -1}, "usd_per_hour|price"),
    ],
)
def test_bad_parameter_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        measured(**options)


@pytest.mark.parametrize("strategies", [[], ["rag"], ak.RAG()])
def test_what_is_no_list_of_strategies_is_told(strategies: Any) -> None:
    with pytest.raises(ConfigError, match="The 'strategies' parameter of measure_freshness must be a list"):
        ak.measure_freshness(strategies, TASK, model=ak.FakeModel(read))
