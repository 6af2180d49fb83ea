"""Saved strategies, and strategies written as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.models.base import Model
from adaptkit.strategies.base import Strategy, read_state
from adaptkit.strategies.registry import STRATEGIES


def load_strategy(folder: str | Path, model: Model) -> Strategy:
    """Read a saved strategy, ready to generate.

    Args:
        folder: what ``Strategy.save`` wrote.
        model: the model that it was fitted to.

    Raises:
        ConfigError: no strategy there, a damaged one, or one fitted to another model.
    """
    saved = read_state(folder)
    fitted_to = (saved["model"]["id"], saved["model"]["revision"])
    given = (model.info.id, model.info.revision)
    if fitted_to[1] != given[1]:
        raise ConfigError(
            f"The strategy in '{folder}' was fitted to the model {fitted_to[0]} ({fitted_to[1]}), "
            f"the one given is {given[0]} ({given[1]}). Load that model, or fit again."
        )
    strategy = make_strategy(saved["strategy"], saved["params"])
    return strategy.restore(Path(folder), saved, model)


def make_strategy(name: str, params: Mapping[str, Any]) -> Strategy:
    """Build a strategy from its registered name and parameters.

    Raises:
        UnknownNameError: no such strategy, or no such parameter.
        ConfigError: a parameter out of range.
    """
    cls = STRATEGIES.get(name)
    known = [f.name for f in dataclasses.fields(cls)]
    for given in params:
        if given not in known:
            raise UnknownNameError.for_name(f"parameter of {cls.__name__}", given, known)
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}
    strategy = cls(**tuples)
    strategy.check()
    return strategy


def parse_strategy(text: str) -> Strategy:
    """Read ``name`` or ``name:parameter=value:parameter=value``.

    Examples:
        >>> parse_strategy("few-shot:k=4:selection=random")
        FewShot(k=4, selection='random', embedder='all-minilm-l6-v2', seed=0)
    """
    name, *assignments = text.strip().split(":")
    params: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"'{assignment}' in '{text}' is no parameter. Write it as name=value.")
        params[key.strip()] = _value(value.strip())
    return make_strategy(name, params)


def _value(text: str) -> object:
    """Read a number, true, false or none; anything else stays text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
