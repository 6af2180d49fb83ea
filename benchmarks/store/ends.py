"""How a comparison ended, without what a clock decides: what has to be the same after every kill."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.comparison.store import RunStore
from adaptkit.core.codec import to_json
from adaptkit.core.files import json_text

# What a clock or the machine decides, and what is computed from it; all USD beside these, since a machine is
# paid by the hour. Batches are among them: a kill may cut one in two.
MEASURED = frozenset({
    "p50_latency_s", "p95_latency_s", "first_token_p50_s", "fit_s", "rows_per_s", "peak_memory_bytes",
    "retrieve_s", "first_token_s", "latency_s", "batch_size", "batch_s",
})  # fmt: skip
UNDEFINED_TOO = ("break_even", "other_load")
"""Whether there is one at all is decided by a clock."""
MASK = "measured"


@dataclass(frozen=True)
class End:
    """The three files of a finished comparison, masked."""

    json: str
    csv: str
    records: Counter[str]

    @classmethod
    def of(cls, folder: Path) -> End:
        """Read a finished comparison."""
        return cls(masked_json(folder), masked_csv(folder), masked_records(folder))


def masked_json(folder: Path) -> str:
    """comparison.json as it is, measured numbers replaced."""
    text = (folder / "comparison.json").read_text(encoding="utf-8")
    values = json.loads(text)
    # What is not laid out as the library writes it stays unmasked, and so differs.
    return json_text(masked(values)) if json_text(values) == text else text


def masked_csv(folder: Path) -> str:
    """comparison.csv, the cells of measured columns replaced."""
    header, *lines = csv.reader(io.StringIO((folder / "comparison.csv").read_text(encoding="utf-8")))
    rows = [[_cell(*cell) for cell in zip(header, line, strict=True)] for line in lines]
    return json.dumps([header, *rows])


def _cell(name: str, text: str) -> str:
    if name.startswith(UNDEFINED_TOO):
        return MASK
    return MASK if text and is_measured(name) else text


def masked_records(folder: Path) -> Counter[str]:
    """How often each record occurs, measured values masked: once, all of them, if all is well."""
    records = RunStore(folder).records()
    return Counter(json.dumps(masked(to_json(r)), sort_keys=True) for r in records)


def masked(value: Any, *, measured: bool = False) -> Any:
    """Replace measured numbers; what is undefined, and why, stays.

    Of what a clock may leave undefined nothing stays.
    """
    if isinstance(value, dict):
        return {
            name: MASK if name.startswith(UNDEFINED_TOO) else masked(v, measured=is_measured(name))
            for name, v in value.items()
        }
    if isinstance(value, list):
        return [masked(v, measured=measured) for v in value]
    return MASK if measured and isinstance(value, int | float) else value


def is_measured(name: str) -> bool:
    """Whether a field's numbers rest on a clock or on this machine."""
    return name in MEASURED or "usd" in name or name.startswith(UNDEFINED_TOO)
