"""What a fitted strategy needs when its task's documents and rows change: what to do, and to what."""

from __future__ import annotations

from typing import Literal

from adaptkit.core.types import Document
from adaptkit.retrieval import Retriever
from adaptkit.tasks import Task

Update = Literal["re-index", "re-fit", "re-train"]
"""Look up in other documents; draw or choose from other rows; train weights on other rows."""


def document_changes(old: Task, new: Task) -> tuple[list[Document], list[str]]:
    """Documents that were added or changed, and the ids of those that are gone."""
    before = {d.id: d for d in old.documents}
    kept = {d.id for d in new.documents}
    return [d for d in new.documents if before.get(d.id) != d], [i for i in before if i not in kept]


def updated_retriever(retriever: Retriever, old: Task, new: Task) -> Retriever:
    """A retriever over the new documents; only what changed is embedded."""
    documents, gone = document_changes(old, new)
    return retriever.updated(documents, remove=gone)
