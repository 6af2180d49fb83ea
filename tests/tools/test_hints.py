"""Functions as tools: hints become schemas, docstrings words."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Optional

import pytest

from adaptkit.core.errors import ConfigError
from adaptkit.models.local.constrain import Grammars
from adaptkit.strategies.tools import Tool, tool_from


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def paint(
    what: str,
    colour: Colour,
    coats: int = 1,
    size: Literal["small", "large"] = "small",
    at: Annotated[float | None, "hours from now"] = None,
) -> str:
    """Paint a thing
    in a colour.

    More that no model needs.

    Args:
        what: the thing.
        coats (int): how many.

    Returns:
        size: this is no argument.
    """
    return f"{what} {colour.name} {coats} {size} {at}"


def test_a_function_is_described_by_its_hints_and_its_docstring() -> None:
    tool = tool_from(paint)
    assert (tool.name, tool.description) == ("paint", "Paint a thing in a colour.")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "what": {"type": "string", "description": "the thing."},
            "colour": {"enum": ["red", "blue"]},
            "coats": {"type": "integer", "description": "how many.", "default": 1},
            "size": {"enum": ["small", "large"], "default": "small"},
            "at": {
                "anyOf": [{"type": "number"}, {"type": "null"}],
                "description": "hours from now",
                "default": None,
            },
        },
        "required": ["what", "colour"],
        "additionalProperties": False,
    }


def test_arguments_are_checked_and_turned_into_what_the_function_takes() -> None:
    tool = tool_from(paint)
    assert tool.run is not None
    assert tool.fault({"what": "door", "colour": "blue"}) is None
    assert "required" in str(tool.fault({"what": "door"}))
    assert "'green' is not one of" in str(tool.fault({"what": "door", "colour": "green"}))
    assert "'colour_' was unexpected" in str(tool.fault({"what": "d", "colour": "red", "colour_": 1}))
    assert tool.run(what="door", colour="blue", coats=2) == "door BLUE 2 small None"


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (bool, {"type": "boolean"}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (set[Literal[1, 2]], {"type": "array", "items": {"enum": [1, 2]}}),
        (dict, {"type": "object"}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),  # noqa: UP045
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Any, {}),
    ],
)
def test_each_kind_of_hint_has_its_schema(hint: Any, schema: dict[str, Any]) -> None:
    def take(x: Any) -> None: ...

    take.__annotations__["x"] = hint
    assert tool_from(take).properties["x"] == schema


def test_values_inside_of_containers_are_converted_too() -> None:
    seen: list[Any] = []

    def mix(colours: list[Colour], named: dict[str, Colour], either: Colour | int, points: set[int]) -> None:
        seen.extend([colours, named, either, points])

    run = tool_from(mix).run
    assert run is not None
    run(colours=["red"], named={"a": "blue"}, either=3, points=[1, 1, 2])
    assert seen == [[Colour.RED], {"a": Colour.BLUE}, 3, {1, 2}]
    run(colours=[], named={}, either="red", points=[])
    assert seen[6] is Colour.RED


def test_a_method_and_another_name_will_do() -> None:
    class Shop:
        def price(self, item: str) -> int:
            return len(item)

    tool = tool_from(Shop().price, name="price_of")
    assert (tool.name, tool.description, tool.required) == ("price_of", "price", ("item",))
    assert tool.run is not None
    assert tool.run(item="abc") == 3


def without_hint(a, b: int) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return b


def starred(*numbers: int) -> int:
    return sum(numbers)


def odd_hint(f: Callable[[], int]) -> int:
    return f()


def odd_literal(x: Literal[b"a"]) -> None: ...


def missing_type(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821


async def later(x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            without_hint,
            "'a' of the tool 'without_hint' has no type hint. Write one, such as 'a: str'",
        ),
        (starred, "parameter 'numbers' of the tool 'starred' cannot be given by name"),
        (odd_hint, "has the type hint .* which JSON cannot hold"),
        (odd_literal, "which JSON cannot hold"),
        (missing_type, "type hints of the tool 'missing_type' cannot be read"),
        (later, "is asynchronous"),
        (lambda x: x, "must be letters, digits"),
        (math.sqrt, "cannot be given by name"),
        (functools.partial(starred, 1), "A tool is a function or method"),
        (int, "A tool is a function or method"),
    ],
)
def test_what_cannot_be_described_is_refused_with_a_sentence(function: Any, sentence: str) -> None:
    if getattr(function, "__name__", "") == "<lambda>":
        function.__annotations__["x"] = int
    with pytest.raises(ConfigError, match=sentence):
        tool_from(function)


@pytest.mark.parametrize("name", ["", "a b", "1st", "é", "x" * 200, None])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match="'name' parameter of Tool"):
        Tool(name=name, description="x")


def test_parameters_are_those_of_an_object() -> None:
    with pytest.raises(ConfigError, match="'parameters' parameter of Tool"):
        Tool(name="x", description="x", parameters={"type": "string"})
    assert Tool(name="x", description="x").fault({"a": 1}) is not None
    assert Tool(name="x", description="x").fault({}) is None


def test_the_form_of_chat_services_is_read() -> None:
    inner = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
    tool = Tool.from_json({"type": "function", "function": inner})
    assert tool.to_json() == inner
    assert tool.run is None


def test_schemas_of_functions_can_be_enforced_while_decoding() -> None:
    from tiny import tiny_tokenizer

    tokenizer = tiny_tokenizer("llama")
    grammars = Grammars(tokenizer, stop_ids=frozenset({tokenizer.eos_token_id}), n_vocab=len(tokenizer))
    grammars.json_schema(tool_from(paint).parameters)
