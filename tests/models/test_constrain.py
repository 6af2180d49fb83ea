from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from spm import spm_tokenizer
from tiny import tiny_model, tiny_tokenizer

from adaptkit.core.errors import ConfigError, ModelError
from adaptkit.models.local.constrain import MAX_GRAMMARS, Grammars
from adaptkit.models.local.model import LocalModel
from adaptkit.models.local.rows import Constraint
from adaptkit.tasks import load_task

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ADAPTKIT_TASKS") or ROOT.parent / "shared" / "tasks")
KINDS = ("llama", "qwen", "gemma", "base", "spm")
Schema = Mapping[str, Any]


def record(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TRIP = record(city={"type": "string"}, day={"enum": ["monday", "today"]})
# What each feature lets by, and what not. Strings are bounded, so that a random walk ends.
FEATURES: dict[str, tuple[Schema, list[str], list[str]]] = {
    "enum": ({"enum": ["a", "b c", 1, None]}, ['"b c"', "null"], ['"c"', "2"]),
    "unicode": ({"enum": ["Café", "£20-25", "\U0001f600"]}, ['"£20-25"', '"\U0001f600"'], ['"Cafe"']),
    "const": ({"const": {"a": [1, "x"]}}, ['{"a": [1, "x"]}', '{"a":[1,"x"]}'], ['{"a": [1, "y"]}']),
    "pattern": ({"type": "string", "pattern": "^[A-Z]{2}[0-9]$"}, ['"AB1"'], ['"ab1"', '"AB12"']),
    "length": (
        {"type": "string", "minLength": 2, "maxLength": 4},
        ['"ab"', '"éé"', r'"\n\""', r'"\u00e9\u00e9"'],
        ['"a"', '"abcde"', '"a\nb"', r'"\x"'],
    ),
    "integers": ({"type": "integer", "minimum": 3, "maximum": 12}, ["3", "12"], ["2", "13", "3.5", "03"]),
    "numbers": (
        {"type": "number", "minimum": -1, "exclusiveMaximum": 2, "multipleOf": 0.5},
        ["-0.5", "1"],
        ["2", "0.3"],
    ),
    "optional keys": (
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False},
        ["{}", '{"a": true}'],
        ['{"b": 1}', '{"a": 1}', '{"a": true, "a": true}'],
    ),
    "nested arrays": (
        {
            "type": "array",
            "maxItems": 2,
            "items": {"type": "array", "maxItems": 2, "items": record(x={"type": "boolean"})},
        },
        ['[[{"x": true}, {"x": false}], []]'],
        ['[{"x": true}]', "[[], [], []]"],
    ),
    "oneOf": (
        {"oneOf": [record(t={"const": "a"}, v={"type": "boolean"}), record(t={"const": "b"})]},
        ['{"t": "a", "v": true}', '{"t": "b"}'],
        ['{"t": "a"}', '{"t": "b", "v": true}'],
    ),
    "$ref": (
        {"$defs": {"p": record(x={"type": ["boolean", "null"]})}, "$ref": "#/$defs/p"},
        ['{"x": null}'],
        ['{"x": 1}'],
    ),
    "allOf": (
        {
            "allOf": [
                {"required": ["a"]},
                {"properties": {"a": {"const": 1}}, "type": "object", "maxProperties": 1},
            ]
        },
        ['{"a": 1}'],
        ["{}"],
    ),
}


def tokenizer_of(kind: str) -> Any:
    return spm_tokenizer() if kind == "spm" else tiny_tokenizer(kind)


def grammars(kind: str, *more_stops: int) -> Grammars:
    tokenizer = tokenizer_of(kind)
    stops = frozenset({tokenizer.eos_token_id, *more_stops})
    return Grammars(tokenizer, stop_ids=stops, n_vocab=len(tokenizer))


def lets_by(constraint: Constraint, tokens: list[int], stop_id: int) -> bool:
    """Whether each token, and the end at the end, is allowed."""
    for token in tokens:
        if not constraint.allowed()[token]:
            return False
        constraint.accept(token)
    return bool(constraint.allowed()[stop_id])


def takes(kind: str, schema: Schema, text: str) -> bool:
    tokenizer = tokenizer_of(kind)
    fresh = grammars(kind).json_schema(schema)
    return lets_by(fresh(), tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("feature", FEATURES)
def test_constraint_lets_by_what_the_schema_allows(kind: str, feature: str) -> None:
    schema, good, bad = FEATURES[feature]
    assert [text for text in good if not takes(kind, schema, text)] == []
    assert [text for text in bad if takes(kind, schema, text)] == []


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(KINDS), st.sampled_from(list(FEATURES)), st.integers(0, 2**32))
def test_whatever_way_is_taken_the_text_parses_and_follows_the_schema(
    kind: str, feature: str, seed: int
) -> None:
    tokenizer, schema, rng = tokenizer_of(kind), FEATURES[feature][0], random.Random(seed)
    constraint = grammars(kind).json_schema(schema)()
    taken: list[int] = []
    for _ in range(120):
        allowed = constraint.allowed().nonzero().flatten().tolist()
        assert allowed
        if constraint.is_finished:
            assert allowed == [tokenizer.eos_token_id]
        if tokenizer.eos_token_id in allowed:
            value = json.loads(tokenizer.decode(taken, skip_special_tokens=True))
            assert Draft202012Validator(schema).is_valid(value)
            allowed.remove(tokenizer.eos_token_id)
        if not allowed:
            return
        taken.append(rng.choice(allowed))
        constraint.accept(taken[-1])
    assert feature == "numbers"  # trailing zeros have no end


@pytest.mark.parametrize("kind", KINDS)
def test_stop_tokens_are_allowed_exactly_where_the_text_may_end(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    constraint = grammars(kind).json_schema({"type": "integer"})()
    stop_id = tokenizer.eos_token_id
    assert constraint.allowed().dtype == torch.bool
    assert constraint.allowed().shape == (len(tokenizer),)
    assert not constraint.allowed()[stop_id]
    constraint.accept(tokenizer.encode("1", add_special_tokens=False)[-1])
    assert constraint.allowed()[stop_id]
    assert not constraint.is_finished  # another digit may follow
    closed = grammars(kind).json_schema(TRIP)()
    for token in tokenizer.encode('{"city": "Lima", "day": "today"}', add_special_tokens=False):
        assert not closed.is_finished
        closed.accept(token)
    assert closed.is_finished
    assert closed.allowed().nonzero().flatten().tolist() == [stop_id]


def test_all_stop_tokens_end_a_text_and_none_stands_within() -> None:
    tokenizer = tiny_tokenizer("llama")
    letter = tokenizer.encode("L", add_special_tokens=False)[0]
    constraint = grammars("llama", letter).json_schema({"type": "string"})()
    tokens = tokenizer.encode('"a', add_special_tokens=False)
    for token in tokens:
        constraint.accept(token)
    assert not constraint.allowed()[letter]
    constraint.accept(tokenizer.encode('"', add_special_tokens=False)[0])
    assert constraint.allowed().nonzero().flatten().tolist() == sorted([tokenizer.eos_token_id, letter])


@pytest.mark.parametrize(
    "text",
    [
        '{"city":  "Lima", "day": "today"}',
        '{ "city": "Lima", "day": "today"}',
        '{\n"city": "Lima", "day": "today"}',
    ],
)
def test_white_space_is_bounded(text: str) -> None:
    assert takes("llama", TRIP, " ".join(text.split()).replace("{ ", "{"))
    assert not takes("llama", TRIP, text)
    assert not takes("llama", TRIP, '   {"city": "Lima", "day": "today"}')


def test_keys_come_in_the_order_of_the_schema() -> None:
    assert not takes("llama", TRIP, '{"day": "today", "city": "Lima"}')
    turned = record(day=TRIP["properties"]["day"], city={"type": "string"})
    assert takes("llama", turned, '{"day": "today", "city": "Lima"}')
    one = grammars("llama")
    trips = [one.json_schema(TRIP), one.json_schema(turned)]
    words = tiny_tokenizer("llama").encode('{"day": "today", "city": "Lima"}')
    assert [fresh().takes(words) for fresh in trips] == [False, True]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "integer", "not": {"const": 3}}, "not"),
        ({"type": "object", "if": {}, "then": {"required": ["b"]}}, "then"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "string", "format": "colour"}, "colour"),
        ({"$ref": "http://localhost/schema.json"}, "http://localhost/schema.json"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum (5) is greater than maximum (3)"),
        ({"type": "banana"}, "banana"),
        # Asked of the library in the schema, it would overlook what it cannot do.
        ({"x-guidance": {"lenient": True}, "not": {"const": 3}}, "not"),
    ],
)
def test_schema_beyond_the_library_is_refused_by_name(schema: Schema, named: str) -> None:
    one = grammars("llama")
    with pytest.raises(ConfigError) as refused:
        one.json_schema(schema)
    assert named in str(refused.value)
    assert "%json" not in str(refused.value)
    one.json_schema(TRIP)


def test_tokenizer_beyond_the_library_is_a_reason_not_a_crash() -> None:
    from tokenizers import Tokenizer, decoders, models

    words = Tokenizer(models.WordLevel({"a": 0, "</s>": 1}, unk_token="a"))
    words.decoder = decoders.WordPiece()

    class Fast:
        backend_tokenizer = words

    for tokenizer in (Fast(), object()):
        with pytest.raises(ConfigError, match="constrained"):
            Grammars(tokenizer, stop_ids=frozenset({1}), n_vocab=2).json_schema(TRIP)


def test_dead_end_ends_the_row() -> None:
    """Every token that opens an object is a stop token: there is no way to begin."""
    tokenizer = tiny_tokenizer("llama")
    openers = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).lstrip(" ")[:1] in ("{", "")]
    constraint = grammars("llama", *openers).json_schema(TRIP)()
    assert constraint.allowed().nonzero().flatten().tolist() == sorted({tokenizer.eos_token_id, *openers})


def test_token_that_is_not_allowed_is_an_error_and_changes_nothing() -> None:
    tokenizer = tiny_tokenizer("llama")
    constraint = grammars("llama").json_schema(TRIP)()
    before = constraint.allowed()
    with pytest.raises(ModelError, match="does not fit the constraint"):
        constraint.accept(tokenizer.encode("x")[0])
    assert torch.equal(constraint.allowed(), before)


def test_constraints_of_one_schema_do_not_disturb_each_other() -> None:
    tokenizer = tiny_tokenizer("llama")
    fresh = grammars("llama").json_schema(TRIP)
    one, other = fresh(), fresh()
    before = other.allowed()
    one.allowed()[:] = False
    one.accept(tokenizer.encode("{")[0])
    assert torch.equal(other.allowed(), before)
    assert not torch.equal(one.allowed(), before)


def test_compiled_grammars_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    one = grammars("llama")
    compiled: list[str] = []
    compile_one = one._compile

    def counted(grammar: str, failure: str) -> Any:
        compiled.append(grammar)
        return compile_one(grammar, failure)

    monkeypatch.setattr(one, "_compile", counted)
    for _ in range(3):
        one.json_schema(dict(TRIP))
    assert len(compiled) == 1
    for i in range(MAX_GRAMMARS + 1):
        one.choices([str(i)])
    assert len(one._compiled) == MAX_GRAMMARS


@pytest.mark.parametrize("kind", KINDS)
def test_choices_come_whole_and_nothing_else(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    texts = ["book", "book flight", 'say "hi"\\n', "Café\n£5", "a|b"]
    fresh = grammars(kind).choices(texts)
    for text, expected in [*((t, True) for t in texts), ("boo", False), ("book f", False), ("", False)]:
        tokens = tokenizer.encode(text, add_special_tokens=False)
        assert lets_by(fresh(), tokens, tokenizer.eos_token_id) is expected
    with pytest.raises(ConfigError, match="at least one text"):
        grammars(kind).choices([])
    with pytest.raises(ConfigError, match="at least one text"):
        grammars(kind).choices("book")


def decode_greedily(model: LocalModel, prompt: str, constraint: Constraint | None, n: int) -> str:
    """A loop of its own: forward passes with a cache, logits masked by the constraint."""
    stops = model._renderer.stop_ids
    tokens, taken, cache = model.tokenizer.encode(prompt), list[int](), None
    while len(taken) < n:
        with torch.inference_mode():
            out = model.module(input_ids=torch.tensor([tokens]), past_key_values=cache, use_cache=True)
        cache, logits = out.past_key_values, out.logits[0, -1]
        if constraint is not None:
            logits = logits.masked_fill(~constraint.allowed(), -torch.inf)
        token = int(logits.argmax())
        if token in stops:
            break
        taken.append(token)
        tokens = [token]
        if constraint is not None:
            constraint.accept(token)
            if constraint.is_finished:
                break
    return str(model.tokenizer.decode(taken, skip_special_tokens=True)).strip()


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma", "base"])
def test_random_model_writes_what_the_schema_asks_for(kind: str) -> None:
    model = tiny_model(kind)
    schema = record(
        city={"type": "string", "maxLength": 8},
        day={"enum": ["monday", "today"]},
        n={"type": "integer", "minimum": 1, "maximum": 20},
    )
    for prompt in ("Which city?", "Fly to Lima today"):
        held = decode_greedily(model, prompt, model._grammars.json_schema(schema)(), 80)
        assert Draft202012Validator(schema).is_valid(json.loads(held))
        with pytest.raises(ValueError, match=r"."):
            json.loads(decode_greedily(model, prompt, None, 80))


def choice(*values: str) -> dict[str, Any]:
    return {"enum": list(values)}


# The shared tasks have no schema of their own; these are what their instructions say.
E2E_SLOTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "eatType": choice("coffee shop", "pub", "restaurant"),
        "food": {"type": "string"},
        "priceRange": choice("cheap", "moderate", "high", "less than £20", "£20-25", "more than £30"),
        "customer rating": choice("low", "average", "high", "1 out of 5", "3 out of 5", "5 out of 5"),
        "area": choice("riverside", "city centre"),
        "familyFriendly": choice("yes", "no"),
        "near": {"type": "string"},
    },
    "additionalProperties": False,
}
FUNCTION_CALLS = record(name={"type": "string"}, arguments={"type": "object"})


@pytest.mark.parametrize("kind", ["llama", "base", "spm"])
@pytest.mark.parametrize("task", ["record_extraction", "e2e_slots", "function_calls"])
def test_every_train_target_is_let_by(kind: str, task: str) -> None:
    folder = next((f for f in (ROOT / "data" / task, SHARED / task) if f.is_dir()), None)
    if folder is None:
        pytest.skip("the shared tasks are not there")
    loaded = load_task(folder)
    schema = loaded.schema or {"e2e_slots": E2E_SLOTS, "function_calls": FUNCTION_CALLS}[task]
    tokenizer = tokenizer_of(kind)
    texts = [e.target for e in loaded.train if Draft202012Validator(schema).is_valid(json.loads(e.target))]
    assert len(texts) >= 0.99 * len(loaded.train)

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    assert grammars(kind).refuses(schema, texts, encode) is None
    fresh = grammars(kind).json_schema(schema)
    assert all(lets_by(fresh(), encode(text), tokenizer.eos_token_id) for text in texts[:10])


def test_model_says_which_targets_a_schema_would_forbid() -> None:
    model = tiny_model("base")
    assert model.refuses(TRIP, ['{"city": "Lima", "day": "today"}']) is None
    turned = '{"day": "today", "city": "Lima"}'
    reason = model.refuses(TRIP, ['{"city": "Lima", "day": "today"}', turned])
    assert reason is not None
    assert reason.startswith("1 of 2 targets")
    assert turned in reason
    assert "not" in str(model.refuses({"not": {}}, []))


@pytest.mark.slow
def test_embedded_model_writes_records() -> None:
    import adaptkit as ak
    from adaptkit.core.types import Prompt

    model, task = ak.load_model(), load_task(ROOT / "data" / "record_extraction")
    assert isinstance(model, LocalModel)
    assert task.schema is not None
    assert model.refuses(task.schema, [e.target for e in task.train]) is None
    valid = {"free": 0, "held": 0}
    for example in task.test[:2]:
        prompt = Prompt(instruction=task.instruction, input=example.input)
        text = model._renderer.text(prompt)
        for name, constraint in (("free", None), ("held", model._grammars.json_schema(task.schema)())):
            answer = decode_greedily(model, text, constraint, 90)
            try:
                valid[name] += Draft202012Validator(task.schema).is_valid(json.loads(answer))
            except ValueError:
                continue
    assert valid == {"free": 0, "held": 2}
