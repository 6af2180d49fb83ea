"""Equal values give equal bytes, and nothing undefined is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptkit.core.codec import canonical_json, content_hash, file_sha256, to_json


@dataclass(frozen=True)
class Point:
    x: float
    names: tuple[str, ...] = ()


scalars = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@settings(deadline=None)
@given(values)
def test_json_values_stay_as_they_are(value: Any) -> None:
    assert to_json(value) == value
    assert json.loads(canonical_json(value)) == value


@settings(deadline=None)
@given(st.dictionaries(st.text(), scalars), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], rng: Any) -> None:
    items = list(value.items())
    rng.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(value)


def test_dataclasses_tuples_and_paths_become_plain() -> None:
    assert to_json(Point(1.5, ("a",))) == {"x": 1.5, "names": ["a"]}
    assert to_json({"b", "a", "c"}) == ["a", "b", "c"]
    assert to_json({"path": Path("a/b"), 1: (Point(0),)}) == {"path": "a/b", "1": [{"x": 0, "names": []}]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": [float("-inf")]}])
def test_numbers_that_are_undefined_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_hashes_tell_values_apart_and_are_the_same_tomorrow() -> None:
    assert content_hash({"b": 1, "a": [None, "é"]}) == content_hash({"a": (None, "é"), "b": 1})
    # sha256 of {"a":[null,"é"],"b":1}
    assert content_hash({"b": 1, "a": [None, "é"]}) == "4803818f4da3b036"
    assert len({content_hash(v) for v in (0, "0", None, [], [0], {"0": 0}, False)}) == 7


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")
