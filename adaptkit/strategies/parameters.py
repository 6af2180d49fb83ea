"""A strategy's parameters: as given, as JSON, back from a file, and with another seed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, Self, Union, final, get_args, get_origin, get_type_hints

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.numbers import is_count, is_int, is_number

_IN_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an int",
    float: "a finite number",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    type(None): "None",
}


def _plain_kinds(hint: Any) -> tuple[Any, ...]:
    """The types that a parameter may have; none where one of them is checked by its own strategy."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return kinds if all(kind in _IN_WORDS for kind in kinds) else ()


def _is_of(kind: Any, value: object) -> bool:
    if kind is int:
        return is_int(value)
    if kind is float:
        return is_number(value) and math.isfinite(value)
    if kind == tuple[str, ...]:
        return isinstance(value, tuple | list) and all(isinstance(v, str) for v in value)
    return isinstance(value, kind)


@dataclasses.dataclass(kw_only=True)
class Parameters:
    """What a keyword-only dataclass is made from; its fields are all there is."""

    def check(self) -> None:
        """Raise :class:`ConfigError` where a parameter is of another type than declared, or out of range.

        What overrides it says what is in range, and calls this one for the types.
        """
        try:
            hints = get_type_hints(type(self))
        except NameError:  # a class made within a function, whose names are not known any more
            return
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            kinds = _plain_kinds(hints[f.name])
            right = not kinds or any(_is_of(kind, value) for kind in kinds)
            expected = " or ".join(_IN_WORDS[kind] for kind in kinds)
            if f.name == "seed" and kinds == (int,):
                right, expected = is_count(value, least=0), "an int >= 0"
            if not right:
                raise ConfigError.for_parameter(type(self).__name__, f.name, expected, value)

    @final
    def params(self) -> dict[str, Any]:
        """The constructor's parameters."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @final
    def described_params(self) -> dict[str, Any]:
        """The parameters as JSON, from which :meth:`from_params` builds the strategy again."""
        return {name: self._described(name, value) for name, value in self.params().items()}

    def _described(self, name: str, value: Any) -> Any:
        """One parameter as JSON; a strategy by its name, with its own."""
        if isinstance(value, Parameters):
            return {"name": getattr(value, "name", None), "params": value.described_params()}
        if isinstance(value, tuple | list) and any(isinstance(v, Parameters) for v in value):
            return [self._described(name, v) for v in value]
        return to_json(value)

    @final
    def changed_params(self) -> dict[str, Any]:
        """The parameters that are not at their defaults: they tell two of a kind apart."""
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        return self._changed({k: v for k, v in self.params().items() if v != defaults[k]})

    def _changed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Changed parameters as a label shows them."""
        return params

    @classmethod
    @final
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
        decoded = cls._decoded(params)
        strategy = cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in decoded.items()})
        strategy.check()
        return strategy

    @classmethod
    def _decoded(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters as the constructor takes them, of what a file holds."""
        return dict(params)

    @final
    def with_seed(self, offset: int) -> Self:
        """A fresh, unfitted copy whose seed counts on by ``offset``, and those of the strategies in it."""
        params = {name: _reseeded(value, offset) for name, value in self.params().items()}
        if offset and "seed" in params:
            if not is_int(params["seed"]) or params["seed"] < 0:
                raise ConfigError.for_parameter(type(self).__name__, "seed", "an int >= 0", params["seed"])
            params["seed"] += offset
        return type(self)(**params)


def _reseeded(value: Any, offset: int) -> Any:
    if isinstance(value, Parameters):
        return value.with_seed(offset)
    if isinstance(value, tuple | list) and any(isinstance(v, Parameters) for v in value):
        return tuple(_reseeded(v, offset) for v in value)
    return value
