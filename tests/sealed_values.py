"""Values that are told by name and stay as they were."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest


def assert_given_by_name(value: Any) -> None:
    """Every field has to be named."""
    kinds = {p.kind for p in inspect.signature(type(value)).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def assert_stays(value: Any) -> None:
    """No field can be set again."""
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, getattr(value, field))
