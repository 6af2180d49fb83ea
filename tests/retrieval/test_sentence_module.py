"""Embedders and rerankers that are not complete, bring code, or would have to be fetched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentence_transformers
import torch
import transformers
from safetensors.torch import load_file, save_file
from test_rerank import save_cross_encoder
from tiny import tiny_tokenizer

from adaptkit.core.errors import ModelError
from adaptkit.models.hub import named_by_a_file
from adaptkit.retrieval.embed import SentenceEmbedder
from adaptkit.retrieval.rerank import CrossEncoderReranker

ROOT = Path(__file__).parents[2]
Weights = dict[str, torch.Tensor]


def save_embedder(folder: Path, *, seed: int = 0) -> Path:
    """A random two-layer sentence-transformers model of mean pooling."""
    plain = folder.parent / f"{folder.name}-plain"
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = None
    bert: Any = transformers.BertConfig
    config = bert(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module: Any = transformers.BertModel(config)
    module.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    sentence_transformers.SentenceTransformer(str(plain), device="cpu").save_pretrained(str(folder))
    return folder


@pytest.fixture
def embedder(tmp_path: Path) -> Path:
    return save_embedder(tmp_path / "embedder")


LOADERS: dict[str, tuple[Callable[[Path], Path], Callable[[str], Any]]] = {
    "embedder": (save_embedder, SentenceEmbedder),
    "reranker": (save_cross_encoder, CrossEncoderReranker),
}


def weights_of(folder: Path) -> Path:
    return next(p for p in sorted(folder.rglob("model.safetensors")))


def rewrite(folder: Path, change: Callable[[Weights], Weights]) -> None:
    path = weights_of(folder)
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


FAULTS: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "a layer missing": (lambda w: {n: t for n, t in w.items() if "layer.1." not in n}, "16 are missing"),
    "renamed": (lambda w: {f"_orig_mod.{n}": t for n, t in w.items()}, "are missing .*; .* have no place"),
    "all missing": (lambda _: {}, "are missing"),
    "words of another count": (
        lambda w: {n: t[:-3].clone() if "word_embeddings" in n else t for n, t in w.items()},
        "1 have another shape .*word_embeddings",
    ),
    "a layer too many": (
        lambda w: {**w, **{n.replace("layer.1.", "layer.2."): t.clone() for n, t in w.items()}},
        "16 have no place in the model",
    ),
    "sizes that no machine holds": (lambda w: w, "have another shape"),
    "NaN": (lambda w: {n: t * float("nan") if "layer.1.output" in n else t for n, t in w.items()}, "NaN"),
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_model_that_is_not_complete_is_refused_with_the_names(kind: str, fault: str, tmp_path: Path) -> None:
    save, load = LOADERS[kind]
    change, said = FAULTS[fault]
    folder = save(tmp_path / "model")
    rewrite(folder, change)
    if "sizes" in fault:
        path = weights_of(folder).parent / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"vocab_size": 10**11}))
    with pytest.raises(ModelError, match=said):
        load(str(folder))


def test_reranker_without_its_head_is_refused(embedder: Path, tmp_path: Path) -> None:
    folder = save_cross_encoder(tmp_path / "reranker")
    rewrite(folder, lambda w: {n: t for n, t in w.items() if "classifier" not in n})
    with pytest.raises(ModelError, match=r"2 are missing \(classifier.bias, classifier.weight\)"):
        CrossEncoderReranker(str(folder))


def test_pooler_that_no_vector_comes_through_may_be_missing_and_is_not_random(embedder: Path) -> None:
    texts = ["a cat", "the weather in Lima"]
    before = SentenceEmbedder(str(embedder)).embed(texts)
    rewrite(embedder, lambda w: {n: t for n, t in w.items() if "pooler" not in n})
    first, second = (SentenceEmbedder(str(embedder)) for _ in range(2))
    np.testing.assert_array_equal(first.embed(texts), before)
    assert first.revision == second.revision


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "config_sentence_transformers.json", "1_Pooling/config.json"]
)
def test_revision_follows_all_that_vectors_depend_on(embedder: Path, name: str) -> None:
    before = SentenceEmbedder(str(embedder))
    before.embed(["long " * 100, "short"])
    assert before.revision == SentenceEmbedder(str(embedder)).revision
    path = embedder / name
    value = json.loads(path.read_text())
    if "Pooling" in name:
        value = {**value, "pooling_mode": "cls"}
    elif name == "tokenizer.json":
        value["normalizer"] = {"type": "Lowercase"}
    else:
        value |= {"prompts": {"query": "ask: "}, "default_prompt_name": "query"}
    path.write_text(json.dumps(value))
    assert SentenceEmbedder(str(embedder)).revision != before.revision


MODULES: dict[str, Any] = {
    "code beside it": {"type": "evil.EvilModel"},
    "code of a package": {"type": "os.path.join"},
    "no name": {"type": 7},
    "a place outside": {"path": "../.."},
}


@pytest.mark.parametrize("how", MODULES)
def test_modules_of_other_makers_are_refused(embedder: Path, how: str) -> None:
    path = embedder / "modules.json"
    modules = json.loads(path.read_text())
    modules[-1] |= MODULES[how]
    path.write_text(json.dumps(modules))
    with pytest.raises(ModelError):
        SentenceEmbedder(str(embedder))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "[" * 100_000, '[{"type": null}]', "[{}]"])
def test_damaged_list_of_modules_is_one_sentence(embedder: Path, text: str) -> None:
    (embedder / "modules.json").write_text(text)
    with pytest.raises(ModelError):
        SentenceEmbedder(str(embedder))


def test_code_beside_embedders_and_rerankers_never_runs(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    auto_map = dict.fromkeys(
        ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification"), "evil.EvilModel"
    )
    folders = []
    for i, kind in enumerate(["bert", "evil"] * 2):
        folder = (save_embedder, save_cross_encoder)[i // 2](tmp_path / f"{i}")
        (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w').close()\nclass EvilModel: pass\n")
        for config in folder.rglob("config.json"):
            if "Pooling" not in str(config):
                config.write_text(
                    json.dumps(json.loads(config.read_text()) | {"auto_map": auto_map, "model_type": kind})
                )
        folders.append(str(folder))
    modules = save_embedder(tmp_path / "modules")
    (modules / "evil.py").write_text((tmp_path / "0" / "evil.py").read_text())
    listed = json.loads((modules / "modules.json").read_text())
    listed[-1]["type"] = "evil.EvilModel"
    (modules / "modules.json").write_text(json.dumps(listed))
    code = (
        "import os, sys\nos.chdir(sys.argv[2])\nsys.path.insert(0, '')\n"
        "from adaptkit.core.errors import AdaptKitError\n"
        "from adaptkit.retrieval.embed import SentenceEmbedder\n"
        "from adaptkit.retrieval.rerank import CrossEncoderReranker\n"
        "for folder in sys.argv[2:]:\n    for make in (SentenceEmbedder, CrossEncoderReranker):\n"
        "        try:\n            make(folder)\n        except AdaptKitError:\n            pass\n"
        "print(os.path.exists(sys.argv[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(canary), str(modules), *folders],
        input="y\n" * 50,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be connected to; nothing is."""
    made: list[Any] = []

    def refuse(_: socket.socket, address: Any) -> None:
        made.append(address)
        raise OSError("no network in tests")

    def unknown(host: Any, *_: Any, **__: Any) -> Any:
        made.append(host)
        raise socket.gaierror("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return made


@pytest.mark.parametrize("load", [SentenceEmbedder, CrossEncoderReranker])
def test_hub_is_not_asked_for_what_a_file_names(load: Callable[[str], Any], calls: list[Any]) -> None:
    with named_by_a_file(allow_download=False), pytest.raises(ModelError, match="only if you allow it"):
        load("owner/no-such-model")
    assert calls == []


def test_folder_is_loaded_without_asking_the_hub(embedder: Path, tmp_path: Path, calls: list[Any]) -> None:
    SentenceEmbedder(str(embedder))
    CrossEncoderReranker(str(save_cross_encoder(tmp_path / "reranker")))
    assert calls == []
