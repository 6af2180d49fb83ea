"""Run a tool so that it can do the run no harm: it may raise, loop, or return megabytes.

A call runs in a thread of its own, of which the run waits as long as it is allowed and no longer. A thread
cannot be killed; one that is given up is asked to stop by an exception raised inside it, which a loop in
Python obeys at its next step. What waits or computes outside of Python does not hear that: such threads are
left behind, and when too many hang, no more are started.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.core.types import Passage
from adaptkit.strategies.tools.tool import Tool

MAX_HANGING = 32
_hanging: list[threading.Thread] = []


class _GivenUp(BaseException):
    """Not an Exception: a tool that catches those must not catch this."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a call.

    Attributes:
        text: the result as text, or what went wrong.
        failed: whether it is the latter.
        seconds: how long it took.
        passages: the result, where it was a list of passages.
    """

    text: str
    failed: bool
    seconds: float = 0.0
    passages: tuple[Passage, ...] = ()


def run_tool(tool: Tool, arguments: Mapping[str, Any], *, seconds: float, max_chars: int) -> Outcome:
    """Call a tool's function.

    Args:
        tool: has a function.
        arguments: by name, as its schema wants them.
        seconds: how long it may take.
        max_chars: longer results are cut, and say so.
    """
    started = time.perf_counter()
    results: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    if _n_hanging() >= MAX_HANGING:
        return Outcome(text=f"{MAX_HANGING} earlier calls still hang; none is started.", failed=True)
    thread = threading.Thread(
        target=_work, args=(tool, arguments, max_chars, results), name=f"tool-{tool.name}", daemon=True
    )
    thread.start()
    try:
        found = results.get(timeout=seconds)
    except queue.Empty:
        _give_up(thread)
        found = Outcome(text=f"It took longer than {seconds:.3g} s and was given up.", failed=True)
    took = time.perf_counter() - started
    return Outcome(text=found.text, failed=found.failed, seconds=took, passages=found.passages)


def _work(
    tool: Tool, arguments: Mapping[str, Any], max_chars: int, results: queue.SimpleQueue[Outcome]
) -> None:
    with contextlib.suppress(_GivenUp):
        try:
            assert tool.run is not None
            value = tool.run(**arguments)
            passages = passages_in(value)
            # In this thread: what turns the value into text is the tool's own code too.
            outcome = Outcome(text=as_text(value, max_chars), failed=False, passages=passages)
        except _GivenUp:
            raise
        except BaseException as error:  # SystemExit too: a tool must not end the run
            outcome = Outcome(text=_cut(_told(error), max_chars), failed=True)
        results.put(outcome)


def _told(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:
        said = ""
    return clean(f"{type(error).__name__}: {said}" if said else type(error).__name__)


def _n_hanging() -> int:
    _hanging[:] = [t for t in _hanging if t.is_alive()]
    return len(_hanging)


def _give_up(thread: threading.Thread) -> None:
    _hanging.append(thread)
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_GivenUp))


def passages_in(value: object) -> tuple[Passage, ...]:
    """The value, where it is a list of passages; else nothing."""
    if isinstance(value, list | tuple) and value and all(isinstance(v, Passage) for v in value):
        return tuple(value)
    return ()


def as_text(value: object, max_chars: int) -> str:
    """A result as the model reads it: a text as it is, passages numbered, anything else as JSON.

    Examples:
        >>> as_text({"rows": [1, None]}, 100), as_text("abcdef", 3)
        ('{"rows": [1, null]}', 'abc... (cut: 6 characters in all)')
    """
    passages = passages_in(value)
    if passages:
        titles = [f"[{i}] {p.title or ''}".rstrip() for i, p in enumerate(passages, start=1)]
        text = "\n\n".join(f"{title}\n{p.text}" for title, p in zip(titles, passages, strict=True))
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return clean(_cut(text, max_chars))


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[:max_chars]}... (cut: {len(text)} characters in all)"


def clean(text: str) -> str:
    """Replace halves of surrogate pairs: no file and no tokenizer takes them."""
    return text.encode("utf-8", "replace").decode("utf-8")
