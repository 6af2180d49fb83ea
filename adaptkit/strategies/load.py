"""Saved strategies, and strategies written as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.models.base import Model
from adaptkit.models.hub import named_by_a_file
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.registry import STRATEGIES
from adaptkit.strategies.seal import read_state, taken_up
from adaptkit.strategies.tools import from_a_file


def load_strategy(folder: str | Path, model: Model, *, allow_download: bool = False) -> Strategy:
    """Read a saved strategy, ready to generate.

    Args:
        folder: what ``Strategy.save`` wrote.
        model: the model that it was fitted to.
        allow_download: fetch the embedder and the reranker that the folder names, where they are models of
            a hub and not on this machine yet.

    Raises:
        ConfigError: no strategy there, a damaged one, or one fitted to another model.
        ModelError: a model that it names cannot be loaded, or would have to be fetched.
    """
    folder = Path(folder)
    saved = read_state(folder)
    # Which functions, files and downloads it may use, this program says.
    with named_by_a_file(allow_download=allow_download), from_a_file(), taken_up(folder):
        strategy = make_strategy(saved["strategy"], saved["params"])
        return strategy.restore(folder, saved, model)


def make_strategy(name: str, params: Mapping[str, Any]) -> Strategy:
    """Build a strategy from its registered name and parameters.

    Args:
        name: a name, or several joined by ``+`` for a composition.
        params: the parameters; of a composition, a table of them by the part's name.

    Raises:
        UnknownNameError: no such strategy, or no such parameter.
        ConfigError: a parameter out of range.

    Examples:
        >>> make_strategy("rag+lora", {"rag": {"k": 2}}).label
        'rag+lora'
    """
    names = name.split("+")
    if len(names) == 1:
        return STRATEGIES.get(name).from_params(params)
    for given in params:
        if given not in names:
            raise UnknownNameError.for_name(f"part of {name}", given, names)
    return _composed([make_strategy(n, params.get(n, {})) for n in names])


def _composed(parts: Sequence[Strategy]) -> Strategy:
    return STRATEGIES.get("compose").from_params({"parts": parts})


def parse_strategy(text: str) -> Strategy:
    """Read ``name`` or ``name:parameter=value:parameter=value``; several joined by ``+`` are composed.

    Examples:
        >>> parse_strategy("few-shot:k=4:selection=random").params()["k"]
        4
        >>> parse_strategy("rag:k=2+lora:rank=8").label
        'rag+lora'
    """
    # The plus of 1e+3 is followed by a digit, names begin with a letter.
    parts = [_parse_one(part) for part in re.split(r"\+\s*(?=[A-Za-z])", text)]
    return parts[0] if len(parts) == 1 else _composed(parts)


def _parse_one(text: str) -> Strategy:
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
