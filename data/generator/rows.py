"""Examples and documents as they stand in the files."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
SPLITS = ("train", "validation", "test")
SEED = "wharrowdale-1"


@dataclass(frozen=True)
class Example:
    """One line of a split."""

    input: str
    target: str
    aliases: tuple[str, ...] = ()
    gold_documents: tuple[str, ...] = ()
    cluster: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_json(self, example_id: str) -> dict[str, Any]:
        """The row, without its empty fields."""
        row: dict[str, Any] = {"id": example_id, "input": self.input, "target": self.target}
        optional = {
            "aliases": list(self.aliases),
            "gold_documents": list(self.gold_documents),
            "cluster": self.cluster,
            "metadata": self.metadata,
        }
        return row | {key: value for key, value in optional.items() if value}


@dataclass(frozen=True)
class Document:
    """One line of documents.jsonl."""

    id: str
    title: str
    text: str

    def to_json(self) -> dict[str, str]:
        """The row."""
        return {"id": self.id, "title": self.title, "text": self.text}


@dataclass(frozen=True)
class TaskFolder:
    """Everything that one task folder holds."""

    card: dict[str, Any]
    id_prefix: str
    splits: dict[str, list[Example]]
    documents: tuple[Document, ...] = ()

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of every split, with ids numbered through the splits."""
        numbered: dict[str, list[dict[str, Any]]] = {}
        number = 0
        for split in SPLITS:
            numbered[split] = []
            for example in self.splits[split]:
                number += 1
                numbered[split].append(example.to_json(f"{self.id_prefix}-{number:04d}"))
        return numbered

    def files(self) -> dict[str, str]:
        """File name to content."""
        sizes = {split: len(self.splits[split]) for split in SPLITS}
        if self.documents:
            sizes["documents"] = len(self.documents)
        card = json.dumps(self.card | {"sizes": sizes}, ensure_ascii=False, indent=2) + "\n"
        written = {"task.json": card}
        written |= {f"{split}.jsonl": to_lines(rows) for split, rows in self.rows().items()}
        if self.documents:
            written["documents.jsonl"] = to_lines(document.to_json() for document in self.documents)
        return written


def to_lines(rows: Iterable[dict[str, Any]]) -> str:
    """JSON lines, one final line break."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def generator_for(*parts: str) -> random.Random:
    """A random generator that depends only on the seed and the given names."""
    return random.Random("/".join((SEED, *parts)))


def shuffled(values: Sequence[T], rng: random.Random) -> list[T]:
    """A shuffled copy."""
    return rng.sample(list(values), len(values))


def card_base(name: str, kind: str, instruction: str, metrics: Sequence[str]) -> dict[str, Any]:
    """The fields that every task.json of the project has."""
    return {
        "name": name,
        "kind": kind,
        "instruction": instruction,
        "metrics": list(metrics),
        "licence": "Apache-2.0",
        "attribution": "Written for adaptkit; the Wharrowdale Hire Cooperative is fictional.",
        "generator": f"python -m data.generator (seed {SEED})",
    }
