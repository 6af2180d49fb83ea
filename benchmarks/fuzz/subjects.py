"""What is damaged, and everything that is then read from it."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import adaptkit as ak
from adaptkit.cli.readiness import check_source
from adaptkit.cli.suite import read_suite
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import AdaptKitError
from adaptkit.core.sealed import SEAL, sealed
from adaptkit.core.types import Prompt, Request
from adaptkit.costs import load_assumptions, load_prices
from adaptkit.decision import load_requirements
from adaptkit.strategies import parse_strategy
from adaptkit.tasks import write_task
from benchmarks.fuzz import mutate

Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: Mapping[str, Damage] = {
    ".json": mutate.damaged_json,
    ".jsonl": mutate.damaged_lines,
    ".toml": mutate.damaged_toml,
}
N_ROWS = 12
SUITE = """\
tasks = ["request_routing"]
strategies = ["prompt", {name = "few-shot", k = 4, selection = "random"}]
model = "smollm2-135m-instruct"
limit = 20
seeds = 2
latency_rows = 5
tune = 2
baselines = true
train_rows = [8, 16]
margin = 0.02
until_decided = false
noise_floor = true
leakage = "refuse"
"""
COSTS = """\
n_labels = 100
minutes_per_label = 2
usd_per_hour_of_labelling = 30
requests_per_month = [1000, 50000]
horizon_months = 12
utilisation = 0.3
utilisations = [0.1, 0.3]
hosting_usd_per_month = 5
usd_per_success = 0.1
changed_share = 0.5
[strategy."few-shot"]
maintenance_usd_per_month = 3
"""
REQUIREMENTS = """\
[requirements]
requests_per_month = [100, 2000]
max_p95_s = 2.5
target_quality = 0.2
margin = 0.05
may_enter_weights = true
kind = "qa"
"""
PRICES = """\
[cpu.vcpu]
usd = 0.04
unit = "vCPU-hour"
label = "l"
source = "s"
date = "2025-01"
[gpu.H100]
usd = 4
unit = "machine-hour"
[model."gpt"]
input = 1
output = 2
unit = "1M tokens"
date = "2025-01-02"
"""
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "n": {"type": "integer", "minimum": 0}},
    "required": ["city"],
}
TOOL = {
    "name": "find",
    "description": "Finds.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}


class Subject(ABC):
    """Whole files, and the calls that read them."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.whole = folder / self.name / "whole"
        self.work = folder / self.name / "work"
        self.whole.mkdir(parents=True)
        self.make(self.whole)
        self.files = sorted(p.relative_to(self.whole) for p in self.whole.rglob("*") if p.is_file())

    @abstractmethod
    def make(self, folder: Path) -> None:
        """Write the whole files."""

    @abstractmethod
    def read(self, folder: Path, rng: random.Random) -> None:
        """Read them in every way that there is; what is raised is judged by whoever calls this."""

    def one(self, rng: random.Random) -> None:
        """Damage one file, or two, and read them."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.whole, self.work)
        for _ in range(rng.choice((1, 1, 1, 2))):
            self.damage(self.work, rng)
        self.read(self.work, rng)

    def damage(self, folder: Path, rng: random.Random) -> None:
        """Damage one file."""
        path = folder / rng.choice(self.files)
        if not path.exists():
            return
        if rng.random() < 0.02:
            path.unlink()
        else:
            damage = DAMAGES.get(path.suffix, mutate.damaged)
            path.write_bytes(damage(path.read_bytes(), rng))


def each(*calls: Callable[[], object]) -> None:
    """Make every call, then raise what is no error of the library; else the first that is."""
    errors: list[Exception] = []
    for call in calls:
        try:
            call()
        except AdaptKitError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def same(one: Path, other: Path) -> bool:
    """Whether two files are equal: then what is read from one is known."""
    return one.exists() and one.read_bytes() == other.read_bytes()


def rows(prefix: str, n: int) -> list[dict[str, Any]]:
    """Rows as a file holds them."""
    return [
        {
            "id": f"{prefix}{i}",
            "input": f"{prefix} {i} in Lima",
            "target": ("yes", "no")[i % 2],
            "metadata": {"n": i},
        }
        for i in range(n)
    ]


def as_lines(values: list[dict[str, Any]]) -> str:
    """JSONL."""
    return "".join(json.dumps(v) + "\n" for v in values)


class TaskFolder(Subject):
    """A task folder with documents, aliases, tools and a schema."""

    name = "task"

    def make(self, folder: Path) -> None:
        """Write it."""
        head = {
            "name": "t",
            "kind": "classification",
            "instruction": "Say yes or no.",
            "metrics": ["accuracy", "macro_f1"],
            "labels": ["yes", "no"],
            "description": "d",
            "licence": "MIT",
            "tools": [TOOL],
        }
        (folder / "task.json").write_text(json.dumps(head))
        (folder / "train.jsonl").write_text(as_lines(rows("train", 8)))
        test = [{**r, "gold_documents": ["d1"], "aliases": [r["target"]]} for r in rows("test", 6)]
        (folder / "test.jsonl").write_text(as_lines(test))
        (folder / "documents.jsonl").write_text(
            as_lines([{"id": "d1", "title": "T", "text": "Yes means yes."}])
        )

    def read(self, folder: Path, rng: random.Random) -> None:
        """Load, check, hash and write it."""
        task = ak.load_task(folder)
        each(
            lambda: task.content_hash,
            lambda: repr(task),
            lambda: check_source(str(folder)).to_text(),
            lambda: write_task(task, folder.with_name("written")),
        )


class StructuredFolder(TaskFolder):
    """A task folder whose answers follow a schema."""

    name = "structured"

    def make(self, folder: Path) -> None:
        """Write it."""
        head = {
            "name": "s",
            "kind": "structured",
            "instruction": "Read.",
            "metrics": ["json_exact", "json_valid"],
            "schema": SCHEMA,
        }
        (folder / "task.json").write_text(json.dumps(head))
        for split in ("train", "test"):
            values = [{**r, "target": json.dumps({"city": "Lima", "n": 3})} for r in rows(split, 6)]
            (folder / f"{split}.jsonl").write_text(as_lines(values))


class DataFile(Subject):
    """Rows in one file of each format and shape."""

    name = "rows"

    def make(self, folder: Path) -> None:
        """Write one of each."""
        values = rows("row", 30)
        (folder / "rows.jsonl").write_text(as_lines(values))
        (folder / "rows.csv").write_text(
            "id,input,target\n" + "".join(f'{r["id"]},"{r["input"]}, ""so""",{r["target"]}\n' for r in values)
        )
        chat = [
            {
                "messages": [
                    {"role": "user", "content": r["input"]},
                    {"role": "assistant", "content": r["target"]},
                ]
            }
            for r in values
        ]
        (folder / "chat.jsonl").write_text(as_lines(chat))
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            return
        parquet.write_table(pyarrow.Table.from_pylist(values), folder / "rows.parquet")

    def read(self, folder: Path, rng: random.Random) -> None:
        """Load each as a task."""
        each(
            *(lambda p=p: ak.load_task(p, instruction="Say.").content_hash for p in sorted(folder.iterdir()))
        )


class Suites(Subject):
    """A suite file."""

    name = "suite"

    def make(self, folder: Path) -> None:
        """Write it."""
        (folder / "suite.toml").write_text(SUITE)

    def read(self, folder: Path, rng: random.Random) -> None:
        """Read it."""
        read_suite(folder / "suite.toml")


def run_folder(folder: Path) -> None:
    """Write a small finished comparison."""
    task = ak.Task(
        name="t",
        kind="generation",
        instruction="Answer.",
        metrics=("exact_match",),
        train=tuple(ak.Example(id=f"train{i}", input=f"train {i}", target=f"answer {i}") for i in range(8)),
        validation=(),
        test=tuple(ak.Example(id=f"row{i}", input=f"row {i}", target=f"answer {i}") for i in range(N_ROWS)),
    )
    ak.compare(
        [ak.PromptEngineering(), ak.FewShot(k=2, selection="random")],
        task,
        model=MODEL,
        seeds=2,
        baselines=False,
        leakage="off",
        out=folder,
    )


def _said(request: Any) -> str:
    number = request.prompt.input.rpartition(" ")[2]
    return f"answer {number}" if number.isdigit() and int(number) % 3 else "no idea"


MODEL = ak.FakeModel(_said)


class Settings(Subject):
    """Costs, requirements and prices, with a comparison that they are applied to."""

    name = "settings"

    def make(self, folder: Path) -> None:
        """Write them."""
        (folder / "costs.toml").write_text(COSTS)
        (folder / "requirements.toml").write_text(REQUIREMENTS)
        (folder / "prices.toml").write_text(PRICES)
        run_folder(folder.with_name("run"))
        self.comparison = ak.load_comparison(folder.with_name("run"))

    def read(self, folder: Path, rng: random.Random) -> None:
        """Read them, and recommend by them."""
        calls = {
            "prices.toml": lambda: load_prices(folder / "prices.toml").stale_warning(date(2026, 1, 1)),
            "requirements.toml": lambda: self._by_requirements(folder),
            "costs.toml": lambda: self._by_costs(folder),
        }
        each(*(call for name, call in calls.items() if not same(folder / name, self.whole / name)))

    def _by_requirements(self, folder: Path) -> None:
        found = self.comparison.recommend(load_requirements(folder / "requirements.toml"))
        [r.to_text() for r in found]

    def _by_costs(self, folder: Path) -> None:
        costs = load_assumptions(folder / "costs.toml")
        found = self.comparison.recommend(ak.Requirements(), assumptions=costs)
        [r.to_text() for r in found]
        costs.described()


class RunFolder(Subject):
    """A finished comparison."""

    name = "run"

    def make(self, folder: Path) -> None:
        """Run it."""
        run_folder(folder)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # The reports are written and not read.
        self.files = [p for p in self.files if p.suffix in {".json", ".jsonl"} and p.name != ".lock"]

    def read(self, folder: Path, rng: random.Random) -> None:
        """Read it by every command that takes one; then run the same again."""

        def loaded() -> ak.Comparison:
            return ak.load_comparison(folder)

        out = folder.with_name("out")
        calls: list[Callable[[], object]] = [
            lambda: [r.to_text() for r in loaded().recommend(ak.Requirements())],
            lambda: loaded().report(out / "report.html"),
            lambda: loaded().report(out / "report.md"),
            lambda: (loaded().to_frame(), str(loaded()), repr(loaded())),
            lambda: [
                loaded().export(out / f"{part}.csv", part=part) for part in ("table", "pairs", "records")
            ],
            lambda: [loaded().export(out / f"table.{form}") for form in ("json", "md", "tex")],
            lambda: ak.diff(folder, self.whole).to_text(),
            lambda: verify_folder(folder),
            lambda: loaded().causes(),
            lambda: run_folder(folder),
        ]
        each(*rng.sample(calls, 3))


class Artefacts(Subject):
    """Saved strategies; half of the damage is sealed again, as a forger would."""

    name = "artefact"

    def make(self, folder: Path) -> None:
        """Fit and save some."""
        documents = tuple(ak.Document(id=f"d{i}", text=f"Row {i} means answer {i}.") for i in range(6))
        task = ak.Task(
            name="t",
            kind="classification",
            instruction="Which?",
            metrics=("accuracy",),
            documents=documents,
            train=tuple(
                ak.Example(id=f"a{i}", input=f"train {i}", target=("yes", "no")[i % 2]) for i in range(12)
            ),
            validation=(),
            test=(ak.Example(id="b", input="row 1", target="yes"),),
        )
        self.saved = {
            "prompt": ak.PromptEngineering(),
            "few-shot": ak.FewShot(k=2, selection="random"),
            "rag": ak.RAG(k=2, method="bm25"),
            "tfidf": parse_strategy("tfidf"),
            "compose": ak.Compose((ak.FewShot(k=1, selection="random"), ak.PromptEngineering())),
        }
        for name, strategy in list(self.saved.items()):
            strategy.fit(MODEL, task).save(folder / name)

    def read(self, folder: Path, rng: random.Random) -> None:
        """Load each, and answer with it."""
        for name in self.saved:
            if rng.random() < 0.5:
                _sealed_again(folder / name)
        each(*(lambda n=n: ak.load_strategy(folder / n, MODEL).generate(["row 1", "x"]) for n in self.saved))


def _sealed_again(folder: Path) -> None:
    for state in sorted(folder.rglob("*.json"), key=lambda p: -len(p.parts)):
        try:
            values = json.loads(state.read_text())
        except (ValueError, OSError):
            continue
        if not isinstance(values, dict) or SEAL not in values:
            continue
        files = values.get("files")
        if isinstance(files, dict):
            values["files"] = {
                n: file_sha256(state.parent / n) if _is_file(state.parent, n) else h for n, h in files.items()
            }
        try:
            state.write_text(json.dumps(sealed({k: v for k, v in values.items() if k != SEAL})))
        except ValueError:
            continue


def _is_file(folder: Path, name: str) -> bool:
    try:
        return (folder / name).is_file()
    except OSError:
        return False


class Requests(Subject):
    """Bodies and heads of requests to the server's application, in this process."""

    name = "http"
    heads: ClassVar[list[tuple[bytes, bytes]]] = [
        (b"host", b"127.0.0.1:8000"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer k"),
        (b"origin", b"http://127.0.0.1:8000"),
        (b"accept", b"*/*"),
    ]

    def make(self, folder: Path) -> None:
        """Write a body, and start the service."""
        from adaptkit.serving import ServerSettings
        from adaptkit.serving.app import build_app
        from adaptkit.serving.service import Service

        body = {
            "model": "m",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "row 1"}]}],
            "stop": ["x"],
            "stream": False,
            "max_tokens": 4096,
            "temperature": 0,
            "seed": 1,
            "user": "u",
            "n": 1,
            "logit_bias": {},
        }
        (folder / "body.json").write_text(json.dumps(body))
        task = ak.Task(
            name="t",
            kind="generation",
            instruction="Answer.",
            metrics=("exact_match",),
            train=(),
            validation=(),
            test=(ak.Example(id="b", input="row 1", target="yes"),),
        )
        strategy = ak.PromptEngineering().fit(MODEL, task)
        service = Service(strategy, ServerSettings(port=0, timeout_s=5), name="m", fingerprint="f00d")
        service.start()
        self.app = build_app(service)
        self.loop = asyncio.new_event_loop()  # the service stays with the first one that it is used in

    def read(self, folder: Path, rng: random.Random) -> None:
        """Send it; an answer that is a fault of the server's raises."""
        heads = list(self.heads)
        if rng.random() < 0.6:
            at = rng.randrange(len(heads))
            heads[at] = (heads[at][0], mutate.damaged(heads[at][1], rng)[:9_000])
        if rng.random() < 0.2:
            heads += [rng.choice(heads)]
        path = rng.choice(
            ["/v1/chat/completions"] * 6
            + ["/v1/models", "/v1/models/\ufffd", "/metrics", "/healthz", "//", "/v1/models/../x"]
        )
        body = (folder / "body.json").read_bytes() if (folder / "body.json").exists() else b""
        method = "POST" if "chat" in path else rng.choice(("GET", "HEAD", "TRACE", "PO\x00ST"))
        status = self.loop.run_until_complete(self._status(method, path, heads, body))
        if status >= 500 or status == 0:
            raise RuntimeError(f"the server answered {status}")

    async def _status(self, method: str, path: str, heads: list[tuple[bytes, bytes]], body: bytes) -> int:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(errors="surrogateescape"),
            "query_string": b"",
            "root_path": "",
            "headers": heads,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        found = 0
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.sleep(30)
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal found
            if message["type"] == "http.response.start":
                found = int(message["status"])

        await self.app(scope, receive, send)
        return found


class ModelFolder(Subject):
    """A model folder in transformers' layout, some kilobytes of it."""

    name = "model"

    def make(self, folder: Path) -> None:
        """Write a random model and its tokenizer."""
        import tokenizers
        import transformers

        words = ["<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", *"abcdefghijklmnopqrstuvwxyz \n"]
        word_level: Any = tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>")
        backend = tokenizers.Tokenizer(word_level)
        splits: Any = tokenizers.pre_tokenizers.Split("", "isolated")
        backend.pre_tokenizer = splits
        fast: Any = transformers.PreTrainedTokenizerFast
        tokenizer = fast(
            tokenizer_object=backend, bos_token="<s>", eos_token="<|im_end|>", unk_token="<unk>",
            additional_special_tokens=["<|im_start|>"],
        )  # fmt: skip
        tokenizer.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
        config = transformers.LlamaConfig(
            vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256,
        )  # fmt: skip
        model: Any = transformers.LlamaForCausalLM
        model(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    def read(self, folder: Path, rng: random.Random) -> None:
        """Load it, and ask it something."""
        model = ak.load_model(folder, device="cpu")
        prompt = Prompt(instruction="say", input="abc")
        requests = [
            Request(prompt=prompt, max_new_tokens=3),
            Request(prompt=prompt, max_new_tokens=3, choices=("a", "bc")),
        ]
        each(lambda: model.complete(requests), lambda: model.template_hash)


SUBJECTS: tuple[type[Subject], ...] = (
    TaskFolder,
    StructuredFolder,
    DataFile,
    Suites,
    Settings,
    RunFolder,
    Artefacts,
    Requests,
    ModelFolder,
)
SHARES = {
    "task": 4,
    "structured": 3,
    "rows": 3,
    "suite": 3,
    "settings": 3,
    "run": 2,
    "artefact": 3,
    "http": 3,
    "model": 1,
}
"""How many inputs each gets, as parts of the whole."""
