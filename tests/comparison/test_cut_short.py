"""What a budget cut short: its result is a lower bound, said beside the verdict, and no rival gains by it."""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from planted import Shots, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit import report
from adaptkit.comparison import Comparison, compare
from adaptkit.core.errors import ConfigError
from adaptkit.models.base import Model
from adaptkit.strategies.compose import Compose


@dataclass(kw_only=True)
class Trained(Words):
    """Needs so many seconds until it is flat, and does with less; answers as planted for ``lora``."""

    name: ClassVar[str] = "lora"

    need_s: float = 0.0
    by: str = "seconds"

    traits: ClassVar[ak.Traits] = ak.Traits(trains_weights=True)

    def learn(self, model: Model, task: ak.Task) -> Model:
        left = self.seconds_left
        given.append((self.name, self.need_s, left))
        taken = self.need_s if left is None else min(left, self.need_s)
        clock.now += taken
        if taken < self.need_s or self.by != "seconds":
            share = taken / self.need_s if self.need_s else 0.26
            cut = {"what": "training", "by": self.by, "share_of_rows": share, "improving": True}
            self.fit_notes_["cut_short"] = [{**cut, "more_s": 360.0}]
        return model


@dataclass(kw_only=True)
class Other(Trained):
    """Looks as if it needed more."""

    name: ClassVar[str] = "full-sft"

    traits: ClassVar[ak.Traits] = ak.Traits(trains_weights=True, retrieves=True)


class Third(Other):
    name: ClassVar[str] = "third"


class Clock:
    """Seconds that only trainings take."""

    now = 0.0

    def read(self) -> float:
        return self.now


clock = Clock()
given: list[tuple[str, float, float | None]] = []


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given.clear()
    for module in ("comparison.runner", "strategies.base", "strategies.tuned", "costs.meter"):
        read = SimpleNamespace(monotonic=clock.read, perf_counter=clock.read)
        monkeypatch.setattr(f"adaptkit.{module}.time", read)


def right(name: str, seed: int, row: int) -> bool:
    """The plain prompt is right in one of four, the trained one in half, few-shot in nine of ten."""
    return {"prompt": row % 4 == 0, "lora": row % 2 == 0, "full-sft": row % 2 == 0}.get(name, row % 10 > 0)


def run(folder: Path, *strategies: ak.Strategy, **options: Any) -> Comparison:
    task = options.pop("task", make_task(200))
    return compare(list(strategies), task, model=planted_model(right), out=folder, **options)


CUT = (
    "lora saw 26% of its training data and was still improving: about 6 minutes more would tell "
    "(raise max_tokens, 0.36 USD)"
)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    settings = ak.RunSettings(usd_per_hour=3.6)
    return run(tmp_path_factory.mktemp("cut"), Words(), Shots(), Trained(by="max_tokens"), settings=settings)


def test_no_rival_is_better_or_as_good_and_what_it_beats_stays_beaten(cut: Comparison) -> None:
    verdicts = {(p.strategy, p.baseline): p for p in cut.pairs}
    # Few-shot is 40 points ahead of it on 200 rows; what the rest of its training would bring is not known.
    ahead = verdicts["lora", "few-shot"]
    assert (ahead.verdict, ahead.turned().verdict) == ("undecided", "undecided")
    assert ahead.delta_high is not None
    assert ahead.delta_high < -0.2
    assert ahead.turned().non_inferior is None
    assert verdicts["lora", "prompt"].verdict == "better"
    assert verdicts["few-shot", "prompt"].verdict == "better"
    (found,) = cut.result.recommendation
    assert (found.verdict, found.for_now, found.rows_needed) == ("undecided", "few-shot", None)


def test_the_same_run_without_a_cut_decides(tmp_path: Path) -> None:
    found = run(tmp_path, Words(), Shots(), Trained())
    assert found.result.recommendation[0].strategy == "few-shot"
    assert all(row.cut_short is None for row in found.rows)
    assert "≥" not in report.console_text(found.result)


def test_it_is_said_wherever_the_verdict_stands(cut: Comparison) -> None:
    row = next(r for r in cut.rows if r.strategy == "lora")
    assert row.cut_short == CUT
    reason = cut.result.recommendation[0].reason
    assert reason.startswith("a budget cut lora short, so nothing can be called better or as good")
    assert f"Lower bound: {CUT}." in reason
    told = [" ".join(report.console_text(cut.result).split()), report.markdown_table(cut.result)]
    told += [(cut.folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md")]
    for text in told:
        assert "≥ 50" in text
        assert CUT.partition(" (")[0] in text
    with (cut.folder / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = {r["strategy"]: r["cut_short"] for r in csv.DictReader(file)}
    assert rows == {"prompt": "", "few-shot": "", "lora": CUT}
    assert ak.load_comparison(cut.folder).result == cut.result


def test_requirements_do_not_undo_it(cut: Comparison) -> None:
    """What answers are worth shifts all pairs and judges them anew, and so does another margin."""
    for required in (ak.Requirements(usd_per_success=0.5), ak.Requirements(margin=0.05)):
        (found,) = cut.recommend(required)
        assert found.verdict == "undecided"
        assert any("counts other rows, not more training" in c for c in found.cautions)


def test_a_learning_curve_says_which_points_are_too_low(tmp_path: Path) -> None:
    tasks = [make_task(30).with_train(n) for n in (2, 4)]
    found = run(tmp_path, Trained(by="max_tokens"), task=tasks)
    text = ak.LearningCurves.of(found).to_text()
    assert "Lower bound at 2 labels: lora saw 26% of its training data and was still improving" in text


def test_time_is_shared_so_that_nobody_who_wants_more_gets_less(tmp_path: Path) -> None:
    """The short training leaves the long one what it does not need; what is left at last is used, too."""
    found = run(tmp_path, Other(need_s=90), Trained(need_s=6), Words(), minutes=2, task=make_task(30))
    assert [(name, need) for name, need, _ in given] == [("lora", 6), ("full-sft", 90)]
    assert [left for _, _, left in given] == pytest.approx([60, 114], rel=0.01)
    assert all(row.cut_short is None for row in found.rows)
    assert found.result.manifest["config"]["minutes"] == 2


def test_time_that_is_left_goes_to_what_time_cut_short(tmp_path: Path) -> None:
    """The one that looks smallest comes first and needs most; the others leave it time."""
    found = run(tmp_path, Trained(need_s=300), Other(), Third(), minutes=3, task=make_task(30))
    assert [name for name, _, _ in given] == ["lora", "full-sft", "third", "lora"]
    assert [left for _, _, left in given] == pytest.approx([60, 60, 120, 120], rel=0.01)
    assert "saw 40% of its training data" in (found.rows[0].cut_short or "")
    assert "raise --minutes" in (found.rows[0].cut_short or "")


def test_more_minutes_train_what_was_cut_short_again_and_nothing_else(tmp_path: Path) -> None:
    trained, flat = Trained(need_s=40), Other(need_s=0.0)
    few = run(tmp_path, flat, trained, minutes=0.5, task=make_task(30))
    assert [r.cut_short is None for r in few.rows] == [True, False]
    n = len(given)
    again = run(tmp_path, flat, trained, minutes=0.5, task=make_task(30))
    assert len(given) == n
    assert again.rows == few.rows
    more = run(tmp_path, flat, trained, minutes=5, task=make_task(30))
    assert [name for name, _, _ in given[n:]] == ["lora"]
    assert all(r.cut_short is None for r in more.rows)
    unbounded = run(tmp_path, flat, trained, task=make_task(30))
    assert len(given) == n + 1
    assert unbounded.rows == more.rows


def test_a_composition_shares_its_time_among_what_trains(tmp_path: Path) -> None:
    parts = (Trained(need_s=50), Other(need_s=60))
    fitted = Compose(parts).fit(planted_model(right), make_task(8), seconds=40)
    assert [left for _, _, left in given] == [pytest.approx(20)] * 2
    assert [c["by"] for c in fitted.fit_notes_["cut_short"]] == ["seconds", "seconds"]


def test_tuning_that_its_budget_ends_says_how_many_were_tried() -> None:
    validation = tuple(dataclasses.replace(e, id=f"v{e.id}") for e in make_task(10).test)
    task = dataclasses.replace(make_task(8), validation=validation)
    tuned = ak.Tuned(Trained(need_s=10), grid={"seed": [1, 2, 3]}, budget=ak.Budget(seconds=15))
    notes = tuned.fit(planted_model(right), task).fit_notes_
    (found,) = notes["cut_short"]
    assert (found["what"], found["by"], found["n_tried"], found["n_planned"]) == ("tuning", "seconds", 2, 4)
    whole = ak.Tuned(Trained(), grid={"seed": [1]}, budget=ak.Budget(seconds=60))
    assert "cut_short" not in whole.fit(planted_model(right), task).fit_notes_


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), "ten"])
def test_minutes_that_mean_nothing_are_refused(tmp_path: Path, minutes: Any) -> None:
    with pytest.raises(ConfigError, match="'minutes' parameter of compare must be above 0"):
        run(tmp_path, Words(), minutes=minutes)


def test_a_quick_look_says_so_at_the_top(tmp_path: Path) -> None:
    found = run(tmp_path, Words(), Shots(), settings=ak.RunSettings(quick=True), task=make_task(24))
    for text in (report.console_text(found.result), report.markdown_table(found.result)):
        assert "Quick look:" in text.splitlines()[0]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("Quick look:") < page.index("<main>")
