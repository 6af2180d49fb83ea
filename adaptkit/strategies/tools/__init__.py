"""Tools that a model may call: Python functions, and a few built in."""

from adaptkit.strategies.tools.allowed import allow, from_a_file
from adaptkit.strategies.tools.hints import tool_from
from adaptkit.strategies.tools.named import TOOLS, resolve
from adaptkit.strategies.tools.running import Outcome, run_tool
from adaptkit.strategies.tools.tool import Tool

__all__ = ["TOOLS", "Outcome", "Tool", "allow", "from_a_file", "resolve", "run_tool", "tool_from"]
