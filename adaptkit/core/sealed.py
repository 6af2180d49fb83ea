"""JSON objects that hold the hash of their own content, so that damage is noticed when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adaptkit.core.codec import content_hash

SEAL = "content_hash"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The object with the hash of its content."""
    return {**content, SEAL: content_hash(content)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether an object that was read is as :func:`sealed` made it."""
    try:
        return content_hash({k: v for k, v in content.items() if k != SEAL}) == content.get(SEAL)
    except ValueError:  # damaged into what JSON reads and does not write: NaN, half a surrogate pair
        return False
