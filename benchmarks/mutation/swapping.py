"""Mutants of function bodies: tests are collected once, and each fork only exchanges one function's code."""

from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.main import pytest_runtestloop

from benchmarks.mutation.killing import ARGUMENTS, in_fork
from benchmarks.mutation.mutants import Mutant


class Judge:
    """A pytest plugin that, once tests are collected, judges mutants instead of running them.

    Args:
        mutants: each with the tests that can notice it and a limit in seconds of processor time.
        report: called with each mutant, and whether it survived.
    """

    def __init__(
        self,
        mutants: Iterable[tuple[Mutant, Sequence[str], int]],
        report: Callable[[Mutant, bool], None],
    ) -> None:
        self._mutants = mutants
        self._report = report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        items = {item.nodeid: item for item in session.items}
        for mutant, tests, limit in self._mutants:
            own = [items[name] for name in tests]
            code = in_fork(partial(_run, session, mutant, own), limit)
            self._report(mutant, code == 0)
        return True


def judge_swapped(tests: Sequence[str], judge: Judge) -> int:
    """Collect the tests and judge; to be called in a fork."""
    return int(pytest.main([*ARGUMENTS, *tests], plugins=[judge]))


def _run(session: pytest.Session, mutant: Mutant, items: list[pytest.Item]) -> int:
    swap(mutant)
    session.items = items
    try:
        pytest_runtestloop(session)
    except (session.Failed, session.Interrupted):
        return 1
    return 1 if session.testsfailed else 0


def swap(mutant: Mutant) -> None:
    """Give the function that the mutant changes its changed code."""
    module = importlib.import_module(mutant.module)
    name = swappable(mutant)
    changed = {code.co_qualname: code for code in _codes(compile(mutant.source, mutant.path, "exec"))}
    functions = [f for f in _functions(module) if f.__code__.co_qualname == name]
    if not functions:
        os._exit(71)
    for function in functions:
        function.__code__ = changed[function.__code__.co_qualname]


@lru_cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def swappable(mutant: Mutant) -> str | None:
    """The qualified name of the function in whose body the change lies; None where imports would run it."""
    found = None
    for name, function in _defined(_parsed(mutant.original)):
        start = function.body[0]
        if (start.lineno, start.col_offset) <= (mutant.line, mutant.column) and mutant.line <= (
            function.end_lineno or 0
        ):
            found = name
    return found


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", f) for f in node.body if isinstance(f, ast.FunctionDef))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__:
            for each in vars(value).values() if isinstance(value, type) else (value,):
                yield from _bare(each)


def _bare(value: Any) -> Iterator[FunctionType]:
    if isinstance(value, cached_property):
        value = value.func
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__wrapped__", getattr(value, "__func__", value))
    if isinstance(value, FunctionType):
        yield value
