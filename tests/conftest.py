"""Its place puts this folder on the path: tests share the helpers that stand here, such as ``tiny``."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong: no example fails for the time it takes.
settings.register_profile("adaptkit", deadline=None)
settings.load_profile("adaptkit")


def pytest_collection_finish() -> None:
    """Take modules and thousands of collected tests out of sight of the garbage collector.

    Trainers and statsmodels collect after each step: a second each, where everything is looked through.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def online_again() -> Iterator[None]:
    """A command that was given --offline says so to its whole process, which here is that of all tests."""
    names = ("HF_HUB_OFFLINE", "ADAPTKIT_OFFLINE")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="module", autouse=True)
def own_metrics_end_with_their_file() -> Iterator[None]:
    """A metric that a test adds is known to its process, which here is that of all tests."""
    from adaptkit import metrics

    with pytest.MonkeyPatch.context() as patch:
        for registry in (metrics.METRICS, metrics.CORPUS_METRICS):
            patch.setattr(registry, "_added", dict(registry._added))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_vector_cache() -> Iterator[None]:
    """Tests neither read the user's cached vectors nor add to them; those of the cache give it a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAPTKIT_VECTOR_CACHE", "off")
        yield


@pytest.fixture(scope="session", autouse=True)
def no_automatic_baselines() -> Iterator[None]:
    """Comparisons are about the strategies that a test names; test_lineup.py is about the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adaptkit.comparison.select_strategies.automatic", list)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_second_run() -> Iterator[None]:
    """Comparisons count the trials that a test plans; test_noise_floor.py is about the second run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adaptkit.comparison.plan.run_twice", lambda _labels: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_paraphrases() -> Iterator[None]:
    """The check before a run compares words only: the embedder is not loaded for it."""
    from adaptkit.leakage import check_leakage

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adaptkit.leakage.check_leakage", partial(_by_words, check_leakage))
        yield


def _by_words(check: Callable[..., Any], task: object, **options: Any) -> Any:
    return check(task, **{**options, "embed": False})


@pytest.fixture(scope="module")
def hash_embedder() -> Iterator[None]:
    """Let strategies embed with hashed words instead of a model."""
    from tiny import HashEmbedder

    with pytest.MonkeyPatch.context() as patch:
        for module in ("few_shot", "rag", "baselines", "function_calling"):
            patch.setattr(f"adaptkit.strategies.{module}.load_embedder", lambda _name: HashEmbedder())
        yield
