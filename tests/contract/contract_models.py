"""Models that the contract suites run on: functions of a module, so that another process makes them too."""

from __future__ import annotations

import sys

from tiny import HashEmbedder, tiny_model

from adaptkit import retrieval
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.testing import StandIn

STOP_EVERY = 12
"""Completions of a dozen tokens: long enough to differ, short enough for many."""

if "pytest" not in sys.modules:
    # The other process of a check: strategies are not imported yet, and will take this one.
    retrieval.load_embedder = lambda _name="": HashEmbedder()  # type: ignore[assignment]


def stand_in() -> StandIn:
    return StandIn()


def llama() -> LocalModel:
    return tiny_model("llama", stop_every=STOP_EVERY)


def gemma() -> LocalModel:
    return tiny_model("gemma", stop_every=STOP_EVERY)


def fake() -> FakeModel:
    """A FakeModel whose function answers as a request asks."""
    polite = StandIn()
    return FakeModel(lambda request: polite.complete([request])[0].text)
