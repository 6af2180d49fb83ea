"""Which tests run which lines, and how long each test takes."""

from __future__ import annotations

import ast
import functools
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from benchmarks.mutation.killing import ARGUMENTS


@dataclass(frozen=True, kw_only=True)
class Covered:
    """What a run of all tests has shown.

    Attributes:
        lines: by file and line, the tests that run it; the test "" is an import.
        seconds: by test.
        modules: imported by then.
    """

    lines: Mapping[str, Mapping[int, Sequence[str]]]
    seconds: Mapping[str, float]
    modules: Sequence[str]

    def tests_of(self, path: str, line: int, statements: Mapping[int, range]) -> list[str]:
        """The tests that can notice a change of a line, the quickest first; of imports, all of the file."""
        of_line = self.lines.get(path, {})
        found = {test for n in statements.get(line, range(line, line + 1)) for test in of_line.get(n, ())}
        if "" in found or not found:
            found = {test for tests in of_line.values() for test in tests}
        return sorted(found & self.seconds.keys(), key=lambda test: self.seconds[test])


@functools.lru_cache
def statements_of(source: str) -> dict[int, range]:
    """By line, the lines of the innermost statement it belongs to; of a compound one those of its head."""
    found: dict[int, range] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            lines = range(_first_line(node), max(end, node.lineno) + 1)
            found.update(dict.fromkeys(lines, lines))
    return found


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(int(d.lineno) for d in getattr(node, "decorator_list", ()))])


def run_covered(root: Path, paths: Sequence[str], tests: Sequence[str]) -> Covered:
    """Run tests with coverage of the given files; to be called in a fork.

    Raises:
        RuntimeError: they fail without any mutant.
    """
    # What one test has cached, another would not run.
    functools.lru_cache = partial(_uncached, functools.lru_cache)  # type: ignore[assignment]
    cover = Coverage(data_file=None, include=[str(root / path) for path in paths])
    watch = _Watch(cover)
    cover.start()
    code = pytest.main([*ARGUMENTS, *tests], plugins=[watch])
    cover.stop()
    if code != 0:
        raise RuntimeError(f"The tests fail without a mutant (pytest ended with {code}).")
    data = cover.get_data()
    lines = {path: data.contexts_by_lineno(str(root / path)) for path in paths}
    return Covered(lines=lines, seconds=watch.seconds, modules=list(_outside(root)))


@dataclass
class _Watch:
    cover: Coverage
    seconds: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.cover.switch_context(item.nodeid)
        started = time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - started
        self.cover.switch_context("")
        return result


def _uncached(cache: Callable[..., Any], maxsize: Any = 128, typed: bool = False) -> Callable[..., Any]:
    """``functools.lru_cache`` that leaves functions of this package as they are."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        own = getattr(function, "__module__", "").startswith("adaptkit.")
        wrapped: Callable[..., Any] = function if own else cache(maxsize, typed)(function)
        return wrapped

    if callable(maxsize):
        function, maxsize = maxsize, 128
        return wrap(function)
    return wrap


def _outside(root: Path) -> Iterator[str]:
    """Modules that no mutant changes: each fork finds them imported."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if not any(file.startswith(str(root / part)) for part in ("adaptkit", "tests", "benchmarks")):
            yield name
