"""Requirements: what is refused and how, files, and what a task shows by itself."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from situations import requirements, routing

from adaptkit.core.codec import canonical_json
from adaptkit.core.errors import ConfigError, DataError, UnknownNameError
from adaptkit.core.types import Document
from adaptkit.decision.requirements import Requirements, names
from adaptkit.decision.requirements_file import load_requirements, requirements_of, to_toml
from adaptkit.decision.situation import facts_of, situation_of

WRONG: list[tuple[str, object]] = [
    ("target_quality", 1.2),
    ("target_quality", True),
    ("margin", 0),
    ("prompt_quality", -0.1),
    ("max_p95_s", 0),
    ("max_usd_per_1k", float("nan")),
    ("max_usd_per_month", float("inf")),
    ("requests_per_month", 0),
    ("requests_per_month", (5000, 100)),
    ("requests_per_month", (1, 2, 3)),
    ("requests_per_month", "many"),
    ("horizon_months", -1),
    ("usd_to_tune", "1.35"),
    ("missing", "facts"),
    ("knowledge_changes_every_days", 0),
    ("n_facts", 2.5),
    ("needs_actions", 1),
    ("kind", "classify"),
    ("examples_now", -1),
    ("examples_now", True),
    ("may_enter_weights", "no"),
    ("n_tenants", "3"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_in_one_sentence_with_its_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"The '{name}' parameter of Requirements must be ") as caught:
        Requirements(**{name: value})  # type: ignore[arg-type]
    assert f"Got {value!r} instead." in str(caught.value)


def test_nothing_is_stated_by_default() -> None:
    assert Requirements().stated() == {}
    assert all(getattr(Requirements(), name) is None for name in names())


def test_zero_and_no_are_stated() -> None:
    stated = Requirements(examples_now=0, may_enter_weights=False).stated()
    assert stated == {"examples_now": 0, "may_enter_weights": False}


def test_an_unknown_metric_is_refused_with_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        Requirements(metric="acuracy")


def test_a_range_may_be_a_list_as_files_have_it() -> None:
    required = requirements_of({"requests_per_month": [100, 2000]})
    assert list(required.volumes) == [100, 2000]
    assert list(Requirements(requests_per_month=5).volumes) == [5]
    assert not Requirements(requests_per_month="unknown").volumes
    assert not Requirements().volumes


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_and_its_other_tables_left_alone(tmp_path: Path) -> None:
    text = """
[suite]
limit = 3
[requirements]
missing = "both"
requests_per_month = [1e3, 5e4]
may_enter_weights = false
"""
    assert load_requirements(written(tmp_path / "r.toml", text)) == Requirements(
        missing="both", requests_per_month=(1e3, 5e4), may_enter_weights=False
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[requirements]\nmax_p95 = 1", "Unknown requirement 'max_p95'. Did you mean 'max_p95_s'?"),
        ("[requirements]\nmargin = 2", "The 'margin' parameter of Requirements must be"),
        ('[requirements]\nmetric = "acuracy"', "Did you mean 'accuracy'?"),
        ("margin = 0.02", "There is no table [requirements]"),
        ("requirements = 3", "There is no table [requirements]"),
        ("[requirements", "not valid TOML"),
    ],
)
def test_a_bad_file_names_itself_and_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "r.toml", text)
    with pytest.raises(DataError) as caught:
        load_requirements(path)
    assert said in str(caught.value)
    assert caught.value.path == path


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_requirements(tmp_path / "none.toml")


@given(requirements)
def test_what_is_written_is_read_again(required: Requirements) -> None:
    assert requirements_of(tomllib.loads(to_toml(required))["requirements"]) == required


@given(requirements)
def test_requirements_can_stand_in_json(required: Requirements) -> None:
    assert canonical_json(required) == canonical_json(Requirements(**required.stated()))


def test_facts_are_read_from_a_task() -> None:
    facts = facts_of(routing(labels=("a", "b", "never")))
    assert (facts.kind, facts.metrics, facts.n_train, facts.n_test) == (
        "classification",
        ("accuracy", "macro_f1"),
        10,
        4,
    )
    # A class that no train row has counts: it is what few examples a class means.
    assert (facts.n_classes, facts.examples_per_class, facts.fewest_per_class) == (3, 10 / 3, 0)
    assert (facts.input_chars, facts.target_chars, facts.n_documents, facts.n_tools) == (14, 1, 0, 0)
    assert facts.document_chars is None


def test_documents_tools_and_targets_that_are_no_classes() -> None:
    documents = tuple(Document(id=str(n), text="x" * n) for n in (10, 20, 90))
    tool = {"name": "look_up", "description": "d", "parameters": {"type": "object", "properties": {}}}
    task = routing(kind="qa", metrics=("token_f1",), documents=documents, tools=(tool,))
    facts = facts_of(task)
    assert (facts.n_documents, facts.document_chars, facts.n_tools) == (3, 20, 1)
    assert facts.n_classes is facts.fewest_per_class is None


def test_the_rows_of_a_task_count_and_not_what_is_stated() -> None:
    required = Requirements(examples_now=5000, n_classes=99, kind="qa")
    found = situation_of(required, routing())
    assert (found.n_examples, found.n_classes, found.kind, found.metric) == (
        10,
        2,
        "classification",
        "accuracy",
    )
    assert situation_of(required).n_examples == 5000


def test_a_metric_that_the_task_lacks_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="metric of routing 'token_f1'"):
        situation_of(Requirements(metric="token_f1"), routing())
    assert situation_of(Requirements(metric="macro_f1"), routing()).metric == "macro_f1"


@pytest.mark.parametrize("size", [0, -1, float("nan")])
def test_a_model_without_weights_is_refused(size: float) -> None:
    with pytest.raises(ConfigError, match="'model_parameters' parameter of advise"):
        situation_of(Requirements(), model_parameters=size)


def test_gaps_are_taken_from_the_task_only_where_none_is_stated() -> None:
    documents = (Document(id="d", text="text"),)
    asked = routing(kind="qa", metrics=("token_f1",), documents=documents)
    assert situation_of(Requirements(), asked).lacks_knowledge
    assert not situation_of(Requirements(missing="format"), asked).lacks_knowledge
    assert not situation_of(Requirements(), routing(kind="qa", metrics=("token_f1",))).lacks_knowledge
    assert not situation_of(Requirements(), routing(documents=documents)).lacks_knowledge
    assert situation_of(Requirements(kind="structured")).lacks_format
    assert not situation_of(Requirements(kind="structured", missing="nothing")).lacks_format


def test_facts_that_change_are_facts_that_are_missing() -> None:
    found = situation_of(Requirements(missing="format", knowledge_changes_every_days=3))
    assert found.lacks_knowledge
    assert found.lacks_format


def test_changes_beyond_the_horizon_are_none() -> None:
    def changes(days: float, months: float | None) -> bool:
        required = Requirements(knowledge_changes_every_days=days, horizon_months=months)
        return situation_of(required).knowledge_changes

    assert changes(300, None)  # a year is assumed
    assert not changes(300, 6)
    assert changes(300, 36)
    assert not changes(366, None)
