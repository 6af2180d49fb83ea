"""Hub data sets, with a stand-in for the package that fetches them."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from adaptkit.core.errors import DataError, MissingDependencyError
from adaptkit.tasks import load_task


class Rows(list[dict[str, Any]]):
    """What ``datasets`` returns for a split, as far as it is used."""

    features: dict[str, Any] | None = None


def stand_in(monkeypatch: pytest.MonkeyPatch, splits: dict[str, Rows] | Exception) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def load_dataset(*args: Any) -> dict[str, Rows]:
        calls.append(args)
        if isinstance(splits, Exception):
            raise splits
        return splits

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


def rows(n: int, prefix: str, labels: tuple[Any, ...] = (0, 1)) -> Rows:
    found = Rows({"text": f"{prefix} {i}", "label": labels[i % len(labels)]} for i in range(n))
    found.features = {
        "text": SimpleNamespace(dtype="string"),
        "label": SimpleNamespace(names=["bad", "good"]),
    }
    return found


def test_splits_and_class_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stand_in(
        monkeypatch, {"train": rows(40, "a"), "dev": rows(4, "v"), "test": rows(10, "b"), "x": Rows()}
    )
    task = load_task("hub:owner/reviews:small", instruction="Good or bad?")
    assert calls == [("owner/reviews", "small")]
    assert (task.name, task.kind, task.labels) == ("reviews", "classification", ("bad", "good"))
    assert (len(task.train), len(task.validation or ()), len(task.test)) == (40, 4, 10)
    assert task.test[0].target == "bad"
    assert task.source == "hub:owner/reviews:small"


@pytest.mark.parametrize("split", ["train", "everything"])
def test_test_rows_are_split_off_where_there_are_none(monkeypatch: pytest.MonkeyPatch, split: str) -> None:
    stand_in(monkeypatch, {split: rows(40, "a")})
    assert len(load_task("hub:owner/reviews", instruction="Good or bad?").test) == 12


def test_secret_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"train": rows(40, "a"), "test": rows(4, "b", (-1,))})
    with pytest.raises(DataError, match="row 1: 'label' is null"):
        load_task("hub:owner/reviews", instruction="Good or bad?")


def test_other_splits_are_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"en": rows(4, "a"), "de": rows(4, "b")})
    with pytest.raises(DataError, match=r"has the splits en, de\. Expected train and test"):
        load_task("hub:owner/reviews", instruction="Good or bad?")


def test_a_data_set_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, FileNotFoundError("no such data set"))
    with pytest.raises(DataError, match="hub:a/b could not be loaded: FileNotFoundError: no such data set"):
        load_task("hub:a/b", instruction="x")


@pytest.mark.parametrize("source", ["hub:", "hub:a/b/c", "hub:/"])
def test_a_malformed_name(source: str) -> None:
    with pytest.raises(DataError, match=r"is not a Hub data set\. Write hub:owner/name"):
        load_task(source)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'adaptkit-llm\[hub\]'"):
        load_task("hub:owner/reviews")
