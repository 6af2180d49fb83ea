"""What counts as a difference, and when a run may stop: chosen before the first row is answered."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.core.errors import ConfigError

# Two points of quality: what a reader of a table would not change a decision for.
MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class Standards:
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
        number = isinstance(self.margin, int | float) and not isinstance(self.margin, bool)
        if not number or not 0 < self.margin < 1:
            raise ConfigError.for_parameter("compare", "margin", "a number between 0 and 1", self.margin)
