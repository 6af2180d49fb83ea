"""Small tasks that strategies are checked on, and variants of any task that show what goes wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from adaptkit.core.types import Document, Example
from adaptkit.tasks import Task

ANIMALS = ("cat", "dog", "owl", "bee", "cow", "fox", "hen", "pig", "ant", "elk", "yak", "jay")
SOUNDS = (
    "purrs",
    "barks",
    "hoots",
    "hums",
    "moos",
    "yaps",
    "clucks",
    "oinks",
    "taps",
    "bugles",
    "grunts",
    "calls",
)
COMMANDS = {
    "light": (
        "turn the {} lamp on",
        "make the {} lamp brighter",
        "switch off the {} lamp",
        "dim the {} lamp",
    ),
    "heat": ("warm the {} up", "it is cold in the {}", "set the {} to twenty degrees", "heat the {} less"),
    "blind": ("open the blind of the {}", "shut the {} blind", "raise the {} blind", "lower the {} blind"),
}
ROOMS = ("kitchen", "hall", "attic", "study")
SECRET = "sesame-secret"
OWN = "codeword"
TEST_ROW = "row-of-test"


def questions() -> Task:
    """Questions about animals, with a document each."""
    pairs = list(zip(ANIMALS, SOUNDS, strict=True))
    asked = ("What does a {} do?", "Which sound has the {}?")
    rows = [(q.format(animal), sound) for animal, sound in pairs for q in asked]
    documents = tuple(
        Document(
            id=animal,
            title=animal,
            text=f"A {animal} {sound}. The {animal} likes to sleep, to eat and to walk. In winter it stays "
            f"at home. Nobody has counted how often a {animal} {sound}.",
        )
        for animal, sound in pairs
    )
    return Task(
        name="animals",
        kind="qa",
        instruction="Answer the question in one word.",
        metrics=("exact_match",),
        documents=documents,
        **_splits(rows),
    )


def commands() -> Task:
    """Commands to a house: three labels."""
    rows = [
        (text.format(room), label) for room in ROOMS for label, texts in COMMANDS.items() for text in texts
    ]
    return Task(
        name="house",
        kind="classification",
        instruction="Which device does the command concern?",
        metrics=("accuracy",),
        labels=tuple(COMMANDS),
        **_splits(rows),
    )


def bookings() -> Task:
    """Room and hour of a booking, as JSON."""
    rows = [
        (f"book the {room} at {hour}", f'{{"room": "{room}", "hour": {hour}}}')
        for room in ROOMS
        for hour in (8, 11, 14, 17)
    ]
    return Task(
        name="bookings",
        kind="structured",
        instruction="Extract room and hour.",
        metrics=("json_exact",),
        schema={
            "type": "object",
            "properties": {"room": {"type": "string"}, "hour": {"type": "integer"}},
            "required": ["room", "hour"],
        },
        **_splits(rows),
    )


SMALL_TASKS: tuple[Callable[[], Task], ...] = (questions, commands, bookings)


def _splits(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Two thirds to learn from, a sixth each to choose and to test on."""
    examples = [
        Example(id=f"r{i}", input=text, target=target, metadata={"number": i})
        for i, (text, target) in enumerate(rows)
    ]
    return {
        "test": tuple(examples[::6]),
        "validation": tuple(examples[1::6]),
        "train": tuple(e for i, e in enumerate(examples) if i % 6 > 1),
    }


def changed(task: Task) -> Task:
    """A task of the same kind from which something else is learnt: half of the rows and documents."""
    return dataclasses.replace(
        task,
        name=f"{task.name}-changed",
        instruction=f"{task.instruction} Be brief.",
        train=task.train[::2],
        validation=task.validation or (),
        documents=task.documents[1::2],
    )


def without_validation(task: Task) -> Task:
    """The task with train rows only to learn from."""
    return dataclasses.replace(task, validation=(), documents=())


def without_train(task: Task) -> Task:
    """The task with nothing to learn from."""
    return dataclasses.replace(task, train=(), validation=())


def secretive(task: Task) -> Task:
    """The task with words that tell where a prompt got them from.

    Metadata hold ``SECRET``, inputs of test rows ``TEST_ROW`` and a number, and where targets may be any
    text, those of train rows are ``OWN`` and a number.
    """
    free = task.kind in ("qa", "generation", "summarization")

    def row(example: Example, i: int, split: str) -> Example:
        return dataclasses.replace(
            example,
            input=f"{example.input} {TEST_ROW}-{i}" if split == "test" else example.input,
            target=f"{OWN}-{split}-{i}" if free else example.target,
            aliases=(),
            metadata={**example.metadata, "answer": SECRET},
        )

    def rows(examples: Sequence[Example], split: str) -> tuple[Example, ...]:
        return tuple(row(e, i, split) for i, e in enumerate(examples))

    return dataclasses.replace(
        task,
        train=rows(task.train, "train"),
        validation=rows(task.validation or (), "validation"),
        test=rows(task.test, "test"),
    )
