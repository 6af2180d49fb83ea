"""The ``lookup`` tool and the documents that it searches."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.retrieval import Embedder, Retriever
from adaptkit.retrieval.documents import Progress
from adaptkit.strategies.tools import Tool
from adaptkit.strategies.tools.lookup import NAME, K, lookup
from adaptkit.tasks import Task

CHUNK_TOKENS, OVERLAP_TOKENS = 200, 40


def looks_up(tools: Sequence[Tool]) -> bool:
    """Whether the built-in ``lookup`` is among the tools."""
    return any(_is_lookup(t) for t in tools)


def _is_lookup(tool: Tool) -> bool:
    return str(tool.spec).partition("=")[0] == NAME


def index_documents(task: Task, embedder: Embedder, progress: Progress | None) -> Retriever:
    """Cut, embed and index a task's documents."""
    return Retriever.build(
        task.documents,
        embedder=embedder,
        chunk_tokens=CHUNK_TOKENS,
        overlap_tokens=OVERLAP_TOKENS,
        questions=[e.input for e in task.train],
        progress=progress,
    )


def connected(tools: Sequence[Tool], retriever: Retriever) -> tuple[Tool, ...]:
    """The tools, with a ``lookup`` that searches what was indexed."""
    return tuple(
        lookup(str(t.spec).partition("=")[2] or K, lambda query, k: retriever.retrieve([query], k)[0])
        if _is_lookup(t)
        else t
        for t in tools
    )
