"""Does the choice stand when inputs, instruction, format or documents are a little otherwise?"""

from adaptkit.robustness.result import Choice, Effect, Robustness
from adaptkit.robustness.run import measure_robustness

__all__ = ["Choice", "Effect", "Robustness", "measure_robustness"]
