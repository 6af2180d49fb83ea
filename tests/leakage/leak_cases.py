"""Tasks without leaks, things to plant into them, and an embedder that knows some synonyms."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from tiny import HashEmbedder

from adaptkit.core.types import Document, Example
from adaptkit.retrieval.embed import Vectors
from adaptkit.tasks import Task

CITIES = (
    "Ardmoor", "Belwick", "Corran", "Dunhope", "Elmsey", "Fenwold", "Garth", "Holmby", "Inverley", "Jarrow",
    "Kelso", "Larne", "Morven", "Nairn", "Oban", "Penrith", "Quern", "Rhyl", "Selby", "Tain",
)  # fmt: skip
ASKED = (
    ("How tall is the tower of {}?", "{} metres"),
    ("Who founded the library of {}?", "doctor {}"),
    ("In which year did {} get its railway?", "year {}"),
    ("Which river flows past the walls of {}?", "river {}"),
)
# The four questions about Ardmoor in the words of somebody else.
IN_OTHER_WORDS = (
    "What is the height of the tower of Ardmoor?",
    "Who started the Ardmoor library?",
    "When did trains get to Ardmoor?",
    "Which water runs past the Ardmoor walls?",
)
SYNONYMS = {
    "tall": "high", "height": "high", "metres": "high", "founded": "begin", "started": "begin",
    "railway": "train", "trains": "train", "year": "when", "river": "water", "flows": "runs",
}  # fmt: skip
FILLER = {"the", "of", "is", "a", "did", "get", "its", "what", "how", "who", "which", "in", "for"}


class SynonymEmbedder(HashEmbedder):
    """Texts are the same to it where they hold the same words but for synonyms and small words."""

    name = "synonyms"

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return super().embed([" ".join(self._heard(text)) for text in texts])

    def _heard(self, text: str) -> Iterable[str]:
        return sorted({SYNONYMS.get(w, w) for w in re.findall(r"\w+", text.casefold())} - FILLER) or [
            "nothing"
        ]


def qa_rows() -> list[Example]:
    """Eighty questions, each with an answer of its own."""
    return [
        Example(
            id=f"q{i}-{j}",
            input=question.format(city),
            target=answer.format(100 * i + 10 * j + 3),
            gold_documents=(city,),
        )
        for i, city in enumerate(CITIES)
        for j, (question, answer) in enumerate(ASKED)
    ]


def qa_task() -> Task:
    """Test and train ask about different cities; documents state the answers and ask nothing."""
    rows = qa_rows()
    documents = tuple(
        Document(
            id=city,
            title=city,
            text=f"About {city}. "
            + " ".join(f"There one finds {r.target}." for r in rows if city in r.gold_documents),
        )
        for city in CITIES
    )
    return Task(
        name="cities",
        kind="qa",
        instruction="Answer.",
        metrics=("exact_match",),
        test=tuple(rows[:40]),
        train=tuple(rows[40:72]),
        validation=tuple(rows[72:]),
        documents=documents,
    )


NOUNS = ("lamp", "chair", "kettle", "carpet", "window", "drill", "mirror", "basket", "bottle", "jacket")
COMPLAINTS = (
    ("broken", "my {} fell apart on the {} day and nobody answers"),
    ("broken", "there is a deep crack along the {}, seen on the {} morning"),
    ("late", "still waiting for a {} that you promised {} weeks ago"),
    ("late", "where on earth is the {} from order number {}"),
)


def label_task() -> Task:
    """Two labels, forty rows in each of train and test, no two of one wording in one split and the other."""
    rows = [
        Example(id=f"c{i}-{j}", input=text.format(noun, 3 + i), target=label)
        for i, noun in enumerate(NOUNS)
        for j, (label, text) in enumerate(COMPLAINTS)
    ]
    return Task(
        name="complaints",
        kind="classification",
        instruction="Which?",
        metrics=("accuracy",),
        labels=("broken", "late"),
        test=tuple(r for r in rows if r.id.endswith(("0", "2"))),
        train=tuple(r for r in rows if r.id.endswith(("1", "3"))),
        validation=(),
    )


def planted_rows(rows: Iterable[Example], inputs: Iterable[str]) -> tuple[Example, ...]:
    """Rows of other ids with these inputs and the targets of ``rows``."""
    return tuple(
        Example(id=f"planted-{row.id}", input=text, target=row.target)
        for row, text in zip(rows, inputs, strict=True)
    )


def with_train(task: Task, *more: Example) -> Task:
    """The task with further rows of train."""
    return dataclasses.replace(task, train=(*task.train, *more))


def with_documents(task: Task, *texts: str) -> Task:
    """The task with further documents."""
    more = tuple(Document(id=f"planted-{i}", text=text) for i, text in enumerate(texts))
    return dataclasses.replace(task, documents=(*task.documents, *more))
