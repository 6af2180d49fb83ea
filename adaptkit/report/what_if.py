"""The numbers that the page's own functions decide by: one task's rows, pairs, and parts of costs.

Single requests are left out: means, and the intervals made of them, are all that a choice asks for.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adaptkit.core.codec import to_json
from adaptkit.core.results import Pair, Row
from adaptkit.costs import CostAssumptions, MeasuredCost
from adaptkit.decision import Evidence
from adaptkit.report.draws import cost_spread, draws_data
from adaptkit.report.findings import Interval, PageData

_ROW = (
    "strategy", "status", "n", "n_errors", "seeds", "n_latency", "quality", "quality_low", "quality_high",
    "p50_latency_s", "p95_latency_s", "first_token_p50_s", "tokens_in", "fit_usd", "usd_per_1k_requests",
    "p_best",
)  # fmt: skip
_PAIR = (
    "n", "delta", "delta_low", "delta_high", "p_value", "p_value_adjusted", "margin", "equivalence_low",
    "equivalence_high",
)  # fmt: skip
_VERDICTS = ("better", "worse", "equivalent", "undecided")
_SPENT = ("training", "tuning", "failed", "index", "evaluation")


def what_if_data(findings: PageData) -> dict[str, Any] | None:
    """Return what ``page/*.js`` computes costs and choices from, as JSON values.

    Returns:
        None where nothing was gathered to decide by.
    """
    evidence = findings.evidence
    if evidence is None:
        return None
    return {
        "task": evidence.task,
        "metric": evidence.rows[0].metric if evidence.rows else "",
        "baseline": findings.baseline,
        "margin": evidence.margin,
        "machine": None if evidence.machine is None else to_json(evidence.machine),
        "assumptions": to_json(evidence.assumptions),
        "rows": [_row(row) for row in evidence.rows],
        "pairs": _packed(evidence.pairs),
        "measured": [_measured(m, evidence.assumptions) for m in evidence.measured],
        "savings": _savings(findings.savings),
        "standing": _standing(findings, evidence),
        "draws": draws_data(evidence.gaps),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _ROW},
        "control": bool(row.fit_notes.get("control")),
        **to_json(row.traits),
    }


def _packed(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return pairs in a third of the bytes of JSON, and to the last digit: they grow as strategies squared.

    Returns:
        ``names`` of the strategies; base64 of little-endian 64-bit ``numbers``, ``fields`` a pair, NaN for
        what is undefined; and of 16-bit ``codes``: strategy, baseline, verdict, whether it is not inferior
        (2 where that is undefined), and whether the strategy (1) and the baseline (2) were cut short.
    """
    names = list(dict.fromkeys(name for p in pairs for name in (p.baseline, p.strategy)))
    place = {name: i for i, name in enumerate(names)}
    values = [[_number(getattr(p, field)) for field in _PAIR] for p in pairs]
    codes = [
        (
            place[p.strategy],
            place[p.baseline],
            _VERDICTS.index(p.verdict),
            _flag(p.non_inferior),
            (p.strategy in p.lower_bounds) + 2 * (p.baseline in p.lower_bounds),
        )
        for p in pairs
    ]
    return {
        "names": names,
        "fields": list(_PAIR),
        "verdicts": list(_VERDICTS),
        "numbers": _base64(np.array(values, dtype="<f8")),
        "codes": _base64(np.array(codes, dtype="<u2")),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _flag(value: bool | None) -> int:
    return 2 if value is None else int(value)


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _measured(m: MeasuredCost, assumptions: CostAssumptions) -> dict[str, Any]:
    bills = None if m.bills is None or m.bills.reason else m.bills.usd.values()
    return {
        "strategy": m.strategy,
        "quality": m.quality,
        "n_labels": m.n_labels,
        **{name: to_json(getattr(m, name)) for name in _SPENT},
        "billed": m.bills is not None,
        "bill_usd": math.fsum(bills) / len(bills) if bills else None,
        "uses_machine": m.uses_machine,
        "alone_s": math.fsum(m.machine_s.values()) / len(m.machine_s) if m.machine_s else None,
        "rows_per_s": m.rows_per_s,
        "spread": cost_spread(m, assumptions),
    }


def _savings(bands: Mapping[str, Mapping[str, Interval]]) -> dict[str, Any]:
    return {other: {name: to_json(band) for name, band in own.items()} for other, own in bands.items()}


def _standing(findings: PageData, evidence: Evidence) -> dict[str, Any]:
    """How sure the recommendation of the run is, under the settings of the run."""
    found = findings.recommendation
    return {
        "named": None if found is None else found.named,
        "p_near_best": None if found is None else found.p_near_best,
        "p_best": None if found is None else found.p_best,
        "rows": max((row.n for row in evidence.rows), default=0),
    }
