"""Versions of the packages that matter, against what the library asks for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptkit.cli.readiness.machine import Finding

DISTRIBUTION = "adaptkit-llm"
SHOWN = ("torch", "transformers", "peft", "sentence-transformers", "faiss-cpu", "numpy", "pandas")
OPTIONAL = {"pyarrow": "parquet", "datasets": "hub", "mlflow-skinny": "mlflow"}


def package_findings() -> Iterator[Finding]:
    """Every package that is missing or too old, and the versions of the rest that matter."""
    from adaptkit.cli.readiness.machine import Finding

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
