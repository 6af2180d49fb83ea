"""The rows as a pandas frame."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from adaptkit.core.results import CSV_COLUMNS, ComparisonResult, Row

if TYPE_CHECKING:
    import pandas as pd


def to_frame(result: ComparisonResult) -> pd.DataFrame:
    """Return one line a strategy and task, with the columns of comparison.csv.

    Numbers have numeric types whatever is missing: columns of what may be undefined are floats, with NaN.
    Names and verdicts are text, None where there is none.
    """
    import pandas as pd

    types = {f.name: str(f.type) for f in fields(Row)}
    data: dict[str, pd.Series] = {}
    for name in CSV_COLUMNS:
        values = [getattr(row, name) for row in result.rows]
        if types[name] == "int":
            data[name] = pd.Series(values, dtype="int64")
        elif types[name].startswith(("float", "int")):
            data[name] = pd.Series(values, dtype="float64")
        else:
            data[name] = pd.Series(values, dtype="object")
    return pd.DataFrame(data, columns=list(CSV_COLUMNS))
