"""From measured rows and pairs to a verdict and a recommendation; no model is touched."""

from adaptkit.decision.flips import Flip, Flips, flips
from adaptkit.decision.recommend import recommend
from adaptkit.stats.verdict import verdict

__all__ = ["Flip", "Flips", "flips", "recommend", "verdict"]
