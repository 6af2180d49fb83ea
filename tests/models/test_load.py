from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from tiny import CONTEXT_TOKENS, save_tiny, tiny_model, tiny_module, tiny_tokenizer

from adaptkit.core.errors import ConfigError, ModelError, UnknownNameError
from adaptkit.core.types import Prompt, Request
from adaptkit.models.load import load_model, resolve_model

ASKED = [
    Request(prompt=Prompt(instruction="Answer with one word.", input=text), max_new_tokens=8)
    for text in ("Which colour has the sky?", "12 + 7")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma", "base"])
def test_folder_gives_the_model_that_was_saved(kind: str, tmp_path: Path) -> None:
    loaded = load_model(save_tiny(kind, tmp_path), dtype="float32", device="cpu")
    built = tiny_model(kind)
    assert [c.text for c in loaded.complete(ASKED)] == [c.text for c in built.complete(ASKED)]
    assert loaded.template_hash == built.template_hash
    assert loaded.pad_id == built.pad_id
    assert not loaded.module.training


def test_info_tells_what_was_loaded(folder: Path) -> None:
    info = load_model(folder, dtype="float32", device="cpu").info
    assert info.id == str(folder)
    assert info.revision == resolve_model(folder).revision
    assert info.n_parameters == sum(p.numel() for p in tiny_module("llama").parameters())
    assert (info.dtype, info.device, info.context_tokens) == ("float32", "cpu", CONTEXT_TOKENS)


def test_weights_are_cast_and_rotary_frequencies_are_not(folder: Path) -> None:
    model = load_model(folder, dtype="bfloat16", device="cpu")
    assert {p.dtype for p in model.module.parameters()} == {torch.bfloat16}
    assert model.info.dtype == "bfloat16"
    floating = [b.dtype for b in model.module.buffers() if b.is_floating_point()]
    assert floating
    assert set(floating) == {torch.float32}
    assert len(model.complete(ASKED)) == 2


def test_revision_changes_with_weights_and_with_template(tmp_path: Path) -> None:
    first = resolve_model(save_tiny("llama", tmp_path)).revision
    assert resolve_model(save_tiny("llama", tmp_path)).revision == first
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template += " "
    tokenizer.save_pretrained(tmp_path)
    second = resolve_model(tmp_path).revision
    tiny_module("llama", seed=1).save_pretrained(tmp_path)
    third = resolve_model(tmp_path).revision
    assert len({first, second, third}) == 3
    assert first.startswith("content:")


def test_revision_does_not_depend_on_where_the_folder_stands(folder: Path, tmp_path: Path) -> None:
    assert (
        resolve_model(save_tiny("llama", tmp_path / "elsewhere")).revision == resolve_model(folder).revision
    )


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model: it has no config\.json"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json but no weights"):
        load_model(tmp_path)


def test_damaged_weights_are_a_model_error(tmp_path: Path) -> None:
    save_tiny("llama", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00not json")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_model(tmp_path)


def test_unknown_architecture_is_a_model_error(tmp_path: Path) -> None:
    save_tiny("llama", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "no-such-model", "architectures": ["NoSuchModel"]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="could not be loaded"):
        load_model(tmp_path)


def test_name_that_is_nothing_lists_what_could_be_meant() -> None:
    with pytest.raises(UnknownNameError, match=r"neither an embedded model \(smollm2-135m-instruct"):
        load_model("no such model")
    with pytest.raises(UnknownNameError, match="is an embedder"):
        load_model("all-minilm-l6-v2")
    with pytest.raises(ModelError, match="No model file at"):
        load_model("missing.gguf")


def test_names_are_told_apart_without_loading(folder: Path) -> None:
    assert resolve_model().kind == "embedded"
    assert resolve_model("owner/name", revision="abc").revision == "abc"
    assert resolve_model("owner/name").kind == "hub"
    assert resolve_model(str(folder)).kind == "folder"
    for path in ("./owner/name", "/owner/name", "owner/name/", "a/b/c"):
        with pytest.raises(UnknownNameError):
            resolve_model(path)


def test_hub_model_that_is_not_here_fails_without_the_network() -> None:
    with pytest.raises(ModelError, match="owner/no-such-model"):
        load_model("owner/no-such-model", offline=True)


@pytest.mark.parametrize("before", [None, "0"])
def test_offline_setting_is_put_back(
    folder: Path, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is None:
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    else:
        monkeypatch.setenv("HF_HUB_OFFLINE", before)
    load_model(folder, offline=True)
    assert os.environ.get("HF_HUB_OFFLINE") == before


def test_bad_dtype_and_device_are_refused_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(ConfigError, match="'dtype' parameter of load_model must be one of auto, float32"):
        load_model(folder, dtype="int8")
    with pytest.raises(ConfigError, match="'device' parameter of load_model must be auto, cpu, cuda"):
        load_model(folder, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="no CUDA device is visible"):
            load_model(folder, device="cuda")


def test_loading_is_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_model(folder)
    assert capfd.readouterr() == ("", "")
