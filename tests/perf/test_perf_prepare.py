"""Requests of the workloads: the same thing in three forms, sized as the workload says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import save_tiny, tiny_tokenizer

from adaptkit.core.types import Prompt
from adaptkit.models.render import Renderer
from benchmarks.perf import prepare
from benchmarks.perf.floor import n_shared
from benchmarks.perf.peers.run_adaptkit import as_request
from benchmarks.perf.prepare import Builder, ModelFiles, Prepared


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder(Renderer(tiny_tokenizer("llama")))


@pytest.fixture(autouse=True)
def only_bundled_tasks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAPTKIT_TASKS", str(tmp_path))


def ids(prepared: Prepared) -> list[list[int]]:
    return [r.ids for r in prepared.requests]


def test_few_shot_rows_share_the_wanted_prefix_and_nothing_more(builder: Builder) -> None:
    prepared = prepare.few_shot(builder, 6, prefix_tokens=600)
    assert len(prepared.requests) == 6
    assert n_shared(ids(prepared)) >= 600
    assert len({r.input for r in prepared.requests}) == 6
    assert "request_routing" in prepared.source
    shown = {text for text, _ in prepared.requests[0].demonstrations}
    assert shown.isdisjoint(r.input for r in prepared.requests)


def test_warm_up_requests_share_no_prefix_with_timed_ones(builder: Builder) -> None:
    prepared = prepare.zero_shot(builder, 3)
    n_markup = n_shared([builder.renderer.encode(Prompt(instruction=c, input="x")) for c in "WC"])
    assert n_shared([prepared.warmup[0].ids, prepared.requests[0].ids]) <= n_markup + 1


@pytest.mark.usefixtures("hash_embedder")
def test_retrieved_passages_come_along(builder: Builder) -> None:
    prepared = prepare.retrieval(builder, 2)
    for request in prepared.requests:
        assert len(request.context) == 3
        assert all(p["text"] in request.text for p in request.context)


def test_summaries_are_few_and_long(builder: Builder) -> None:
    prepared = prepare.summaries(builder, 64)
    assert len(prepared.requests) == prepare.N_SUMMARIES
    assert {r.max_new_tokens for r in prepared.requests} == {128}


@pytest.mark.usefixtures("hash_embedder")
@pytest.mark.parametrize("name", ["A-430", "B", "C", "D"])
def test_the_three_forms_are_the_same_prompt(builder: Builder, name: str) -> None:
    job: dict[str, Any] = prepare.GENERATION[name](builder, 2).job(
        ModelFiles(name="m", folder=Path("f"), gguf=None), "auto"
    )
    assert job["workload"] == name
    for prepared in (*job["requests"], *job["warmup"]):
        request = as_request(prepared)
        assert builder.renderer.encode(request.prompt) == prepared["ids"]
        assert builder.renderer.text(request.prompt) == prepared["text"]
        assert (request.max_new_tokens, list(request.stop)) == (prepared["max_new_tokens"], prepared["stop"])


def test_a_model_folder_has_no_gguf_and_a_hub_id_is_refused(tmp_path: Path) -> None:
    files = prepare.model_files(str(save_tiny("llama", tmp_path)))
    assert files.gguf is None
    with pytest.raises(ValueError, match="no local folder"):
        prepare.model_files("owner/name")


def test_a_task_that_is_not_here_is_named() -> None:
    with pytest.raises(LookupError, match="no_such_task"):
        prepare.find("no_such_task")
