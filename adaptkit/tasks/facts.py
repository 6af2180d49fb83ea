"""What a table needs to know of a task: enough to score records again without the task's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """A task without its rows, as a manifest keeps it.

    Attributes:
        metrics: the first is primary.
        labels: of a classification; ``schema`` the JSON Schema of structured answers.
    """

    name: str
    kind: str
    metrics: tuple[str, ...]
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    @property
    def primary_metric(self) -> str:
        """The metric that decides."""
        return self.metrics[0]
