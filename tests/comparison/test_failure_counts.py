"""Errors in a share of rows lower the headline by what they should, and stand beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import Words
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import compare
from adaptkit.core.errors import ModelError
from adaptkit.core.types import Request

TASK = make_task(50)


def test_a_fifth_of_rows_that_fail_costs_a_fifth(tmp_path: Path) -> None:
    number = {e.input: i for i, e in enumerate(TASK.test)}
    target = {e.input: e.target for e in TASK.test}

    def answer(request: Request) -> str:
        i = number.get(request.prompt.input, 1)
        if i % 5 == 0:
            raise ModelError("no answer")
        return target.get(request.prompt.input, "") if i % 5 < 4 else "I'm sorry, I can't."

    row = compare([Words()], TASK, model=ak.FakeModel(answer), out=tmp_path).rows[0]
    assert (row.n, row.n_errors, row.n_refused) == (50, 10, 10)
    assert row.quality == pytest.approx(0.6)
    assert row.quality_answered == pytest.approx(0.75)
    assert row.quality is not None
    assert row.quality_answered is not None
    assert row.quality < row.quality_answered
