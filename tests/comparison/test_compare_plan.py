"""What is run: names, keys, folders, rows, and what is refused before anything is spent."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import Shots, Tuned, Words, answered_inputs, compared, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare, default_folder
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.comparison.plan import choose_rows, folder_name, make_plan, strategy_labels, trial_key
from adaptkit.comparison.store import RunStore
from adaptkit.core.errors import ConfigError, DataError, UnknownNameError
from adaptkit.core.types import Example
from adaptkit.strategies import tuned as strategies_tuned
from adaptkit.strategies.registry import STRATEGIES

TASK = make_task(10)
MODEL = planted_model(lambda *_: True)


@dataclass(kw_only=True)
class Odd(ak.Strategy):
    """Takes a parameter that JSON cannot hold."""

    name: ClassVar[str] = "odd"

    choose: Any = None

    def instruction(self, task: ak.Task) -> str:
        return "x"


def plan(**changes: Any) -> Any:
    options: dict[str, Any] = {"model_key": "m", "limit": None, "seeds": 1, **changes}
    return make_plan(options.pop("strategies", [Words()]), options.pop("tasks", [TASK]), **options)


def test_strategies_that_draw_at_random_run_once_a_seed_and_others_once() -> None:
    trials = plan(strategies=[Words(), Tuned(seed=5)], seeds=3).trials
    assert [(t.label, t.seed, t.strategy.seed) for t in trials] == [
        ("prompt", 0, 0), ("lora", 0, 5), ("lora", 1, 6), ("lora", 2, 7),
    ]  # fmt: skip
    assert len({t.key for t in trials}) == 4
    assert len({t.artifact for t in trials}) == 4


def test_no_artifact_folder_lies_within_another() -> None:
    tasks = [TASK, make_task(11, name="lora")]
    folders = [Path(t.artifact) for t in plan(strategies=[Words(), Tuned()], tasks=tasks, seeds=2).trials]
    folders += [Path(t.artifact) for t in plan(strategies=[Words(), Tuned()], seeds=2).trials]
    assert all(f.parent == Path("artifacts") for f in folders)


def test_given_strategies_are_not_changed_by_a_plan() -> None:
    given_one = Tuned(seed=5)
    trials = plan(strategies=[given_one], seeds=2).trials
    assert given_one == Tuned(seed=5)
    assert all(t.strategy is not given_one for t in trials)


def test_parameters_stand_in_a_label_where_a_name_occurs_twice() -> None:
    assert strategy_labels([ak.FewShot(k=4)]) == ("few-shot",)
    assert strategy_labels([ak.FewShot(k=4), ak.FewShot()]) == ("few-shot:k=4", "few-shot")


def test_long_parameters_are_cut_in_labels_and_stay_apart() -> None:
    texts = ["Answer with one word.\n" * 30, "Answer with one word.\n" * 31]
    first, second = strategy_labels([ak.PromptEngineering(instruction_text=t) for t in texts])
    assert first != second
    assert len(first) < 60
    assert not any(c.isspace() for c in first)


def test_a_strategy_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'prompt' is given 2 times with the same parameters"):
        plan(strategies=[Words(), Words()])


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=5))
def test_folder_names_are_one_short_part_of_a_path(names: list[str]) -> None:
    name = folder_name(names)
    assert name
    assert len(name.encode()) <= 120
    assert Path(name).name == name


def test_default_folder_holds_the_names_of_few_tasks_and_a_hash_of_many() -> None:
    tasks = [make_task(3 + i, name=f"a task with a long name, number {i}") for i in range(12)]
    assert default_folder([TASK]) == Path("runs/questions")
    assert default_folder(tasks[:2]) == Path(
        "runs/a-task-with-a-long-name-number-0+a-task-with-a-long-name-number-1"
    )
    assert len(default_folder(tasks).name) <= 120
    assert default_folder(tasks) != default_folder(tasks[::-1])
    assert default_folder([make_task(3, name="../..")]).parent == Path("runs")


@pytest.mark.parametrize("limit", [0, -1, True, 2.0, "10"])
def test_a_limit_that_is_no_count_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigError, match="The 'limit' parameter of compare must be an int >= 1, or None"):
        plan(limit=limit)


@pytest.mark.parametrize("seeds", [0, True, 1.0, "2", None])
def test_seeds_that_are_no_count_are_refused(seeds: Any) -> None:
    with pytest.raises(ConfigError, match="The 'seeds' parameter of compare must be an int >= 1"):
        plan(seeds=seeds)


@pytest.mark.parametrize("seed", ["1", None, 0.5, -1])
def test_a_seed_that_cannot_be_counted_on_from_is_refused(seed: Any) -> None:
    with pytest.raises(ConfigError, match="The 'seed' parameter of Tuned must be an int >= 0"):
        plan(strategies=[Tuned(seed=seed)], seeds=2)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"strategies": []}, ConfigError, "No strategy to compare"),
        ({"tasks": []}, ConfigError, "No task to compare on"),
        ({"strategies": ["prompt"]}, ConfigError, "'strategies' parameter.*Got 'prompt' instead"),
        ({"strategies": [ak.FewShot]}, ConfigError, "'strategies' parameter"),
        ({"strategies": [ak.FewShot(k=0)]}, ConfigError, "'k' parameter of FewShot"),
        ({"tasks": ["questions"]}, ConfigError, "made by ak.load_task or ak.Task. Got 'questions' instead"),
        ({"tasks": [TASK, make_task(3)]}, DataError, "2 tasks have the name 'questions'"),
        ({"tasks": [TASK, replace(TASK, name="b")]}, DataError, "'questions' and 'b' hold the same rows"),
        ({"tasks": [replace(TASK, metrics=("exact",))]}, UnknownNameError, "Unknown metric 'exact'"),
        ({"strategies": [Odd(choose=max)]}, ConfigError, "parameters of Odd cannot be stored"),
        ({"strategies": [Odd(choose=float("nan"))]}, ConfigError, "parameters of Odd cannot be stored"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(**changes)


@pytest.mark.parametrize(
    "call",
    [
        lambda out: compare([], TASK, model=MODEL, out=out),
        lambda out: compare([Words()], "questions", model=MODEL, out=out),  # type: ignore[arg-type]
        lambda out: compare([Words()], TASK, model="smollm2", out=out),  # type: ignore[arg-type]
        lambda out: compare([Words()], TASK, model=MODEL, out=out, limit=0),
    ],
)
def test_a_refused_comparison_leaves_no_folder(tmp_path: Path, call: Callable[[Path], object]) -> None:
    with pytest.raises(ConfigError):
        call(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_strategy_need_not_stand_in_a_list(tmp_path: Path) -> None:
    comparison = compare(Words(), TASK, model=MODEL, out=tmp_path)  # type: ignore[arg-type]
    assert [r.strategy for r in comparison.rows] == ["prompt"]


@pytest.mark.parametrize(
    "options", [{"latency_rows": -1}, {"latency_rows": True}, {"latency_rows": 1.5}, {"usd_per_hour": -1}]
)
def test_run_settings_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"The '{next(iter(options))}' parameter"):
        ak.RunSettings(**options)


@settings(deadline=None)
@given(st.lists(st.text(), unique=True, min_size=1), st.integers(1, 50), st.integers(1, 50))
def test_fewer_rows_are_the_first_of_more_whatever_their_order(ids: list[str], a: int, b: int) -> None:
    rows = [Example(id=i, input=i, target=i) for i in ids]
    few, many = sorted((a, b))
    chosen = choose_rows(rows, many)
    assert chosen[:few] == choose_rows(rows[::-1], few)
    assert sorted(e.id for e in choose_rows(rows, None)) == sorted(ids)


def test_a_change_of_anything_that_bears_on_outputs_is_a_new_key() -> None:
    class Namesake(Words):
        pass

    rows = TASK.test
    changed = [
        replace(TASK, instruction="Answer, please."),
        replace(TASK, metrics=("contains",)),
        replace(TASK, test=(replace(rows[0], target="x"), *rows[1:])),
        replace(TASK, train=TASK.train[1:]),
        replace(TASK, documents=(ak.Document(id="d", text="x"),)),
    ]
    keys = [trial_key(Words(), task, "m") for task in [TASK, *changed]]
    keys += [trial_key(Words(seed=1), TASK, "m"), trial_key(Words(), TASK, "another")]
    keys += [trial_key(Shots(), TASK, "m"), trial_key(Namesake(), TASK, "m")]
    assert all(a != b for a, b in itertools.combinations(keys, 2))
    assert trial_key(Words(), replace(TASK, name="new", licence="MIT"), "m") == keys[0]


def test_raising_the_limit_runs_the_new_rows_only(tmp_path: Path) -> None:
    task, runs = make_task(60), []
    for limit in (20, 40, 40, 20):
        model = planted_model(lambda name, seed, row: row % 2 == 0)
        comparison = compare([Words()], task, model=model, limit=limit, out=tmp_path)
        runs.append((answered_inputs(model), comparison.rows[0].n))
    first, second, *rest = runs
    wanted = [e.input for e in choose_rows(task.test, 40)]
    assert first == (wanted[:20], 20)
    assert second == (wanted[20:], 40)
    assert rest == [([], 40), ([], 20)]


def test_a_changed_parameter_runs_again_and_leaves_the_old_records(tmp_path: Path) -> None:
    def quality(strategy: Words, revision: str = "fake") -> float | None:
        model = planted_model(lambda name, seed, row: row < seed)
        model.info = replace(model.info, revision=revision)
        return compare([strategy], TASK, model=model, out=tmp_path).rows[0].quality

    lines = []
    assert quality(Words(seed=3)) == 0.3
    lines.append((tmp_path / "records.jsonl").read_bytes())
    assert quality(Words(seed=5)) == 0.5
    lines.append((tmp_path / "records.jsonl").read_bytes())
    assert quality(Words(seed=5), "newer weights") == 0.5
    lines.append((tmp_path / "records.jsonl").read_bytes())
    assert quality(Words(seed=3)) == 0.3
    assert (tmp_path / "records.jsonl").read_bytes() == lines[2]
    assert lines[1].startswith(lines[0])
    assert lines[2].startswith(lines[1])
    assert [len(text.splitlines()) for text in lines] == [10, 20, 30]


def test_an_artifact_that_another_configuration_replaced_is_not_claimed(tmp_path: Path) -> None:
    compared_with = [compare([Words(seed=s)], TASK, model=MODEL, out=tmp_path) for s in (1, 2, 1)]
    assert [c.rows[0].artifact for c in compared_with] == ["artifacts/prompt", "artifacts/prompt", None]
    assert compared_with[2].result.manifest["artifacts"] == {}


def test_trials_with_one_key_are_answered_once(tmp_path: Path) -> None:
    """The second seed of one strategy is the first seed of the other."""
    model = planted_model(lambda name, seed, row: row < 3 + seed)
    comparison = compare([Tuned(seed=0), Tuned(seed=1)], TASK, model=model, seeds=2, out=tmp_path)
    assert len(answered_inputs(model)) == 30
    assert len(RunStore(tmp_path).records()) == 30
    assert [r.quality for r in comparison.rows] == pytest.approx([0.35, 0.45])


def test_two_tasks_share_a_folder_and_nothing_else(tmp_path: Path) -> None:
    tasks = [TASK, make_task(12, name="more")]
    comparison = compare([Words(), Tuned()], tasks, model=MODEL, out=tmp_path, seeds=2)
    assert [(r.task, r.strategy, r.n) for r in comparison.rows] == [
        ("questions", "prompt", 10), ("questions", "lora", 10), ("more", "prompt", 12), ("more", "lora", 12),
    ]  # fmt: skip
    assert len(comparison.result.manifest["artifacts"]) == 6


def test_a_finished_comparison_asks_the_model_nothing(tmp_path: Path) -> None:
    compared(tmp_path, lambda *_: True)
    comparison = compare(
        [Words(), Shots()], make_task(12), model=ak.FakeModel(lambda r: pytest.fail("asked")), out=tmp_path
    )
    assert [r.quality for r in comparison.rows] == [1.0, 1.0]


def test_a_row_has_the_same_cluster_however_many_rows_are_asked(tmp_path: Path) -> None:
    task = make_task(12, rows_per_cluster=4)
    few, all_rows = (make_plan([Words()], [task], model_key="m", limit=n, seeds=1) for n in (3, None))
    assert few.clusters == all_rows.clusters
    assert set(few.clusters[task.name]) == {e.id for e in task.test}
    for limit in (3, None):
        compare([Words()], task, model=planted_model(lambda *_: True), out=tmp_path, limit=limit)
    clusters = {r.example_id: r.cluster for r in RunStore(tmp_path).records()}
    assert clusters == all_rows.clusters[task.name]


def test_seeds_may_begin_anywhere(tmp_path: Path) -> None:
    task = make_task(4)
    made = ak.compare(
        [Tuned(seed=5), Words()],
        task,
        model=planted_model(lambda *_: True),
        seeds=2,
        first_seed=3,
        out=tmp_path,
    )
    trials = made.result.manifest["trials"]
    found = [(t["strategy"], t["seed"], t["params"].get("seed", 0)) for t in trials]
    assert found == [("lora", 3, 8), ("lora", 4, 9), ("prompt", 3, 3)]
    described = made.result.manifest["config"]["strategies"]
    assert {name: s["seeds"] for name, s in described.items()} == {"lora": 2, "prompt": 1}
    with pytest.raises(ConfigError, match="'first_seed' parameter of compare must be an int >= 0"):
        ak.compare([Words()], task, model=planted_model(lambda *_: True), first_seed=-1, out=tmp_path)


WRONG: dict[str, tuple[Any, ...]] = {
    "int": ("8", 8.5, True, None, [8]),
    "float": ("0.1", True, None, float("nan"), [0.1]),
    "bool": ("yes", 1, None),
    "str": (3, True, None, ["a"]),
}


def _wrongly_typed() -> Iterator[Any]:
    """Every parameter of every strategy with values that its declared type rules out."""
    for name in STRATEGIES.names():
        cls = STRATEGIES.get(name)
        if cls in (ak.Compose, strategies_tuned.Tuned):
            continue
        for field in dataclasses.fields(cls):
            kinds = str(field.type).split(" | ")
            for value in WRONG.get(kinds[0], ()) if set(kinds) <= {*WRONG, "None"} else ():
                if value is not None or "None" not in kinds:
                    yield pytest.param(cls, field.name, value, id=f"{name}-{field.name}-{value!r}")


@pytest.mark.parametrize(("cls", "name", "value"), [*_wrongly_typed()])
def test_a_parameter_of_a_wrong_type_is_one_sentence_when_the_plan_is_made(
    cls: Any, name: str, value: object
) -> None:
    strategy = cls(**{name: value})
    with pytest.raises((ConfigError, UnknownNameError)) as refused:
        plan(strategies=[strategy])
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


UNLOADED = LazyModel(id="none", revision="0", load=lambda: pytest.fail("the model was loaded"))
MEASURED: dict[str, Callable[..., Any]] = {
    "compare": lambda strategy, task, out: compare([strategy], task, model=UNLOADED, out=out),
    "tuned": lambda strategy, task, out: compare([strategy], task, model=UNLOADED, out=out, tune=True),
    "curve": lambda strategy, task, out: ak.learning_curve(task, [strategy], model=UNLOADED, out=out),
    "robustness": lambda strategy, task, out: ak.measure_robustness(
        task, [strategy], model=UNLOADED, out=out
    ),
    "pilot": lambda strategy, task, out: ak.pilot([strategy], task, model=UNLOADED),
}
UNFIT: dict[str, tuple[Any, ...]] = {
    "k": (ak.FewShot(k="8"),),  # type: ignore[arg-type]
    "embedder": (ak.RAG(embedder=3),),  # type: ignore[arg-type]
    "rank": (ak.LoRASFT(rank=8.5),),  # type: ignore[arg-type]
    "seed": (ak.LoRASFT(seed="one"), ak.LoRASFT(seed=-1)),  # type: ignore[arg-type]
    "part": (ak.Compose((ak.RAG(), ak.LoRASFT(target_modules=3))),),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("how", MEASURED)
@pytest.mark.parametrize("strategy", [s for some in UNFIT.values() for s in some], ids=lambda s: s.label)
def test_no_model_is_loaded_for_a_parameter_of_a_wrong_type(how: str, strategy: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be"):
        MEASURED[how](strategy, TASK, tmp_path / "run")


@pytest.mark.parametrize("how", MEASURED)
def test_no_model_is_loaded_for_a_metric_that_does_not_exist(how: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown metric 'exact_mach'"):
        MEASURED[how](ak.FewShot(), replace(TASK, metrics=("exact_mach",)), tmp_path / "run")


def test_another_model_in_an_embedders_folder_is_another_trial(tmp_path: Path) -> None:
    """The folder keeps its name: what answers with the other model must not be taken for this one's."""
    folder = tmp_path / "embedder"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"one")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    strategies: list[ak.Strategy] = [
        ak.RAG(embedder=str(folder)),
        ak.RAG(reranker=str(folder)),
        ak.Compose((ak.RAG(embedder=str(folder)), ak.FewShot())),
        ak.Tuned(ak.FewShot(embedder=str(folder))),
    ]

    def keys() -> list[str]:
        return [trial_key(s, TASK, "m") for s in strategies]

    before = keys()
    assert keys() == before
    (folder / ".cache").write_text("x")
    assert keys() == before
    for path, content in (
        ("1_Pooling/config.json", "{ }"),
        ("model.safetensors", "two"),
        ("more.json", "{}"),
    ):
        (folder / path).write_text(content)
        assert not set(keys()) & set(before)
        before = keys()
    assert trial_key(ak.RAG(), TASK, "m") == trial_key(ak.RAG(), TASK, "m")
