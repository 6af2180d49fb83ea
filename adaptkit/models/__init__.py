"""Models: what they must offer, and where they come from."""

from adaptkit.models.base import Model, Trainable

__all__ = ["Model", "Trainable"]
