"""Options that several commands have: one name, one meaning, and what is made of what was given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from adaptkit.cli.output import exact
from adaptkit.cli.process import go_offline, listed
from adaptkit.cli.talk import talk_options
from adaptkit.core.errors import ConfigError
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from adaptkit.comparison import RunSettings
    from adaptkit.comparison.lazy_model import LazyModel
    from adaptkit.costs import CostAssumptions
    from adaptkit.strategies import Strategy
    from adaptkit.tasks import Task

Command = TypeVar("Command", bound=Callable[..., Any])
PATH: Any = click.Path(path_type=Path)


def several(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Many options as one decorator, shown in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def format_option(*forms: str) -> Callable[[Command], Command]:
    """``--format``, the first form by default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="What is printed.",
    )


def task_option(**settings: Any) -> Callable[[Command], Command]:
    """``--task``, completed by names of known tasks and by paths."""
    settings = {"help": "Task folder, data file or name.", **settings}
    return click.option("--task", metavar="T", shell_complete=_tasks, **settings)


KINDS_NAMED = "classification, qa, structured, summarization, arithmetic or generation"


def file_options(command: Command) -> Command:
    """What a bare data file cannot say of itself."""
    return several(
        click.option(
            "--columns", metavar="FIELD=COLUMN,..", help="Of a data file, e.g. input=subject,target=queue."
        ),
        click.option(
            "--instruction", metavar="TEXT", help="What to do with an input; a bare data file needs it."
        ),
        click.option(
            "--kind", metavar="KIND", help=f"Of the task, where it is guessed wrongly: {KINDS_NAMED}."
        ),
        click.option("--labels", metavar="A,B,..", help="All labels of a classification; or as a JSON list."),
    )(command)


def run_options(strategies: str) -> Callable[[Command], Command]:
    """What every command takes that runs strategies on a task.

    Args:
        strategies: the default.
    """
    return several(
        click.option(
            "--strategies",
            default=strategies,
            metavar="A,B,..",
            show_default=True,
            shell_complete=_strategies,
            help="Names, e.g. few-shot:k=4 or rag+lora.",
        ),
        click.option("--model", metavar="M", help="Embedded name, local folder, .gguf file or Hub id."),
        file_options,
        click.option(
            "--seeds", default=3, type=click.IntRange(min=1), show_default=True, help="Draws and trainings."
        ),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many test rows."),
        click.option("--no-baselines", is_flag=True, help="Leave out what needs no language model."),
        click.option("--allow-leakage", is_flag=True, help="Run although test rows stand in train rows."),
        click.option("--out", metavar="DIR", type=PATH, help="Folder of the run."),
        click.option("--offline", is_flag=True, help="Use nothing that is not on this machine yet."),
        talk_options,
    )


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """What was given with ``file_options``."""

    columns: str | None = None
    instruction: str | None = None
    kind: str | None = None
    labels: str | None = None

    def parameters(self) -> dict[str, Any]:
        """What ``load_task`` takes, of what was given.

        Raises:
            ConfigError: columns or labels have another form.
        """
        found = {
            "columns": columns_given(self.columns),
            "instruction": self.instruction,
            "kind": self.kind,
            "labels": None if self.labels is None else _labels_given(self.labels),
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Asked(FileOptions):
    """What was given to a command that runs strategies on a task."""

    task: str | None
    strategies: str
    model: str | None
    seeds: int
    limit: int | None
    no_baselines: bool
    allow_leakage: bool
    out: Path | None
    offline: bool
    quiet: bool
    form: str

    def prepare(self) -> None:
        """Set up the process; comes before torch is loaded."""
        share_cores()
        if self.offline:
            go_offline()

    def loaded_task(self) -> Task:
        """The task."""
        return load_task_given(str(self.task), self.parameters(), quiet=self.quiet)

    def made_strategies(self) -> list[Strategy]:
        """The strategies, unfitted."""
        return strategies_given(self.strategies)

    def provider(self) -> LazyModel:
        """The model, to be loaded when it is first needed."""
        from adaptkit.comparison.lazy_model import LazyModel

        return LazyModel.named(self.model, offline=self.offline)

    @property
    def rows(self) -> dict[str, Any]:
        """What every measuring function of the library takes of it by name."""
        return {
            "seeds": self.seeds,
            "limit": self.limit,
            "baselines": not self.no_baselines,
            "leakage": "report" if self.allow_leakage else "refuse",
            "out": self.out,
        }

    def settings(self, assumptions: CostAssumptions | None = None) -> RunSettings:
        """How the run is shown and priced."""
        from adaptkit.cli.progress import display
        from adaptkit.comparison import RunSettings
        from adaptkit.costs import CostAssumptions

        return RunSettings(assumptions=assumptions or CostAssumptions(), listener=display(quiet=self.quiet))


def strategies_given(text: str) -> list[Strategy]:
    """Strategies as written on a command line.

    Raises:
        ConfigError: none is named.
        UnknownNameError: no such strategy; the message suggests the closest.
    """
    from adaptkit.strategies import parse_strategy

    names = listed(text)
    if not names:
        raise ConfigError("--strategies is empty. Give names, e.g. --strategies prompt,few-shot.")
    return [parse_strategy(name) for name in names]


def load_task_given(
    source: str, parameters: Mapping[str, Any], *, quiet: bool, known_metrics: Sequence[str] | None = None
) -> Task:
    """Load a task as the command line names it, and say what was guessed and what of it is not used."""
    from adaptkit.tasks import load_task

    task = load_task(source, known_metrics=known_metrics, **parameters)
    for note in () if quiet else task.notes:
        click.echo(f"{task.name}: {note}", err=True)
    return task


def _labels_given(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return listed(text)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise ConfigError(
            f"--labels should be names with commas, or a JSON list of texts. Got '{text}' instead."
        )
    return found


def columns_given(text: str | None) -> dict[str, str] | None:
    """Read ``field=column,field=column``.

    Raises:
        ConfigError: it has another form.

    Examples:
        >>> columns_given("input=subject, target=queue")
        {'input': 'subject', 'target': 'queue'}
    """
    if text is None:
        return None
    pairs = [part.partition("=") for part in listed(text)]
    if not pairs or any(not (field.strip() and column.strip()) for field, _, column in pairs):
        raise ConfigError(
            f"--columns should be field=column,.., e.g. input=subject,target=queue. Got '{text}' instead."
        )
    return {field.strip(): column.strip() for field, _, column in pairs}


def json_of(value: Any) -> str:
    """A result as the JSON that scripts read."""
    from adaptkit.core.codec import to_json

    return exact(json.dumps(to_json(value), indent=2, ensure_ascii=False, allow_nan=False))


def _tasks(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from adaptkit.tasks.catalogue import known_tasks

    names = [CompletionItem(n, help=d) for n, d in known_tasks().items() if n.startswith(typed)]
    return [*names, CompletionItem(typed, type="file")]


def _strategies(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem]:
    """Complete the last of several names."""
    from click.shell_completion import CompletionItem

    from adaptkit.strategies.registry import STRATEGIES

    done, comma, last = typed.rpartition(",")
    return [CompletionItem(f"{done}{comma}{n}") for n in STRATEGIES.names() if n.startswith(last)]
