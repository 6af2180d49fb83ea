"""Saved strategies of a run folder, and the model that they were fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptkit.comparison.store import ARTIFACTS
from adaptkit.core.errors import ConfigError
from adaptkit.core.result_io import MANIFEST_JSON, read_manifest
from adaptkit.models.base import Model
from adaptkit.models.hub import named_by_a_file
from adaptkit.strategies import Strategy, load_strategy
from adaptkit.strategies.seal import STATE_FILE, read_state


def saved_in(folder: Path) -> list[Path]:
    """Folders of saved strategies: the folder itself, those of a run's table, or those just below it.

    Of a strategy that was run with several seeds the first is taken.

    Raises:
        ConfigError: there is none.
    """
    if (folder / STATE_FILE).is_file():
        return [folder]
    if (folder / MANIFEST_JSON).is_file():
        found = [folder / name for name in _artifacts(read_manifest(folder))]
    else:
        # Parts of a composition have a strategy.json of their own, one folder further down.
        found = sorted(path.parent for path in folder.glob(f"*/{STATE_FILE}"))
    if not found:
        what = "holds no saved strategy" if folder.is_dir() else "does not exist"
        raise ConfigError(f"The folder '{folder}' {what}. Give a run folder, or DIR/{ARTIFACTS}/<strategy>.")
    return found


def _artifacts(manifest: Mapping[str, Any]) -> list[str]:
    """One a task and strategy, as far as it was saved; that of a second, identical run is none."""
    found: dict[tuple[str, str], str] = {}
    for trial in manifest.get("trials", ()):
        if trial["artifact"] and not trial["repeat"]:
            found.setdefault((trial["task"], trial["strategy"]), trial["artifact"])
    return list(found.values())


def load_saved(
    folder: Path,
    model: str | Model | None = None,
    *,
    dtype: str = "auto",
    offline: bool = False,
    allow_download: bool = False,
) -> Strategy:
    """Load a saved strategy with its model.

    Args:
        folder: what ``Strategy.save`` wrote.
        model: the model that it was fitted to, or where that is; None for what the folder names.
        dtype: number format to load it in, see ``load_model``.
        offline: use nothing that is not on this machine.
        allow_download: fetch from a model hub what the folder names, and is not on this machine.

    Raises:
        ConfigError: no strategy there, a damaged one, or another model.
        ModelError: the model cannot be loaded.
    """
    loaded = model_of(read_state(folder), model, dtype=dtype, offline=offline, allow_download=allow_download)
    return load_strategy(folder, loaded, allow_download=allow_download)


def model_of(
    saved: dict[str, Any],
    model: str | Model | None,
    *,
    dtype: str = "auto",
    offline: bool,
    allow_download: bool,
) -> Model:
    """The model itself, where it is given; else the one of this name, or of the name that was saved.

    One that only the folder names is fetched from a model hub where ``allow_download`` says so.
    """
    if model is not None and not isinstance(model, str):
        return model
    from adaptkit.models.load import load_model

    with named_by_a_file(allow_download=allow_download or model is not None):
        return load_model(model or str(saved["model"]["id"]), dtype=dtype, offline=offline)
