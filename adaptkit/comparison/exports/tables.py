"""A part of a comparison as one file: CSV, JSON, Markdown, LaTeX or Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from adaptkit import report
from adaptkit.comparison.exports.latex import latex_text
from adaptkit.comparison.exports.parts import PARTS, Line, Part
from adaptkit.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from adaptkit.core.files import csv_text, json_text, write_text_atomic
from adaptkit.core.results import ComparisonResult, Record

if TYPE_CHECKING:
    import pyarrow

TableForm = Literal["csv", "json", "markdown", "latex", "parquet"]
TABLES: tuple[str, ...] = get_args(TableForm)
SUFFIXES: Mapping[str, str] = {
    ".csv": "csv",
    ".json": "json",
    ".md": "markdown",
    ".tex": "latex",
    ".parquet": "parquet",
}


def export_table(
    result: ComparisonResult,
    records: Sequence[Record],
    path: Path | None,
    *,
    form: str | None = None,
    part: Part = "table",
) -> str | None:
    """Write a part of a comparison, or return it as text.

    Args:
        result: the comparison.
        records: its answers, for ``part="records"``.
        path: the file; None for the text itself, which Parquet has not.
        form: ``csv``, ``json``, ``markdown``, ``latex`` or ``parquet``; None goes by the path's suffix.
        part: ``table`` (a line a strategy), ``pairs`` or ``records``; Markdown and LaTeX have the table only.

    Returns:
        The text, None where a file was written.

    Raises:
        ConfigError: a form that has no such part, no path for Parquet, or a suffix that says nothing.
        UnknownNameError: no such form or part.
        MissingDependencyError: Parquet without pyarrow.
    """
    form = form or _form_of(path)
    for kind, name, known in (("form", form, TABLES), ("part", part, tuple(PARTS))):
        if name not in known:
            raise UnknownNameError.for_name(kind, name, known)
    if form == "parquet":
        _write_parquet(PARTS[part](result, records), path)
        return None
    text = _text(result, records, form, part)
    if path is None:
        return text
    write_text_atomic(path, text)
    return None


def _form_of(path: Path | None) -> str:
    if path is None or path.suffix not in SUFFIXES:
        raise ConfigError.for_parameter("export", "path", f"a name that ends in {', '.join(SUFFIXES)}", path)
    return SUFFIXES[path.suffix]


def _text(result: ComparisonResult, records: Sequence[Record], form: str, part: Part) -> str:
    if part == "table":
        whole = {
            "csv": report.csv_text,
            "json": report.json_text,
            "markdown": report.markdown_table,
            "latex": latex_text,
        }
        return whole[form](result)
    if form not in {"csv", "json"}:
        raise ConfigError(f"There are no {part} as {form}: take csv, json or parquet, or the table.")
    found = PARTS[part](result, records)
    return json_text(found) if form == "json" else _csv(found)


def _csv(found: Sequence[Line]) -> str:
    return csv_text([list(found[0]) if found else [], *(line.values() for line in found)])


def _write_parquet(found: Sequence[Line], path: Path | None) -> None:
    if path is None:
        raise ConfigError("Parquet is no text: say which file to write.")
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("Writing Parquet", "pyarrow", "parquet") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(_table(found, pyarrow), path)


def _table(found: Sequence[Line], arrow: Any) -> pyarrow.Table:
    """A column a name; one that is undefined throughout holds numbers that are missing, not nothing."""
    columns = {name: [line[name] for line in found] for name in (found[0] if found else ())}
    arrays = {
        name: arrow.array(values, type=arrow.float64() if all(v is None for v in values) else None)
        for name, values in columns.items()
    }
    return arrow.table(arrays)
