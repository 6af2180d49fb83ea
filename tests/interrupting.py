"""A model that is stopped halfway, as by a user who has waited long enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import adaptkit as ak
from adaptkit.core.types import Completion, Request


def interrupted_after(model: ak.FakeModel, n_calls: int) -> ak.FakeModel:
    """Make a model answer so many calls, and then behave as if the user had pressed a key."""
    complete, done = model.complete, 0

    def until_stopped(requests: Sequence[Request]) -> list[Completion]:
        nonlocal done
        done += 1
        if done > n_calls:
            raise KeyboardInterrupt
        return complete(requests)

    model.complete = until_stopped  # type: ignore[method-assign]
    return model


def rows_stored(folder: Path) -> int:
    """Rows that the comparisons in a folder hold."""
    return sum(len(p.read_text().splitlines()) for p in folder.glob("*/records.jsonl"))
