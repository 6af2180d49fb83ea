"""Which functions and files a saved strategy may name: those that this program has named itself.

A saved strategy is a file, and a file may come from anywhere. Were its words enough to import a function or
to open a folder, it could hand a model ``os.system`` or ``/``. So nothing is imported on its word: what
reaches beyond the library is taken up only if this program passed the same thing to a strategy before, or
called :func:`allow`.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools.tool import Tool

_KNOWN: dict[str, Tool | None] = {}
"""By its spec, what this program passed as a tool; None for one that is made from its spec alone."""
_READING_A_FILE: ContextVar[bool] = ContextVar("reading_a_file", default=False)


def allow(*tools: Callable[..., object] | Tool | str) -> None:
    """Let saved strategies use these tools.

    Args:
        tools: functions, tools, or names with what they reach, such as ``"sql=data/shop.db"``.
    """
    from adaptkit.strategies.tools.hints import tool_from

    for tool in tools:
        if isinstance(tool, str):
            _KNOWN.setdefault(tool, None)
        else:
            take_up(tool if isinstance(tool, Tool) else tool_from(tool))


def take_up(tool: Tool) -> None:
    """Note a tool that this program passed."""
    name = tool.saved_as
    if isinstance(name, str) and not _READING_A_FILE.get():
        _KNOWN[name] = tool


@contextmanager
def from_a_file() -> Iterator[None]:
    """What is resolved meanwhile was named by a file, not by this program."""
    token = _READING_A_FILE.set(True)
    try:
        yield
    finally:
        _READING_A_FILE.reset(token)


def known_function(spec: str) -> Tool:
    """The function that was passed under this spec.

    Raises:
        ConfigError: this program has passed none, or one that has changed since.
    """
    tool = _KNOWN.get(spec)
    if tool is not None:
        return tool
    place = spec.partition("#")[0]
    if any(other.partition("#")[0] == place for other in _KNOWN):
        raise ConfigError(
            f"The tool {place} has changed since the strategy was saved. Fit and save it again."
        )
    raise ConfigError(
        f"The strategy calls the tool {place}, which this program has not passed. A file does not decide "
        "what is run: import the function (or make the Tool) and call adaptkit.strategies.tools.allow with "
        "it first."
    )


def check_reach(spec: str) -> None:
    """Let the name of a tool that reaches something, such as ``sql=FILE``, by if this program gave it.

    Raises:
        ConfigError: a saved strategy names it and this program has not.
    """
    if not _READING_A_FILE.get():
        _KNOWN.setdefault(spec, None)
    elif spec not in _KNOWN:
        raise ConfigError(
            f"The strategy uses the tool {spec!r}, which this program has not allowed. Call "
            f"adaptkit.strategies.tools.allow({spec!r}) before load_strategy if it may."
        )


def spec_of(function: Callable[..., object]) -> str:
    """``module:qualified name#hash of its source``: by the name alone, a change would go unnoticed.

    Functions that one function made have one source, whatever they hold: of these the last one passed counts.
    """
    place = f"{function.__module__}:{function.__qualname__}"
    source = _source(function)
    return f"{place}#{hashlib.sha256(source).hexdigest()[:8]}" if source else place


def _source(function: Any) -> bytes:
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)  # typed at a prompt: no file holds it
        if code is None:
            return b""
        constants = [c for c in code.co_consts if not isinstance(c, CodeType)]  # their repr is an address
        return bytes(code.co_code) + repr(constants).encode()
