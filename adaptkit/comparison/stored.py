"""What a run folder tells of its trials: the table can be made again from it, without model or task files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.store import RECORDS, RunStore
from adaptkit.comparison.trial_data import StrategyTrials, TrialData, groups_of
from adaptkit.core.errors import OlderRunError, StoreError
from adaptkit.core.numbers import is_count
from adaptkit.core.result_io import MANIFEST_JSON, read_stored
from adaptkit.core.results import Record
from adaptkit.costs import CostAssumptions, MachinePrice, ModelPrice, Prices
from adaptkit.tasks import TaskFacts, row_order


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A finished run, as its folder keeps it.

    Attributes:
        tasks: in the order of the table, ``trials`` what was measured of them.
        prices: of the machine, or of the tokens that a provider bills.
        assumptions: of the cost table.
    """

    tasks: tuple[TaskFacts, ...]
    trials: tuple[TrialData, ...]
    standards: DecisionSettings
    prices: Prices
    assumptions: CostAssumptions

    @cached_property
    def answers(self) -> list[Record]:
        """The records of finished trials, second runs left out, with the names and seeds of the table.

        A record keeps the names and the seed that it was made under; its trial has those of the table.
        """
        return [
            dataclasses.replace(record, task=t.task, strategy=t.strategy, seed=t.seed)
            for t in self.trials
            if t.status == "done" and t.repeat == 0
            for record in t.records
        ]

    def groups(self, task: TaskFacts) -> list[StrategyTrials]:
        """The strategies that were measured on a task, each with its trials."""
        return [g for g in groups_of(task, self.trials) if g.records]


def stored_run(folder: Path, manifest: Mapping[str, Any], *, whole: bool = True) -> StoredRun:
    """Read the trials that a manifest names.

    Args:
        folder: the run folder.
        manifest: its manifest.
        whole: refuse records that are not those which the manifest counts.

    Raises:
        StoreError: files cannot be read, or records are missing or stand twice.
        OlderRunError: an older version has left out what is needed.
    """
    try:
        config = manifest["config"]
        return StoredRun(
            tasks=tuple(_task(t) for t in manifest["tasks"]),
            trials=tuple(_trials(manifest, RunStore(folder), whole=whole)),
            standards=DecisionSettings(margin=config["margin"], until_decided=config["until_decided"]),
            prices=_prices(manifest),
            assumptions=_assumptions(manifest["cost_assumptions"]),
        )
    except (KeyError, TypeError) as error:
        raise OlderRunError(
            f"The manifest does not say {error}, so the table cannot be made again from the records: the run "
            "was made by an older version. Run the same command again with --fresh.",
            path=folder,
        ) from None


def _prices(manifest: Mapping[str, Any]) -> Prices:
    """Runs made before providers were priced have no entry for one: their model ran on the own machine."""
    machine, model = manifest["price"], manifest.get("model_price")
    return Prices(
        machine=MachinePrice(**machine) if machine else None,
        billed_by=manifest.get("billed_by"),
        model=ModelPrice(**model) if model else None,
    )


def _assumptions(values: Mapping[str, Any]) -> CostAssumptions:
    return CostAssumptions(**_with_tuples(values))


def _task(described: Mapping[str, Any]) -> TaskFacts:
    return TaskFacts(**_with_tuples({f.name: described[f.name] for f in fields(TaskFacts)}))


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where dataclasses have tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def records_of(store: RunStore, manifest: Mapping[str, Any]) -> list[Record]:
    """All records of a run folder, none where a table was kept without them.

    Raises:
        StoreError: a line is no record, or they are not those that the manifest counts.
    """
    records = store.records()
    fault = next(record_faults(store, manifest, records), None)
    if fault:
        raise StoreError(fault, path=store.folder / RECORDS)
    return records


def record_faults(store: RunStore, manifest: Mapping[str, Any], records: Sequence[Record]) -> Iterator[str]:
    """How the records differ from what the manifest counts; those of trials it does not name may stay."""
    if not (store.folder / RECORDS).exists():
        return
    ids: dict[str, list[str]] = {}
    for record in records:
        ids.setdefault(record.trial, []).append(record.example_id)
    for trial in manifest["trials"]:
        own = ids.get(trial["key"], [])
        different = set(own)
        name = f"{trial['strategy']} on {trial['task']}"
        n_rows = trial["n_rows"]
        if len(different) < n_rows:
            yield (
                f"{n_rows - len(different)} of the {n_rows} records of {name} are missing. Restore the file, "
                "or run the same command again: only what is missing is asked."
            )
        if len(different) < len(own):
            twice = next(i for i, n in Counter(own).items() if n > 1)
            yield (
                f"There are two records of row {twice!r} of {name}. Remove the one that was added, or start "
                "over with --fresh."
            )


def require_records(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Count the lines of the records; quick, and comes before anybody trusts the table made of them.

    Raises:
        StoreError: they are fewer than the manifest counts.
    """
    path = folder / RECORDS
    trials = manifest.get("trials")
    if not isinstance(trials, list) or not path.exists():
        return
    counts = {t.get("key"): t.get("n_rows") for t in trials if isinstance(t, dict)}
    expected = sum(n for n in counts.values() if is_count(n, least=0))
    found = read_stored(path).count(b"\n")
    if found < expected:
        raise StoreError(
            f"It has {found} whole lines, and the manifest counts {expected} records. Restore the file, or "
            "run the same command again: only what is missing is asked.",
            path=path,
        )


def _trials(manifest: Mapping[str, Any], store: RunStore, *, whole: bool) -> list[TrialData]:
    by_key: dict[str, dict[str, Record]] = {}
    for record in records_of(store, manifest) if whole else store.records():
        by_key.setdefault(record.trial, {}).setdefault(record.example_id, record)
    ids: dict[str, set[str]] = {}
    for trial in manifest["trials"]:
        ids.setdefault(trial["task"], set()).update(by_key.get(trial["key"], {}))
    ordered = {task: sorted(found, key=row_order) for task, found in ids.items()}
    return [_measured(t, by_key, ordered[t["task"]], store) for t in manifest["trials"]]


def _measured(
    trial: Mapping[str, Any],
    by_key: Mapping[str, Mapping[str, Record]],
    ordered: Sequence[str],
    store: RunStore,
) -> TrialData:
    # The rows of a plan are the first in this order; a run that stopped early answered the first of those.
    rows = ordered[: trial["n_rows"] if trial["status"] == "done" else trial["n_planned"]]
    records = by_key.get(trial["key"], {})
    found = TrialData.from_manifest(trial, store.folder / MANIFEST_JSON)
    return dataclasses.replace(found, records=tuple(records[i] for i in rows if i in records))
