"""Where the model of a case comes from: an object, a factory, or a name that ``load_model`` knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from adaptkit.models.base import Model
from adaptkit.testing.stand_in import stand_in

GivenModel = Model | Callable[[], Model] | str | Path


@dataclass(frozen=True)
class Supply:
    """Makes models that are equal to each other.

    Attributes:
        make: a model; the same object each time, where an object was given.
        address: from which another process makes it, ``name:...`` or ``factory:module:function``; None
            where it cannot.
    """

    make: Callable[[], Model]
    address: str | None

    @classmethod
    def of(cls, given: GivenModel | None) -> Supply:
        """Read what a user gave; the stand-in for nothing."""
        if given is None:
            return cls(stand_in, f"factory:{address_of(stand_in)}")
        if isinstance(given, str | Path):
            return cls(_named(str(given)), f"name:{given}")
        if isinstance(given, Model) and not isinstance(given, type):
            return cls(lambda: given, None)
        where = address_of(given)
        return cls(given, where and f"factory:{where}")

    @classmethod
    def at(cls, address: str) -> Supply:
        """Read an address."""
        kind, _, where = address.partition(":")
        return cls.of(where if kind == "name" else object_at(where))


def _named(name: str) -> Callable[[], Model]:
    def load() -> Model:
        from adaptkit.models.load import load_model

        # In 16 bits, rounding may change a token from batch to batch.
        return load_model(name, dtype="float32")

    return load


def address_of(made: Any) -> str | None:
    """``module:name`` of a function or class, None where another process would not find it there."""
    module, name = getattr(made, "__module__", None), getattr(made, "__qualname__", None)
    if not module or not name or module == "__main__":
        return None
    try:
        found = attrgetter(name)(sys.modules[module])
    except (AttributeError, KeyError):  # made in a function, or in a notebook's cell
        return None
    return f"{module}:{name}" if found is made else None


def object_at(address: str) -> Any:
    """What stands at ``module:name``."""
    module, _, name = address.partition(":")
    return attrgetter(name)(import_module(module))
