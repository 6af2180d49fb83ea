"""Models that only a saved strategy names: a hub is asked for them where its user allows it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tiny import qa_task, tiny_llama

from adaptkit.comparison.exports.saved import load_saved
from adaptkit.core.errors import ModelError
from adaptkit.core.sealed import SEAL, sealed
from adaptkit.serving.artifact import Artifact, provider_for
from adaptkit.strategies import load_strategy
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.rag import RAG
from adaptkit.strategies.seal import STATE_FILE


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be connected to; nothing is."""
    made: list[Any] = []

    def unknown(host: Any, *_: Any, **__: Any) -> Any:
        made.append(host)
        raise socket.gaierror("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: unknown(address))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return made


def renamed(folder: Path, *, model: str | None = None, **params: str) -> Path:
    """What somebody made of a saved strategy: other names in it, and a seal that fits."""
    path = folder / STATE_FILE
    saved = json.loads(path.read_text())
    del saved[SEAL]
    if model:
        saved["model"]["id"] = model
    saved["params"] |= params
    path.write_text(json.dumps(sealed(saved)))
    return folder


@pytest.mark.usefixtures("hash_embedder")
@pytest.mark.parametrize("part", ["embedder", "reranker"])
def test_embedder_and_reranker(
    part: str, tmp_path: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from adaptkit.retrieval.embed import SentenceEmbedder

    saved = RAG(k=1).fit(tiny_llama(), qa_task()).save(tmp_path / "rag")
    if part == "embedder":
        monkeypatch.setattr("adaptkit.strategies.rag.load_embedder", SentenceEmbedder)
    renamed(saved, **{part: "owner/no-such-model"})
    with pytest.raises(ModelError, match=r"owner/no-such-model.*only if you allow it"):
        load_strategy(saved, tiny_llama())
    assert calls == []
    with pytest.raises(ModelError, match="owner/no-such-model"):
        load_strategy(saved, tiny_llama(), allow_download=True)
    assert "huggingface.co" in calls


def test_model_of_an_artefact(tmp_path: Path, calls: list[Any]) -> None:
    saved = renamed(PromptEngineering().fit(tiny_llama(), qa_task()).save(tmp_path), model="owner/no-such")
    with pytest.raises(ModelError, match=r"owner/no-such.*only if you allow it"):
        provider_for(Artifact.read(saved)).get()
    with pytest.raises(ModelError, match=r"owner/no-such.*only if you allow it"):
        load_saved(saved)
    assert calls == []
    for given in (None, "owner/no-such"):
        calls.clear()
        with pytest.raises(ModelError, match="could not be loaded"):
            provider_for(Artifact.read(saved, allow_download=given is None), given).get()
        assert "huggingface.co" in calls
