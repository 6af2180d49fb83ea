"""Documents of blocks as they show themselves: in a notebook, in a terminal, in a list of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adaptkit.decision.blocks import Block, as_html, as_markdown, as_text

if TYPE_CHECKING:
    from rich.console import Group


class ShownAsBlocks:
    """A document that can be read in each of the three forms."""

    def blocks(self) -> Sequence[Block]:
        """The document."""
        raise NotImplementedError

    def to_markdown(self) -> str:
        """Return it as Markdown, e.g. for a colleague or a pull request."""
        return as_markdown(self.blocks())

    def to_text(self, width: int = 100) -> str:
        """Return it as plain text for a terminal, in lines of ``width`` characters."""
        return as_text(self.blocks(), width)

    def __str__(self) -> str:
        return self.to_text()

    def __rich__(self) -> Group:
        # rich is loaded by whoever asks for this.
        from adaptkit.decision.blocks_rich import as_rich

        return as_rich(self.blocks())

    def _repr_html_(self) -> str:
        return as_html(self.blocks())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython in a terminal.
        printer.text("..." if cycle else str(self))
