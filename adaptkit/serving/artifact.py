"""A saved strategy and the model that it was fitted to, found by what the artefact itself says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.comparison.store import ARTIFACTS
from adaptkit.core.errors import CapabilityError, ConfigError, ModelError, UnknownNameError
from adaptkit.core.sealed import SEAL
from adaptkit.core.types import Completion, ModelInfo, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.models.hub import named_by_a_file
from adaptkit.models.load import ModelSource, load_model, resolve_model
from adaptkit.strategies import Strategy, load_strategy, make_strategy
from adaptkit.strategies.seal import STATE_FILE, mismatch, read_state
from adaptkit.strategies.tools import from_a_file

KNOWN_BEFOREHAND = ("embedded", "folder", "gguf")
"""Kinds of model whose revision is told without loading them; a Hub id's is, once it is loaded."""


@dataclass(frozen=True)
class Artifact:
    """What ``Strategy.save`` wrote, read but not loaded.

    Attributes:
        model_id: name of the model that it was fitted to.
        model_revision: what identifies that model's weights.
        fingerprint: of its content; tells two fits of one strategy apart.
        uses_llm: whether the model answers; baselines do without it.
        allow_download: fetch from a model hub what only the artefact names, and is not on this machine.
    """

    folder: Path
    model_id: str
    model_revision: str
    fingerprint: str
    uses_llm: bool = True
    allow_download: bool = False

    @classmethod
    def read(cls, folder: Path, *, allow_download: bool = False) -> Artifact:
        """Read strategy.json.

        Raises:
            ConfigError: there is none, or it is damaged, or the folder is that of a whole comparison.
        """
        if not folder.is_dir():
            raise ConfigError(
                f"There is no folder '{folder}'. Give one that a fitted strategy was saved to: a comparison "
                "leaves them as DIR/artifacts/<strategy>."
            )
        within = _strategies_in(folder)
        if within:
            raise ConfigError(
                f"'{folder}' holds several strategies. Give one of them: {', '.join(map(str, within))}."
            )
        saved: Mapping[str, Any] = read_state(folder)
        with from_a_file():
            strategy = make_strategy(saved["strategy"], saved["params"])
        return cls(
            folder=folder,
            model_id=str(saved["model"]["id"]),
            model_revision=str(saved["model"]["revision"]),
            fingerprint=str(saved[SEAL]),
            uses_llm=strategy.traits.uses_llm,
            allow_download=allow_download,
        )

    def load(self, provider: LazyModel) -> Strategy:
        """Load the model and put the strategy on it.

        Raises:
            ConfigError: a file is not as it was saved, or the model is another one.
            ModelError: the model cannot be loaded.
        """
        return load_strategy(self.folder, provider.get(), allow_download=self.allow_download)


class UnaskedModel:
    """The model of a strategy that answers without one: known by its name, and never loaded."""

    def __init__(self, artifact: Artifact) -> None:
        self.info = ModelInfo(
            id=artifact.model_id,
            revision=artifact.model_revision,
            n_parameters=0,
            dtype="not loaded",
            device="cpu",
            context_tokens=0,
            engine="none",
        )

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Refuse: nobody should ask."""
        raise CapabilityError(f"The model {self.info.id} was not loaded: the strategy answers without it.")

    def count_tokens(self, text: str) -> int:
        """Words, in the place of tokens that only its tokenizer knows."""
        return len(text.split())

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Words, likewise."""
        return self.count_tokens(f"{prompt.instruction} {prompt.input}")


def _strategies_in(folder: Path) -> list[Path]:
    """The saved strategies in a comparison's folder, or its artefacts; none in a strategy's own."""
    if (folder / STATE_FILE).exists():
        return []
    return sorted(path.parent for at in (folder, folder / ARTIFACTS) for path in at.glob(f"*/{STATE_FILE}"))


def provider_for(
    artifact: Artifact, model: str | None = None, *, dtype: str = "auto", offline: bool = False
) -> LazyModel:
    """The means to the model that an artefact was fitted to; nothing is loaded yet.

    Of a strategy that asks no model none is looked for, unless its place is given.

    Args:
        artifact: the saved strategy.
        model: where that model is now, if not where it was; None for the name in the artefact.
        dtype: of its weights; ``auto`` as in a comparison.
        offline: use nothing that is not on this machine yet.

    Raises:
        ConfigError: the model is not found under its name, or it is another one.
    """
    if model is None and not artifact.uses_llm:
        return LazyModel.of(UnaskedModel(artifact))
    source = _source(artifact, model)
    if source.kind in KNOWN_BEFOREHAND and source.revision != artifact.model_revision:
        raise mismatch(
            artifact.folder,
            {"id": artifact.model_id, "revision": artifact.model_revision},
            id=source.id,
            revision=source.revision,
        )
    # A Hub id means the newest commit; the artefact says which it was.
    revision = artifact.model_revision if source.kind == "hub" else None

    def load() -> Model:
        with named_by_a_file(allow_download=artifact.allow_download or model is not None):
            return load_model(source.id, dtype=dtype, revision=revision, offline=offline)

    return LazyModel(id=source.id, revision=source.revision, load=load)


def _source(artifact: Artifact, model: str | None) -> ModelSource:
    if model is not None:
        return resolve_model(model)
    try:
        return resolve_model(artifact.model_id)
    except (UnknownNameError, ModelError) as error:
        raise ConfigError(
            f"The strategy in '{artifact.folder}' was fitted to the model '{artifact.model_id}', which is "
            f"not found from here. Say with --model where it is. ({error})"
        ) from None
