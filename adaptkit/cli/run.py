"""``python -m benchmarks.run``: the main job."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.cli.arguments import PROGRAM, file_parameters, parser
from adaptkit.cli.options import load_task_given, strategies_given
from adaptkit.cli.output import exact, printed
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, go_offline, sentence
from adaptkit.cli.talk import hush, talk
from adaptkit.core.errors import AdaptKitError, ConfigError, UnknownNameError
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.cli.fail_if import FailCondition
    from adaptkit.cli.suite import Suite
    from adaptkit.comparison import Comparison, RunSettings
    from adaptkit.comparison.lazy_model import LazyModel
    from adaptkit.comparison.plan import Plan
    from adaptkit.models.load import ModelSource
    from adaptkit.strategies import Strategy
    from adaptkit.strategies.tuned import Budget
    from adaptkit.tasks import Task

EXECUTORS = ("local",)
TABLE_WIDTH = 100
QUICK_ROWS, QUICK_TOKENS = 24, 12_000
"""Test rows, and tokens of each training, of a first look."""


def main(argv: Sequence[str] | None = None, *, prog: str = PROGRAM) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: the arguments, those of the process where None.
        prog: what the user has typed to come here.
    """
    return printed(lambda: _main(argv, prog))


def _main(argv: Sequence[str] | None, prog: str) -> int:
    share_cores()
    arguments = parser(prog).parse_args(argv)
    talk(quiet=arguments.quiet, verbose=arguments.verbose)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (AdaptKitError, OSError) as error:
        print("Error:", sentence(error), file=sys.stderr)
        return EXIT_USAGE
    finally:
        hush()


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """A command line, checked: nothing of it needs torch."""

    plan: Plan
    source: ModelSource
    settings: RunSettings
    condition: FailCondition | None
    strategies: list[Strategy]
    options: dict[str, Any]
    out: Path


def _run(arguments: argparse.Namespace) -> int:
    job = _check(arguments)
    if arguments.dry_run:
        return _foretell(job, arguments)
    comparison = _compare(job, offline=arguments.offline)
    _print_result(comparison, arguments.format)
    if not arguments.quiet:
        print(
            f"Run folder: {comparison.folder} (report.html, comparison.csv, records.jsonl)", file=sys.stderr
        )
    return _exit_code(comparison, job.condition)


def _check(arguments: argparse.Namespace) -> RunCommand:
    """Turn arguments into a job; everything that can be wrong is found here, before any work."""
    from adaptkit import metrics
    from adaptkit.cli.fail_if import parse_condition
    from adaptkit.comparison import default_folder
    from adaptkit.comparison.decision_settings import DecisionSettings
    from adaptkit.comparison.plan import make_plan
    from adaptkit.comparison.select_strategies import lineup
    from adaptkit.models.load import resolve_model

    if arguments.pilot is not None and not arguments.dry_run:
        raise ConfigError("--pilot goes with --dry-run: it predicts what a run takes. Give both.")
    if arguments.executor not in EXECUTORS:
        raise UnknownNameError.for_name("executor", arguments.executor, EXECUTORS)
    suite = _suite(arguments)
    limit = _count("--limit", arguments.limit, suite.limit, least=1)
    seeds = _count("--seeds", arguments.seeds, suite.seeds, least=1) or 1
    settings = _settings(arguments, suite)
    condition = parse_condition(arguments.fail_if) if arguments.fail_if is not None else None
    if arguments.offline:
        go_offline()
    given_names = arguments.strategies
    strategies = strategies_given(given_names) if given_names is not None else suite.strategies
    minutes = suite.minutes if arguments.minutes is None else arguments.minutes
    if arguments.quick:
        limit, strategies = min(limit or QUICK_ROWS, QUICK_ROWS), _quick(strategies)
    source = resolve_model(arguments.model or suite.model)
    reading = file_parameters(arguments)
    tasks = [
        load_task_given(
            t, {**suite.reading.get(t, {}), **reading}, quiet=arguments.quiet, known_metrics=metrics.names()
        )
        for t in arguments.task or suite.tasks
    ]
    key = f"{source.id}|{source.revision}|"
    tune = _budget(arguments.tune, suite)
    baselines = suite.baselines and not arguments.no_baselines
    given, added = lineup(strategies, tune=tune, baselines=baselines)
    tasks = _with_train_rows(tasks, arguments.train_rows, suite.train_rows)
    names = {t.name for t in tasks}
    # Other strategies or tasks than the suite's are run on what was asked for.
    only = {s: [t for t in ts if t in names] for s, ts in suite.only.items()} if given_names is None else {}
    only = {s: ts for s, ts in only.items() if ts}
    standards = _standards(arguments, suite)
    plan = make_plan(
        given,
        tasks,
        model_key=key,
        limit=limit,
        seeds=seeds,
        where_possible=added,
        noise_floor=standards["noise_floor"],
        minutes=minutes,
        only=only,
    )
    DecisionSettings(until_decided=standards["until_decided"]).check(t.primary_metric for t in tasks)
    if condition:
        condition.check([t.name for t in tasks], plan.labels)
    return RunCommand(
        plan=plan,
        source=source,
        settings=settings,
        condition=condition,
        strategies=list(strategies),
        options={
            "limit": limit,
            "seeds": seeds,
            "tune": tune,
            "minutes": minutes,
            "only": only,
            "baselines": baselines,
            **standards,
        },
        out=arguments.out or default_folder(tasks),
    )


def _quick(strategies: Sequence[Strategy]) -> list[Strategy]:
    """The strategies, each training cut short."""
    from adaptkit.strategies.shortened import shortened

    return [shortened(s, QUICK_TOKENS) for s in strategies]


def _count(option: str, given: int | None, default: int | None, *, least: int) -> int | None:
    """The number given, or the suite's, which is checked already."""
    if given is not None and given < least:
        without = "; leave it out for all rows" if option == "--limit" else ""
        raise ConfigError(f"{option} must be an int >= {least}. Got {given} instead{without}.")
    return default if given is None else given


def _with_train_rows(tasks: Sequence[Task], given: str | None, default: Sequence[int]) -> list[Task]:
    """Each task once for every number of train rows asked for."""
    counts = list(default)
    if given is not None:
        try:
            counts = [int(n) for n in given.split(",")]
        except ValueError:
            raise ConfigError(
                f"--train-rows must be ints >= 1, e.g. 16,64,256. Got '{given}' instead."
            ) from None
    if not counts:
        return list(tasks)
    # Numbers above what a task has all mean all of its rows: the first of them stands for the others.
    cut = {task.content_hash: task for task in reversed([t.with_train(n) for t in tasks for n in counts])}
    return list(reversed(cut.values()))


def _budget(given: int | None, suite: Suite) -> bool | Budget:
    """How many configurations of each strategy are tried; False for the given one only."""
    from adaptkit.strategies.tuned import Budget

    n = _count("--tune", given, suite.tune, least=1)
    return False if n is None else Budget(trials=n)


def _standards(arguments: argparse.Namespace, suite: Suite) -> dict[str, Any]:
    """What counts as a difference, when to stop, and what is done about leaks."""
    from adaptkit.comparison.decision_settings import is_margin

    margin = suite.margin if arguments.margin is None else arguments.margin
    if not is_margin(margin):
        raise ConfigError(
            f"--margin must be between 0 and 1, e.g. 0.02 for two points. Got {margin} instead."
        )
    return {
        "margin": margin,
        "until_decided": suite.until_decided or arguments.until_decided,
        "noise_floor": suite.noise_floor and not arguments.no_noise_floor,
        "leakage": "report" if arguments.allow_leakage else suite.leakage,
    }


def _settings(arguments: argparse.Namespace, suite: Suite) -> RunSettings:
    from adaptkit.cli.progress import display
    from adaptkit.comparison import RunSettings
    from adaptkit.costs import CostAssumptions, load_assumptions, load_prices

    usd = arguments.usd_per_hour
    if usd is not None and not (math.isfinite(usd) and usd >= 0):
        raise ConfigError(f"--usd-per-hour must be a number >= 0. Got {usd} instead.")
    load_prices(arguments.prices)
    return RunSettings(
        usd_per_hour=usd,
        prices=arguments.prices,
        assumptions=load_assumptions(arguments.costs) if arguments.costs else CostAssumptions(),
        latency_rows=_count("--latency-rows", arguments.latency_rows, suite.latency_rows, least=0) or 0,
        fresh=arguments.fresh,
        quick=arguments.quick,
        listener=display(quiet=arguments.quiet),
    )


def _suite(arguments: argparse.Namespace) -> Suite:
    from adaptkit.cli.suite import DEFAULT_STRATEGIES, Suite, read_suite
    from adaptkit.strategies import make_strategy

    if arguments.suite:
        return read_suite(arguments.suite)
    if arguments.task:
        return Suite(name="tasks", strategies=tuple(make_strategy(n, {}) for n in DEFAULT_STRATEGIES))
    default = Path("benchmarks/suites/default.toml")
    if not default.is_file():
        raise ConfigError("Nothing to compare on. Give --task, or the path of a suite file.")
    return read_suite(default)


def _print_plan(job: RunCommand) -> None:
    print(f"Model {job.source.id} ({job.source.revision}), run folder {job.out}")
    for trial in job.plan.trials:
        refusal = trial.strategy.refusal(trial.task)
        again = ", again for the noise floor" if trial.repeat else ""
        what = f"{len(job.plan.examples_of(trial))} rows, seed {trial.seed}{again}"
        print(f"  {trial.task.name}: {trial.label}: {f'left out: {refusal}' if refusal else what}")


def _foretell(job: RunCommand, arguments: argparse.Namespace) -> int:
    """Print the plan and, if asked for, what it will take by a pilot."""
    if arguments.pilot is None:
        _print_plan(job)
        print("Minutes, tokens and USD: add --pilot, which runs each strategy on a few rows.")
        return EXIT_DONE
    from adaptkit.studies.pilot import MIN_ROWS, pilot

    _count("--pilot", arguments.pilot, None, least=MIN_ROWS)
    _print_plan(job)
    asked = ("limit", "seeds", "tune", "baselines", "noise_floor")
    found = pilot(
        job.strategies,
        job.plan.tasks,
        model=_provider(job, offline=arguments.offline),
        n_rows=arguments.pilot,
        settings=job.settings,
        **{name: job.options[name] for name in asked},
    )
    print(f"\n{found.to_text()}", end="")
    if job.options["until_decided"]:
        print("- With --until-decided the run may stop earlier: this is for all rows.")
    return EXIT_FAILED if found.is_lower_bound else EXIT_DONE


def _provider(job: RunCommand, *, offline: bool) -> LazyModel:
    from adaptkit.comparison.lazy_model import LazyModel

    return LazyModel.of_source(job.source, offline=offline)


def _compare(job: RunCommand, *, offline: bool) -> Comparison:
    from adaptkit.comparison import compare

    provider = _provider(job, offline=offline)
    try:
        return compare(
            job.strategies,
            job.plan.tasks,
            model=provider,
            out=job.out,
            settings=job.settings,
            **job.options,
        )
    except KeyboardInterrupt:
        print(
            f"\nInterrupted. What was measured is stored in {job.out}; "
            "run the same command again to go on from there.",
            file=sys.stderr,
        )
        raise


def _print_result(comparison: Comparison, form: str) -> None:
    from adaptkit import report

    if form == "table":
        from adaptkit.core.shown import text_console

        terminal = text_console(highlight=False)
        width = terminal.width if terminal.is_terminal else TABLE_WIDTH
        text_console(highlight=False, width=min(width, TABLE_WIDTH)).print(
            report.console_table(comparison.result)
        )
        return
    texts = {"json": report.json_text, "csv": report.csv_text, "markdown": report.markdown_table}
    text = texts[form](comparison.result).rstrip("\n")
    print(exact(text) if form == "json" else text)


def _exit_code(comparison: Comparison, condition: FailCondition | None) -> int:
    code = EXIT_DONE
    # Trials, not rows: a strategy that failed under one of its seeds has a row all the same.
    for trial in comparison.result.manifest["trials"]:
        if trial["status"] == "failed":
            seed = f" seed {trial['seed']}" if trial["seed"] else ""
            print(f"Failed: {trial['task']}/{trial['strategy']}{seed}: {trial['reason']}", file=sys.stderr)
            code = EXIT_FAILED
    if condition:
        for sentence in condition.violated_by(comparison.rows):
            print(sentence, file=sys.stderr)
            code = EXIT_FAILED
    return code
