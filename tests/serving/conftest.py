from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def no_general_loss() -> Iterator[None]:
    """Fine-tuning does not look at what it costs elsewhere: its answers are served, not its notes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adaptkit.training.forgetting.general_loss", lambda _model: 0.0)
        yield
