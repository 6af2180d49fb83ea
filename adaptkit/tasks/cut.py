"""Names of tasks that were cut to a number of train rows: ``<name>@<n>``, or ``<name>@<n>#<seed>``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"(?P<task>.+)@(?P<n>[1-9]\d*)(?:#(?P<seed>[1-9]\d*))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What a name says of a cut.

    Attributes:
        task: name of the whole task.
        n_train: train rows asked for; the task has fewer where it had no more.
        seed: of the draw of rows.

    Examples:
        >>> Cut(task="intents", n_train=64, seed=2).name
        'intents@64#2'
        >>> read_cut("intents@64")
        Cut(task='intents', n_train=64, seed=0)
        >>> read_cut("intents") is None
        True
    """

    task: str
    n_train: int
    seed: int = 0

    @property
    def name(self) -> str:
        """The cut task's name."""
        return f"{self.task}@{self.n_train}" + (f"#{self.seed}" if self.seed else "")


def read_cut(name: str) -> Cut | None:
    """What a task's name says of its cut; None for a task that was not cut."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return Cut(task=found["task"], n_train=int(found["n"]), seed=int(found["seed"] or 0))


def whole_name(name: str) -> str:
    """Name of the whole task, whether or not a task was cut.

    Examples:
        >>> whole_name("intents@64#2"), whole_name("intents")
        ('intents', 'intents')
    """
    cut = read_cut(name)
    return name if cut is None else cut.task
