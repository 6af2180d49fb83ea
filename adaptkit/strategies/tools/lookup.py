"""Looking passages up in the task's documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Passage
from adaptkit.strategies.tools.tool import Tool, object_schema

Search = Callable[[str, int], Sequence[Passage]]
NAME = "lookup"
K = 2
MAX_K = 20


def lookup(k: str | int = K, search: Search | None = None) -> Tool:
    """The nearest passages of the task's documents to a query that the model writes.

    Args:
        k: passages that a call gives.
        search: gives the nearest passages; None until the strategy is fitted to a task's documents.

    Raises:
        ConfigError: ``k`` is out of range.
    """
    if not str(k).isdecimal() or not 1 <= int(k) <= MAX_K:
        raise ConfigError.for_parameter(
            "FunctionCalling", "tools", f"'lookup=' and a number from 1 to {MAX_K}", f"lookup={k}"
        )
    n = int(k)

    def run(query: str) -> Any:
        if search is None:
            raise ConfigError("The documents are not indexed yet. Fit the strategy first.")
        found = list(search(query, n))
        return found or "Nothing was found."

    return Tool(
        name=NAME,
        description="Finds passages in the documents.",
        parameters=object_schema({"query": {"type": "string", "description": "what to look for"}}),
        held_to=object_schema({"query": {"type": "string", "minLength": 1, "maxLength": 200}}),
        run=run,
        spec=NAME if n == K else f"{NAME}={n}",
    )
