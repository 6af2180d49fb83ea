"""What stands beside the input and belongs to it: a context, choices, earlier turns, a system message.

    {"question": "Which quay?", "context": "Ship 0 moors at quay 2.", "answer": "quay 2"}

gives the input ``Context: Ship 0 moors at quay 2.`` with the question below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptkit.tasks import choices
from adaptkit.tasks.choices import Choices
from adaptkit.tasks.messages import Turn, as_chat, read_history
from adaptkit.tasks.readers import SourceRow
from adaptkit.tasks.values import as_text, looks_like_list, read_cell

COLUMNS = {
    "instruction": ("instruction",),
    "system": ("system", "system_prompt"),
    "history": ("history",),
    "context": (
        "context", "contexts", "passage", "passages", "paragraph", "paragraphs", "article", "articles",
        "story", "document", "excerpt", "snippet", "snippets", "transcript", "dialogue",
        "background", "evidence",
    ),
    "choices": choices.COLUMNS,
}  # fmt: skip
"""Names by which each field is known where no mapping names its column."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The columns that are part of the input.

    Attributes:
        columns: by field, one of ``COLUMNS``.
        choices: of a multiple choice.
        system: what the system column says in every row: it belongs to the instruction.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    choices: Choices | None = None
    system: str | None = None

    @classmethod
    def of(cls, rows: Sequence[SourceRow], columns: Mapping[str, str], found: Choices | None) -> Beside:
        """See what the columns hold in all rows.

        Args:
            rows: of all splits.
            columns: by field.
            found: choices.
        """
        systems = {_text(row.values.get(columns["system"])) for row in rows} if "system" in columns else set()
        return cls(
            columns=columns, choices=found, system=next(iter(systems)) or None if len(systems) == 1 else None
        )

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are part of the input."""
        return (*self.columns.values(), *(self.choices.columns if self.choices else ()))

    def input(self, values: Mapping[str, Any], text: str) -> str:
        """Put a row's input together.

        Args:
            values: of the row.
            text: the input alone.

        Raises:
            ValueError: a column holds what cannot be read.
        """
        if instruction := self._text(values, "instruction"):
            text = f"{instruction}\n\n{text}"
        if self.choices:
            text = f"{text}\n\n{self.choices.shown(values)}"
        if context := self._text(values, "context"):
            text = f"Context: {context}\n\n{text}"
        system = "" if self.system else self._text(values, "system")
        turns = self._turns(values) if "history" in self.columns else []
        return as_chat([*([("system", system)] if system else []), *turns, ("user", text)])

    def _turns(self, values: Mapping[str, Any]) -> list[Turn]:
        column = self.columns["history"]
        try:
            return read_history(values.get(column))
        except ValueError as error:
            raise ValueError(f"{column!r}: {error}") from None

    def _text(self, values: Mapping[str, Any], name: str) -> str:
        column = self.columns.get(name)
        try:
            return _text(values.get(column)) if column else ""
        except ValueError as error:
            raise ValueError(f"{column!r}: {error}") from None


NOTHING_BESIDE = Beside()


def _text(value: Any) -> str:
    """What a cell holds as one text: several passages with a blank line between them."""
    if isinstance(value, str) and value[:2] in ("['", '["') and looks_like_list(value):
        value = read_cell(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "\n\n".join(value).strip()
    return (as_text(value) or "").strip()
