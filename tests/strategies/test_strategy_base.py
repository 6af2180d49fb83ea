from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from tiny import TASKS, arithmetic_task, classification_task, qa_task, structured_task, tiny_llama

from adaptkit.core.errors import AnswerError, CapabilityError, ConfigError, UnknownNameError
from adaptkit.core.types import Demonstration, Example, Passage, Prompt, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import STRATEGIES, load_strategy, make_strategy, parse_strategy
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.rag import RAG

DEMONSTRATIONS = tuple(Demonstration(input=f"in{i} " * 5, target="out") for i in range(4))
PASSAGES = tuple(
    Passage(id=f"d{i}#0", document_id=f"d{i}", text="word " * 10, score=1 - i / 10) for i in range(3)
)
# 1 + 2 words, 4 demonstrations of 6 words, 3 passages of 10.
PROMPT = Prompt(instruction="Answer.", input="the question", demonstrations=DEMONSTRATIONS, context=PASSAGES)


def fake(context_tokens: int) -> FakeModel:
    return FakeModel(lambda _: "x", context_tokens=context_tokens)


@pytest.mark.parametrize(
    ("room", "n_demonstrations", "n_passages"),
    [(57, 4, 3), (56, 3, 3), (45, 2, 3), (33, 0, 3), (32, 0, 2), (13, 0, 1), (12, 0, 0), (1, 0, 0)],
)
def test_demonstrations_go_first_and_then_passages_until_the_prompt_fits(
    room: int, n_demonstrations: int, n_passages: int
) -> None:
    fitted = fit_to_context(PROMPT, fake(room + 8), max_new_tokens=8)
    assert fitted.demonstrations == DEMONSTRATIONS[4 - n_demonstrations :]
    assert fitted.context == PASSAGES[:n_passages]
    assert (fitted.instruction, fitted.input) == (PROMPT.instruction, PROMPT.input)


def test_fitted_prompt_is_short_enough_for_a_real_model() -> None:
    model = tiny_llama(context_tokens=200)
    assert model.count_prompt_tokens(PROMPT) > 200
    fitted = fit_to_context(PROMPT, model, max_new_tokens=20)
    assert model.count_prompt_tokens(fitted) + 20 <= 200
    assert fitted.context == PASSAGES
    n_left_out = len(DEMONSTRATIONS) - len(fitted.demonstrations)
    one_more = dataclasses.replace(fitted, demonstrations=DEMONSTRATIONS[n_left_out - 1 :])
    assert model.count_prompt_tokens(one_more) + 20 > 200


def test_choices_of_a_classification_are_its_labels() -> None:
    model = fake(1000)
    assert AnswerFormat.of(classification_task(), model).choices == ("music", "weather", "alarm")
    assert all(AnswerFormat.of(TASKS[k](), model).choices is None for k in TASKS if k != "classification")


@pytest.mark.parametrize("make", [qa_task, arithmetic_task, structured_task])
def test_answer_may_be_half_as_long_again_as_the_longest_target(make: Any) -> None:
    model, task = tiny_llama(), make()
    longest = max(model.count_tokens(e.target) for e in task.train)
    assert AnswerFormat.of(task, model).max_new_tokens >= 1.5 * longest
    assert AnswerFormat.of(task, model).max_new_tokens <= 2 * longest + 20


def test_line_break_ends_an_answer_unless_a_target_holds_one() -> None:
    task = qa_task()
    assert AnswerFormat.of(task, fake(1000)).stop == ("\n",)
    long = Example(id="long", input="Which two?", target="Lima\nRome")
    poem = dataclasses.replace(task, train=(*task.train, long))
    assert AnswerFormat.of(poem, fake(1000)).stop == ()
    assert AnswerFormat.of(dataclasses.replace(task, train=(), validation=()), fake(1000)).stop == ()


def test_task_without_train_rows_gets_a_length_by_its_kind() -> None:
    for make in TASKS.values():
        task = dataclasses.replace(make(), train=(), validation=())
        assert AnswerFormat.of(task, fake(1000)).max_new_tokens > 8


def test_format_survives_json() -> None:
    for make in TASKS.values():
        form = AnswerFormat.of(make(), fake(1000))
        assert AnswerFormat.from_json(json.loads(json.dumps(dataclasses.asdict(form)))) == form


def test_default_strategies_are_made_by_name() -> None:
    made = [make_strategy(name, {}) for name in ("prompt", "few-shot", "rag", "lora")]
    assert made == [PromptEngineering(), FewShot(), RAG(), LoRASFT()]
    assert [type(s).name for s in made] == STRATEGIES.names()[:4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompt", PromptEngineering()),
        ("prompt:calibrate=false", PromptEngineering(calibrate=False)),
        (" few-shot:k=4:selection=random ", FewShot(k=4, selection="random")),
        ("lora:rank=4:learning_rate=1e-3:epochs=none", LoRASFT(rank=4, learning_rate=1e-3)),
        ("lora:target_modules=q_proj", LoRASFT(target_modules="q_proj")),
        ("rag:k=5:passages=shuffled", RAG(k=5, passages="shuffled")),
    ],
)
def test_strategy_is_read_from_text(text: str, expected: object) -> None:
    assert parse_strategy(text) == expected


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("fewshot", UnknownNameError, "Unknown strategy 'fewshot'. Did you mean 'few-shot'? Known: "),
        ("few-shot:kk=3", UnknownNameError, "Unknown parameter of FewShot 'kk'. Did you mean 'k'?"),
        ("few-shot:3", ConfigError, "'3' in 'few-shot:3' is no parameter. Write it as name=value."),
        ("few-shot:k=0", ConfigError, "The 'k' parameter of FewShot must be an int >= 1. Got 0 instead."),
        ("few-shot:k=many", ConfigError, "Got 'many' instead."),
    ],
)
def test_text_that_is_no_strategy_says_why(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        parse_strategy(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["lora:epochs=many", "rag:overlap_tokens=few", "lora:dropout=much"])
def test_text_where_a_number_belongs_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match=r"Got '(many|few|much)' instead"):
        parse_strategy(name)


def test_parameters_that_were_lists_are_read_back_as_tuples() -> None:
    assert make_strategy("lora", {"target_modules": ["q_proj"]}) == LoRASFT(target_modules=("q_proj",))


def test_folder_without_a_strategy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No saved strategy in .* it has no strategy\.json"):
        load_strategy(tmp_path, fake(100))


def test_damaged_or_future_strategy_is_refused(tmp_path: Path) -> None:
    PromptEngineering().fit(fake(1000), qa_task()).save(tmp_path)
    path = tmp_path / "strategy.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**saved, "format_version": 99}), encoding="utf-8")
    with pytest.raises(ConfigError, match="has format version 99, this library reads 2"):
        load_strategy(tmp_path, fake(1000))
    changed = json.dumps({**saved, "instruction": "Answer in French."})
    for text in ("{", "[]", changed, json.dumps({**saved, "state": math.nan})):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"strategy\.json is damaged"):
            load_strategy(tmp_path, fake(1000))


def test_half_a_save_is_no_strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """strategy.json is written last: what died before it is not taken for a strategy."""

    class Dying(PromptEngineering):
        def save_state(self, folder: Path) -> Any:
            (folder / "something").write_text("x", encoding="utf-8")
            raise KeyboardInterrupt

    strategy = Dying().fit(fake(1000), qa_task())
    with pytest.raises(KeyboardInterrupt):
        strategy.save(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="No saved strategy"):
        load_strategy(tmp_path, fake(1000))


def test_error_that_is_no_answer_error_is_not_swallowed() -> None:
    def broken(_: object) -> str:
        raise RuntimeError("a bug")

    strategy = PromptEngineering(search=0).fit(FakeModel(broken), qa_task())
    with pytest.raises(AnswerError, match="RuntimeError: a bug"):
        strategy.generate(["a", "b"])


def test_input_whose_answer_fails_carries_the_error() -> None:
    def picky(request: Any) -> str:
        if request.prompt.input == "bad":
            raise CapabilityError("cannot")
        return "fine"

    strategy = PromptEngineering().fit(FakeModel(picky), qa_task())
    good, failed, other = strategy.generate(["a", "bad", "b"])
    assert (good.output, other.output) == ("fine", "fine")
    assert failed.error is not None
    assert (failed.error.type, failed.error.message) == ("CapabilityError", "cannot")
    assert (failed.output, failed.finish_reason) == ("", "error")


def test_answers_of_a_structured_task_are_held_to_its_schema() -> None:
    task, model = structured_task(), tiny_llama()
    strategy = PromptEngineering().fit(model, task)
    assert strategy.format_.schema == task.schema
    assert strategy._request(PROMPT).schema == task.schema
    assert "decoded_freely" not in strategy.fit_notes_
    assert PromptEngineering().fit(model, qa_task()).format_.schema is None


def test_every_strategy_holds_answers_to_the_schema(hash_embedder: None) -> None:
    task, model = structured_task(), tiny_llama()
    assert task.schema is not None
    small = {"few-shot": {"k": 2}, "lora": {"rank": 2, "epochs": 1}}
    for name in ("prompt", "few-shot", "lora"):
        fitted = make_strategy(name, small.get(name, {})).fit(model, task)
        assert fitted.format_.schema == task.schema


def test_schema_that_would_forbid_a_train_target_is_left_out_and_the_notes_say_so() -> None:
    task = structured_task()
    turned = Example(id="turned", input="today to Lima", target='{"day": "today", "city": "Lima"}')
    strategy = PromptEngineering().fit(tiny_llama(), dataclasses.replace(task, train=(*task.train, turned)))
    assert strategy.format_.schema is None
    assert f"1 of {len(task.train) + 1} targets" in strategy.fit_notes_["decoded_freely"]


@pytest.mark.parametrize("keyword", ["not", "if"])
def test_schema_beyond_the_model_is_left_out_and_the_notes_say_so(keyword: str) -> None:
    task = structured_task()
    assert task.schema is not None
    harder = dataclasses.replace(task, schema={**task.schema, keyword: {"required": ["price"]}})
    strategy = PromptEngineering().fit(tiny_llama(), harder)
    assert strategy.format_.schema is None
    assert f'"{keyword}"' in strategy.fit_notes_["decoded_freely"]


def test_model_without_constraints_decodes_freely() -> None:
    strategy = PromptEngineering().fit(fake(1000), structured_task())
    assert strategy.format_.schema is None
    assert "cannot hold its completions to a schema" in strategy.fit_notes_["decoded_freely"]


def test_schema_is_saved_in_its_order_and_older_files_have_none(tmp_path: Path) -> None:
    task, model = structured_task(), tiny_llama()
    assert task.schema is not None
    turned = {**task.schema, "properties": dict(reversed(task.schema["properties"].items()))}
    rows = tuple(
        dataclasses.replace(e, target=json.dumps(dict(reversed(json.loads(e.target).items()))))
        for e in task.train
    )
    strategy = PromptEngineering().fit(model, dataclasses.replace(task, schema=turned, train=rows))
    path = strategy.save(tmp_path) / "strategy.json"
    loaded = load_strategy(tmp_path, model)
    assert loaded.format_ == strategy.format_
    assert loaded.format_.schema is not None
    assert json.dumps(loaded.format_.schema) == json.dumps(turned)
    saved = json.loads(path.read_text(encoding="utf-8"))
    del saved["format"]["schema"], saved["format"]["decoded_freely"]
    assert AnswerFormat.from_json(saved["format"]).schema is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"choices": ("a",), "schema": {}}, "schema"),
    ],
)
def test_request_out_of_range_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Request(prompt=PROMPT, **fields)
    assert Request(prompt=PROMPT, temperature=0.7, top_p=0.9, seed=3, schema={}).choices is None
