"""The public names: all there, sorted, and none of them hidden by a module of the same name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import adaptkit as ak

ROOT = Path(__file__).parents[1]
# Those of the design that exist by now; a name leaves this list never, and its meaning changes never.
PROMISED = (
    "load_model", "load_task", "Task", "PromptEngineering", "FewShot", "RAG", "LoRASFT", "FullSFT",
    "FunctionCalling", "Strategy", "Compose", "Tuned", "load_strategy", "compare", "Comparison",
    "load_comparison", "RunSettings", "Prediction", "Example", "Document", "Demonstration", "Passage",
    "Prompt", "FakeModel", "measure_freshness", "Freshness", "learning_curve", "LearningCurves", "pilot",
    "Pilot", "measure_robustness", "Robustness", "diff", "Diff", "errors", "testing", "__version__",
)  # fmt: skip
METHODS = {
    "Strategy": ("fit", "generate", "save"),
    "Comparison": (
        "to_frame",
        "plot",
        "report",
        "recommend",
        "records",
        "rows",
        "pairs",
        "export",
        "log_to_mlflow",
    ),
    "Diff": ("to_text", "to_markdown", "to_csv", "to_frame", "worse"),
    "LearningCurves": ("of", "to_frame", "to_text", "plot", "worth", "crossovers", "save"),
    "Pilot": ("forecast", "to_text", "to_frame", "minutes", "tokens", "usd"),
    "Freshness": ("to_frame", "to_markdown", "save"),
    "Robustness": ("to_frame", "to_text", "summary", "save"),
}
HEAVY = ("torch", "transformers", "faiss", "peft", "matplotlib", "pandas")


def fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_there(name: str) -> None:
    assert name in ak.__all__
    assert getattr(ak, name) is not None


@pytest.mark.parametrize(("name", "method"), [(n, m) for n, methods in METHODS.items() for m in methods])
def test_a_promised_method_is_there(name: str, method: str) -> None:
    assert hasattr(getattr(ak, name), method)


def test_all_names_are_sorted_and_what_dir_shows() -> None:
    # Upper case first, as ruff sorts them: constants, then classes, then the rest.
    assert len(set(ak.__all__)) == len(ak.__all__)
    assert sorted(ak.__all__) == dir(ak)
    for name in ak.__all__:
        assert getattr(ak, name) is not None


def test_the_docstring_of_each_public_class_and_function_says_what_it_is_for() -> None:
    for name in set(ak.__all__) - {"__version__", "errors"}:
        doc = getattr(ak, name).__doc__
        assert doc, name
        assert not doc.startswith(f"{name}("), f"{name} has only the signature that dataclass made"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compares'"):
        getattr(ak, "compares")  # noqa: B009


@pytest.mark.parametrize("first", ["load_comparison", "Comparison", "RunSettings", "compare"])
def test_compare_is_the_function_whatever_was_used_before(first: str) -> None:
    code = f"import adaptkit as ak; ak.{first}; print(type(ak.compare).__name__, callable(ak.compare))"
    assert fresh(code).split() == ["function", "True"]


def test_from_imports_work_in_one_line() -> None:
    names = ", ".join(n for n in PROMISED if n != "__version__")
    assert fresh(f"from adaptkit import {names}; print(compare.__name__)").strip() == "compare"


def test_a_finished_comparison_is_read_ranked_and_reported_without_torch(tmp_path: Path) -> None:
    code = f"""
import sys
import adaptkit as ak
rows = [ak.Example(id=str(i), input=f"row {{i}}", target="x") for i in range(20)]
task = ak.Task(
    name="t", kind="generation", instruction="?", metrics=("exact_match",), train=rows[:5], test=rows[5:]
)
ak.compare([ak.PromptEngineering()], task, model=ak.FakeModel(lambda r: "x"), baselines=False,
           out={str(tmp_path)!r})
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    assert fresh(code).split() == []
    code = f"""
import sys
import adaptkit as ak
comparison = ak.load_comparison({str(tmp_path)!r})
comparison.recommend(), comparison.records(), comparison.report({str(tmp_path / "again.html")!r})
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    assert fresh(code).split() == []
