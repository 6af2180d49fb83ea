"""Pilots: what is run and what is not, totals, ranges, reasons, and what stays behind."""

from __future__ import annotations

import dataclasses
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tiny import classification_task, tiny_llama

import adaptkit as ak
from adaptkit.comparison.callback import Callback
from adaptkit.comparison.plan import baseline_of
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Request
from adaptkit.models.base import Model
from adaptkit.strategies.baselines import TfidfClassifier
from adaptkit.studies.pilot import PilotLine, Range

N_TEST, N_TRAIN = 30, 40


@dataclass(kw_only=True)
class Draws(ak.Strategy):
    """Draws something, so that seeds mean something to it."""

    name: ClassVar[str] = "draws"

    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        return True

    def instruction(self, task: ak.Task) -> str:
        return "Draw."

    def alternatives(self, task: ak.Task) -> list[Draws]:
        return [Draws(seed=i) for i in range(3)]


class Fails(Draws):
    """Cannot be fitted."""

    name: ClassVar[str] = "fails"

    def learn(self, model: Model, task: ak.Task) -> Model:
        raise RuntimeError("broken\nin two lines")


def make_task(*, name: str = "questions", n_train: int = N_TRAIN, n_validation: int = 12) -> ak.Task:
    def examples(prefix: str, n: int) -> tuple[ak.Example, ...]:
        return tuple(
            ak.Example(id=f"{name}-{prefix}{i}", input=f"{prefix} {name} {i}", target="x") for i in range(n)
        )

    return ak.Task(
        name=name,
        kind="generation",
        instruction="Answer.",
        metrics=("exact_match",),
        train=examples("train", n_train),
        validation=examples("validation", n_validation),
        test=examples("test", N_TEST),
    )


TASK = make_task()
PRICED = ak.RunSettings(usd_per_hour=3.6)


def answer(request: Request) -> str:
    """Longer or shorter, by the row."""
    time.sleep(0.0002)
    return "x " * (1 + int(re.findall(r"\d+", request.prompt.input)[0]) % 3)


def foretold(
    *strategies: ak.Strategy,
    task: ak.Task | list[ak.Task] = TASK,
    model: ak.FakeModel | None = None,
    n_rows: int = 8,
    **options: object,
) -> ak.Pilot:
    options = {"baselines": False, "noise_floor": False, "settings": PRICED, **options}
    return ak.pilot(
        strategies or (ak.PromptEngineering(), Draws()),
        task,
        model=model or ak.FakeModel(answer),
        n_rows=n_rows,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def found() -> ak.Pilot:
    return foretold(seeds=3)


def ranges(line: PilotLine | ak.Pilot) -> list[Range]:
    spans = [line.minutes, line.tokens, line.usd]
    assert all(span is not None for span in spans)
    return [span for span in spans if span is not None]


def test_ranges_hold_the_likely_value_and_totals_are_sums(found: ak.Pilot) -> None:
    every: list[PilotLine | ak.Pilot] = [*found.lines, found]
    for of in every:
        for span in ranges(of):
            assert 0 < span.low <= span.value <= span.high
        minutes, tokens, _ = ranges(of)
        assert minutes.low < minutes.value < minutes.high
        assert tokens.low < tokens.value < tokens.high
    for i, span in enumerate(ranges(found)):
        parts = [ranges(line)[i] for line in found.lines]
        assert span.value == pytest.approx(sum(p.value for p in parts))
        assert span.bounds == pytest.approx((sum(p.low for p in parts), sum(p.high for p in parts)))


def test_usd_are_minutes_at_the_price_of_the_machine(found: ak.Pilot) -> None:
    minutes, _, usd = ranges(found)
    assert usd.value == pytest.approx(minutes.value * 0.06)
    assert usd.bounds == pytest.approx((minutes.low * 0.06, minutes.high * 0.06))


def test_seeds_and_the_noise_floor_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.comparison.plan.run_twice", baseline_of)
    runs = {line.strategy: line.n_runs for line in foretold(seeds=3, noise_floor=True).lines}
    assert runs == {"prompt": 2, "draws": 3}
    once, thrice = foretold(Draws())["draws"], foretold(Draws(), seeds=3)["draws"]
    assert once.tokens is not None
    assert thrice.tokens is not None
    assert thrice.tokens.value == pytest.approx(3 * once.tokens.value)
    assert thrice.tokens.bounds == pytest.approx((3 * once.tokens.low, 3 * once.tokens.high))


def test_the_limit_counts_rows_as_the_comparison_does() -> None:
    few, all_rows = foretold(Draws(), limit=10)["draws"], foretold(Draws())["draws"]
    assert (few.n_rows, all_rows.n_rows) == (10, N_TEST)
    assert few.tokens is not None
    assert all_rows.tokens is not None
    assert all_rows.tokens.value == pytest.approx(3 * few.tokens.value)


def test_tokens_are_those_that_the_comparison_takes(tmp_path: Path) -> None:
    predicted = foretold(Draws(), n_rows=16)["draws"].tokens
    made = ak.compare(
        [Draws()], TASK, model=ak.FakeModel(answer), baselines=False, noise_floor=False, out=tmp_path
    )
    taken = sum(r.tokens["in"] + r.tokens["out"] for r in made.records())
    assert predicted is not None
    assert predicted.low <= taken <= predicted.high


def test_test_rows_are_never_answered_and_pilot_rows_are_not_learnt_from() -> None:
    model = ak.FakeModel(answer)
    foretold(ak.PromptEngineering(), ak.FewShot(k=4, selection="random"), model=model, tune=True)
    assert model.requests
    inputs = {r.prompt.input for r in model.requests}
    shown = {d.input for r in model.requests for d in r.prompt.demonstrations}
    assert not any("test" in text for text in inputs | shown)
    answered = {text for text in inputs if text.startswith("train")} - shown
    assert len(answered) >= 8


def test_some_rows_are_sent_alone_and_the_rest_together() -> None:
    sizes: list[int] = []
    model = ak.FakeModel(answer)
    complete = model.complete

    def counted(requests: list[Request]) -> object:
        sizes.append(len(requests))
        return complete(requests)

    model.complete = counted  # type: ignore[assignment]
    foretold(Draws(), model=model, n_rows=9)
    assert sizes[1:] == [1, 1, 1, 1, 5]


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    foretold(Draws(), Fails())

    def stopped(request: Request) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        foretold(Draws(), model=ak.FakeModel(stopped))
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]


def test_strategies_stay_as_they_are() -> None:
    strategy = Draws()
    foretold(strategy)
    assert vars(strategy) == vars(Draws())


def test_without_a_price_usd_are_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ak.RunSettings, "machine_price", lambda self, hardware: None)
    found = foretold(settings=ak.RunSettings())
    assert found.usd is None
    assert found.forecast.usd is None
    assert found.minutes is not None
    assert "the price of this machine is not known" in found.to_text()
    assert found.to_frame()["usd"].isna().all()


def test_what_fails_is_listed_and_makes_totals_lower_bounds() -> None:
    found = foretold(Draws(), Fails())
    assert [line.strategy for line in found.unknown] == ["fails"]
    assert found["fails"].tokens is None
    assert found.minutes == found["draws"].minutes
    assert found.forecast.unknown == ("fails",)
    text = found.to_text()
    assert "fails on questions: not predicted: broken." in text
    assert "at least" in text
    assert "lower bounds" in text


def test_what_the_comparison_leaves_out_too_takes_nothing() -> None:
    found = foretold(Draws(), ak.RAG(), ak.LoRASFT())
    assert not found.is_lower_bound
    reasons = {line.strategy: line.reason or "" for line in found.lines if line.left_out}
    assert "needs documents" in reasons["rag"]
    assert "weights are at hand" in reasons["lora"]
    assert "rag on questions: left out of the comparison: RAG needs documents" in found.to_text()


def test_where_all_fails_nothing_is_known() -> None:
    found = foretold(Fails())
    assert (found.minutes, found.tokens, found.usd) == (None, None, None)
    assert (found.forecast.minutes, found.forecast.tokens) == (None, None)
    assert "at least  0" in found.to_text()


def test_a_strategy_whose_rows_fail_is_not_predicted() -> None:
    def refuse(request: Request) -> str:
        raise ak.errors.ModelError("no answer")

    found = foretold(Draws(), model=ak.FakeModel(refuse))
    assert found["draws"].reason == "8 of 8 rows failed: no answer"


def test_a_task_with_few_rows_is_listed_and_alone_refused() -> None:
    small = make_task(name="small", n_train=5, n_validation=5)
    found = foretold(Draws(), task=[TASK, small])
    assert [line.task for line in found.unknown] == ["small"]
    assert "fewer than 8 of either" in found.to_text()
    assert "small" in found.to_text()
    with pytest.raises(CapabilityError, match="never test rows, and 'small' has fewer than 8"):
        foretold(Draws(), task=small)


def test_tuning_counts_configurations_and_validation_rows() -> None:
    plain, tuned = foretold(Draws())["draws"], foretold(Draws(), tune=True)["draws"]
    assert (plain.n_configurations, tuned.n_configurations) == (1, 3)
    assert plain.tokens is not None
    assert tuned.tokens is not None
    # 30 test rows, and 12 validation rows for each of 3 configurations.
    assert tuned.tokens.value == pytest.approx(plain.tokens.value * (30 + 3 * 12) / 30)
    bounded = foretold(ak.Tuned(Draws(), budget=ak.Budget(seconds=1)))["draws"].tokens
    assert bounded is not None
    assert bounded.low < tuned.tokens.low
    assert "one configuration was run" in foretold(Draws(), tune=True).to_text()


def test_baselines_take_part_unless_they_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.comparison.select_strategies.automatic", lambda: [TfidfClassifier()])
    task = classification_task()
    music = ak.FakeModel(lambda request: "music")
    found = foretold(ak.PromptEngineering(), task=task, model=music, baselines=True)
    assert [line.strategy for line in found.lines] == ["tfidf", "prompt"]
    assert [line.strategy for line in foretold(task=task, model=music).lines] == ["prompt", "draws"]


@pytest.mark.parametrize("n_rows", [0, 3, True, "8", None])
def test_too_few_rows_are_refused(n_rows: object) -> None:
    with pytest.raises(ConfigError, match="'n_rows' parameter of pilot must be an int >= 4"):
        foretold(n_rows=n_rows)  # type: ignore[arg-type]


def test_progress_is_told_as_in_a_comparison() -> None:
    told: list[str] = []

    class Heard(Callback):
        def trial_finished(self, name: str, status: str, reason: str | None) -> None:
            told.append(f"{name} {status}")

    foretold(settings=dataclasses.replace(PRICED, listener=Heard()))
    assert told == ["prompt done", "draws done"]


def test_what_a_prompt_asks_while_it_chooses_is_in_the_tokens() -> None:
    plain, choosing = (foretold(ak.PromptEngineering(search=n)).lines[0].tokens for n in (0, None))
    assert plain is not None
    assert choosing is not None
    # Four formats on twelve validation rows, beside thirty test rows.
    assert choosing.value == pytest.approx(plain.value * (30 + 4 * 12) / 30, rel=0.1)


def test_an_advice_takes_the_forecast(found: ak.Pilot) -> None:
    advice = ak.advise(task=TASK, pilot=found)
    assert advice.plan.pilot == found.forecast
    text = advice.to_markdown()
    assert "Effort: 4 runs, 0.0 minutes" in text
    assert "by a pilot on 8 rows, without `" in text
    failed = ak.advise(task=TASK, pilot=foretold(Draws(), Fails())).to_markdown()
    assert "1 runs, at least" in failed
    assert "which could not run `fails`, and without" in failed
    nothing = ak.advise(task=TASK, pilot=foretold(Fails())).to_markdown()
    assert "minutes, tokens and USD are not known by a pilot on 8 rows" in nothing


def test_text_frame_and_page_say_the_same(found: ak.Pilot) -> None:
    assert found.to_text().startswith("Forecast by a pilot on 8 rows with fake: likely (lowest to highest)")
    frame = found.to_frame()
    assert frame["strategy"].tolist() == ["prompt", "draws"]
    assert frame["runs"].tolist() == [1, 3]
    assert (frame["tokens_low"] <= frame["tokens"]).all()
    assert found._repr_html_().startswith("<pre>Forecast")
    with pytest.raises(KeyError):
        found["nothing"]


def test_training_is_cut_short_and_predicted_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.strategies.shortened.PILOT_TOKENS", 700)
    task, model = classification_task(), tiny_llama()
    strategy = ak.LoRASFT(rank=2, epochs=6, batch_size=4)
    line = ak.pilot([strategy], task, model=model, baselines=False, noise_floor=False, n_rows=6)["lora"]
    fitted = ak.LoRASFT(rank=2, epochs=6, batch_size=4, patience=None).fit(model, task)
    taken = fitted.fit_notes_["train_tokens"]
    assert taken > 3 * 700
    assert line.tokens is not None
    assert line.fit_s is not None
    # 8 test rows come on top, and validation rows asked twice to choose how labels are got.
    assert taken * 0.95 < line.tokens.value < taken * 1.15
    assert line.tokens.low < 0.7 * line.tokens.value
    assert 0 < line.fit_s.low < line.fit_s.value < line.fit_s.high
    assert strategy.max_tokens is None


def test_a_long_training_is_known_to_stop_as_early_as_it_may() -> None:
    from adaptkit.strategies.training.sft import SftSettings
    from adaptkit.studies.pilot.fits import N_EVALUATIONS

    assert SftSettings(learning_rate=1, n_steps=1, batch_size=1).evaluations == N_EVALUATIONS
