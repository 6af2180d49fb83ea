"""One mutant in one fork: imported in place of the file, and judged by the tests that can notice it."""

from __future__ import annotations

import os
import resource
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from hypothesis import Phase, settings

from benchmarks.mutation.mutants import Mutant

ARGUMENTS = (
    "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--hypothesis-profile=mutation",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
_MEMORY = 6 << 30


def register_profile() -> None:
    """The same examples for every mutant; a counterexample need not be made small."""
    settings.register_profile(
        "mutation",
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=25,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
    )


def survives(root: Path, mutant: Mutant, tests: Sequence[str], limit_s: int) -> bool:
    """Whether all tests pass; one that takes more processor time than the limit has noticed."""
    return bool(tests) is False or in_fork(lambda: _run(root, mutant, tests), limit_s) == 0


def in_fork(work: Callable[[], int], limit_s: int | None) -> int:
    """Run in a process of its own, without output; returns its exit code, below 0 where it was ended."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            if limit_s is not None:
                resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
                resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            code = work()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _run(root: Path, mutant: Mutant, tests: Sequence[str]) -> int:
    instead = _Instead(root, mutant)
    sys.meta_path.insert(0, instead)
    files = dict.fromkeys(test.split("::")[0] for test in tests)
    return int(pytest.main([*ARGUMENTS, *files], plugins=[_Only(tests, instead)]))


class _Only:
    """Run these tests in this order, with the mutant in front of pytest's own way to import a tested file."""

    def __init__(self, tests: Sequence[str], instead: MetaPathFinder) -> None:
        self._place = {test: n for n, test in enumerate(tests)}
        self._instead = instead

    def pytest_sessionstart(self) -> None:
        sys.meta_path.insert(0, self._instead)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self._place), key=lambda i: self._place[i.nodeid])


class _Instead(MetaPathFinder):
    """Find the mutant where its module is asked for."""

    def __init__(self, root: Path, mutant: Mutant) -> None:
        self._name = mutant.module
        self._loader = _Loader(self._name, str(root / mutant.path), mutant.source)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self._loader) if fullname == self._name else None


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._code = compile(source, path, "exec", dont_inherit=True)

    def get_code(self, fullname: str) -> CodeType:
        return self._code
