"""What strategies need when documents change, and how good they are before and after."""

from adaptkit.studies.freshness.measure import measure_freshness
from adaptkit.studies.freshness.result import Difference, FreshAnswer, Freshness, FreshnessRow, Phases

__all__ = ["Difference", "FreshAnswer", "Freshness", "FreshnessRow", "Phases", "measure_freshness"]
