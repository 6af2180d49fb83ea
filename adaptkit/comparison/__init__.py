"""``compare()`` and what it returns: the way in for notebooks, scripts and the command line."""

from adaptkit.comparison.comparison import Comparison, load_comparison
from adaptkit.comparison.run import compare, default_folder
from adaptkit.comparison.settings import RunSettings

__all__ = ["Comparison", "RunSettings", "compare", "default_folder", "load_comparison"]
