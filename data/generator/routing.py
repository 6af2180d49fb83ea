"""request_routing: short messages to be sent to one of twelve queues.

House rule for a message with two wishes: people first, then kit, then vans, then dates,
then money, then paperwork, then sales and advice; `LABELS` stands in that order, so the
label that comes first there wins.
"""

import random
import re
import tomllib
from pathlib import Path
from typing import Any

from data.generator.rows import Document, Example, TaskFolder, card_base, generator_for, shuffled
from data.generator.text import capitalised, expand, fill, fold, mistype, unfinished

LABELS = (
    "safety_incident",
    "equipment_fault",
    "damage_report",
    "late_delivery",
    "overdue_collection",
    "cancel_booking",
    "change_booking",
    "billing_dispute",
    "deposit_refund",
    "account_update",
    "new_booking",
    "usage_advice",
)
# Rows a label in each split.
PER_LABEL = {"train": 34, "validation": 6, "test": 17}
# Of a label's 30 cores, so many with slots serve both train and test (validation: the first
# `N_VALIDATION_SHARED` of them); the others belong to one split.
N_SHARED = 13
N_VALIDATION_SHARED = 5
OWN_CORES = {"train": (0, 8), "validation": (8, 10), "test": (10, 17)}
TWO_WISHES = 0.2
INSTRUCTION = "Choose the queue that should handle this message to an equipment hire company."


class _Writer:
    """Draws messages of one split from the hand-written texts."""

    def __init__(self, texts: dict[str, Any], split: str) -> None:
        self.texts = texts
        self.split = split
        self.rng = generator_for("routing", split)
        self.cores = {label: self._share(label) for label in LABELS}
        self.used: dict[str, int] = {}

    def _share(self, label: str) -> list[str]:
        cores = shuffled(self.texts["label"][label]["cores"], generator_for("routing", label))
        shared = [core for core in cores if "<" in core][:N_SHARED]
        first, last = OWN_CORES[self.split]
        own = [core for core in cores if core not in shared][first:last]
        return own + (shared[:N_VALIDATION_SHARED] if self.split == "validation" else shared)

    def _fill(self, shape: str) -> str:
        values = {name: self.rng.choice(words) for name, words in self.texts["slots"].items()}
        return expand(shape, values, self.rng)

    def core(self, label: str) -> str:
        """The least used core of a label, filled."""
        fewest = min(self.used.get(core, 0) for core in self.cores[label])
        fresh = [core for core in self.cores[label] if self.used.get(core, 0) == fewest]
        shape = self.rng.choice(fresh)
        self.used[shape] = fewest + 1
        return self._fill(shape)

    def second(self, label: str) -> str:
        """A short second wish."""
        return self._fill(self.rng.choice(self.texts["label"][label]["seconds"]))

    def dressed(self, message: str) -> str:
        """The message with greeting, ending and slips, each at times."""
        noise, rng = self.texts["noise"], self.rng
        if rng.random() < 0.4:
            opener = self._fill(rng.choice(noise["openers"]))
            message = f"{opener} {message if opener.endswith(_ENDS) else _lowered(message)}"
        if rng.random() < 0.3:
            end = "." if unfinished(message) else ""
            message = f"{message}{end} {self._fill(rng.choice(noise['closers']))}"
        return mistype(message, rng) if rng.random() < 0.3 else message

    def one_wish(self, label: str) -> Example:
        """A message about one thing."""
        return Example(self.dressed(self.core(label)), label, metadata={"wishes": 1})

    def two_wishes(self, label: str) -> Example:
        """A message whose label is decided by the house rule; `label` wins."""
        rank = LABELS.index(label)
        other = self.rng.choice(LABELS[rank + 1 :])
        if self.rng.random() < 0.5:
            message = self._joined(self.core(label), self.second(other))
        else:
            message = self._joined(self.core(other), self.second(label))
        return Example(self.dressed(message), label, metadata={"wishes": 2, "also": other})

    def _joined(self, core: str, second: str) -> str:
        end = "." if unfinished(core) else ""
        question = second.split(" ")[0] in _QUESTION_WORDS
        join = self.rng.choice(self.texts["noise"]["joins"])
        return f"{core}{end} {join}{second}{'?' if question else '.'}"


_ENDS = (".", ":")
_KEEP_CAPITAL = re.compile(r"I\b|[A-Z]{2}|(?:Marrowby|Pellgate|Skelbeck|A branch)\b")


def _lowered(message: str) -> str:
    """The message with a small first letter, as it stands after a greeting and a comma."""
    return message if _KEEP_CAPITAL.match(message) else message[:1].lower() + message[1:]


_QUESTION_WORDS = ("how", "what", "when", "where", "who", "is", "can", "could", "have")


def _draw(writer: _Writer, label: str, seen: set[str]) -> Example:
    two = label != LABELS[-1] and writer.rng.random() < TWO_WISHES
    while True:
        example = writer.two_wishes(label) if two else writer.one_wish(label)
        example = _tidy(example)
        if fold(example.input) not in seen and len(example.input.split()) <= 48:
            seen.add(fold(example.input))
            return example


def _tidy(example: Example) -> Example:
    text = example.input if example.input[:1].islower() else capitalised(example.input)
    return Example(text, example.target, metadata=example.metadata)


def _load_texts() -> dict[str, Any]:
    path = Path(__file__).with_name("routing_texts.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _count(split: str, rng: random.Random) -> int:
    spread = {"train": 4, "validation": 1, "test": 2}[split]
    return PER_LABEL[split] + rng.randint(-spread, spread)


def load_guide() -> tuple[Document, ...]:
    """What the desk has in writing about its queues; the order of rank is that of `LABELS`."""
    path = Path(__file__).with_name("routing_guide.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["document"]
    values = {label: label for label in LABELS}
    values["ranking"] = "\n".join(f"{rank}. {label}" for rank, label in enumerate(LABELS, start=1))
    documents = [
        Document(entry["id"], fill(entry["title"], values), fill(entry["text"].strip(), values))
        for entry in entries
    ]
    return tuple(shuffled(documents, generator_for("guide")))


def build() -> TaskFolder:
    """The whole folder."""
    texts, seen = _load_texts(), set[str]()
    splits: dict[str, list[Example]] = {}
    for split in PER_LABEL:
        writer = _Writer(texts, split)
        drawn = [_draw(writer, label, seen) for label in LABELS for _ in range(_count(split, writer.rng))]
        splits[split] = shuffled(drawn, writer.rng)
    card = card_base("request_routing", "classification", INSTRUCTION, ("accuracy", "macro_f1"))
    card["labels"] = sorted(LABELS)
    card["description"] = (
        "Short messages from customers and staff of an equipment hire company, to be sent to one of twelve"
        " queues. About a fifth hold two wishes; a house rule, which the examples show and the desk's guide"
        " among the documents states, says which counts."
    )
    return TaskFolder(card, "routing", splits, load_guide())
