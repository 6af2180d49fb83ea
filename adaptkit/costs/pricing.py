"""The sheet of dated prices, of machines and of models. A price that is not known is None: a blank, not 0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as date_
from importlib.resources import files
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.core.numbers import is_amount
from adaptkit.core.reading import Unreadable, read_toml
from adaptkit.costs.hardware import Hardware
from adaptkit.costs.model_price import ModelPrice, find_model_price, read_model_price
from adaptkit.costs.price_fields import (
    STALE_DAYS,
    checked_date,
    checked_unit,
    checked_usd,
    day,
    stale_sentence,
)

_CPU_UNIT = "vCPU-hour"
_GPU_UNIT = "machine-hour"
_FIELDS = {"usd", "unit", "label", "source", "date"}


@dataclass(frozen=True, kw_only=True)
class PriceEntry:
    """One line of the sheet; ``date`` is ``YYYY-MM`` or ``YYYY-MM-DD``, None when nobody said."""

    usd: float
    unit: str
    label: str
    source: str
    date: str | None


@dataclass(frozen=True, kw_only=True)
class MachinePrice:
    """What one hour of a machine costs, and how that is known."""

    usd_per_hour: float
    label: str
    source: str
    date: str | None

    def stale_warning(self, today: date_) -> str | None:
        """Return a sentence for the user once this price is more than 180 days old, None before."""
        if self.date is None:
            return None
        return stale_sentence(f"The price of {self.label}", self.date, today)


@dataclass(frozen=True, kw_only=True)
class PriceSheet:
    """Prices of a core, of machines with a GPU, and of models that a provider bills by the token.

    Attributes:
        vcpu: one core for one hour, None when unknown.
        gpus: a whole machine with one GPU for one hour, by a name contained in the driver's.
        models: USD for a million tokens, by the model's name at its provider.
    """

    vcpu: PriceEntry | None
    gpus: Mapping[str, PriceEntry]
    models: Mapping[str, ModelPrice] = field(default_factory=dict)

    def model(self, model_id: str) -> ModelPrice | None:
        """Return what a model's tokens cost, e.g. of ``openai:gpt-4o-mini``; None when unknown."""
        return find_model_price(self.models, model_id)

    def usd_per_hour(self, hardware: Hardware) -> MachinePrice | None:
        """Price a machine: its GPU's where it has one, its usable cores' otherwise.

        Returns:
            None when the sheet does not know it: a GPU that is not listed is not priced as its cores.
        """
        if hardware.gpu_name is not None:
            entry = self._gpu(hardware.gpu_name)
            return None if entry is None else _machine(entry, 1, entry.label)
        if self.vcpu is None:
            return None
        label = f"{hardware.n_cores} vCPU of {self.vcpu.label}"
        return _machine(self.vcpu, hardware.n_cores, label)

    def _gpu(self, name: str) -> PriceEntry | None:
        """Find the entry whose name stands in ``name`` as whole words, the longest if several do."""
        known = [k for k in self.gpus if re.search(rf"(?<!\w){re.escape(k)}(?!\w)", name, re.IGNORECASE)]
        return self.gpus[max(known, key=len)] if known else None

    def age_days(self, today: date_) -> int | None:
        """Return how old the oldest dated entry is, None when none is dated."""
        dates = [e.date for e in self.gpus.values()] + [e.date for e in self.models.values()]
        dates += [self.vcpu.date] if self.vcpu else []
        days = [(today - day(d)).days for d in dates if d is not None]
        return max(days, default=None)

    def stale_warning(self, today: date_) -> str | None:
        """Return a sentence for the user once an entry is more than 180 days old, None before."""
        age = self.age_days(today)
        if age is None or age <= STALE_DAYS:
            return None
        return (
            f"The price sheet is {age} days old at its oldest entry: check the prices before relying on USD."
        )


def fixed_usd_per_hour(usd: float) -> MachinePrice:
    """Return the price that the user gave, which wins over any sheet.

    Raises:
        ConfigError: it is negative or no finite number.
    """
    if not is_amount(usd):
        raise ConfigError.for_parameter("a price", "usd_per_hour", "a number >= 0", usd)
    return MachinePrice(usd_per_hour=float(usd), label="fixed price", source="given by the user", date=None)


def load_prices(path: Path | None = None) -> PriceSheet:
    """Return the built-in sheet, with the entries of ``path`` laid over it.

    The file has the form of the built-in ``prices.toml``; ``label``, ``source`` and ``date`` may be left out.

    Raises:
        DataError: the file cannot be read, is no TOML, or an entry is wrong; ``.path`` names it.
    """
    built_in = Path(str(files("adaptkit.costs").joinpath("prices.toml")))
    sheet = _read_sheet(built_in)
    if path is None:
        return sheet
    own = _read_sheet(path)
    return PriceSheet(
        vcpu=own.vcpu or sheet.vcpu,
        gpus={**sheet.gpus, **own.gpus},
        models={**sheet.models, **own.models},
    )


def _read_sheet(path: Path) -> PriceSheet:
    try:
        data = read_toml(path)
    except Unreadable as error:
        raise DataError(
            f"The price file cannot be read: {error.reason}.", path=path, line=error.line
        ) from None
    cpu, gpus, models = (_table(data, kind, path) for kind in ("cpu", "gpu", "model"))
    for name in [*(data.keys() - {"cpu", "gpu", "model"}), *(f"cpu.{k}" for k in cpu.keys() - {"vcpu"})]:
        raise DataError(f"Unknown price '{name}'. Known: cpu.vcpu, gpu.<name> and model.<name>.", path=path)
    return PriceSheet(
        vcpu=_entry("cpu.vcpu", cpu["vcpu"], _CPU_UNIT, path) if "vcpu" in cpu else None,
        gpus={name: _entry(f"gpu.{name}", table, _GPU_UNIT, path) for name, table in gpus.items()},
        models={name: read_model_price(name, table, path) for name, table in models.items()},
    )


def _table(data: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise DataError(f"'{name}' should be a table and is {table!r}.", path=path)
    return table


def _entry(name: str, table: object, unit: str, path: Path) -> PriceEntry:
    """Check one entry and give what was left out its honest default."""
    if not isinstance(table, dict) or table.keys() - _FIELDS:
        raise DataError(f"Price '{name}' should be a table of {', '.join(sorted(_FIELDS))}.", path=path)
    usd = checked_usd(name, "usd", table.get("usd"), path)
    checked_unit(name, table.get("unit"), unit, path)
    return PriceEntry(
        usd=usd,
        unit=unit,
        label=str(table.get("label", name)),
        source=str(table.get("source", path)),
        date=checked_date(name, table.get("date"), path),
    )


def _machine(entry: PriceEntry, n: int, label: str) -> MachinePrice:
    return MachinePrice(usd_per_hour=n * entry.usd, label=label, source=entry.source, date=entry.date)
