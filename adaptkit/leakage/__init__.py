"""Leakage: do test rows stand in what strategies learn from? Checked before anything is spent."""

from adaptkit.leakage.check import check_leakage
from adaptkit.leakage.report import (
    GoldAnswers,
    LeakageReport,
    LeakageThresholds,
    LeakageVerdict,
    LeakCount,
    LeakKind,
    LeakPair,
    Place,
)

__all__ = [
    "GoldAnswers",
    "LeakCount",
    "LeakKind",
    "LeakPair",
    "LeakageReport",
    "LeakageThresholds",
    "LeakageVerdict",
    "Place",
    "check_leakage",
]
