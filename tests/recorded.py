"""A record to change: tests that judge records say only what matters to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adaptkit.core.results import Record

RECORD = Record(
    trial="key",
    strategy="prompt",
    task="task",
    example_id="r0",
    seed=0,
    output="yes",
    target="yes",
    contexts=(),
    tool_calls=(),
    finish_reason="stop",
    tokens={"in": 1, "cached": 0, "written": 0, "out": 1, "reasoning": 0},
    retrieve_s=None,
    first_token_s=None,
    latency_s=None,
    batch_size=1,
    batch_s=None,
    cost_usd=None,
    scores={},
    error=None,
)
ERROR = {"type": "ModelError", "message": "no answer"}


def record(**changes: Any) -> Record:
    """The record with some of its values changed."""
    return replace(RECORD, **changes)
