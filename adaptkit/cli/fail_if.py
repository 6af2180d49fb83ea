"""``--fail-if``: one comparison of a table cell with a number, for use in a pipeline."""

from __future__ import annotations

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
FORM = re.compile(r"^\s*(?:(?P<task>[^/\s]+)/)?(?P<strategy>\S+)\.(?P<column>\w+)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<number>\S+)\s*$")


@dataclass(frozen=True)
class Condition:
    """``[task/]strategy.column operator number``, e.g. ``lora.quality < 0.8``."""

    text: str
    task: str | None
    strategy: str
    column: str
    holds: Callable[[float, float], bool]
    number: float

    def violated_by(self, rows: Sequence[Row]) -> list[str]:
        """Sentences about the rows for which the condition holds.

        Raises:
            ConfigError: no row has that task and strategy.
        """
        mine = [r for r in rows if r.strategy == self.strategy and self.task in (None, r.task)]
        if not mine:
            known = ", ".join(dict.fromkeys(r.strategy for r in rows))
            raise ConfigError(f"--fail-if '{self.text}' names no row of the table. Strategies: {known}.")
        found = []
        for row in mine:
            value = getattr(row, self.column)
            # A blank cell cannot be shown to be fine, so it fails the check.
            if value is None or self.holds(float(value), self.number):
                shown = "blank" if value is None else f"{value:g}"
                found.append(f"{row.task}/{row.strategy}.{self.column} is {shown} (--fail-if {self.text})")
        return found


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConfigError: it has another form.
        UnknownNameError: no such column.

    Examples:
        >>> parse_condition("lora.quality < 0.8").column
        'quality'
    """
    match = FORM.match(text)
    try:
        number = float(match["number"]) if match else None
    except ValueError:
        number = None
    if match is None or number is None:
        raise ConfigError(
            f"--fail-if '{text}' is not understood. Write [task/]strategy.column, an operator "
            f"({', '.join(OPERATORS)}) and a number, e.g. 'lora.quality < 0.8'."
        )
    columns = [f.name for f in fields(Row) if f.type in {"float | None", "int"}]
    if match["column"] not in columns:
        raise UnknownNameError.for_name("column", match["column"], columns)
    return Condition(
        text, match["task"], match["strategy"], match["column"], OPERATORS[match["op"]], number
    )
