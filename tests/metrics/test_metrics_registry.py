"""Names, aggregates, and what importing the package loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import adaptkit.metrics
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, aggregate, check_metrics, get_metric, is_row_mean, names, score

EXPECTED = [
    "accuracy",
    "macro_f1",
    "exact_match",
    "token_f1",
    "contains",
    "rouge_1",
    "rouge_2",
    "rouge_l",
    "json_valid",
    "json_exact",
    "slot_f1",
    "numeric_match",
    "tool_arguments",
    "tool_choice",
    "recall_at_k",
    "mrr",
    "mrr_at_k",
    "ndcg",
    "ndcg_at_k",
]


def answer(output: str, target: str, gold: tuple[str, ...] = ()) -> Answer:
    return Answer(output=output, example=Example(id="1", input="?", target=target, gold_documents=gold))


def test_all_metrics_are_registered() -> None:
    assert sorted(names()) == sorted(EXPECTED)
    for name in names():
        assert callable(get_metric(name))


def test_unknown_names() -> None:
    check_metrics([*EXPECTED, "recall_at_7", "mrr_at_10", "ndcg_at_3"])
    with pytest.raises(
        UnknownNameError, match=r"Unknown metric 'rogue_l'\. Did you mean 'rouge_l'\? Known: acc"
    ):
        check_metrics(["accuracy", "rogue_l"])
    for name in ("recall_at_0", "recall_at_", "recall_at_01", "mrr_at_0", "rouge_at_3"):
        with pytest.raises(UnknownNameError):
            check_metrics([name])
    with pytest.raises(UnknownNameError):
        score("nope", answer("a", "a"))
    # A finished run is read where a metric's plugin is not installed.
    assert is_row_mean("nope")
    with pytest.raises(UnknownNameError):
        aggregate("nope", [])


def test_only_macro_f1_is_no_row_mean() -> None:
    assert [name for name in [*names(), "recall_at_5"] if not is_row_mean(name)] == ["macro_f1"]


def test_aggregate_is_the_mean_of_defined_rows() -> None:
    answers = [answer("4", "4"), answer("It is 4", "4"), answer("4", "four")]
    assert aggregate("numeric_match", answers) == 0.5
    assert aggregate("numeric_match", answers, lenient=True) == 1.0


def test_aggregate_of_undefined_rows_is_undefined() -> None:
    assert aggregate("mrr", [answer("a", "a")]) is None
    assert aggregate("accuracy", []) is None


def test_a_score_is_between_0_and_1() -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Score(strict=1.5, lenient=None)
    with pytest.raises(ConfigError):
        Score(strict=None, lenient=float("nan"))


def test_all_is_sorted_and_there() -> None:
    exported = adaptkit.metrics.__all__
    # Constants, then classes, then functions, as ruff sorts them.
    assert exported == sorted(exported, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(adaptkit.metrics, name) for name in exported)


def test_import_is_cheap() -> None:
    code = (
        "import sys, adaptkit.metrics, adaptkit.tasks;"
        "heavy = {'pandas', 'pyarrow', 'datasets', 'jsonschema', 'rouge_score', 'nltk', 'numpy', 'torch'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
