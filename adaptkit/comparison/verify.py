"""Make a finished comparison again from its records, and say where its files differ from that."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit import decision, metrics
from adaptkit.comparison.scoring import LENIENT, recorded_answer, unanswered
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.stored import StoredRun, record_faults, stored_run
from adaptkit.comparison.summary import summarise
from adaptkit.core.codec import to_json
from adaptkit.core.numbers import is_number
from adaptkit.core.result_io import comparison_json, read_comparison
from adaptkit.core.results import ComparisonResult, Record, Row
from adaptkit.tasks import TaskFacts

# The same code on the same records gives the same bits; another numpy may add in another order.
TOLERANCE = 1e-9
MAX_DIFFERENCES = 50
# What these want may stand in a row's metadata, which no record keeps.
NOT_RESCORED = frozenset({"tool_choice", "tool_arguments"})


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found.

    Attributes:
        ok: every number in comparison.json, and every score in the records, comes out the same.
        n_numbers: how many numbers were compared.
        differences: a sentence for each that does not, at most 50.
        notes: what could not be checked, and why.
    """

    ok: bool
    n_numbers: int
    differences: tuple[str, ...]
    notes: tuple[str, ...]


def verify_folder(folder: str | Path) -> Verification:
    """Score every recorded answer again, and compute the table from the records.

    Raises:
        StoreError: the folder holds no finished comparison, or its files cannot be read.
    """
    folder = Path(folder)
    written = read_comparison(folder)
    run = stored_run(folder, written.manifest, whole=False)
    made = _made_again(written, run)
    tasks, records = {t.name: t for t in run.tasks}, [r for t in run.trials for r in t.records]
    differences = list(_differences(to_json(comparison_json(written)), to_json(comparison_json(made)), ""))
    rescored = [d for r in records for d in _rescored(r, tasks)]
    n_scores = sum(len(r.scores) for r in records)
    store = RunStore(folder)
    found = [*record_faults(store, written.manifest, store.records()), *differences, *rescored]
    return Verification(
        ok=not found,
        n_numbers=_n_numbers(to_json(comparison_json(written))) + n_scores,
        differences=tuple(found[:MAX_DIFFERENCES]),
        notes=tuple(_notes(written.manifest, tasks, len(found))),
    )


def _made_again(written: ComparisonResult, run: StoredRun) -> ComparisonResult:
    summary = summarise(
        run.tasks,
        run.trials,
        model=written.rows[0].model if written.rows else "",
        prices=run.prices,
        standards=run.standards,
        assumptions=run.assumptions,
    )
    known = {(r.task, r.strategy): r for r in written.rows}
    return ComparisonResult(
        rows=tuple(_as_known(r, known.get((r.task, r.strategy))) for r in summary.rows),
        pairs=summary.pairs,
        recommendation=decision.recommend(summary.rows, summary.pairs),
        manifest=written.manifest,
        noise=summary.noise,
        costs=summary.costs,
        schema_version=written.schema_version,
    )


def _as_known(made: Row, written: Row | None) -> Row:
    """Without the count of scored rows, where the folder is of a version that did not count them."""
    if written is None or written.n_scored is not None:
        return made
    return dataclasses.replace(made, n_scored=None, metrics_n=written.metrics_n)


def _differences(file: Any, made: Any, where: str) -> Iterator[str]:
    """Walk both and name each place where they differ."""
    if isinstance(file, dict) and isinstance(made, dict):
        for key in dict.fromkeys([*file, *made]):
            yield from _differences(file.get(key), made.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(file, list) and isinstance(made, list) and len(file) == len(made):
        for i, (one, other) in enumerate(zip(file, made, strict=True)):
            yield from _differences(one, other, f"{where}[{_named(one, i)}]")
    elif not _same(file, made):
        yield f"{where}: the file has {_short(file)}, the records give {_short(made)}."


def _named(item: Any, i: int) -> str:
    """A row by its name rather than its number."""
    if isinstance(item, dict) and "strategy" in item and "task" in item:
        return " ".join(str(item[k]) for k in ("task", "strategy", "baseline") if item.get(k))
    return str(i)


def _same(file: Any, made: Any) -> bool:
    if is_number(file) and is_number(made):
        return math.isclose(file, made, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(file == made)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _rescored(record: Record, tasks: Mapping[str, TaskFacts]) -> Iterator[str]:
    """Name each score of a record that its answer does not earn."""
    task = tasks[record.task]
    where = f"{record.task} {record.strategy} row {record.example_id} seed {record.seed}"
    answer = recorded_answer(record, task)
    for name in sorted(set(task.metrics) - NOT_RESCORED):
        score = metrics.score_or_wrong(name, answer)
        earned = {name: score.strict, name + LENIENT: score.lenient}
        for column, value in earned.items():
            value = 0.0 if unanswered(record) and value is not None else value
            if not _same(record.scores.get(column), value):
                given = record.scores.get(column)
                yield f"{where}: {column} is {given} and the answer earns {value}."


def _n_numbers(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_n_numbers(v) for v in value.values())
    if isinstance(value, list):
        return sum(_n_numbers(v) for v in value)
    return int(is_number(value))


def _notes(manifest: Mapping[str, Any], tasks: Mapping[str, TaskFacts], n_found: int) -> Iterator[str]:
    skipped = sorted({m for t in tasks.values() for m in t.metrics} & NOT_RESCORED)
    if skipped:
        yield f"Scores of {' and '.join(skipped)} were taken from the records: they need the task's files."
    if n_found > MAX_DIFFERENCES:
        yield f"{n_found - MAX_DIFFERENCES} further differences are not listed."
    failed = [t for t in manifest["trials"] if t["status"] != "done"]
    if failed:
        yield f"{len(failed)} trials that failed or were skipped have no numbers to check."
