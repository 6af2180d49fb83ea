"""What every model keeps to: the checks of ``adaptkit.testing``, which users run on theirs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import contract_models
import pytest
from tiny import save_tiny, tiny_model

from adaptkit.models.load import DEFAULT_MODEL
from adaptkit.testing import ModelCase, NotApplicable, check_model, model_checks

CHECKS = dict(model_checks())
SCRIPTED = ("stand_in", "fake")
LOCAL = ("llama", "qwen", "gemma", "gemma-window", "base")

# Its function decides where an answer ends.
KNOWN = {"fake": {"max_new_tokens_bounds_a_completion": "it says 'stop' whatever its function left out"}}


@cache
def case_of(name: str) -> ModelCase:
    kind, _, sliding = name.partition("-")
    return ModelCase(lambda: tiny_model(kind, window=24 if sliding else None))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", LOCAL)
def test_local_models_pass_every_check(name: str, check: str) -> None:
    try:
        CHECKS[check](case_of(name))
    except NotApplicable as reason:
        pytest.fail(f"it does not apply: {reason}")


@pytest.mark.parametrize("name", SCRIPTED)
def test_scripted_models_keep_to_what_applies_without_weights(name: str) -> None:
    report = check_model(getattr(contract_models, name), known_failures=KNOWN.get(name))
    assert len(report.passed) + len(report.known) >= 19
    about_weights = {n for n in CHECKS if "deriv" in n or "encoded" in n or "template" in n or "schema" in n}
    assert set(report.skipped) - about_weights <= {"choices_have_log_probabilities"}


def test_a_folder_is_loaded_and_checked(tmp_path: Path) -> None:
    report = check_model(save_tiny("llama", tmp_path))
    assert not report.skipped
    assert len(report.passed) == len(CHECKS)


@pytest.mark.slow
def test_the_embedded_model_passes_every_check() -> None:
    report = check_model(DEFAULT_MODEL)
    assert not report.skipped
