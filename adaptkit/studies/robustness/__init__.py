"""Does the choice stand when inputs, instruction, format or documents are a little otherwise?"""

from adaptkit.studies.robustness.result import ChoiceUnderChange, Effect, Robustness
from adaptkit.studies.robustness.run import measure_robustness

__all__ = ["ChoiceUnderChange", "Effect", "Robustness", "measure_robustness"]
