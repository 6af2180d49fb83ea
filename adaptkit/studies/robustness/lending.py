"""Hand fitted strategies from one run folder to another, so that a change of inputs costs no second fit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from adaptkit.comparison.plan import Plan, Trial
from adaptkit.comparison.store import TRIAL_MARK, RunStore, writing

Pairs = Mapping[str, str]
"""By a strategy's name in the borrowing run, its name in the lending one."""


def lend(lender: RunStore, borrower: RunStore, plans: tuple[Plan, Plan], names: Pairs, *, fresh: bool) -> int:
    """Put saved strategies where the borrowing run takes them up instead of fitting its own.

    Args:
        lender: the folder of the finished run.
        borrower: that of the run to come.
        plans: theirs, in this order.
        names: of the strategies that may be lent: a fit to the borrower's task would be the same.
        fresh: forget first what earlier runs left in the borrowing folder.

    Returns:
        How many were handed over now.
    """
    theirs = {(t.label, t.seed): t for t in plans[0].trials if t.repeat == 0}
    with borrower.locked():
        if fresh:
            borrower.clear()
        found = [
            (theirs[names[t.label], t.seed], t)
            for t in plans[1].trials
            if t.label in names and (names[t.label], t.seed) in theirs
        ]
        return sum(_lent(lender, borrower, given, taking) for given, taking in found)


def _lent(lender: RunStore, borrower: RunStore, given: Trial, taking: Trial) -> bool:
    result = lender.trial_result(given.key)
    whole = lender.artifact_is_from(given.artifact, given.key)
    if not whole or result is None or borrower.artifact_is_from(taking.artifact, taking.key):
        return False
    if result.fit_notes.get("control"):  # a control may look at test rows, which are other ones now
        return False
    mark = lender.read_mark(given.artifact)
    folder = borrower.prepare_artifact(taking.artifact)
    with writing(folder):
        shutil.copytree(
            lender.folder / given.artifact,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(TRIAL_MARK),
            copy_function=_linked,
        )
    borrower.mark_artifact(taking.artifact, taking.key, {k: v for k, v in mark.items() if k != "key"})
    return True


def _linked(source: str, target: str) -> str:
    """Link a file where the disk can, copy it otherwise: saved weights are large and never written again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, Path(target))
    return target
