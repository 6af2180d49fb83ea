"""A tool that raises, loops, waits, exits or returns megabytes harms no run."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest

from adaptkit.core.types import Passage
from adaptkit.strategies.tools import Outcome, Tool, run_tool
from adaptkit.strategies.tools import running as running_module


def run(function: Callable[..., object], *, seconds: float = 5.0, max_chars: int = 200) -> Outcome:
    tool = Tool(name="t", description="", run=function)
    return run_tool(tool, {}, seconds=seconds, max_chars=max_chars)


def test_a_text_is_given_as_it_is_and_anything_else_as_json() -> None:
    assert run(lambda: "x\ny").text == "x\ny"
    assert run(lambda: {"ä": [1, None, True]}).text == '{"ä": [1, null, true]}'
    assert run(lambda: 3).text == "3"
    assert run(lambda: None).text == "null"
    assert run(object).text.startswith('"<object')
    assert not run(lambda: 3).failed


def test_passages_are_numbered_and_handed_on() -> None:
    passage = Passage(id="a#0", document_id="a", text="Lima.", score=1.0, title="Peru")
    found = run(lambda: [passage, passage])
    assert found.text == "[1] Peru\nLima.\n\n[2] Peru\nLima."
    assert found.passages == (passage, passage)


def test_what_a_tool_raises_becomes_text() -> None:
    def fail() -> None:
        raise ValueError("no such town")

    found = run(fail)
    assert found.failed
    assert found.text == "ValueError: no such town"


def test_an_exit_and_an_error_without_words_are_errors_like_others() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def mute() -> None:
        raise Mute

    def recurse() -> None:
        recurse()

    assert run(sys.exit).text == "SystemExit"
    assert run(mute).text == "Mute"
    assert run(recurse).text.startswith("RecursionError")


def test_a_long_result_is_cut_and_says_so() -> None:
    found = run(lambda: "a" * 10_000_000, max_chars=50)
    assert found.text == "a" * 50 + "... (cut: 10000000 characters in all)"


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert run(lambda: "a\ud800b").text.encode("utf-8")


def test_a_loop_is_given_up_in_time_and_stopped() -> None:
    turns = [0]

    def loop() -> None:
        while True:
            try:
                turns[0] += 1
            except Exception:
                continue

    started = time.perf_counter()
    found = run(loop, seconds=0.2)
    assert time.perf_counter() - started < 3
    assert found.failed
    assert found.text == "It took longer than 0.2 s and was given up."
    assert found.seconds >= 0.2
    wait_until(lambda: not any(t.name == "tool-t" for t in threading.enumerate()))
    before = turns[0]
    time.sleep(0.05)
    assert turns[0] == before


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_waits_is_left_behind_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_module, "MAX_HANGING", 2)
    monkeypatch.setattr(running_module, "_hanging", [])
    release = threading.Event()
    calls = []

    def wait() -> None:
        calls.append(1)
        release.wait(30)

    for _ in range(2):
        assert run(wait, seconds=0.05).failed
    assert run(wait, seconds=0.05).text == "2 earlier calls still hang; none is started."
    assert len(calls) == 2
    release.set()
    wait_until(lambda: run(lambda: "again").text == "again")


def test_a_slow_text_counts_as_the_tools_own_time() -> None:
    class Slow:
        def __str__(self) -> str:
            while True:
                time.sleep(0.001)

    assert run(Slow, seconds=0.1).text.startswith("It took longer")
