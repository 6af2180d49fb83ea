"""Does the choice stand when inputs, instruction, format or documents are a little otherwise?"""

from adaptkit.studies.robustness.measure import measure_robustness
from adaptkit.studies.robustness.result import ChoiceUnderChange, Effect, Robustness

__all__ = ["ChoiceUnderChange", "Effect", "Robustness", "measure_robustness"]
