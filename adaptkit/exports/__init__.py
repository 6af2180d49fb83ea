"""A finished comparison and its strategies for other programs: tables, records, MLflow, prompts, weights."""

from adaptkit.exports.mlflow_runs import EXPERIMENT, log_to_mlflow
from adaptkit.exports.parts import PARTS, Part
from adaptkit.exports.prompts import PastedPrompt, prompts_of
from adaptkit.exports.tables import TABLES, TableForm, export_table
from adaptkit.exports.weights import export_weights

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
