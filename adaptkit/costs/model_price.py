"""What a provider bills for a model's tokens, and finding the entry that holds for a model's id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as date_
from pathlib import Path

from adaptkit.core.errors import DataError
from adaptkit.costs.price_fields import checked_date, checked_unit, checked_usd, stale_sentence

TOKEN_UNIT = "1M tokens"
_AMOUNTS = ("input", "cached", "cache_write", "output", "reasoning", "training")
_FIELDS = {*_AMOUNTS, "unit", "label", "source", "date"}
# Ids of tuned models end with the day of the base model and an owner: ft:gpt-4o-mini-2024-07-18:me::Ab1.
_TUNED_REST = re.compile(r"(-\d{4}-\d{2}-\d{2})?(:.*)?")


@dataclass(frozen=True, kw_only=True)
class ModelPrice:
    """USD for a million tokens of each kind; None is unknown, which is not free.

    Attributes:
        input: of the prompt, as far as it is neither read from nor stored in the provider's cache.
        cached: of the prompt, read from the cache.
        cache_write: of the prompt, billed for storing it in the cache.
        output: written by the model.
        reasoning: written while thinking; None is billed as ``output``.
        training: trained on, epochs counted.
        label: the model's name with a word on what the entry is.
        date: ``YYYY-MM`` or ``YYYY-MM-DD``, None when the source does not say.
    """

    input: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    output: float | None = None
    reasoning: float | None = None
    training: float | None = None
    label: str
    source: str
    date: str | None = None

    def stale_warning(self, today: date_) -> str | None:
        """Return a sentence for the user when this price is too old or of no known date, None otherwise."""
        if self.date is None:
            return f"The price of {self.label} has no date: check it before relying on USD."
        return stale_sentence(f"The price of {self.label}", self.date, today)


def read_model_price(name: str, table: object, path: Path) -> ModelPrice:
    """Check one ``[model."<name>"]`` entry of a price file.

    Raises:
        DataError: an unknown field, a wrong amount, unit or date, or no amount at all.
    """
    full = f"model.{name}"
    if not isinstance(table, dict) or table.keys() - _FIELDS:
        raise DataError(f"Price '{full}' should be a table of {', '.join(sorted(_FIELDS))}.", path=path)
    checked_unit(full, table.get("unit"), TOKEN_UNIT, path)
    usd = {field: checked_usd(full, field, table[field], path) for field in _AMOUNTS if field in table}
    if not usd:
        raise DataError(f"Price '{full}' should give at least one of {', '.join(_AMOUNTS)}.", path=path)
    return ModelPrice(
        **usd,
        label=str(table.get("label", full)),
        source=str(table.get("source", path)),
        date=checked_date(full, table.get("date"), path),
    )


def find_model_price(prices: Mapping[str, ModelPrice], model_id: str) -> ModelPrice | None:
    """Return the entry that holds for a model.

    The name must be the whole id, with or without the backend before it (``openai:gpt-4o-mini``): another
    version of a model often has another price. Only a tuned model (``ft:...``) may have more after the name,
    the day of its base and its owner, because nobody's sheet could list those.

    Returns:
        None when the sheet does not know it; it is never priced as one with a similar name.
    """
    for name in _names_of(model_id):
        if name in prices:
            return prices[name]
        tuned = [k for k in prices if name.startswith("ft:") and _is_tuned(name, k)]
        if tuned:
            return prices[max(tuned, key=len)]
    return None


def _names_of(model_id: str) -> list[str]:
    """The id, and what follows the backend's name; ``ft:`` is no backend."""
    backend, colon, rest = model_id.partition(":")
    return [model_id, rest] if colon and backend != "ft" else [model_id]


def _is_tuned(name: str, known: str) -> bool:
    return name.startswith(known) and _TUNED_REST.fullmatch(name, len(known)) is not None
