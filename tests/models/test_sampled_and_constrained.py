"""Requests that do not take the likeliest token: through the whole model, on both paths."""

from __future__ import annotations

import json

import jsonschema
import pytest
from tiny import tiny_model

from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Prompt, Request
from adaptkit.models.local.model import LocalModel

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Lima", "Oslo"]},
        "days": {"type": "integer", "minimum": 0, "maximum": 30},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}


@pytest.fixture(params=["llama", "qwen", "gemma", "gemma-window", "base"])
def model(request: pytest.FixtureRequest) -> LocalModel:
    kind, _, sliding = request.param.partition("-")
    return tiny_model(kind, window=24 if sliding else None)


def asked(text: str, **fields: object) -> Request:
    return Request(prompt=Prompt(instruction="Fill in the form.", input=text), max_new_tokens=60, **fields)  # type: ignore[arg-type]


def test_random_weights_write_json_that_follows_the_schema(model: LocalModel) -> None:
    requests = [asked(f"{n} days in Lima", schema=SCHEMA) for n in range(4)]
    free = [asked(f"{n} days in Lima") for n in range(2)]
    completions = model.complete([requests[0], free[0], *requests[1:], free[1]])
    for completion in [completions[0], *completions[2:5]]:
        jsonschema.validate(json.loads(completion.text), SCHEMA)
        assert completion.finish_reason == "stop"
        assert "\n" not in completion.text
    assert [completions[i].text for i in (1, 5)] == [c.text for c in model.complete(free)]


def test_answers_held_to_a_schema_do_not_depend_on_the_batch(model: LocalModel) -> None:
    requests = [asked("sky " * n, schema=SCHEMA) for n in (1, 9, 3)]
    together = [c.text for c in model.complete(requests)]
    assert [model.complete([r])[0].text for r in requests] == together


def test_drawn_answers_differ_by_seed_and_not_by_batch(model: LocalModel) -> None:
    requests = [asked("sky", temperature=1.2, seed=seed) for seed in range(4)]
    together = [c.text for c in model.complete(requests)]
    assert len(set(together)) > 1
    assert [model.complete([r])[0].text for r in requests[::-1]] == together[::-1]


def test_drawn_json_follows_the_schema_too(model: LocalModel) -> None:
    for completion in model.complete(
        [asked("sky", temperature=1.5, seed=s, schema=SCHEMA) for s in range(3)]
    ):
        jsonschema.validate(json.loads(completion.text), SCHEMA)


def test_schema_that_cannot_be_enforced_is_told() -> None:
    with pytest.raises(ConfigError, match="cannot be enforced"):
        tiny_model("llama").complete([asked("sky", schema={"not": {"type": "string"}})])
