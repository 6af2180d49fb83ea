"""A finished comparison and its strategies for other programs: tables, records, MLflow, prompts, weights."""

from adaptkit.comparison.exports.mlflow_runs import EXPERIMENT, log_to_mlflow
from adaptkit.comparison.exports.parts import PARTS, Part
from adaptkit.comparison.exports.prompts import PastedPrompt, prompts_of
from adaptkit.comparison.exports.tables import TABLES, TableForm, export_table
from adaptkit.comparison.exports.weights import export_weights

__all__ = [
    "EXPERIMENT",
    "PARTS",
    "TABLES",
    "Part",
    "PastedPrompt",
    "TableForm",
    "export_table",
    "export_weights",
    "log_to_mlflow",
    "prompts_of",
]
