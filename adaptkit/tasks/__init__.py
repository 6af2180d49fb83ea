"""Tasks: what is asked, the rows to learn from and to be judged on, and how to load them."""

from adaptkit.tasks.catalogue import find_task, known_tasks
from adaptkit.tasks.cut import Cut, read_cut
from adaptkit.tasks.facts import TaskFacts
from adaptkit.tasks.folder import write_task
from adaptkit.tasks.loaders import load_task
from adaptkit.tasks.splits import cluster_names, clusters, row_order, some_rows, split_off, ties
from adaptkit.tasks.task import KINDS, Task, TaskKind

__all__ = [
    "KINDS",
    "Cut",
    "Task",
    "TaskFacts",
    "TaskKind",
    "cluster_names",
    "clusters",
    "find_task",
    "known_tasks",
    "load_task",
    "read_cut",
    "row_order",
    "some_rows",
    "split_off",
    "ties",
    "write_task",
]
