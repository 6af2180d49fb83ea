"""What machine this is, as far as it bears on time and price."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A machine as this process sees it.

    Attributes:
        cpu: the processor's name.
        n_cores: cores that this process may use, which in a container are fewer than the machine has.
        memory_bytes: memory that it may use.
        gpu_name: as the driver reports it, None where no GPU is used.
        platform: operating system and architecture.
    """

    cpu: str
    n_cores: int
    memory_bytes: int
    gpu_name: str | None
    platform: str


def describe_hardware(gpu_name: str | None = None) -> Hardware:
    """Describe the machine; callers that use a GPU pass its name, so that this needs no torch."""
    import psutil

    memory = int(psutil.virtual_memory().total)
    limit = _memory_limit(_read(_CGROUP / "memory.max"))
    return Hardware(
        cpu=_cpu_name(),
        n_cores=usable_cores(),
        memory_bytes=memory if limit is None else min(memory, limit),
        gpu_name=gpu_name,
        platform=f"{platform.system()} {platform.machine()}",
    )


def usable_cores() -> int:
    """Return how many cores this process may keep busy: the affinity mask, cut by a container's quota."""
    # macOS and Windows have no affinity mask to ask for.
    affinity = getattr(os, "sched_getaffinity", None)
    n = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    quota = _cpu_quota(_read(_CGROUP / "cpu.max"))
    return n if quota is None else max(1, min(n, quota))


def _cpu_quota(text: str) -> int | None:
    """Read cgroup 2's ``cpu.max``, ``<microseconds> <period>`` or ``max <period>``, as whole cores."""
    parts = text.split()
    if len(parts) != 2 or not all(p.isdigit() for p in parts) or parts[1] == "0":
        return None
    # Half a core is paid for as one.
    return -(-int(parts[0]) // int(parts[1]))


def _memory_limit(text: str) -> int | None:
    """Read cgroup 2's ``memory.max``: bytes, or ``max``."""
    return int(text) if text.strip().isdigit() else None


def _cpu_name() -> str:
    for line in _read(_CPUINFO).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
