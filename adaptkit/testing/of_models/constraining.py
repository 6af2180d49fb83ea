"""Models that hold their completions to a JSON Schema."""

from __future__ import annotations

import json
from typing import Any

from adaptkit.models.base import Constrainable
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect
from adaptkit.testing.model_case import TEXTS, ModelCase

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "size": {"enum": ["small", "large"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["size", "count"],
    "additionalProperties": False,
}
RIGHT, WRONG = '{"size": "small", "count": 3}', '{"size": "huge"}'
MAX_TOKENS = 120
"""The schema bounds its JSON to a third of that."""


def _constrainable(case: ModelCase) -> Constrainable:
    if not isinstance(case.model, Constrainable):
        raise NotApplicable("It cannot hold completions to a schema.")
    return case.model


def a_schema_is_followed(case: ModelCase) -> None:
    """The completion is JSON that follows the schema, alone and beside free ones."""
    import jsonschema

    model = _constrainable(case)
    requests = [case.request(text, schema=SCHEMA, max_new_tokens=MAX_TOKENS) for text in TEXTS[:2]]
    found = [*model.complete(requests[:1]), *model.complete([*requests, case.requests[0]])[:2]]
    remedy = "Let only tokens that the schema allows be written, and the end only where the JSON is whole."
    for completion in found:
        try:
            jsonschema.validate(json.loads(completion.text), SCHEMA)
        except (ValueError, jsonschema.ValidationError) as error:
            raise CheckFailed(
                f"Expected JSON that follows the schema. Found {completion.text!r} ({error}). {remedy}"
            ) from error


def a_schema_that_suits_is_not_refused(case: ModelCase) -> None:
    """``refuses`` gives None where all right answers can be written."""
    found = _constrainable(case).refuses(SCHEMA, [RIGHT])
    expect(
        found is None,
        f"None for {RIGHT}",
        found,
        "Give a reason only for what cannot be enforced or written.",
    )


def a_schema_that_forbids_a_right_answer_is_refused(case: ModelCase) -> None:
    """``refuses`` tells when one of the right answers could not be written under the schema."""
    found: object = _constrainable(case).refuses(SCHEMA, [RIGHT, WRONG])
    expect(
        isinstance(found, str) and bool(found),
        f"a reason, because {WRONG} does not follow the schema",
        found,
        "Try each text against the constraint.",
    )


CHECKS = (
    a_schema_is_followed,
    a_schema_that_suits_is_not_refused,
    a_schema_that_forbids_a_right_answer_is_refused,
)
