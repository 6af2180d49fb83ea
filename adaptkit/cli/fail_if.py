"""``--fail-if``: one comparison of a table cell with a number, for use in a pipeline."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.results import Row

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
NUMBER_COLUMNS = tuple(f.name for f in fields(Row) if f.type in {"float | None", "int | None", "int"})
FORM = re.compile(r"\s*(?P<row>\S+)\.(?P<column>\w+)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<number>\S+)\s*")


@dataclass(frozen=True)
class FailCondition:
    """``[task/]strategy.column operator number``, e.g. ``lora.quality < 0.8``."""

    text: str
    row: str
    column: str
    holds: Callable[[float, float], bool]
    number: float

    def check(self, tasks: Sequence[str], strategies: Sequence[str]) -> None:
        """Refuse a condition about a row that the table will not have.

        Raises:
            ConfigError: no such task and strategy.
        """
        if not any(self._is_about(task, strategy) for task in tasks for strategy in strategies):
            raise ConfigError(
                f"--fail-if '{self.text}' names no row of the table. "
                f"Tasks: {', '.join(tasks)}. Strategies: {', '.join(strategies)}."
            )

    def violated_by(self, rows: Sequence[Row]) -> list[str]:
        """Sentences about the rows for which the condition holds."""
        found = []
        for row in rows:
            if not self._is_about(row.task, row.strategy):
                continue
            value = getattr(row, self.column)
            # A blank cell cannot be shown to be fine, so it fails the check.
            if value is None or self.holds(float(value), self.number):
                shown = "blank" if value is None else f"{value:g}"
                found.append(f"{row.task}/{row.strategy}.{self.column} is {shown} (--fail-if {self.text})")
        return found

    def _is_about(self, task: str, strategy: str) -> bool:
        return self.row in (strategy, f"{task}/{strategy}")


def parse_condition(text: str) -> FailCondition:
    """Read a condition.

    Raises:
        ConfigError: it has another form.
        UnknownNameError: no such column.

    Examples:
        >>> parse_condition("lora.quality < 0.8").column
        'quality'
    """
    match = FORM.fullmatch(text)
    number = _number(match["number"]) if match else math.nan
    if match is None or math.isnan(number):
        raise ConfigError(
            f"--fail-if '{text}' is not understood. Write [task/]strategy.column, an operator "
            f"({', '.join(OPERATORS)}) and a number, e.g. 'lora.quality < 0.8'."
        )
    if match["column"] not in NUMBER_COLUMNS:
        raise UnknownNameError.for_name("column", match["column"], NUMBER_COLUMNS)
    return FailCondition(text, match["row"], match["column"], OPERATORS[match["op"]], number)


def _number(text: str) -> float:
    """NaN for what is no number: nothing can be compared with either."""
    try:
        return float(text)
    except ValueError:
        return math.nan
