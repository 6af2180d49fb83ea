"""A pilot: each strategy on a few rows, and from that what the whole comparison will take."""

from adaptkit.piloting.result import Pilot, PilotLine
from adaptkit.piloting.rows import MIN_ROWS
from adaptkit.piloting.run import pilot
from adaptkit.piloting.span import Span

__all__ = ["MIN_ROWS", "Pilot", "PilotLine", "Span", "pilot"]
