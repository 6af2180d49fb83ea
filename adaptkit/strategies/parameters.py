"""A strategy's parameters: as given, as JSON, back from a file, and with another seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.numbers import is_int


@dataclasses.dataclass(kw_only=True)
class Parameters:
    """What a keyword-only dataclass is made from; its fields are all there is."""

    def check(self) -> None:
        """Raise :class:`ConfigError` where a parameter is out of range."""

    def params(self) -> dict[str, Any]:
        """The constructor's parameters."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def described_params(self) -> dict[str, Any]:
        """The parameters as JSON, from which :meth:`from_params` builds the strategy again."""
        return dict(to_json(self.params()))

    def changed_params(self) -> dict[str, Any]:
        """The parameters that are not at their defaults: they tell two of a kind apart."""
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        return {k: v for k, v in self.params().items() if v != defaults[k]}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Build a strategy from parameters that came out of a file.

        Raises:
            UnknownNameError: there is no such parameter.
            ConfigError: a parameter is out of range.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        for given in params:
            if given not in known:
                raise UnknownNameError.for_name(f"parameter of {cls.__name__}", given, known)
        tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}
        strategy = cls(**tuples)
        strategy.check()
        return strategy

    def with_seed(self, offset: int) -> Self:
        """A fresh, unfitted copy whose seed counts on by ``offset``."""
        params = self.params()
        if offset and "seed" in params:
            if not is_int(params["seed"]) or params["seed"] < 0:
                raise ConfigError.for_parameter(type(self).__name__, "seed", "an int >= 0", params["seed"])
            params["seed"] += offset
        return type(self)(**params)
