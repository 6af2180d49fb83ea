"""Tasks: what is asked, the rows to learn from and to be judged on, and how to load them."""

from adaptkit.tasks.catalogue import find_task, known_tasks
from adaptkit.tasks.folder import write_task
from adaptkit.tasks.loaders import load_task
from adaptkit.tasks.splits import clusters, some_rows, split_off
from adaptkit.tasks.task import KINDS, Task, TaskKind

__all__ = [
    "KINDS",
    "Task",
    "TaskKind",
    "clusters",
    "find_task",
    "known_tasks",
    "load_task",
    "some_rows",
    "split_off",
    "write_task",
]
