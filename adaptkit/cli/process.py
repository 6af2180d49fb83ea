"""What every command agrees on: its exit codes, and what it may use."""

from __future__ import annotations

import os

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def listed(text: str) -> list[str]:
    """Names with commas between them.

    Examples:
        >>> listed("prompt, rag:k=5,")
        ['prompt', 'rag:k=5']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def go_offline() -> None:
    """Use nothing that is not on this machine: read by the Hub client when it is imported, and by fetches."""
    os.environ["HF_HUB_OFFLINE"] = os.environ["ADAPTKIT_OFFLINE"] = "1"
