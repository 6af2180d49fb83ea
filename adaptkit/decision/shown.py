"""Documents of blocks as they show themselves: in a notebook, in a terminal, in a list of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from adaptkit.core.results import TaskRecommendation
from adaptkit.decision.blocks import Block, as_html, as_markdown, as_text
from adaptkit.decision.recommendation_text import short_blocks

if TYPE_CHECKING:
    from rich.console import Group

T = TypeVar("T", bound=TaskRecommendation)


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


class Recommendations(ShownAsBlocks, tuple[T, ...]):
    """One recommendation a task: a tuple that a notebook and a terminal show as text.

    Examples:
        >>> found = TaskRecommendation(task="t", verdict="recommend", strategy="rag", tied=(), reason="Why.")
        >>> print(Recommendations([found]), end="")
        t: take rag
        ===========
        <BLANKLINE>
        Why.
    """

    __slots__ = ()

    def blocks(self) -> list[Block]:
        """All of them, one below the other."""
        return [block for one in self for block in _blocks_of(one)]

    def __str__(self) -> str:
        return super().__str__() if self else "No task was compared.\n"


def _blocks_of(one: TaskRecommendation) -> Sequence[Block]:
    return one.blocks() if isinstance(one, ShownAsBlocks) else short_blocks(one)
