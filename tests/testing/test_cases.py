"""What checks are given: models from anywhere, a look at what a model sees, answers from another process."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from broken_strategies import Hashing, Sound
from tiny import save_tiny, tiny_llama

from adaptkit.core.errors import ContextLengthError, ModelError
from adaptkit.core.types import Demonstration, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.testing import CheckFailed, NotApplicable, StandIn, StrategyCase, share_new_process
from adaptkit.testing.of_strategies.saving import is_pickle
from adaptkit.testing.spying import failing_at, seen_by
from adaptkit.testing.supply import Supply, address_of, object_at
from adaptkit.testing.tasks import OWN, SECRET, SMALL_TASKS, TEST_ROW, changed, questions, secretive
from adaptkit.testing.weight_hash import fingerprint

PROMPT = Prompt(instruction="Answer.", input="the question")
REQUEST = Request(prompt=PROMPT, max_new_tokens=6)


def test_a_model_comes_from_an_object_a_function_or_a_folder(tmp_path: Path) -> None:
    model = StandIn()
    same = Supply.of(model)
    assert same.make() is model
    assert same.address is None
    made = Supply.of(tiny_llama)
    assert made.make() is not made.make()
    assert made.address == "factory:tiny:tiny_llama"
    folder = Supply.of(save_tiny("llama", tmp_path))
    assert folder.address == f"name:{tmp_path}"
    assert folder.make().info.dtype == "float32"
    for supply in (made, folder, Supply.of(None)):
        assert supply.address is not None
        assert Supply.at(supply.address).make().info == supply.make().info


def test_what_another_process_could_not_import_has_no_address() -> None:
    class Inner(Sound):
        pass

    assert address_of(Inner) is None
    assert address_of(lambda: None) is None
    assert address_of(StrategyCase.generate) == "adaptkit.testing.strategy_case:StrategyCase.generate"
    assert object_at("adaptkit.testing.strategy_case:StrategyCase.generate") is StrategyCase.generate
    with pytest.raises(NotApplicable, match="cannot import this class"):
        _ = StrategyCase(Inner).job
    with pytest.raises(NotApplicable, match="cannot make this model"):
        _ = StrategyCase(Sound, model=StandIn()).job


def test_the_stand_in_answers_by_the_whole_request() -> None:
    model = StandIn()
    asked = [
        REQUEST,
        *(
            dataclasses.replace(REQUEST, prompt=dataclasses.replace(PROMPT, **part))
            for part in (
                {"instruction": "x"},
                {"input": "x"},
                {"demonstrations": (Demonstration(input="a", target="b"),)},
            )
        ),
        dataclasses.replace(REQUEST, temperature=1.0),
        dataclasses.replace(REQUEST, temperature=1.0, seed=1),
    ]
    assert len({c.text for c in model.complete(asked)}) == len(asked)
    assert model.complete([dataclasses.replace(REQUEST, seed=1)])[0].text == model.complete([REQUEST])[0].text
    assert StandIn("2").complete([REQUEST])[0].text != model.complete([REQUEST])[0].text
    long = dataclasses.replace(PROMPT, input="word " * 1_000)
    with pytest.raises(ContextLengthError):
        model.complete([dataclasses.replace(REQUEST, prompt=long)])


@pytest.mark.parametrize("make", [StandIn, tiny_llama])
def test_a_model_is_watched_for_a_while_and_as_before_afterwards(make: type[Model]) -> None:
    model = make()
    with seen_by(model) as outer, seen_by(model) as seen:
        expected = model.complete([REQUEST])
        if isinstance(model, LocalModel):
            model.encode(PROMPT)
    assert (seen.requests, seen.completions) == ([REQUEST], expected)
    assert seen.prompts == outer.prompts == [PROMPT] * (2 if isinstance(model, LocalModel) else 1)
    with failing_at(model, "question", ModelError("no")), pytest.raises(ModelError, match="no"):
        model.complete([REQUEST])
    assert not {"complete", "encode"} & vars(model).keys()
    assert model.complete([REQUEST])[0].text == expected[0].text


def test_a_model_that_cannot_be_watched_is_told() -> None:
    class Closed:
        __slots__ = ()

        def complete(self, requests: object) -> object:
            return requests

    with pytest.raises(NotApplicable, match="cannot be watched"), seen_by(Closed()):  # type: ignore[arg-type]
        pass


def test_a_fingerprint_tells_what_changed() -> None:
    model = tiny_llama()
    before = fingerprint(model)
    assert fingerprint(model) == before
    parameter = next(model.module.parameters())
    parameter.data[0, 0] += 1
    parameter.requires_grad_(False)
    model.module.train()
    after = fingerprint(model)
    assert {name for name in before if before[name] != after[name]} >= {
        "weights",
        "in training mode",
        "frozen",
    }


@pytest.mark.parametrize("make", SMALL_TASKS)
def test_small_tasks_have_what_strategies_need(make: object) -> None:
    assert callable(make)
    task = make()
    assert len(task.train) >= 8
    assert len(task.test) > 2
    assert task.validation
    other = changed(task)
    assert 2 <= len(other.train) < len(task.train)
    assert other.kind == task.kind


def test_secrets_stand_where_they_can_be_told() -> None:
    task = secretive(questions())
    assert all(e.metadata["answer"] == SECRET for e in (*task.train, *task.validation, *task.test))  # type: ignore[misc]
    assert len({e.target for e in task.train}) == len(task.train)
    assert all(e.target.startswith(f"{OWN}-train") for e in task.train)
    assert all(TEST_ROW in e.input for e in task.test)
    assert not any(TEST_ROW in e.input for e in task.train)
    assert not any(OWN in d.text for d in task.documents)


def test_another_process_answers_for_several_and_tells_what_failed() -> None:
    good, bad = StrategyCase(Sound), StrategyCase(Hashing)
    (bad.saved / "pool.txt").unlink()
    share_new_process([good, bad, StrategyCase(Sound, model=StandIn())])
    assert good.answers_elsewhere == good.together
    with pytest.raises(CheckFailed, match=r"another process: .*ConfigError.*pool\.txt is missing"):
        _ = bad.answers_elsewhere


def test_folders_of_a_case_go_with_it() -> None:
    case = StrategyCase(Sound)
    folder = case.saved
    assert folder.is_dir()
    del case
    assert not folder.exists()


def test_a_model_folder_will_do_for_a_strategy_that_trains(tmp_path: Path) -> None:
    case = StrategyCase(LoRASFT(rank=2, epochs=1, learning_rate=0.02), model=save_tiny("llama", tmp_path))
    assert case.answers_elsewhere == case.loaded_answers == case.together


@pytest.mark.parametrize(
    ("name", "content", "pickled"),
    [
        ("a.bin", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x04word\x94.", True),
        ("a.safetensors", b"\x80\x02\x00\x00\x00\x00\x00\x00{}", False),
        ("a.pt", b"", True),
        ("a.json", b"{}", False),
    ],
)
def test_pickles_are_told_from_what_begins_like_them(
    name: str, content: bytes, pickled: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_pickle(tmp_path / name) is pickled


def test_an_archive_of_pickles_is_one(tmp_path: Path) -> None:
    import torch

    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.bin")
    assert is_pickle(tmp_path / "weights.bin")
