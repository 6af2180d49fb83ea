"""What is assumed: defaults, one strategy's own, files, and the sentences that refuse what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.costs import UTILISATIONS, CostAssumptions, load_assumptions


def test_what_nobody_said_is_unknown_or_nothing() -> None:
    a = CostAssumptions()
    unknown = ("n_labels", "minutes_per_label", "usd_per_hour_of_labelling", "requests_per_month")
    assert [getattr(a, name) for name in (*unknown, "usd_per_success", "usd_per_failure")] == [None] * 6
    assert (a.horizon_months, a.utilisation, a.utilisations) == (12.0, 0.3, UTILISATIONS)
    assert UTILISATIONS == (0.1, 0.3, 1.0)
    assert a.volumes == ()
    assert CostAssumptions(requests_per_month=5.0).volumes == (5.0,)
    assert CostAssumptions(requests_per_month=(5.0, 7.0)).volumes == (5.0, 7.0)


@pytest.mark.parametrize(
    ("name", "bad", "expected"),
    [
        ("n_labels", 1.5, "an int >= 0, or None"),
        ("n_labels", -1, "an int >= 0, or None"),
        ("n_labels", True, "an int >= 0, or None"),
        ("minutes_per_label", -0.1, "a number >= 0"),
        ("minutes_per_label", float("inf"), "a number >= 0"),
        ("usd_per_hour_of_labelling", "20", "a number >= 0"),
        ("requests_per_month", 0, "a number above 0, or the lowest and the highest"),
        ("requests_per_month", (2, 1), "a number above 0, or the lowest and the highest"),
        ("requests_per_month", (1, 2, 3), "a number above 0, or the lowest and the highest"),
        ("requests_per_month", (0, 1), "a number above 0, or the lowest and the highest"),
        ("horizon_months", 0, "a number above 0, or None"),
        ("utilisation", 0.0, "above 0 and at most 1"),
        ("utilisation", 1.01, "above 0 and at most 1"),
        ("utilisation", None, "above 0 and at most 1"),
        ("utilisations", (), "numbers above 0 and at most 1"),
        ("utilisations", (0.5, 2), "numbers above 0 and at most 1"),
        ("utilisations", (0.0,), "numbers above 0 and at most 1"),
        ("utilisations", 0.5, "numbers above 0 and at most 1"),
        ("hosting_usd_per_month", None, "a number >= 0"),
        ("machine_hours_per_month", -1, "a number >= 0"),
        ("n_retrain_per_month", -1, "a number >= 0"),
        ("n_reindex_per_month", float("nan"), "a number >= 0"),
        ("changed_share", 1.1, "a number from 0 to 1"),
        ("maintenance_usd_per_month", -1, "a number >= 0"),
        ("usd_per_success", -1, "a number >= 0"),
        ("usd_per_failure", -5, "a number >= 0"),
        ("by_strategy", {"lora": 3}, "a table for each strategy"),
        ("by_strategy", [1], "a table for each strategy"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, bad: object, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CostAssumptions(**{name: bad})  # type: ignore[arg-type]
    assert (
        str(caught.value)
        == f"The '{name}' parameter of CostAssumptions must be {expected}. Got {bad!r} instead."
    )


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("n_labels", 0),
        ("minutes_per_label", 0),
        ("requests_per_month", (3, 3)),
        ("requests_per_month", 0.5),
        ("horizon_months", None),
        ("utilisation", 1),
        ("utilisations", (1.0,)),
        ("changed_share", 0),
        ("changed_share", 1),
        ("usd_per_failure", 0),
    ],
)
def test_the_ends_of_a_range_belong_to_it(name: str, good: object) -> None:
    assert getattr(CostAssumptions(**{name: good}), name) == good  # type: ignore[arg-type]


def test_a_strategy_may_differ_in_what_is_its_own() -> None:
    a = CostAssumptions(
        hosting_usd_per_month=5,
        maintenance_usd_per_month=7,
        by_strategy={"lora": {"hosting_usd_per_month": 100}},
    )
    assert a.of("lora").hosting_usd_per_month == 100
    assert a.of("lora").maintenance_usd_per_month == 7
    assert a.of("prompt").hosting_usd_per_month == 5
    assert a.of("lora").by_strategy == {}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"requests_per_month": 5}, "^'requests_per_month' cannot be set for the strategy 'lora' alone. "),
        ({"usd_per_failure": 5}, "'usd_per_failure' cannot be set"),
        ({"usd_per_success": 5}, "'usd_per_success' cannot be set"),
        ({"utilisations": (1.0,)}, "'utilisations' cannot be set"),
        ({"horizon_months": 5}, "'horizon_months' cannot be set"),
        ({"by_strategy": {}}, "'by_strategy' cannot be set"),
        ({"hosting": 5}, "Did you mean 'hosting_usd_per_month'"),
        ({"n_labels": -5}, "'n_labels' parameter of CostAssumptions must be an int >= 0"),
    ],
)
def test_what_cannot_differ_is_refused_when_it_is_given(own: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CostAssumptions(by_strategy={"lora": own})


def test_the_assumptions_are_told_in_words() -> None:
    assert CostAssumptions(
        requests_per_month=(1000, 20_000),
        minutes_per_label=2,
        usd_per_hour_of_labelling=30,
        n_retrain_per_month=1,
        n_reindex_per_month=4,
        changed_share=0.25,
        hosting_usd_per_month=5,
        machine_hours_per_month=6,
        maintenance_usd_per_month=7,
        by_strategy={"rag": {}, "lora": {"utilisation": 0.5}},
    ).described() == (
        "1,000 to 20,000 requests a month, over 12 months.",
        "An own machine works in 30% of its paid time.",
        "2 minutes for each label used, at 30 USD an hour.",
        "Each month: 1 retrainings, 4 re-indexings of 25% of the index, 5 USD of hosting, "
        "6 machine hours and 7 USD of maintenance.",
        "Some of this differs for lora, rag.",
    )
    assert CostAssumptions(horizon_months=None).described()[0] == (
        "An unknown number of requests a month, over no horizon."
    )
    assert "What a label costs is not known." in CostAssumptions(minutes_per_label=1).described()
    assert "Labels are there anyway and cost nothing." in CostAssumptions(n_labels=0).described()
    assert "differs" not in " ".join(CostAssumptions().described())
    several = CostAssumptions(n_labels=9, minutes_per_label=1, usd_per_hour_of_labelling=1).described()
    assert "1 minutes for each of 9 labels, at 1 USD an hour." in several


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "assumptions.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_they_are_read_from_a_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        requests_per_month = [1000, 2000]
        horizon_months = 24
        utilisations = [0.2, 1]
        n_labels = 300

        [strategy."rag+lora"]
        n_retrain_per_month = 0.5
        """,
    )
    assert load_assumptions(path) == CostAssumptions(
        requests_per_month=(1000, 2000),
        horizon_months=24,
        utilisations=(0.2, 1),
        n_labels=300,
        by_strategy={"rag+lora": {"n_retrain_per_month": 0.5}},
    )
    assert load_assumptions(write(tmp_path, "")) == CostAssumptions()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("horizon = 12", "Unknown assumption 'horizon'. Did you mean 'horizon_months'?"),
        ("by_strategy = 1", ".toml: Unknown assumption 'by_strategy'. "),
        ("by_strategy = 1", "Known: changed_share, horizon_months, hosting_usd_per_month, "),
        ("by_strategy = 1", "usd_per_success, utilisation, utilisations."),
        ("horizon_months = 0", "The 'horizon_months' parameter of CostAssumptions must be a number above 0"),
        ("strategy = 3", "must be a table for each strategy. Got 3"),
        (
            '[strategy.lora]\ncolour = "red"',
            "'colour' cannot be set for the strategy 'lora' alone. Known: changed",
        ),
        ("horizon_months =", ".toml: The assumptions cannot be read: it is not valid TOML: "),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        load_assumptions(path)
    assert message in str(caught.value)
    assert caught.value.path == path


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.toml: The assumptions cannot be read: No such file.*y\.$"):
        load_assumptions(tmp_path / "none.toml")
