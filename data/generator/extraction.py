"""record_extraction: an order or incident note becomes one JSON record."""

import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from data.generator import extraction_tables as tables
from data.generator.handbook import load_handbook
from data.generator.rows import Example, TaskFolder, card_base, generator_for, shuffled
from data.generator.text import capitalised, expand, fold

SIZES = {"train": 400, "validation": 70, "test": 200}
JOB_WEIGHTS = {"DL": 30, "CL": 24, "TR": 14, "FX": 18, "LS": 14}
INSTRUCTION = (
    "Turn the note into one JSON record with the keys job, site, item, qty, due, pri, acct in that order,"
    " in the house codes. Leave out keys that the note does not give."
)
MAX_TARGET = 96
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "job": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "site": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "item": {"type": "string", "pattern": "^[A-Z][0-9]{2}$"},
        "qty": {"type": "integer", "minimum": 1},
        "due": {"type": "string", "pattern": "^([A-Z]{3}(-[AP])?|[0-9]{2}[A-Z]{3})$"},
        "pri": {"type": "string", "pattern": "^P[1-3]$"},
        "acct": {"type": "string", "pattern": "^C[0-9]{4}$"},
    },
    "required": ["job", "site", "item", "qty"],
    "additionalProperties": False,
}


def _site(rng: random.Random) -> tuple[str, str]:
    code = rng.choice(list(tables.SITES))
    return code, rng.choice(tables.SITES[code])


def _goods(job: str, rng: random.Random) -> tuple[str, int, str]:
    """Item code, pieces, and the words for both."""
    code = rng.choice(list(tables.ITEMS))
    singular, plural = rng.choice(tables.ITEMS[code])
    bulk = code in tables.BULK_ITEMS and job != "FX"
    amounts = tables.BULK_AMOUNTS if bulk else tables.SMALL_AMOUNTS
    words = rng.choice(list(amounts))
    name = singular if amounts[words] == 1 else plural
    article = "an" if words == "a" and name[0] in "aeiou" else words
    return code, amounts[words], f"{article} {name}"


def _due(rng: random.Random) -> tuple[str, str]:
    """House form and spoken form of a day."""
    if rng.random() < 0.55:
        code = rng.choice(list(tables.WEEKDAYS))
        part = rng.choice(list(tables.DAY_PARTS))
        return code + part, rng.choice(tables.WEEKDAYS[code]) + rng.choice(tables.DAY_PARTS[part])
    day, month = rng.randint(1, 28), rng.randrange(12)
    name, short = tables.MONTHS[month]
    forms = (
        f"{day} {name}",
        f"{name} {day}",
        f"{day}/{month + 1}",
        f"{day:02d}.{month + 1:02d}.",
        f"{day} {name[:3]}",
    )
    spoken = rng.choice(forms)
    return f"{day:02d}{short}", spoken


def _values(job: str, rng: random.Random) -> tuple[dict[str, Any], dict[str, str]]:
    """The record, and the words for each of its parts."""
    site, site_words = _site(rng)
    other = rng.choice([code for code in tables.SITES if code != site])
    item, pieces, goods = _goods(job, rng)
    record: dict[str, Any] = {"job": job, "site": site, "item": item, "qty": pieces}
    fault = rng.choice(tables.FAULTS)
    words = {"site": site_words, "goods": goods, "from": rng.choice(tables.SITES[other])}
    words |= {"fault": fault, "Fault": capitalised(fault), "noise": str(rng.randint(1, 9))}
    if rng.random() < 0.6:
        record["due"], words["due"] = _due(rng)
    if rng.random() < 0.5:
        record["pri"] = rng.choice(list(tables.PRIORITIES))
        words["pri"] = rng.choice(tables.PRIORITIES[record["pri"]])
        words["Pri"] = capitalised(words["pri"])
    if job != "TR" and rng.random() < 0.4:
        number = rng.randint(1001, 9899)
        record["acct"], words["acct"] = f"C{number}", str(number)
    return record, words


def _said(record: Mapping[str, Any], shape: str) -> bool:
    """Whether the shape has a place for every key of the record."""
    lowered = shape.casefold()
    return all(f"<{key}>" in lowered for key in ("due", "pri", "acct") if key in record)


def _punctuated(note: str) -> str:
    """No doubled marks after a date such as 07.01., and a capital after each full stop."""
    tidy = note.replace("..", ".").replace(".,", ",").replace(".;", ";").replace(".:", ":")
    return re.sub(r"(?<=[a-z)][.?!] )[a-z]", lambda match: match.group().upper(), tidy)


def _example(job: str, shape: str, rng: random.Random) -> Example | None:
    record, words = _values(job, rng)
    if not _said(record, shape):
        return None
    note = _punctuated(expand(shape, words, rng))
    if rng.random() < 0.75 or note[0].isdigit():
        note = capitalised(note)
    target = json.dumps(record, ensure_ascii=False)
    metadata = {"shape": f"{job}-{tables.SHAPES[job].index(shape):02d}"}
    return Example(note, target, metadata=metadata) if len(target) <= MAX_TARGET else None


def _split(split: str, seen: set[str]) -> list[Example]:
    """Examples with jobs in their weights and every shape of a job used alike."""
    rng = generator_for("extraction", split)
    jobs = rng.choices(list(JOB_WEIGHTS), weights=list(JOB_WEIGHTS.values()), k=SIZES[split])
    used: Counter[str] = Counter()
    examples: list[Example] = []
    for job in jobs:
        shape = min(shuffled(tables.SHAPES[job], rng), key=lambda text: used[text])
        used[shape] += 1
        example = None
        while example is None or fold(example.input) in seen:
            example = _example(job, shape, rng)
        seen.add(fold(example.input))
        examples.append(example)
    return examples


def codes(examples: Sequence[Example], key: str) -> Counter[str]:
    """How often each value of a key occurs in the targets."""
    records = [json.loads(example.target) for example in examples]
    return Counter(str(record[key]) for record in records if key in record)


def build() -> TaskFolder:
    """The whole folder."""
    seen: set[str] = set()
    splits = {split: _split(split, seen) for split in SIZES}
    card = card_base("record_extraction", "structured", INSTRUCTION, ("slot_f1", "json_exact", "json_valid"))
    card["schema"] = SCHEMA
    card["description"] = (
        "Order, collection, transfer, repair and loss notes of an equipment hire company, each to be turned"
        " into a JSON record. Site, item, job, date and priority codes are house conventions: the examples"
        " show them, and the desk handbook among the documents states them."
    )
    return TaskFolder(card, "note", splits, load_handbook())
