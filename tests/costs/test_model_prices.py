"""Prices of models by the token: what stands in the sheet, which entry holds for an id, what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import DataError
from adaptkit.costs import ModelPrice, load_prices


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        # input, cached, cache_write, output, reasoning, training
        ("gpt-4o", (2.50, 1.25, None, 10.0, None, 25.0)),
        ("gpt-4o-mini", (0.15, 0.075, None, 0.60, None, 3.0)),
        ("ft:gpt-4o", (3.75, None, None, 15.0, None, None)),
        ("ft:gpt-4o-mini", (0.30, None, None, 1.20, None, None)),
        ("ft:gpt-4.1", (3.0, None, None, 12.0, None, None)),
        ("ft:gpt-4.1-mini", (0.8, None, None, 3.2, None, None)),
        ("ft:gpt-4.1-nano", (0.2, None, None, 0.8, None, None)),
    ],
)
def test_the_built_in_examples(name: str, amounts: tuple[float | None, ...]) -> None:
    price = load_prices().model(name)
    assert price is not None
    found = (price.input, price.cached, price.cache_write, price.output, price.reasoning, price.training)
    assert found == amounts


def test_every_built_in_model_price_says_that_it_is_an_undated_example_and_where_from() -> None:
    sheet = load_prices()
    assert len(sheet.models) == 7
    for price in sheet.models.values():
        assert "example price, undated" in price.label
        assert price.date is None
        assert "reported by" in price.source
        assert price.stale_warning(date(2026, 11, 1)) == (
            f"The price of {price.label} has no date: check it before relying on USD."
        )


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("openai:gpt-4o-mini", "gpt-4o-mini"),
        ("openai:gpt-4o", "gpt-4o"),
        ("ft:gpt-4o-mini", "ft:gpt-4o-mini"),
        ("openai:ft:gpt-4o-mini", "ft:gpt-4o-mini"),
        ("ft:gpt-4o-mini-2024-07-18:me::Ab1", "ft:gpt-4o-mini"),
        ("openai:ft:gpt-4o-2024-08-06:me::Ab1", "ft:gpt-4o"),
        ("ft:gpt-4.1-nano:me::Ab1", "ft:gpt-4.1-nano"),
        # Another version or model is another price, and no guess.
        ("gpt-4o-2024-05-13", None),
        ("gpt-4o-mini:free", None),
        ("openai:gpt-4", None),
        ("GPT-4o", None),
        ("ft:gpt-4o-large:me::Ab1", None),
        ("ft:gpt-3.5-turbo", None),
        ("gpt-4.1", None),
        ("smollm2-135m-instruct", None),
        ("", None),
    ],
)
def test_the_entry_that_holds_for_an_id(model_id: str, name: str | None) -> None:
    sheet = load_prices()
    assert sheet.model(model_id) is (None if name is None else sheet.models[name])


BUILT_IN = load_prices()


@given(st.text())
def test_any_other_id_has_no_price(text: str) -> None:
    assert BUILT_IN.model(text) is None or any(name in text for name in BUILT_IN.models)


def test_what_an_entry_leaves_out_is_unknown() -> None:
    price = ModelPrice(label="m", source="s")
    amounts = ("input", "cached", "cache_write", "output", "reasoning", "training", "date")
    assert [getattr(price, name) for name in amounts] == [None] * 7
    # A backend without a model, and a model without a backend.
    assert [BUILT_IN.model(i) for i in ("openai:", ":gpt-4", "gpt-4o-mini:", "ft:")] == [None] * 4


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_own_entry_replaces_the_built_in_one_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path, '[model."gpt-4o"]\ninput = 1\nreasoning = 8\nunit = "1M tokens"\ndate = 2026-10-01\n'
    )
    sheet = load_prices(path)
    assert sheet.model("openai:gpt-4o") == ModelPrice(
        input=1.0, reasoning=8.0, label="model.gpt-4o", source=str(path), date="2026-10-01"
    )
    assert sheet.model("gpt-4o-mini") == load_prices().model("gpt-4o-mini")
    assert sheet.vcpu == load_prices().vcpu


def test_a_name_with_its_backend_is_found_before_the_name_alone(tmp_path: Path) -> None:
    entries = [
        f'[model."{name}"]\ninput = {usd}\nunit = "1M tokens"\n'
        for name, usd in (("llama3:8b", 1), ("groq:llama3:8b", 2))
    ]
    sheet = load_prices(write(tmp_path, "".join(entries)))
    found = [sheet.model(i) for i in ("llama3:8b", "groq:llama3:8b", "together:llama3:8b", "groq:llama3")]
    assert [price and price.input for price in found] == [1.0, 2.0, 1.0, None]


def test_a_dated_price_grows_old(tmp_path: Path) -> None:
    path = write(tmp_path, '[model.m]\noutput = 1\nunit = "1M tokens"\ndate = "2026-01"\n')
    sheet = load_prices(path)
    price = sheet.model("m")
    assert price is not None
    assert price.stale_warning(date(2026, 6, 30)) is None  # 180 days
    assert price.stale_warning(date(2026, 7, 1)) == (
        "The price of model.m is 181 days old: check it before relying on USD."
    )
    assert sheet.age_days(date(2026, 7, 1)) == 181


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input = 1", r"mine\.toml: Price 'model\.m': 'unit' should be '1M tokens' and is None\.$"),
        ('input = 1\nunit = "1K tokens"', "'unit' should be '1M tokens' and is '1K tokens'"),
        (
            'input = -1\nunit = "1M tokens"',
            r": Price 'model\.m': 'input' should be a number >= 0 and is -1\.$",
        ),
        ('cached = inf\nunit = "1M tokens"', "'cached' should be a number >= 0 and is inf"),
        ('training = "3"\nunit = "1M tokens"', "'training' should be a number >= 0 and is '3'"),
        ('unit = "1M tokens"', r": Price 'model\.m' should give at least one of input, .*, training\.$"),
        ('input = 1\nunit = "1M tokens"\nimages = 2', r": Price 'model\.m' should be a table of .*, unit\.$"),
        ('input = 1\nunit = "1M tokens"\nimages = 2', "should be a table of cache_write, cached, date"),
        (
            'input = 1\nunit = "1M tokens"\ndate = "May"',
            r": Price 'model\.m': 'date' should be YYYY-MM or YYYY-MM-DD and is 'May'\.$",
        ),
    ],
)
def test_a_bad_entry_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, f"[model.m]\n{text}\n")
    with pytest.raises(DataError, match=message) as caught:
        load_prices(path)
    assert caught.value.path == path
    assert "model.m" in str(caught.value)


def test_an_entry_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Price 'model\.m' should be a table"):
        load_prices(write(tmp_path, "[model]\nm = 3\n"))
