"""The price sheet: what stands in it, what overrides it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.costs import Hardware, PriceSheet, fixed_usd_per_hour, load_prices

CPU = Hardware(cpu="Xeon", n_cores=4, memory_bytes=2**34, gpu_name=None, platform="Linux x86_64")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cpu_machine_is_priced_by_its_usable_cores() -> None:
    price = load_prices().usd_per_hour(CPU)
    assert price is not None
    assert price.usd_per_hour == pytest.approx(0.17)
    assert price.date == "2026-11"
    assert price.label.startswith("4 vCPU of c5.2xlarge")
    assert "https://docs.amazonaws.cn/" in price.source


def test_eight_cores_cost_what_the_machine_costs() -> None:
    price = load_prices().usd_per_hour(replace(CPU, n_cores=8))
    assert price is not None
    assert price.usd_per_hour == pytest.approx(0.34)


@pytest.mark.parametrize(
    ("name", "usd"),
    [("NVIDIA A10G", 1.006), ("nvidia a10g", 1.006), ("NVIDIA A10", None), ("NVIDIA H200", None)],
)
def test_a_gpu_is_priced_by_its_name_or_not_at_all(name: str, usd: float | None) -> None:
    price = load_prices().usd_per_hour(replace(CPU, gpu_name=name))
    assert (price and price.usd_per_hour) == usd


def test_every_built_in_price_is_dated_and_sourced() -> None:
    sheet = load_prices()
    assert sheet.vcpu is not None
    for entry in (sheet.vcpu, *sheet.gpus.values()):
        assert entry.usd > 0
        assert entry.date
        assert "https://" in entry.source


def test_an_own_file_is_laid_over_the_built_in_one(tmp_path: Path) -> None:
    path = write(tmp_path, '[gpu."H200"]\nusd = 5\nunit = "machine-hour"\ndate = 2026-10-01\n')
    sheet = load_prices(path)
    own = sheet.usd_per_hour(replace(CPU, gpu_name="NVIDIA H200"))
    assert own is not None
    assert (own.usd_per_hour, own.label, own.source, own.date) == (5.0, "gpu.H200", str(path), "2026-10-01")
    assert sheet.usd_per_hour(CPU) == load_prices().usd_per_hour(CPU)
    assert sheet.usd_per_hour(replace(CPU, gpu_name="NVIDIA A10G")) is not None


def test_an_own_entry_replaces_the_built_in_one(tmp_path: Path) -> None:
    sheet = load_prices(write(tmp_path, '[cpu.vcpu]\nusd = 0\nunit = "vCPU-hour"\n'))
    price = sheet.usd_per_hour(CPU)
    assert price is not None
    assert (price.usd_per_hour, price.date) == (0.0, None)


def test_the_longest_name_that_fits_is_taken(tmp_path: Path) -> None:
    entries = [
        f'[gpu."{n}"]\nusd = {usd}\nunit = "machine-hour"\n' for n, usd in (("A100", 3), ("A100 80GB", 4))
    ]
    sheet = load_prices(write(tmp_path, "".join(entries)))
    price = sheet.usd_per_hour(replace(CPU, gpu_name="NVIDIA A100 80GB PCIe"))
    assert price is not None
    assert price.usd_per_hour == 4.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cpu", r"mine\.toml: The price file cannot be read: it is not valid TOML: .*\.$"),
        ('[cpu.vcpu]\nusd = -1\nunit = "vCPU-hour"', "'usd' should be a number >= 0 and is -1"),
        ('[cpu.vcpu]\nusd = nan\nunit = "vCPU-hour"', "'usd' should be a number >= 0 and is nan"),
        ('[cpu.vcpu]\nusd = true\nunit = "vCPU-hour"', "is True"),
        ('[cpu.vcpu]\nunit = "vCPU-hour"', "is None"),
        ('[cpu.vcpu]\nusd = 1\nunit = "vCPU-minute"', "'unit' should be 'vCPU-hour' and is 'vCPU-minute'"),
        ('[cpu.vcpu]\nusd = 1\nunit = "vCPU-hour"\ndate = "today"', "YYYY-MM or YYYY-MM-DD and is 'today'"),
        ('[cpu.vcpu]\nusd = 1\nunit = "vCPU-hour"\ncolour = 1', "should be a table of date, label"),
        ("[cpu.arm]\nusd = 1", "Unknown price 'cpu.arm'"),
        ("[tpu]\nusd = 1", r": Unknown price 'tpu'\. Known: cpu\.vcpu, gpu\.<name> and model\.<name>\.$"),
        ("gpu = 3", r"mine\.toml: 'gpu' should be a table and is 3\.$"),
        ("[cpu]\nvcpu = 3", r": Price 'cpu\.vcpu' should be a table of date, label, source, unit, usd\.$"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        load_prices(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r": The price file cannot be read: No such file.*y\.$"):
        load_prices(tmp_path / "none.toml")


def test_prices_grow_old() -> None:
    sheet = load_prices()
    assert sheet.age_days(date(2026, 6, 2)) == 1  # the GPU's entry, of June, is the oldest
    assert sheet.stale_warning(date(2026, 11, 28)) is None  # 180 days
    assert sheet.stale_warning(date(2026, 11, 29)) == (
        "The price sheet is 181 days old at its oldest entry: check the prices before relying on USD."
    )
    cpu = sheet.usd_per_hour(CPU)
    assert cpu is not None
    assert cpu.stale_warning(date(2026, 11, 29)) is None
    assert cpu.stale_warning(date(2027, 6, 1)) == (
        f"The price of {cpu.label} is 212 days old: check it before relying on USD."
    )


def test_a_sheet_without_dates_has_no_age() -> None:
    undated = PriceSheet(vcpu=None, gpus={})
    assert undated.age_days(date(2026, 11, 29)) is None
    assert undated.stale_warning(date(2026, 11, 29)) is None
    assert undated.model("gpt-4o") is None
    assert undated.usd_per_hour(CPU) is None
    only_cpu = replace(undated, vcpu=load_prices().vcpu)
    assert only_cpu.age_days(date(2026, 11, 2)) == 1


def test_a_fixed_price() -> None:
    price = fixed_usd_per_hour(3)
    assert (price.usd_per_hour, price.source) == (3.0, "given by the user")
    assert price.stale_warning(date(2036, 1, 1)) is None
    for bad in (-1.0, float("inf"), float("nan"), "3", True):
        with pytest.raises(ConfigError) as caught:
            fixed_usd_per_hour(bad)  # type: ignore[arg-type]
        told = f"The 'usd_per_hour' parameter of a price must be a number >= 0. Got {bad!r} instead."
        assert str(caught.value) == told
