"""What more labels are worth: the quality that they bring, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_amount, is_count
from adaptkit.costs import CostAssumptions
from adaptkit.decision.curves.curve import FURTHEST, LearningCurve
from adaptkit.decision.wording import interval, points
from adaptkit.stats.resample import percentile_interval


@dataclass(frozen=True, kw_only=True)
class LabelWorth:
    """What more labels bring to one strategy.

    Attributes:
        n_labels: how many there are, ``more`` how many more.
        gain: in quality, with its 95 % interval ``low`` to ``high``; None where the curve does not say.
        usd: what they cost; None where the price of a label is not known.
        reason: why there is no gain.
    """

    task: str
    strategy: str
    n_labels: int
    more: int
    gain: float | None
    low: float | None
    high: float | None
    usd: float | None
    reason: str | None = None

    def __str__(self) -> str:
        """The finding as a sentence; what is not known is left out."""
        labels, cost = f"{self.more:,} more labels", "" if self.usd is None else f" and cost ${self.usd:,.0f}"
        if self.gain is None:
            return f"{self.strategy}: what {labels} are worth is not known: {self.reason}."
        if self.reason is not None:
            return f"{self.strategy}: {labels} are worth nothing{cost}: {self.reason}."
        said = f"{points(self.gain)} {interval(self.low, self.high)}".strip()
        span = f"{self.n_labels:,} to {self.n_labels + self.more:,}"
        return f"{self.strategy}: {labels} ({span}) are worth {said} points{cost}."


def usd_per_label(assumptions: CostAssumptions) -> float | None:
    """``minutes / 60 * wage``; None where either is unknown."""
    minutes, wage = assumptions.minutes_per_label, assumptions.usd_per_hour_of_labelling
    return None if minutes is None or wage is None else minutes / 60 * wage


def worth_of_labels(
    curve: LearningCurve, more: int, usd_per_label: float | None = None, *, n_labels: int | None = None
) -> LabelWorth:
    """Say what more labels would bring, by the curve's power law.

    Both ends of the gain are resampled together, so its interval is that of the gain. Beyond twice the most
    labels measured no gain is told.

    Args:
        curve: of one strategy.
        more: labels to be made.
        usd_per_label: what one costs; None where that is unknown.
        n_labels: how many there are; None for the most measured.

    Raises:
        ConfigError: a number out of range.
    """
    n = curve.most_labels if n_labels is None else n_labels
    _check(more, n, usd_per_label)
    reason = _obstacle(curve, n, more)
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    if not curve.learns:
        gain = low = high = 0.0
    elif reason is None:
        value, resampled = curve.qualities([n, n + more])
        gain = float(value[1] - value[0])
        if resampled is not None:
            low, high = percentile_interval(resampled[:, 1] - resampled[:, 0])
    usd = None if usd_per_label is None else more * usd_per_label
    return LabelWorth(
        task=curve.task,
        strategy=curve.strategy,
        n_labels=n,
        more=more,
        gain=gain,
        low=low,
        high=high,
        usd=usd,
        reason=reason,
    )


def _check(more: object, n_labels: object, price: object) -> None:
    if not is_count(more, least=1):
        raise ConfigError.for_parameter("worth_of_labels", "more", "an int >= 1", more)
    if not is_count(n_labels, least=0):
        raise ConfigError.for_parameter("worth_of_labels", "n_labels", "an int >= 0", n_labels)
    if price is not None and not is_amount(price):
        raise ConfigError.for_parameter("worth_of_labels", "usd_per_label", "a number >= 0, or None", price)


def _obstacle(curve: LearningCurve, n_labels: int, more: int) -> str | None:
    """Why the curve does not say, or why there is nothing to gain."""
    if curve.fit is None:
        return curve.undetermined
    least, most = min(curve.sizes), curve.most_labels
    if n_labels + more > FURTHEST * most:
        return f"{n_labels + more:,} labels are more than {FURTHEST} times the {most:,} measured"
    if n_labels * FURTHEST < least:
        return f"{n_labels:,} labels are less than half of the {least:,} measured"
    return None
