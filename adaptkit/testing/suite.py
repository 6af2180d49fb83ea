"""Running checks one after the other, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.testing.failure import CheckFailed, NotApplicable

Case = TypeVar("Case")
Check = Callable[[Case], None]


@dataclass
class Report:
    """What came of the checks, by name.

    Attributes:
        passed: names of the checks that held.
        skipped: why others had nothing to look at.
        known: those that were known to fail and did, with the reason that was given.
        failed: what the others found.
    """

    passed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = (
            f"{len(self.passed)} passed, {len(self.skipped)} not applicable, {len(self.known)} known to fail"
        )
        return "\n".join(
            [f"{counts}, {len(self.failed)} failed", *(f"- {n}: {why}" for n, why in self.failed.items())]
        )


def named(checks: Sequence[Check[Case]]) -> list[tuple[str, Check[Case]]]:
    """Checks with their names."""
    return [(check.__name__, check) for check in checks]


def chosen(checks: Sequence[Check[Case]], only: Collection[str] | None) -> list[Check[Case]]:
    """The checks of these names; all for None.

    Raises:
        UnknownNameError: there is no such check.
    """
    by_name = dict(named(checks))
    for name in only or ():
        if name not in by_name:
            raise UnknownNameError.for_name("check", name, by_name)
    return [check for name, check in by_name.items() if only is None or name in only]


def run_checks(
    checks: Sequence[Check[Case]], case: Case, *, known_failures: Mapping[str, str] | None = None
) -> Report:
    """Run all checks, whatever some of them find.

    Args:
        checks: functions of the case.
        case: what is checked.
        known_failures: reasons by the names of checks that need not hold.

    Raises:
        UnknownNameError: a known failure is no check's name.
        ConfigError: a known failure has no reason.
    """
    known, report = dict(known_failures or {}), Report()
    names = [check.__name__ for check in checks]
    for name, reason in known.items():
        if name not in names:
            raise UnknownNameError.for_name("check", name, names)
        if not reason:
            raise ConfigError(f"The known failure '{name}' has no reason. Write why it need not hold.")
    for name, check in named(checks):
        failure = _failure(check, case, report)
        if name in known:
            _note_known(name, known[name], failure, report)
        elif failure is not None:
            report.failed[name] = failure
        elif name not in report.skipped:
            report.passed.append(name)
    return report


def _failure(check: Check[Case], case: Case, report: Report) -> str | None:
    """What a check found; None where it held, or was skipped, which is noted."""
    try:
        check(case)
    except NotApplicable as reason:
        report.skipped[check.__name__] = str(reason)
    except CheckFailed as error:
        return str(error)
    except Exception as error:  # a strategy may break anyhow: the other checks are run all the same
        return (
            f"Expected the check to go through. Found that {type(error).__name__} was raised: {error}. "
            "Call this check alone to see where."
        )
    return None


def _note_known(name: str, reason: str, failure: str | None, report: Report) -> None:
    if failure is not None:
        report.known[name] = reason
    elif name not in report.skipped:
        report.failed[name] = f"It is known to fail ({reason}), and holds. Take it out of known_failures."


def raise_failures(report: Report, what: str) -> None:
    """Raise CheckFailed with all that was found."""
    if report.failed:
        raise CheckFailed(f"{what} breaks its contract: {report}")
