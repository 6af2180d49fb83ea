"""Trained weights as a plain transformers folder that needs nothing of this library."""

from __future__ import annotations

from pathlib import Path

from adaptkit.comparison.exports.prompts import PLACEHOLDER, PastedPrompt, pasted
from adaptkit.comparison.exports.saved import load_saved
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.files import write_text_atomic
from adaptkit.models.base import Model
from adaptkit.strategies.seal import read_state

PROMPT_FILE = "prompt.txt"


def export_weights(
    folder: Path,
    out: Path,
    *,
    model: str | Model | None = None,
    dtype: str = "auto",
    offline: bool = False,
    allow_download: bool = False,
) -> PastedPrompt:
    """Write the model of a saved strategy that trains weights, adapters merged, for ``from_pretrained``.

    The folder also gets ``prompt.txt``: the prompt that the weights were trained for.

    Args:
        folder: of the saved strategy.
        out: made; it must not hold files yet.
        model: the model that it was fitted to, or where that is; None for what the folder names.
        dtype: number format that adapters are merged and weights written in; ``auto`` is the one that this
            machine answers in, so that the weights are those that were measured. Merging in ``float32``
            rounds nothing.
        offline: use nothing that is not on this machine.
        allow_download: fetch from a model hub what the folder names, and is not on this machine.

    Returns:
        The prompt that goes with the weights.

    Raises:
        CapabilityError: the strategy changes no weights.
        ConfigError: no saved strategy there, another model, or ``out`` holds files.
        ModelError: the model cannot be loaded.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"'{out}' exists and is not an empty folder. Give another one with --out.")
    saved = read_state(folder)
    strategy = load_saved(folder, model, dtype=dtype, offline=offline, allow_download=allow_download)
    if not strategy.traits.trains_weights:
        raise CapabilityError(
            f"'{strategy.label}' changes no weights: the model stays {saved['model']['id']}. What it asks is "
            "exported with the format 'prompts'."
        )
    made = strategy.model_
    module, tokenizer = getattr(made, "module", None), getattr(made, "tokenizer", None)
    if module is None or tokenizer is None:
        raise CapabilityError(f"The model of '{strategy.label}' has no weights at hand to write.")
    from adaptkit.models.quiet import quiet_transformers

    with quiet_transformers():
        module.save_pretrained(out)
        tokenizer.save_pretrained(out)
    prompt = pasted(strategy, folder, str(saved["model"]["id"]), PLACEHOLDER)
    write_text_atomic(out / PROMPT_FILE, prompt.to_text())
    return prompt
