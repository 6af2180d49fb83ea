"""Reads the hand-written policies: documents, and the facts that questions ask about."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.generator.rows import Document, generator_for
from data.generator.text import capitalised, expand

FOLDER = Path(__file__).with_name("policies")
FILES = ("grouped", "care", "operations", "people", "customers", "long", "distractors")


@dataclass(frozen=True)
class Fact:
    """One thing that can be asked.

    Attributes:
        answer: the target.
        aliases: other forms of the answer.
        questions: wordings; with `shared` the same wordings serve several facts.
        documents: ids of the gold documents.
        family: the policy family, used as cluster.
        kind: "current", "superseded", "shared" (a sheet), "direct" (a group) or "joined" (two documents).
    """

    answer: str
    aliases: tuple[str, ...]
    questions: tuple[str, ...]
    documents: tuple[str, ...]
    family: str
    kind: str


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _answer(text: str) -> tuple[str, tuple[str, ...]]:
    first, *others = text.split("|")
    return first, tuple(others)


def _facts(rows: list[list[str]], document: str, family: str, kind: str) -> Iterator[Fact]:
    for answer, *questions in rows:
        yield Fact(*_answer(answer), tuple(questions), (document,), family, kind)


def _old_text(document: dict[str, Any]) -> str:
    """The text of the superseded version: the note, then the text with the other figures."""
    text = document["text"].strip()
    for new, old in document["old"]["swap"]:
        if new not in text:
            raise ValueError(f"{document['id']}: {new!r} does not occur in the text")
        text = text.replace(new, old)
    return f"{document['old']['note']}\n{text}"


@dataclass
class Library:
    """All documents and facts."""

    documents: list[Document]
    facts: list[Fact]


def _add_written(library: Library, entry: dict[str, Any]) -> None:
    document = Document(entry["id"], entry["title"], entry["text"].strip())
    library.documents.append(document)
    library.facts += _facts(entry.get("facts", []), entry["id"], entry["family"], "current")
    if "old" in entry:
        old = entry["old"]
        library.documents.append(Document(old["id"], old["title"], _old_text(entry)))
        library.facts += _facts(old["facts"], old["id"], entry["family"], "superseded")


def _add_groups(library: Library, entry: dict[str, Any], groupings: dict[str, Any]) -> None:
    """Facts that hold for a group, asked by the group's name and through its members."""
    for rule in entry.get("group", []):
        grouping = groupings[rule["grouping"]]
        for key, value in rule["values"].items():
            answer, aliases = _answer(value)
            label = f"{grouping['noun']} {key}".strip()
            asked = tuple(question.replace("<group>", label) for question in rule["direct"])
            library.facts.append(Fact(answer, aliases, asked, (entry["id"],), entry["family"], "direct"))
            for member in grouping[key]:
                questions = tuple(
                    _joined(question, rule["grouping"], member) for question in rule["questions"]
                )
                source = grouping["documents"].get(member) or grouping["documents"][key]
                documents = (source, entry["id"])
                library.facts.append(Fact(answer, aliases, questions, documents, entry["family"], "joined"))


def _joined(question: str, name: str, member: str) -> str:
    if name != "member":
        return question.replace(f"<{name}>", member)
    who, spend = member.split("/")
    return question.replace("<Member>", capitalised(who)).replace("<member>", who).replace("<spend>", spend)


def _add_sheets(library: Library, texts: dict[str, Any]) -> None:
    """The same sheet for every depot, in one of several layouts."""
    for sheet in texts["sheet"]:
        for number, depot in enumerate(texts["depot"]):
            values = {key: value.split("|")[0] for key, value in depot.items()}
            identity = f"{sheet['prefix']}-{values['depot'].casefold().replace(' ', '-')}"
            layout = sheet["layouts"][number % len(sheet["layouts"])].strip()
            # Square brackets and braces do not occur in the layouts, so nothing is drawn.
            rng = generator_for("policy", identity)
            title = expand(sheet["title"], values, rng)
            library.documents.append(Document(identity, title, expand(layout, values, rng)))
            for key, shapes in sheet["questions"].items():
                asked = tuple(shape.replace("<depot>", values["depot"]) for shape in shapes)
                fact = Fact(*_answer(depot[key]), asked, (identity,), sheet["family"], "shared")
                library.facts.append(fact)


def load_library() -> Library:
    """Everything that is written about the company's policies."""
    library = Library([], [])
    groupings = _read("grouped")["grouping"]
    for name in FILES:
        for entry in _read(name)["document"]:
            _add_written(library, entry)
            _add_groups(library, entry, groupings)
    _add_sheets(library, _read("sheets"))
    return library
