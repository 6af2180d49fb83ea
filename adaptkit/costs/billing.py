"""Whose bill a request is: a provider's, by its tokens, or that of the own machine, by its time."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.core.types import Usage
from adaptkit.costs.cost.machine import usd_for_seconds
from adaptkit.costs.cost.request import request_usd
from adaptkit.costs.model_price import ModelPrice
from adaptkit.costs.pricing import MachinePrice


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What the requests of a comparison are priced at.

    Attributes:
        machine: an hour of the own machine, None when unknown.
        billed_by: who bills the model's tokens; None where the model runs on the own machine.
        model: USD for a million of these tokens, None when unknown or when nobody bills them.
    """

    machine: MachinePrice | None
    billed_by: str | None = None
    model: ModelPrice | None = None

    def billed(self, usage: Usage) -> bool:
        """Whether a provider has answered: what needs no language model runs on the own machine."""
        return self.billed_by is not None and usage.tokens_in + usage.tokens_out > 0

    def request_usd(self, usage: Usage, latency_s: float | None) -> float | None:
        """Price one request.

        Args:
            usage: its tokens.
            latency_s: of a request sent alone, None otherwise; then only a provider's bill is known.

        Examples:
            >>> price = ModelPrice(input=0.15, output=0.6, label="example", source="example")
            >>> prices = Prices(machine=None, billed_by="example", model=price)
            >>> prices.request_usd(Usage(tokens_in=1000, tokens_out=100), latency_s=None)
            0.00021
        """
        if self.billed(usage):
            return request_usd(usage, self.model).usd
        return None if latency_s is None else usd_for_seconds(latency_s, self.machine)
