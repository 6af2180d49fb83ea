"""Measures how varied the bundled tasks are, and how far copying gets on them."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from data.generator.extraction_tables import DAY_PARTS, FAULTS, ITEMS, MONTHS, PRIORITIES, SITES, WEEKDAYS
from data.generator.rows import SPLITS, Document, Example, TaskFolder
from data.generator.text import fold
from data.generator.tfidf import TfidfIndex

Figures = dict[str, float | int]


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))


def _names() -> Iterable[str]:
    """What a placeholder stands for: depots, items, roles, members, days, places, urgency, faults."""
    yield from FAULTS
    yield from (name for names in (*PRIORITIES.values(), *DAY_PARTS.values()) for name in names if name)
    yield from (name for names in SITES.values() for name in names)
    yield from (name for pairs in ITEMS.values() for pair in pairs for name in pair)
    yield from (name for names in WEEKDAYS.values() for name in names)
    yield from (name for month in MONTHS for name in (month[0], month[0][:3]))
    yield from (value for values in _load("routing_texts.toml")["slots"].values() for value in values)
    for grouping in _load("policies/grouped.toml")["grouping"].values():
        members = (value for value in grouping.values() if isinstance(value, list))
        yield from (name.split("/")[0] for names in members for name in names)


@cache
def _content() -> re.Pattern[str]:
    """Numbers with their signs, codes, and the names, longest first."""
    names = sorted({fold(name) for name in _names()}, key=len, reverse=True)
    packed = "(?:dozen|crates?|bundles?|pallets?|pairs?)(?: of)?"
    counted = f"(?:half a|a|one|two|three|four|five|six|ten|\\d+) {packed}"
    return re.compile(
        rf"\b(?:{counted}|{'|'.join(map(re.escape, names))})\b|[£#]?\b[a-z]{{0,3}}-?\d[\w.,:/%]*"
    )


def shape(text: str) -> str:
    """The sentence shape: the folded text with every content value replaced by `_`, runs by one."""
    plain = re.sub(r"[^\w?]+", " ", _content().sub(" _ ", fold(text))).strip()
    return re.sub(r"_(?: _)+", "_", plain)


def share(values: Iterable[object]) -> float:
    """Distinct values over all values."""
    listed = list(values)
    return len(set(listed)) / len(listed)


def _variety(folder: TaskFolder) -> Figures:
    inputs = [example.input for split in SPLITS for example in folder.splits[split]]
    figures: Figures = {f"rows in {split}": len(folder.splits[split]) for split in SPLITS}
    words = sorted(len(text.split()) for text in inputs)
    figures |= {
        "distinct inputs": share(map(fold, inputs)),
        "distinct sentence shapes": share(map(shape, inputs)),
        "words of an input, median": words[len(words) // 2],
        "words of an input, most": words[-1],
    }
    return figures


def copied_answers(folder: TaskFolder) -> float:
    """Share of test rows whose target is the target of the nearest train input."""
    train, test = folder.splits["train"], folder.splits["test"]
    index = TfidfIndex([example.input for example in train])
    hits = [train[index.nearest(example.input, 1)[0]].target == example.target for example in test]
    return sum(hits) / len(hits)


def retrieval_recall(folder: TaskFolder, k: int) -> float:
    """Mean share of a test question's gold documents among the k nearest documents."""
    index = TfidfIndex([f"{document.title}\n{document.text}" for document in folder.documents])
    recalls = []
    for example in folder.splits["test"]:
        found = {folder.documents[number].id for number in index.nearest(example.input, k)}
        recalls.append(len(found & set(example.gold_documents)) / len(example.gold_documents))
    return sum(recalls) / len(recalls)


def first_hit(folder: TaskFolder) -> float:
    """Share of test questions whose nearest document is one of the gold documents."""
    index = TfidfIndex([f"{document.title}\n{document.text}" for document in folder.documents])
    test = folder.splits["test"]
    hits = [folder.documents[index.nearest(row.input, 1)[0]].id in row.gold_documents for row in test]
    return sum(hits) / len(hits)


def seen_figures(folder: TaskFolder) -> float:
    """Share of test questions whose group figure was the target of a train question on the same document."""

    def figures(split: str) -> list[tuple[str, str]]:
        grouped = [row for row in folder.splits[split] if row.metadata["shape"] in {"joined", "direct"}]
        return [(row.gold_documents[-1], row.target) for row in grouped]

    known = set(figures("train"))
    return sum(figure in known for figure in figures("test")) / len(folder.splits["test"])


def _near(folder: TaskFolder) -> Iterator[tuple[Example, list[Document]]]:
    """Every test row with its three nearest documents."""
    index = TfidfIndex([f"{document.title}\n{document.text}" for document in folder.documents])
    for row in folder.splits["test"]:
        yield row, [folder.documents[number] for number in index.nearest(row.input, 3)]


def own_queue_found(folder: TaskFolder) -> float:
    """Share of test messages with the document of their queue among the three nearest."""
    hits = [
        f"queue-{row.target.replace('_', '-')}" in {document.id for document in found}
        for row, found in _near(folder)
    ]
    return sum(hits) / len(hits)


def code_found(folder: TaskFolder, key: str) -> float:
    """Share of test notes whose code for `key` stands in one of the three nearest, if not superseded."""
    hits = []
    for row, found in _near(folder):
        code = re.compile(rf"\b{json.loads(row.target)[key]}\b")
        current = [document.text for document in found if not document.id.endswith("-former")]
        hits.append(any(code.search(text) for text in current))
    return sum(hits) / len(hits)


def _policy(folder: TaskFolder) -> Figures:
    rows = [example for split in SPLITS for example in folder.splits[split]]
    return {
        "documents": len(folder.documents),
        "documents of 250 words and more": sum(len(doc.text.split()) >= 250 for doc in folder.documents),
        "questions that need two documents": sum(len(row.gold_documents) == 2 for row in rows) / len(rows),
        "test questions whose group figure is a target in train": seen_figures(folder),
        "TF-IDF hit at 1 (any gold document)": first_hit(folder),
        "TF-IDF recall at 1": retrieval_recall(folder, 1),
        "TF-IDF recall at 5": retrieval_recall(folder, 5),
        "right by copying the nearest train question's answer": copied_answers(folder),
    }


def _routing(folder: TaskFolder) -> Figures:
    rows = [example for split in SPLITS for example in folder.splits[split]]
    return {
        "labels": len(folder.card["labels"]),
        "messages with two wishes": sum(row.metadata["wishes"] == 2 for row in rows) / len(rows),
        "accuracy of the nearest train message's label (TF-IDF)": copied_answers(folder),
        "documents": len(folder.documents),
        "TF-IDF: the queue's own document among the three nearest": own_queue_found(folder),
    }


def _extraction(folder: TaskFolder) -> Figures:
    rows = [example for split in SPLITS for example in folder.splits[split]]
    return {
        "hand-written sentence shapes in use": len({row.metadata["shape"] for row in rows}),
        "characters of a target, most": max(len(row.target) for row in rows),
        "json_exact by copying the nearest train note's record": copied_answers(folder),
        "documents": len(folder.documents),
        "TF-IDF: site code in the three nearest documents": code_found(folder, "site"),
        "TF-IDF: item code in the three nearest documents": code_found(folder, "item"),
    }


_OWN: dict[str, Callable[[TaskFolder], Figures]] = {
    "policy_questions": _policy,
    "request_routing": _routing,
    "record_extraction": _extraction,
}


def measure(folder: TaskFolder) -> Figures:
    """All figures of a task."""
    return _variety(folder) | _OWN[folder.card["name"]](folder)
