"""A pilot: each strategy on a few rows, and from that what the whole comparison will take."""

from adaptkit.studies.pilot.forecast import pilot
from adaptkit.studies.pilot.pilot_line import Pilot, PilotLine
from adaptkit.studies.pilot.sample import MIN_ROWS
from adaptkit.studies.pilot.span import Range

__all__ = ["MIN_ROWS", "Pilot", "PilotLine", "Range", "pilot"]
