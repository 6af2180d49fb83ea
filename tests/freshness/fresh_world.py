"""A task whose documents can change, a reader that copies from its passages, a strategy that remembers."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar

import adaptkit as ak
from adaptkit.core.types import Document, Example, Request

COUNTRIES = (
    "Peru", "Italy", "Norway", "Japan", "Kenya", "Chile", "Spain", "Egypt", "Cuba", "Ghana",
    "Latvia", "Nepal", "Oman", "Qatar", "Samoa", "Togo",
)  # fmt: skip
CITIES = (
    "Lima", "Rome", "Oslo", "Tokyo", "Nairobi", "Santiago", "Madrid", "Cairo", "Havana", "Accra",
    "Riga", "Kathmandu", "Muscat", "Doha", "Apia", "Lome",
)  # fmt: skip


def city_task(**changes: Any) -> ak.Task:
    """Capitals: one document a country, one question of each about it in train, in validation and in test."""

    def rows(split: str, question: str) -> tuple[Example, ...]:
        return tuple(
            Example(
                id=f"{split}-{country}",
                input=question.format(country),
                target=city,
                aliases=(f"{city} city",),
                gold_documents=(country.lower(),),
                metadata={"answer": city},
            )
            for country, city in zip(COUNTRIES, CITIES, strict=True)
        )

    documents = tuple(
        Document(
            id=country.lower(),
            title=country,
            text=f"The capital of {country} is {city}. Many live in {city}. In {country} noon is tea time.",
        )
        for country, city in zip(COUNTRIES, CITIES, strict=True)
    )
    fields: dict[str, Any] = {
        "name": "cities",
        "kind": "qa",
        "instruction": "Answer the question.",
        "metrics": ("exact_match", "contains"),
        "train": rows("train", "Which city governs {}?"),
        "validation": rows("validation", "Where does the government of {} sit?"),
        "test": rows("test", "What is the capital of {}?"),
        "documents": documents,
    }
    return ak.Task(**{**fields, **changes})


def read(request: Request) -> str:
    """The capital that the passages name, or that nothing is known."""
    country = country_of(request.prompt.input)
    for passage in request.prompt.context:
        stated = re.search(rf"The capital of {country} is (\w+)", passage.text)
        if stated:
            return stated[1]
    return "unknown"


def country_of(text: str) -> str:
    return next((c for c in COUNTRIES if c in text), "nowhere")


@dataclasses.dataclass(kw_only=True)
class Memory(ak.Strategy):
    """Knows by heart what train rows say about a country; nothing but another training changes that."""

    name: ClassVar[str] = "memory"
    learns_from: ClassVar[tuple[str, ...]] = ("train",)
    update: ClassVar[Any] = "re-train"

    traits: ClassVar[ak.Traits] = ak.Traits(trains_weights=True)

    def instruction(self, task: ak.Task) -> str:
        return "Answer."

    def learn(self, model: Any, task: ak.Task) -> Any:
        known = {country_of(e.input): e.target for e in task.train}
        return ak.FakeModel(lambda r: known.get(country_of(r.prompt.input), "unknown"))
