"""The default comparison as one would write it without adaptkit: transformers, TRL, LangChain and FAISS.

Ordinary code, not slowed down on purpose: batches of 16 sorted by length, greedy decoding that ends at a
line break (all answers of the bundled tasks have one line), one model for all strategies, documents and
demonstrations embedded once. Run by ``benchmarks.perf`` in the peers' environment; prints one JSON
object of qualities and latencies.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH_SIZE = 16
TRAIN_BATCH_SIZE = 8
LEARNING_RATE = 2e-4
CHUNK_CHARACTERS = 800
OVERLAP_CHARACTERS = 160

Row = dict[str, Any]
Messages = list[dict[str, str]]


@dataclass
class Task:
    """A task folder's files."""

    head: dict[str, Any]
    train: list[Row]
    test: list[Row]
    documents: list[Row]

    @classmethod
    def read(cls, folder: Path, limit: int) -> Task:
        """Read the JSON lines."""

        def rows(name: str) -> list[Row]:
            path = folder / f"{name}.jsonl"
            if not path.exists():
                return []
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

        head = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        return cls(head, rows("train"), rows("test")[:limit], rows("documents"))

    @property
    def instruction(self) -> str:
        """The instruction, with the labels where there are some."""
        text = str(self.head["instruction"])
        if self.head.get("labels"):
            text += f"\nReply with exactly one of these labels: {', '.join(self.head['labels'])}."
        return text


class Generator:
    """A model with its tokenizer."""

    def __init__(self, module: Any, tokenizer: Any, max_new_tokens: int) -> None:
        self.module, self.tokenizer, self.max_new_tokens = module, tokenizer, max_new_tokens

    def answer(self, prompts: Sequence[Messages]) -> list[str]:
        """Answer chat messages in batches, in order."""
        import torch

        texts = [
            self.tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True) for p in prompts
        ]
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        answers = [""] * len(texts)
        for start in range(0, len(order), BATCH_SIZE):
            part = order[start : start + BATCH_SIZE]
            inputs = self.tokenizer(
                [texts[i] for i in part], return_tensors="pt", padding=True, add_special_tokens=False
            ).to(self.module.device)
            with torch.inference_mode():
                out = self.module.generate(
                    **inputs,
                    max_new_tokens=self.max_new_tokens,
                    do_sample=False,
                    pad_token_id=self.tokenizer.pad_token_id,
                    stop_strings=["\n"],
                    tokenizer=self.tokenizer,
                )
            found = self.tokenizer.batch_decode(
                out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            )
            for i, text in zip(part, found, strict=True):
                answers[i] = text.strip()
        return answers


def chat(instruction: str, question: str, shown: Sequence[Row] = ()) -> Messages:
    """A system message, demonstrations as turns, and the question."""
    messages = [{"role": "system", "content": instruction}]
    for row in shown:
        messages.append({"role": "user", "content": row["input"]})
        messages.append({"role": "assistant", "content": row["target"]})
    return [*messages, {"role": "user", "content": question}]


def few_shot_prompts(task: Task, embeddings: Any, k: int) -> list[Messages]:
    """The k nearest train rows in front of each input, the nearest last."""
    from langchain_community.vectorstores import FAISS

    store = FAISS.from_texts([r["input"] for r in task.train], embeddings, metadatas=task.train)
    prompts = []
    for row in task.test:
        shown = [d.metadata for d in store.similarity_search(row["input"], k=k)][::-1]
        prompts.append(chat(task.instruction, row["input"], shown))
    return prompts


def rag_prompts(task: Task, embeddings: Any, k: int) -> list[Messages]:
    """The k nearest chunks in front of each input."""
    from langchain_community.vectorstores import FAISS
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=OVERLAP_CHARACTERS)
    documents = [Document(page_content=f"{d.get('title') or ''}\n{d['text']}") for d in task.documents]
    store = FAISS.from_documents(splitter.split_documents(documents), embeddings)
    prompts = []
    for row in task.test:
        found = store.similarity_search(row["input"], k=k)
        context = "\n\n".join(d.page_content for d in reversed(found))
        prompts.append(chat(task.instruction, f"{context}\n\n{row['input']}"))
    return prompts


def fine_tuned(task: Task, base: Any, tokenizer: Any, *, rank: int, n_tokens: int) -> Any:
    """A copy of the model with a merged adapter, trained on about ``n_tokens`` tokens."""
    import datasets
    import peft
    import torch
    import trl

    rows = [
        {
            "prompt": chat(task.head["instruction"], r["input"]),
            "completion": [{"role": "assistant", "content": r["target"]}],
        }
        for r in task.train
    ]
    lengths = [
        len(tokenizer.apply_chat_template([*r["prompt"], *r["completion"]])["input_ids"]) for r in rows[:100]
    ]
    steps = max(1, int(n_tokens / (TRAIN_BATCH_SIZE * statistics.mean(lengths))))
    with tempfile.TemporaryDirectory() as scratch:
        trainer = trl.SFTTrainer(
            model=copy.deepcopy(base),
            processing_class=tokenizer,
            train_dataset=datasets.Dataset.from_list(rows),
            peft_config=peft.LoraConfig(
                r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            args=trl.SFTConfig(
                output_dir=scratch,
                max_steps=steps,
                per_device_train_batch_size=TRAIN_BATCH_SIZE,
                learning_rate=LEARNING_RATE,
                gradient_checkpointing=False,
                use_cpu=not torch.cuda.is_available(),
                bf16=False,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
        )
        trainer.train()
    return trainer.model.merge_and_unload().eval()


def score(task: Task, answers: Sequence[str]) -> float:
    """Share of answers that equal the target, or for questions hold it."""
    holds = task.head["kind"] == "qa"
    right = 0
    for row, answer in zip(task.test, answers, strict=True):
        wanted = [t.casefold() for t in (row["target"], *row.get("aliases", ()))]
        said = answer.casefold().strip()
        right += any(t in said for t in wanted) if holds else said in wanted
    return right / len(answers)


def measured(
    task: Task, generator: Generator, prompts: Sequence[Messages], latency_rows: int
) -> dict[str, float]:
    """Quality on all rows, and the median latency of rows sent alone."""
    answers = generator.answer(prompts)
    seconds = []
    for prompt in prompts[:latency_rows]:
        started = time.perf_counter()
        generator.answer([prompt])
        seconds.append(time.perf_counter() - started)
    return {"quality": score(task, answers), "p50_latency_s": statistics.median(seconds) if seconds else 0.0}


def run_task(
    task: Task, base: Any, tokenizer: Any, embeddings: Any, arguments: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """All four strategies on one task."""
    longest = max(len(tokenizer(r["target"])["input_ids"]) for r in task.train)
    generator = Generator(base, tokenizer, longest + 16)
    prompts = {
        "prompt": [chat(task.instruction, r["input"]) for r in task.test],
        "few-shot": few_shot_prompts(task, embeddings, arguments.shots),
        "rag": rag_prompts(task, embeddings, arguments.passages),
    }
    found = {name: measured(task, generator, p, arguments.latency_rows) for name, p in prompts.items()}
    tuned = fine_tuned(task, base, tokenizer, rank=arguments.rank, n_tokens=arguments.train_tokens)
    plain = [chat(task.head["instruction"], r["input"]) for r in task.test]
    found["lora"] = measured(task, Generator(tuned, tokenizer, longest + 16), plain, arguments.latency_rows)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run all tasks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--embedder", required=True)
    for name, default in (("limit", 30), ("latency-rows", 10), ("shots", 8), ("passages", 3), ("rank", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--train-tokens", type=int, default=24_000)
    parser.add_argument("--dtype", default="auto")
    arguments = parser.parse_args(argv)

    from langchain_huggingface import HuggingFaceEmbeddings
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from benchmarks.perf.peers.placement import place

    device, dtype = place(arguments.dtype)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model, padding_side="left")
    base: Any = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    base = base.to(device).eval()
    embeddings = HuggingFaceEmbeddings(model_name=arguments.embedder)
    found = {
        folder.name: run_task(Task.read(folder, arguments.limit), base, tokenizer, embeddings, arguments)
        for folder in arguments.tasks
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
