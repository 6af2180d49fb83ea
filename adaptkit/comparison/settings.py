"""How a comparison is run and priced."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adaptkit.comparison.callback import Callback
from adaptkit.comparison.evaluate import EvaluationSettings
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_count
from adaptkit.costs import (
    CostAssumptions,
    Hardware,
    MachinePrice,
    Prices,
    describe_hardware,
    fixed_usd_per_hour,
    load_prices,
)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a comparison is run and priced; none of it changes an output.

    Attributes:
        usd_per_hour: price of this machine; None looks it up in the price sheet.
        prices: a price sheet that overrides the built-in one.
        assumptions: wages, volume, horizon and cadence, for the cost table.
        latency_rows: rows of each trial sent alone, for the latency columns.
        quick: this is a first look only, cut to little training and few rows: the result says so at its top.
        fresh: forget what earlier runs left in the folder.
        listener: told how the run goes on.

    Raises:
        ConfigError: a parameter out of range.
    """

    usd_per_hour: float | None = None
    prices: Path | None = None
    assumptions: CostAssumptions = field(default_factory=CostAssumptions)
    latency_rows: int = 20
    quick: bool = False
    fresh: bool = False
    listener: Callback | None = None

    def __post_init__(self) -> None:
        if not is_count(self.latency_rows, least=0):
            raise ConfigError.for_parameter("RunSettings", "latency_rows", "an int >= 0", self.latency_rows)
        if self.usd_per_hour is not None:
            fixed_usd_per_hour(self.usd_per_hour)

    def hardware(self) -> Hardware:
        """This machine."""
        return describe_hardware(gpu_name=_gpu_name())

    def machine_price(self, hardware: Hardware) -> MachinePrice | None:
        """What an hour of this machine costs, None when no price is known.

        Raises:
            DataError: the price sheet cannot be read.
        """
        sheet = load_prices(self.prices)
        if self.usd_per_hour is not None:
            return fixed_usd_per_hour(self.usd_per_hour)
        return sheet.usd_per_hour(hardware)

    def prices_for(self, hardware: Hardware, provider: LazyModel) -> Prices:
        """What the requests of a comparison are priced at.

        Raises:
            DataError: the price sheet cannot be read.
        """
        billed_by = provider.billed_by
        return Prices(
            machine=self.machine_price(hardware),
            billed_by=billed_by,
            model=load_prices(self.prices).model(provider.id) if billed_by else None,
        )

    def evaluation(self, prices: Prices) -> EvaluationSettings:
        """How rows are sent."""
        return EvaluationSettings(latency_rows=self.latency_rows, prices=prices)


def _gpu_name() -> str | None:
    """Name of the first CUDA device, without loading torch on a machine that has no NVIDIA driver."""
    if not Path("/proc/driver/nvidia").exists():
        return None
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
