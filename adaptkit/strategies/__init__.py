"""The strategies, behind one ``generate()``."""

from adaptkit.strategies.base import Strategy
from adaptkit.strategies.load import load_strategy, make_strategy, parse_strategy
from adaptkit.strategies.registry import STRATEGIES

__all__ = ["STRATEGIES", "Strategy", "load_strategy", "make_strategy", "parse_strategy"]
