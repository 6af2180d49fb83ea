"""What nobody can measure in a comparison: wages, volume, horizon, cadence, and what an answer is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.core.numbers import is_amount, is_count, is_positive, is_range, is_share
from adaptkit.core.reading import Unreadable, read_toml
from adaptkit.costs.cost.machine import UTILISATIONS

_COMMON = {
    "by_strategy", "horizon_months", "requests_per_month", "usd_per_failure", "usd_per_success",
    "utilisations",
}  # fmt: skip
_TABLE = "strategy"


@dataclass(frozen=True, kw_only=True)
class CostAssumptions:
    """What the costs of a strategy rest on beside measurements. None is unknown, and what needs it is blank.

    Attributes:
        n_labels: labels that a strategy which learns from labels has to pay for; None for as many as it
            used, 0 where they are there anyway.
        minutes_per_label: of a person.
        usd_per_hour_of_labelling: what that person costs.
        requests_per_month: a number, or the lowest and the highest.
        horizon_months: over which costs are added up; None leaves totals blank.
        utilisation: share of an own machine's paid time in which it works, for every figure that is not
            shown at several.
        utilisations: those at which the cost of a request is shown.
        hosting_usd_per_month: a fixed bill, e.g. for a dedicated deployment or an index.
        machine_hours_per_month: hours for which an own machine is kept on (730 for always, 1,460 for two
            machines). Requests then cost no time of it: it is paid already.
        n_retrain_per_month: how often the training is paid again.
        n_reindex_per_month: how often the index is brought up to date, and
        changed_share: which share of it is built anew each time.
        maintenance_usd_per_month: of people.
        usd_per_success: what a right answer gains, ``usd_per_failure`` what a wrong one loses.
        by_strategy: by a strategy's name in the table, what is different for it.

    Raises:
        ConfigError: a value out of range.
    """

    n_labels: int | None = None
    minutes_per_label: float | None = None
    usd_per_hour_of_labelling: float | None = None
    requests_per_month: float | tuple[float, float] | None = None
    horizon_months: float | None = 12.0
    utilisation: float = 0.3
    utilisations: tuple[float, ...] = UTILISATIONS
    hosting_usd_per_month: float = 0.0
    machine_hours_per_month: float = 0.0
    n_retrain_per_month: float = 0.0
    n_reindex_per_month: float = 0.0
    changed_share: float = 1.0
    maintenance_usd_per_month: float = 0.0
    usd_per_success: float | None = None
    usd_per_failure: float | None = None
    by_strategy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            expected, holds = _RULES.get(f.name, _AMOUNT)
            optional = f.default is None or f.name == "horizon_months"
            if not (value is None and optional) and not holds(value):
                raise ConfigError.for_parameter("CostAssumptions", f.name, expected, value)
        for strategy in self.by_strategy:
            self.of(strategy)

    @property
    def volumes(self) -> tuple[float, ...]:
        """Requests a month: none when unknown, one, or the lowest and the highest."""
        if self.requests_per_month is None:
            return ()
        if isinstance(self.requests_per_month, tuple):
            return self.requests_per_month
        return (self.requests_per_month,)

    def of(self, strategy: str) -> CostAssumptions:
        """The assumptions that hold for one strategy.

        Raises:
            ConfigError: a value out of range, or one that cannot differ between strategies: on different
                volumes their totals could not be compared.
        """
        if not self.by_strategy:
            return self
        own = self.by_strategy.get(strategy, {})
        allowed = _names() - _COMMON
        for name in own:
            if name not in allowed:
                raise ConfigError(
                    f"'{name}' cannot be set for the strategy '{strategy}' alone.{_hint(name, allowed)}"
                )
        return dataclasses.replace(self, **own, by_strategy={})

    def described(self) -> tuple[str, ...]:
        """What is assumed, one sentence each, for the foot of a report."""
        said = [
            self._said_of_volume(),
            f"An own machine works in {self.utilisation:.0%} of its paid time.",
            self._said_of_labels(),
            f"Each month: {self.n_retrain_per_month:g} retrainings, {self.n_reindex_per_month:g} "
            f"re-indexings of {self.changed_share:.0%} of the index, {self.hosting_usd_per_month:g} USD "
            f"of hosting, {self.machine_hours_per_month:g} machine hours and "
            f"{self.maintenance_usd_per_month:g} USD of maintenance.",
        ]
        if self.by_strategy:
            said.append(f"Some of this differs for {', '.join(sorted(self.by_strategy))}.")
        return tuple(said)

    def _said_of_volume(self) -> str:
        volume = " to ".join(f"{v:,.0f}" for v in self.volumes) or "An unknown number of"
        horizon = "no horizon" if self.horizon_months is None else f"{self.horizon_months:g} months"
        return f"{volume} requests a month, over {horizon}."

    def _said_of_labels(self) -> str:
        if self.n_labels == 0:
            return "Labels are there anyway and cost nothing."
        if self.minutes_per_label is None or self.usd_per_hour_of_labelling is None:
            return "What a label costs is not known."
        n = "each label used" if self.n_labels is None else f"each of {self.n_labels} labels"
        return (
            f"{self.minutes_per_label:g} minutes for {n}, at {self.usd_per_hour_of_labelling:g} USD an hour."
        )


def load_assumptions(path: Path) -> CostAssumptions:
    """Read assumptions from a TOML file.

    Its keys are the attributes of ``CostAssumptions``, ``requests_per_month`` a number or ``[low, high]``;
    a table ``[strategy."lora"]`` says what is different for one strategy.

    Raises:
        DataError: the file cannot be read, is no TOML, or a key or value is wrong; ``.path`` names it.
    """
    try:
        data = read_toml(path)
    except Unreadable as error:
        raise DataError(
            f"The assumptions cannot be read: {error.reason}.", path=path, line=error.line
        ) from None
    known = (_names() - {"by_strategy"}) | {_TABLE}
    for name in data:
        if name not in known:
            raise DataError(f"Unknown assumption '{name}'.{_hint(name, known)}", path=path)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    values["by_strategy"] = values.pop(_TABLE, {})
    try:
        return CostAssumptions(**values)
    except ConfigError as error:
        raise DataError(str(error), path=path) from error


def _names() -> set[str]:
    return {f.name for f in dataclasses.fields(CostAssumptions)}


def _hint(name: str, known: set[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f" Did you mean '{close[0]}'?" if close else ""
    return f"{guess} Known: {', '.join(sorted(known))}."


def _is_volume(value: object) -> bool:
    return is_range(value) or is_positive(value)


def _is_tables(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, Mapping) for v in value.values())


_AMOUNT: tuple[str, Callable[[object], bool]] = ("a number >= 0", is_amount)
_RULES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "n_labels": ("an int >= 0, or None", lambda v: is_count(v, least=0)),
    "requests_per_month": ("a number above 0, or the lowest and the highest", _is_volume),
    "horizon_months": ("a number above 0, or None", is_positive),
    "utilisation": ("above 0 and at most 1", lambda v: is_positive(v) and is_share(v)),
    "utilisations": (
        "numbers above 0 and at most 1",
        lambda v: isinstance(v, tuple) and bool(v) and all(is_positive(u) and is_share(u) for u in v),
    ),
    "changed_share": ("a number from 0 to 1", is_share),
    "by_strategy": ("a table for each strategy", _is_tables),
}
