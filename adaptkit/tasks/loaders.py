"""``load_task``: one function for folders, files, Hub data sets and known names."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adaptkit.core.errors import DataError, UnknownNameError
from adaptkit.core.reading import user_path
from adaptkit.tasks.build import Origin, build_task, check_overrides, inferred_head, kind_given
from adaptkit.tasks.catalogue import BUNDLED, find_task, known_tasks
from adaptkit.tasks.columns import Parts, to_parts
from adaptkit.tasks.folder import HEAD, load_folder
from adaptkit.tasks.hub import PREFIX, read_hub
from adaptkit.tasks.readers import ROW_SUFFIXES, read_rows
from adaptkit.tasks.splits import split_indices
from adaptkit.tasks.task import Task

TEST_SHARE = 0.3
TEST_LIMIT = 300


def load_task(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    known_metrics: Collection[str] | None = None,
    **overrides: Any,
) -> Task:
    """Load a task.

    Args:
        source: a task folder; a .csv, .jsonl or .parquet file, of which 30 % of the rows (at most 300,
            seeded, whole clusters) become test; ``hub:owner/name[:config]``; or the name of a known
            task, see :func:`known_tasks`.
        columns: field to column, for example ``{"input": "question", "target": "label"}``. Not needed
            for input/target, prompt/completion, instruction/input/output, question/answer,
            text/label and messages. The fields context, choices, history, system and instruction become part
            of the input, also without a mapping where columns are called so. Columns that no field takes are
            left out; ``Task.notes`` names them.
        known_metrics: a metric that is not among them is an error; None for all that this process knows.
        **overrides: fields of :class:`Task` that win over what was read, such as ``instruction``, which
            a bare file needs, ``kind``, ``metrics``, ``labels``, ``schema`` or ``documents``. A kind that is
            not given is guessed by names and values of the columns; ``Task.notes`` says by which. A system
            message that all rows share stays above an ``instruction`` given here.

    Returns:
        The task, checked.

    Raises:
        DataError: what was found cannot be used; with path and line where a file is at fault.
        UnknownNameError: no such task.
        ConfigError: a parameter that does not exist, or columns for fields that do not.
        MissingDependencyError: a package for this source is not installed.
    """
    check_overrides(overrides)
    origin = Origin(given=str(source), columns=columns, overrides=overrides, known_metrics=known_metrics)
    if isinstance(source, str) and source.startswith(PREFIX):
        return _load_hub(source, origin, columns)
    path = user_path(source)
    # A link to nothing is there, and refused when it is read.
    if not os.path.lexists(path):
        path = _known_or_raise(source)
    if path.is_dir():
        head = path / HEAD
        return load_folder(path, replace(origin, head=head if os.path.lexists(head) else None), columns)
    return _load_file(path, origin, columns)


def _load_file(path: Path, origin: Origin, columns: Mapping[str, str] | None) -> Task:
    rows = read_rows(path)
    if not rows:
        raise DataError("holds no rows.", path=path)
    kind = kind_given(origin.overrides)
    parts = to_parts({"train": rows}, columns=columns, prefixes={"train": path.stem}, kind=kind)
    if "test" not in origin.overrides:
        parts = _with_test(parts, path)
    return build_task(parts, inferred_head(parts, {"name": path.stem}, origin.overrides), origin)


def _with_test(parts: Parts, path: Path | None) -> Parts:
    rows, places = parts.examples["train"], parts.places["train"]
    taken = set(split_indices(rows, share=TEST_SHARE, limit=TEST_LIMIT))
    if not taken:
        n = len({" ".join(row.input.casefold().split()) for row in rows})
        columns = parts.shape.rpartition("/")[0] or parts.shape
        raise DataError(
            f"no test rows can be split off (rows: {len(rows)}; different inputs, read from {columns}: {n}): "
            "rows of one input, cluster or gold document stay together. Give more rows, a folder with train "
            "and test, or another column: columns={'input': '<column>'} (--columns input=<column>).",
            path=path,
        )
    kept = [i for i in range(len(rows)) if i not in taken]
    return replace(
        parts,
        examples={
            **parts.examples,
            "train": [rows[i] for i in kept],
            "test": [rows[i] for i in sorted(taken)],
        },
        places={
            **parts.places,
            "train": [places[i] for i in kept],
            "test": [places[i] for i in sorted(taken)],
        },
    )


def _load_hub(source: str, origin: Origin, columns: Mapping[str, str] | None) -> Task:
    parts = to_parts(read_hub(source), columns=columns, kind=kind_given(origin.overrides))
    if "test" not in parts.examples and "test" not in origin.overrides:
        parts = _with_test(parts, None)
    name = source.removeprefix(PREFIX).partition(":")[0].rpartition("/")[2]
    return build_task(parts, inferred_head(parts, {"name": name}, origin.overrides), origin)


def _known_or_raise(source: str | Path) -> Path:
    name = str(source)
    folder = find_task(name)
    if folder is not None:
        return folder
    if name in BUNDLED:
        raise DataError(
            f"the task {name!r} belongs to the repository, and its folder was not found beside the package. "
            "Set ADAPTKIT_DATA to the repository's data folder."
        )
    known = list(known_tasks())
    path = Path(name)
    if path.name != name or path.suffix.lower() in ROW_SUFFIXES:
        raise DataError(f"there is no such file or folder.{_nearby(path)}", path=path)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(
        f"No task {name!r}: it is neither a folder, nor a {'/'.join(ROW_SUFFIXES)} file, nor a known task "
        f"({', '.join(known)}).{hint}"
    )


def _nearby(path: Path) -> str:
    if not os.path.isdir(path.parent):  # noqa: PTH112 - a name may be too long to ask for
        return f" Nor is there a folder {str(path.parent)!r}."
    close = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f" Did you mean {str(path.parent / close[0])!r}?" if close else ""
