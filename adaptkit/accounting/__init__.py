"""Time, memory and money: what was measured, and what it costs at a dated price."""

from adaptkit.accounting.cost import (
    BreakEven,
    break_even_requests,
    usd_for_seconds,
    usd_per_1k,
    usd_per_correct,
)
from adaptkit.accounting.hardware import Hardware, describe_hardware
from adaptkit.accounting.latency import LatencySummary, percentile, summary
from adaptkit.accounting.meter import Meter, PeakMemory
from adaptkit.accounting.pricing import MachinePrice, PriceSheet, fixed_usd_per_hour, load_prices

__all__ = [
    "BreakEven",
    "Hardware",
    "LatencySummary",
    "MachinePrice",
    "Meter",
    "PeakMemory",
    "PriceSheet",
    "break_even_requests",
    "describe_hardware",
    "fixed_usd_per_hour",
    "load_prices",
    "percentile",
    "summary",
    "usd_for_seconds",
    "usd_per_1k",
    "usd_per_correct",
]
