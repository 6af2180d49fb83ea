"""The check that runs before anything is spent: do test rows stand in what strategies learn from?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from adaptkit.core.errors import DataError, ModelError
from adaptkit.core.types import Demonstration, Example
from adaptkit.leakage.report import LeakageReport, LeakageThresholds
from adaptkit.leakage.steps import LeakageChecker
from adaptkit.models.embedded import embedded_path
from adaptkit.retrieval import DEFAULT_EMBEDDER, Embedder, load_embedder
from adaptkit.tasks import Task

NOT_LOOKED_FOR = "Paraphrases were not looked for (embed=False)."


def check_leakage(
    task: Task,
    *,
    examples: Sequence[Example] | None = None,
    demonstrations: Iterable[Demonstration] = (),
    thresholds: LeakageThresholds | None = None,
    embed: bool = True,
    embedder: Embedder | None = None,
) -> LeakageReport:
    """Look for test rows in train, validation, demonstrations and documents.

    Equal inputs, near copies and paraphrases, each with whether the answer comes along. Without
    ``embed`` no model is loaded, and paraphrases are not looked for.

    Args:
        task: whose rows and documents.
        examples: the test rows in use; None for all.
        demonstrations: shown in prompts, as far as they are known beforehand.
        thresholds: what counts as alike, and how much is too much; None for the defaults.
        embed: look for paraphrases too.
        embedder: None takes the embedded one, if it is on this machine already: nothing is fetched.

    Returns:
        What was found.

    Raises:
        DataError: there is no test row.

    Examples:
        >>> rows = [Example(id=f"r{i}", input=f"say the number {i}", target=f"{i}") for i in range(9)]
        >>> copy = Example(id="copy", input="Say the number 8,!", target="8")
        >>> task = Task(
        ...     name="numbers",
        ...     kind="qa",
        ...     instruction="?",
        ...     metrics=("exact_match",),
        ...     train=(*rows[:5], copy),
        ...     test=tuple(rows[5:]),
        ...     validation=(),
        ... )
        >>> report = check_leakage(task, embed=False)
        >>> report.verdict, report.exact_ids
        ('refuse', ('r8',))
    """
    started = time.perf_counter()
    rows = tuple(task.test if examples is None else examples)
    if not rows:
        raise DataError(f"Task '{task.name}' has no test rows in use: there is nothing to look for.")
    check = LeakageChecker(task, rows, tuple(demonstrations), thresholds or LeakageThresholds())
    check.compare_rows()
    check.search_documents()
    notes = _paraphrases(check, embedder) if embed else [NOT_LOOKED_FOR]
    return check.report(notes, time.perf_counter() - started)


def _paraphrases(check: LeakageChecker, embedder: Embedder | None) -> list[str]:
    reason = check.look_for_paraphrases(_at_hand if embedder is None else lambda: embedder)
    return [f"Paraphrases were not looked for: {reason}"] if reason else []


def _at_hand() -> Embedder:
    """The embedded embedder, where that needs no network; only then torch is loaded."""
    try:
        embedded_path(DEFAULT_EMBEDDER, offline=True)
    except ModelError:
        raise ModelError(
            f"'{DEFAULT_EMBEDDER}' is not on this machine yet. It is fetched when retrieval first needs it."
        ) from None
    return load_embedder()
