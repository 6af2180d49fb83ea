"""The rows of a pilot: of those that strategies may learn from, never those that they are judged on."""

from __future__ import annotations

import dataclasses

from adaptkit.tasks import Task, some_rows

MIN_ROWS = 4
"""Two to send alone, so that they have a spread, and two to send together."""
MAX_SHARE = 0.5
"""Of the rows of a split: what is left has to do for learning and choosing."""


def pilot_task(task: Task, n_rows: int) -> Task | None:
    """The task with a few rows of its larger split in the place of the test rows.

    They are taken out of that split, so that no strategy has learnt from them.

    Args:
        task: the whole task.
        n_rows: how many; at most half of the split.

    Returns:
        None where neither train nor validation has rows enough.
    """
    splits = {"train": task.train, "validation": task.validation or ()}
    name = max(splits, key=lambda split: len(splits[split]))
    n = min(n_rows, int(MAX_SHARE * len(splits[name])))
    if n < MIN_ROWS:
        return None
    taken = some_rows(splits[name], n, salt="pilot:")
    ids = {e.id for e in taken}
    splits[name] = tuple(e for e in splits[name] if e.id not in ids)
    return dataclasses.replace(
        task, test=tuple(taken), train=splits["train"], validation=splits["validation"]
    )


def too_few(task: Task) -> str:
    """Why a task has no pilot."""
    return (
        f"a pilot answers train or validation rows, never test rows, and '{task.name}' has fewer than "
        f"{round(MIN_ROWS / MAX_SHARE)} of either"
    )
