"""Telling a person what a long download or conversion is doing, on stderr only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from adaptkit.core.shown import text_console

logger = logging.getLogger(__name__)


class FetchDisplay:
    """One display for one model: a bar where somebody watches, one line a stage where nobody does.

    Args:
        name: the model, as the user knows it.
        total_bytes: size of what is downloaded.
    """

    def __init__(self, name: str, total_bytes: int, console: Console | None = None) -> None:
        self._name = name
        self._total_bytes = total_bytes
        self._console = console or text_console(stderr=True)
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def shown(self) -> Iterator[FetchDisplay]:
        """Show the display for the length of a ``with`` block; nothing of the bar stays behind."""
        if not self._console.is_terminal:
            yield self
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            self._progress = progress
            try:
                yield self
            finally:
                self._progress = None

    def fetching(self) -> None:
        """Say that the download begins."""
        self._stage(
            f"Fetching {self._name}", f" ({self._total_bytes / 1e6:.0f} MB, once) ...", self._total_bytes
        )

    def arrived(self, n_bytes: int) -> None:
        """Move the bar to ``n_bytes``."""
        if self._progress is not None and self._task is not None:
            # pip holds two copies for a moment: never show more than there is.
            self._progress.update(self._task, completed=min(n_bytes, self._total_bytes))

    def reading(self) -> None:
        """Say that a large file is read to find out what it holds."""
        size = f" ({self._total_bytes / 1e9:.1f} GB, once) ..."
        self._stage(f"Reading {self._name} to identify it", size, self._total_bytes)

    def preparing(self, verb: str) -> None:
        """Say that the file is there and what is done with it: ``Converting``, ``Unpacking``."""
        self._stage(f"{verb} {self._name}", " (once) ...", None)

    def waiting(self) -> None:
        """Say that another process is at it."""
        self._stage(f"Waiting for another process that fetches {self._name}", " ...", None)

    def _stage(self, title: str, detail: str, total: int | None) -> None:
        logger.info("%s%s", title, detail)
        if self._progress is None:
            self._console.print(title + detail, markup=False, highlight=False, soft_wrap=True)
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(title, total=total)
