"""What this machine has of what a comparison needs, and what to do where it lacks something."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import psutil

from adaptkit.core.version import __version__
from adaptkit.costs import describe_hardware
from adaptkit.models.cache import bytes_below
from adaptkit.models.embedded import EMBEDDED, OFFLINE_VARIABLE, cache_dir, changed_files, embedded_folder
from adaptkit.models.fetch import local_wheel
from adaptkit.tasks import find_task, known_tasks

State = Literal["ok", "note", "stop"]
MIN_AVAILABLE_BYTES = 2_000_000_000
"""What answers with the embedded model in float32, and torch itself, take in round figures."""
RUN_BYTES = 200_000_000
"""A run folder with records and adapters of a small model; a reserve of it is made before anything else."""
ONLINE_S = 30
DISTRIBUTION = "adaptkit-llm"
SHOWN = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "numpy", "pandas")
OPTIONAL = {"pyarrow": "parquet", "datasets": "hub", "mlflow-skinny": "mlflow"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing, ``value`` what was found.
        state: ``ok``, ``note`` (a comparison runs, with less) or ``stop`` (it would not).
        advice: what to do where it is not ok.
    """

    name: str
    value: str
    state: State = "ok"
    advice: str = ""


def check_machine(*, runs: Path = Path("runs"), online: bool = False) -> list[Finding]:
    """Look at everything; one thing that fails hides no other.

    Args:
        runs: the folder that run folders are to be made in.
        online: also ask the package index that pip is set to; without it no network is used.
    """
    looked: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _package_findings,
        _device,
        _memory,
        _cores,
        _cache,
        _models,
        lambda: _runs(runs),
        _tasks,
    ]
    if online:
        looked.append(_index)
    return [finding for look in looked for finding in look()]


def _python() -> Iterator[Finding]:
    yield Finding(name="adaptkit", value=__version__)
    yield Finding(name="python", value=f"{platform.python_version()} ({sys.executable})")


def _device() -> Iterator[Finding]:
    try:
        import torch

        from adaptkit.models.load import default_device, default_dtype
    except (ImportError, OSError) as error:  # a broken build fails in its libraries
        first = str(error).strip().partition("\n")[0]
        yield Finding(
            name="device",
            value=f"torch does not load ({first})",
            state="stop",
            advice="Install torch again for this Python and machine.",
        )
        return
    device = default_device()
    name = torch.cuda.get_device_name(0) if device == "cuda" else describe_hardware().cpu
    yield Finding(name="device", value=f"{device}, {name}")
    dtype = str(default_dtype(device)).removeprefix("torch.")
    slow = device == "cpu" and dtype == "float32"
    yield Finding(
        name="number format",
        value=dtype,
        state="note" if slow else "ok",
        advice="This processor has no fast bfloat16: answers take about twice as long." if slow else "",
    )


def _memory() -> Iterator[Finding]:
    hardware = describe_hardware()
    available = min(int(psutil.virtual_memory().available), hardware.memory_bytes)
    short = available < MIN_AVAILABLE_BYTES
    yield Finding(
        name="memory",
        value=f"{available / 1e9:.1f} of {hardware.memory_bytes / 1e9:.1f} GB available",
        state="note" if short else "ok",
        advice="Close other programs: a small model may not fit." if short else "",
    )


def _cores() -> Iterator[Finding]:
    n_cores = describe_hardware().n_cores
    asked = os.environ.get("OMP_NUM_THREADS", "")
    fewer = asked.isdigit() and int(asked) < n_cores
    yield Finding(
        name="cores",
        value=f"{n_cores}" + (f", OMP_NUM_THREADS={asked}" if asked else ""),
        state="note" if fewer else "ok",
        advice=f"Unset OMP_NUM_THREADS to let one answer use all {n_cores} cores." if fewer else "",
    )


def _cache() -> Iterator[Finding]:
    folder = cache_dir()
    fault = not_writable(folder)
    used = bytes_below(folder) if folder.is_dir() else 0
    free = shutil.disk_usage(nearest(folder)).free
    missing = sum(m.disk_bytes for n, m in EMBEDDED.items() if not embedded_folder(n).is_dir())
    advice = ""
    if fault:
        advice = f"{fault} Set ADAPTKIT_CACHE to a folder that can be written."
    elif free < missing:
        gigabytes = f"{missing / 1e9:.1f} GB"
        advice = f"Fetching the embedded models takes up to {gigabytes}: make room, or set ADAPTKIT_CACHE."
    yield Finding(
        name="cache",
        value=f"{folder}, {used / 1e6:.0f} MB used, {free / 1e9:.1f} GB free",
        state="stop" if advice else "ok",
        advice=advice,
    )


def _models() -> Iterator[Finding]:
    offline = os.environ.get(OFFLINE_VARIABLE) == "1"
    for name, model in EMBEDDED.items():
        here = embedded_folder(name).is_dir()
        changed = changed_files(name) if here else ()
        if here and not changed:
            yield Finding(name=name, value="in the cache")
            continue
        size = f"{model.wheel.size_bytes / 1e6:.0f} MB"
        found = f"changed in the cache: {', '.join(changed)}" if changed else "not in the cache"
        stop = offline and local_wheel(model.wheel) is None
        yield Finding(
            name=name,
            value=f"{found} ({size} to fetch)",
            state="stop" if stop else "note",
            advice=f"{OFFLINE_VARIABLE} is 1: unset it once, or {model.wheel.by_hand}."
            if stop
            else f"Fetched at its next use; adaptkit models fetch {name} does it now.",
        )


def _runs(folder: Path) -> Iterator[Finding]:
    fault = not_writable(folder)
    free = shutil.disk_usage(nearest(folder)).free
    if not fault and free < RUN_BYTES:
        fault = f"{free / 1e6:.0f} MB are free there."
    yield Finding(
        name="run folder",
        value=f"{folder.resolve()}, {free / 1e9:.1f} GB free",
        state="stop" if fault else "ok",
        advice=f"{fault} Give another folder to commands with --out." if fault else "",
    )


def _tasks() -> Iterator[Finding]:
    known = known_tasks()
    missing = [name for name in known if find_task(name) is None]
    yield Finding(
        name="tasks",
        value=f"{len(known) - len(missing)} known by name",
        state="note" if missing else "ok",
        advice=f"Not found: {', '.join(missing)}. Set ADAPTKIT_DATA to the repository's data folder, or give "
        "your own with --task."
        if missing
        else "",
    )


def _index() -> Iterator[Finding]:
    """Ask pip, with whatever index, mirror, proxy and certificate it is set to."""
    requirement = next(iter(EMBEDDED.values())).wheel.distribution
    command = [sys.executable, "-m", "pip", "index", "versions", requirement, "--no-input"]
    command += ["--disable-pip-version-check", "--retries", "0", "--timeout", "10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ONLINE_S, check=False)
        said = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        answers = done.returncode == 0
    except subprocess.TimeoutExpired:
        answers, said = False, f"no answer in {ONLINE_S} s"
    needed = any(not embedded_folder(n).is_dir() for n in EMBEDDED)
    yield Finding(
        name="package index",
        value="answers" if answers else f"does not answer ({said[:200]})",
        state="ok" if answers else "stop" if needed else "note",
        advice="" if answers else "Check the connection and how pip is set up (pip config list).",
    )


def nearest(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    return next(p for p in (folder.resolve(), *folder.resolve().parents) if p.is_dir())


def not_writable(folder: Path) -> str:
    """Why a folder cannot be made or written to; empty when it can. Nothing stays behind."""
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file."
    try:
        with tempfile.TemporaryFile(dir=nearest(folder)):
            return ""
    except OSError as error:
        return f"{nearest(folder)} cannot be written to ({error.strerror})."


def _package_findings() -> Iterator[Finding]:
    """Every package that is missing or too old, and the versions of the rest that matter."""
    needed = _needed()
    for name in dict.fromkeys([*SHOWN, *needed]):
        found, least = _version(name), needed.get(name, "")
        if found is None:
            advice = f"pip install '{name}{least}'"
            yield Finding(name=name, value="not installed", state="stop", advice=advice)
        elif least and _is_older(found, least):
            advice = f"pip install --upgrade '{name}{least}'"
            yield Finding(name=name, value=f"{found}, and {least} is needed", state="stop", advice=advice)
        elif name in SHOWN:
            yield Finding(name=name, value=found)
    for name, extra in OPTIONAL.items():
        found = _version(name)
        value = found or f"not installed (optional: the extra '{extra}')"
        yield Finding(name=name, value=value)


def _needed() -> dict[str, str]:
    """What the installed distribution asks for, by name; empty where the library runs from a folder."""
    try:
        from packaging.requirements import Requirement

        asked = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    except (PackageNotFoundError, ImportError):
        return {}
    return {r.name: str(r.specifier) for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _is_older(found: str, wanted: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return not SpecifierSet(wanted).contains(found, prereleases=True)
