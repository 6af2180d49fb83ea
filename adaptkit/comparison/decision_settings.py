"""What counts as a difference, and when a run may stop: chosen before the first row is answered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_number
from adaptkit.metrics import is_row_mean
from adaptkit.stats import MARGIN


@dataclass(frozen=True, kw_only=True)
class DecisionSettings:
    """What every comparison of a run is held to.

    Attributes:
        margin: the largest difference in quality that does not matter.
        until_decided: answer rows in rounds, and stop where the evidence decides.

    Raises:
        ConfigError: the margin is not between 0 and 1.
    """

    margin: float = MARGIN
    until_decided: bool = False

    def __post_init__(self) -> None:
        if not is_margin(self.margin):
            raise ConfigError.for_parameter("compare", "margin", "a number between 0 and 1", self.margin)

    def check(self, first_metrics: Iterable[str]) -> None:
        """Refuse to stop early by a metric for which no valid rule is known.

        Args:
            first_metrics: the metric that decides, of each task.

        Raises:
            ConfigError: one of them is no mean over rows.
        """
        for name in first_metrics if self.until_decided else ():
            if not is_row_mean(name):
                raise ConfigError(
                    f"The first metric is {name}, and until_decided needs one that is a mean over rows, such "
                    "as accuracy. Leave until_decided out, or name such a metric first."
                )


def is_minutes(value: object) -> TypeGuard[float]:
    """Whether a value can be what a run may take: a number above 0, and none without end."""
    return is_number(value) and math.isfinite(value) and value > 0


def is_margin(value: object) -> bool:
    """Whether a value can be a margin."""
    return is_number(value) and 0 < value < 1
