"""Clocks, memory and the description of the machine."""

from __future__ import annotations

import mmap
import threading
import time
from pathlib import Path

import pytest

from adaptkit.costs import Meter, PeakMemory, describe_hardware, hardware

MB = 2**20


def test_meter_measures_the_block() -> None:
    with Meter() as meter:
        time.sleep(0.05)
    assert 0.05 <= meter.seconds < 1


def test_meter_waits_for_the_device_inside_the_measured_time() -> None:
    calls: list[float] = []

    def sync() -> None:
        calls.append(time.perf_counter())
        time.sleep(0.03)

    with Meter(sync=sync) as meter:
        pass
    assert len(calls) == 2
    assert meter.seconds == pytest.approx(calls[1] + 0.03 - (calls[0] + 0.03), abs=0.02)


def test_meter_lets_errors_pass_without_asking_the_device_again() -> None:
    calls: list[int] = []
    meter = Meter(sync=lambda: calls.append(1))
    with pytest.raises(KeyError), meter:
        raise KeyError("x")
    assert len(calls) == 1
    assert meter.seconds > 0


def test_peak_memory_sees_what_is_freed_again() -> None:
    # Pages of their own: a process that has freed much would fill a block from what it has kept.
    with PeakMemory() as memory, mmap.mmap(-1, 200 * MB) as block:
        block.write(b"x" * (200 * MB))
        time.sleep(0.1)
    assert memory.peak_bytes - memory.start_bytes > 150 * MB
    assert memory.device_bytes is None
    assert not [t for t in threading.enumerate() if t.name == "peak-memory"]


def test_peak_memory_asks_the_device_at_the_end() -> None:
    with PeakMemory(device_peak_bytes=lambda: 123) as memory:
        pass
    assert memory.device_bytes == 123
    assert memory.peak_bytes >= memory.start_bytes > 0


def test_peak_memory_stops_its_thread_after_an_error() -> None:
    with pytest.raises(KeyError), PeakMemory(device_peak_bytes=lambda: 1 // 0):
        raise KeyError("x")
    assert not [t for t in threading.enumerate() if t.name == "peak-memory"]


def test_this_machine() -> None:
    here = describe_hardware("NVIDIA A10G")
    assert here.n_cores >= 1
    assert here.memory_bytes > 100 * MB
    assert here.cpu
    assert here.platform
    assert here.gpu_name == "NVIDIA A10G"
    assert describe_hardware().gpu_name is None


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000", None),
        ("", None),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("5 0", None),
    ],
)
def test_a_containers_quota_cuts_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, cores: int | None
) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    (tmp_path / "cpu.max").write_text(text, encoding="utf-8")
    assert hardware.usable_cores() == (cores or 64)


def test_a_containers_memory_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(f"{64 * MB}\n", encoding="utf-8")
    assert describe_hardware().memory_bytes == 64 * MB
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert describe_hardware().memory_bytes > 64 * MB
