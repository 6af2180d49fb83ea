"""The desk handbook of record_extraction, filled from the tables that the records are made of."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.generator import extraction_tables as tables
from data.generator.rows import Document, generator_for, shuffled
from data.generator.text import fill

# Slot -> words in the tables of amounts.
PACKS = {
    "pair": "a pair of",
    "half_dozen": "half a dozen",
    "bundle": "a bundle of",
    "dozen": "a dozen",
    "crate": "a crate of",
    "pallet": "a pallet of",
    "two_dozen": "two dozen",
    "two_bundles": "two bundles of",
    "four_pairs": "four pairs of",
    "ten_pairs": "ten pairs of",
    "three_crates": "three crates of",
    "thirty": "thirty",
    "eighty": "eighty",
    "x5": "x5",
    "x50": "x50",
}


def _key(name: str) -> str:
    return name.casefold().replace(" ", "_")


def _either(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _lines(names: Mapping[str, Sequence[str]], former: Mapping[str, str]) -> str:
    """One line a code: the code and all its names."""
    return "\n".join(f"{former.get(_key(own[0]), code)}: {', '.join(own)}" for code, own in names.items())


def _places() -> dict[str, str]:
    values = {f"site_{_key(names[0])}": code for code, names in tables.SITES.items()}
    return values | {f"names_{_key(names[0])}": _either(names) for names in tables.SITES.values()}


def _goods() -> dict[str, str]:
    values = {f"item_{_key(names[0][0])}": code for code, names in tables.ITEMS.items()}
    called = {f"called_{_key(own[0][0])}": _either([one for one, _ in own]) for own in tables.ITEMS.values()}
    amounts = tables.SMALL_AMOUNTS | tables.BULK_AMOUNTS
    return values | called | {slot: str(amounts[words]) for slot, words in PACKS.items()}


def _days() -> dict[str, str]:
    _, morning, afternoon = tables.DAY_PARTS
    values = {f"month_{_key(name)}": short for name, short in tables.MONTHS}
    values |= {f"day_{_key(names[0])}": code for code, names in tables.WEEKDAYS.items()}
    for slot, part in (("morning", morning), ("afternoon", afternoon)):
        values |= {slot: part, f"{slot}_words": _either([word.strip() for word in tables.DAY_PARTS[part]])}
    values["month_list"] = ", ".join(f"{name} {short}" for name, short in tables.MONTHS)
    return values | {
        "weekday_list": "\n".join(f"{_either(n)}: {code}" for code, n in tables.WEEKDAYS.items())
    }


def _urgency() -> dict[str, str]:
    values: dict[str, str] = {}
    for number, (code, words) in enumerate(tables.PRIORITIES.items(), start=1):
        values |= {f"pri_{number}": code, f"pri_{number}_words": ", ".join(words)}
    return values


def _lists(former: Mapping[str, str]) -> dict[str, str]:
    """The lists of all codes, as they are and with the codes of an earlier time."""
    items = {code: [singular for singular, _ in names] for code, names in tables.ITEMS.items()}
    return {
        "site_list": _lines(tables.SITES, {}),
        "item_list": _lines(items, {}),
        "former_site_list": _lines(tables.SITES, former),
        "former_item_list": _lines(items, former),
    }


def _values(former: Mapping[str, str]) -> dict[str, str]:
    jobs = {f"job_{name}": code for code, name in tables.JOBS.items()}
    return jobs | _places() | _goods() | _days() | _urgency() | _lists(former)


def _swapped(entry: Mapping[str, Any]) -> str:
    """The text with the values of the superseded version."""
    text: str = entry["text"].strip()
    for new, old in entry["old"]["swap"]:
        if new not in text:
            raise ValueError(f"{entry['id']}: {new!r} does not occur in the text")
        text = text.replace(new, old)
    return f"{entry['old']['note']}\n{text}"


def _written(entries: Iterable[Mapping[str, Any]]) -> list[Document]:
    documents = []
    for entry in entries:
        text = fill(entry["text"].strip(), _values({}))
        documents.append(Document(entry["id"], entry["title"], text))
        if "old" in entry:
            old = entry["old"]
            text = fill(_swapped(entry), _values(old.get("codes", {})))
            documents.append(Document(old["id"], old["title"], text))
    return documents


def load_handbook() -> tuple[Document, ...]:
    """All documents, in an order of their own."""
    path = Path(__file__).with_name("handbook_texts.toml")
    documents = _written(tomllib.loads(path.read_text(encoding="utf-8"))["document"])
    return tuple(shuffled(documents, generator_for("handbook")))
