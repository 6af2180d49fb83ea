"""A model that is loaded when the first trial needs it: a finished comparison needs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import ModelInfo
from adaptkit.models.base import Model

if TYPE_CHECKING:
    from adaptkit.models.load import ModelSource


class LazyModel:
    """A model, or the means to load it.

    Args:
        id: the model's name, known beforehand.
        revision: what identifies its weights, known beforehand.
        load: called once, on first use.
        variant: anything else about it that changes outputs (device, dtype).
        billed_by: the provider that bills its tokens; None where it runs on the own machine.
    """

    def __init__(
        self,
        *,
        id: str,
        revision: str,
        load: Callable[[], Model],
        variant: str = "",
        billed_by: str | None = None,
    ) -> None:
        self.id = id
        self.revision = revision
        self.variant = variant
        self.billed_by = billed_by
        self._load = load
        self._model: Model | None = None

    @classmethod
    def of(cls, model: Model) -> LazyModel:
        """Wrap a model that is loaded already."""
        info = model.info
        return cls(
            id=info.id,
            revision=info.revision,
            load=lambda: model,
            variant=info.dtype,
            billed_by=info.billed_by,
        )

    @classmethod
    def of_source(cls, source: ModelSource, *, offline: bool = False) -> LazyModel:
        """The means to a model that has a name; nothing is loaded yet."""
        from adaptkit.models.load import load_model

        return cls(
            id=source.id, revision=source.revision, load=lambda: load_model(source.id, offline=offline)
        )

    @classmethod
    def named(cls, model: str | None = None, *, offline: bool = False) -> LazyModel:
        """The means to a model by its name; None is the embedded default."""
        from adaptkit.models.load import resolve_model

        return cls.of_source(resolve_model(model), offline=offline)

    @property
    def key(self) -> str:
        """What identifies the model in a trial's key."""
        return "|".join((self.id, self.revision, self.variant))

    @property
    def loaded(self) -> ModelInfo | None:
        """The model's description, None while it has not been loaded."""
        return self._model.info if self._model else None

    def get(self) -> Model:
        """The model."""
        if self._model is None:
            self._model = self._load()
        return self._model


def provider_of(model: Model | LazyModel | None) -> LazyModel:
    """The means to a model; None is the embedded default, loaded when it is needed."""
    return LazyModel.named() if model is None else provider_given(model)


def provider_given(model: object) -> LazyModel:
    """The means to a model that has to be given.

    Raises:
        ConfigError: it is none.
    """
    if isinstance(model, LazyModel):
        return model
    if not isinstance(model, Model):
        raise ConfigError.for_parameter("compare", "model", "a model, made by ak.load_model", model)
    return LazyModel.of(model)
