"""A task of numbered questions, for models whose answers a test plans."""

from __future__ import annotations

import adaptkit as ak


def make_task(n: int, *, name: str = "questions", rows_per_cluster: int = 0, n_train: int = 8) -> ak.Task:
    """Rows ``row 0`` with the target ``answer 0``, and so on; train rows alike."""

    def example(prefix: str, i: int) -> ak.Example:
        cluster = f"{prefix}{i // rows_per_cluster}" if rows_per_cluster else None
        return ak.Example(id=f"{prefix}{i}", input=f"{prefix} {i}", target=f"answer {i}", cluster=cluster)

    return ak.Task(
        name=name,
        kind="generation",
        instruction="Answer.",
        metrics=("exact_match",),
        train=tuple(example("train", i) for i in range(n_train)),
        validation=(),
        test=tuple(example("row", i) for i in range(n)),
    )
