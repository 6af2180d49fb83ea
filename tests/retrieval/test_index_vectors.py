from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import HashEmbedder

from adaptkit.retrieval import VectorIndex, index


@pytest.mark.parametrize(("limit", "tolerance"), [(50_000, 0.0), (500, 0.01)])
def test_vectors_are_those_at_the_positions(
    limit: int, tolerance: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FLAT_LIMIT", limit)
    vectors = np.random.default_rng(0).standard_normal((2_000, HashEmbedder.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = VectorIndex(vectors, HashEmbedder())
    made.save(tmp_path)
    positions = [7, 0, 1_999, 7]
    for found in (made, VectorIndex.load(tmp_path, HashEmbedder())):
        assert np.abs(found.vectors(positions) - vectors[positions]).max() <= tolerance
        assert found.vectors([]).shape == (0, HashEmbedder.dimension)
