"""The bundled tasks: as generated, well formed, and varied enough to be worth measuring on."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from adaptkit.tasks import load_task

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
TASKS = ("policy_questions", "request_routing", "record_extraction")
SPLITS = ("train", "validation", "test")


def fold(text: str) -> str:
    return " ".join(text.casefold().split())


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def card(task: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / task / "task.json").read_text(encoding="utf-8"))
    return loaded


def rows(task: str, split: str) -> list[dict[str, Any]]:
    return lines(DATA / task / f"{split}.jsonl")


def documents(task: str) -> list[dict[str, Any]]:
    return lines(DATA / task / "documents.jsonl")


def runs_of_words(text: str, length: int) -> set[tuple[str, ...]]:
    found = re.findall(r"[\w']+", text.casefold())
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


def current_handbook() -> list[dict[str, Any]]:
    return [document for document in documents("record_extraction") if not is_former(document)]


def is_former(document: dict[str, Any]) -> bool:
    return bool(document["id"].endswith("-former"))


def every_row(task: str) -> list[dict[str, Any]]:
    return [row for split in SPLITS for row in rows(task, split)]


@pytest.fixture(scope="module")
def generator() -> Any:
    """The generator's command, imported from the repository root."""
    sys.path.insert(0, str(ROOT))
    try:
        yield importlib.import_module("data.generator.__main__")
    finally:
        sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def built(generator: Any) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    files, figures = generator.build_files()
    return files, figures


def test_the_committed_files_are_what_the_generator_makes(generator: Any, built: Any) -> None:
    assert generator.differing(built[0]) == []


def test_generating_twice_gives_the_same(generator: Any, built: Any) -> None:
    again, _ = generator.build_files()
    assert again == built[0]


@pytest.mark.parametrize("task", TASKS)
def test_sizes(task: str) -> None:
    sizes = {split: len(rows(task, split)) for split in SPLITS}
    assert sizes["train"] >= 300
    assert 55 <= sizes["validation"] <= 85
    assert sizes["test"] >= 150
    assert card(task)["sizes"] == sizes | {"documents": len(documents(task))}


@pytest.mark.parametrize("task", TASKS)
def test_no_input_and_no_id_occurs_twice(task: str) -> None:
    found = every_row(task)
    assert len({fold(row["input"]) for row in found}) == len(found)
    assert len({row["id"] for row in found}) == len(found)


@pytest.mark.parametrize("task", TASKS)
def test_rows_are_clean(task: str) -> None:
    for row in every_row(task):
        assert row["input"] == row["input"].strip()
        assert row["target"].strip()
        assert not re.search(r"[<>\[\]{}|]|  ", row["input"]), row["input"]


def test_every_label_is_in_every_split_within_a_factor_of_two() -> None:
    labels = card("request_routing")["labels"]
    for split in SPLITS:
        counts = Counter(row["target"] for row in rows("request_routing", split))
        assert sorted(counts) == sorted(labels)
        assert max(counts.values()) <= 2 * min(counts.values())


def test_gold_documents_exist_and_hold_the_target() -> None:
    texts = {document["id"]: document["text"] for document in documents("policy_questions")}
    for row in every_row("policy_questions"):
        gold = [texts[identity] for identity in row["gold_documents"]]
        assert len(gold) == row["metadata"]["needs_documents"]
        assert fold(row["target"]) in fold(gold[-1]), row
        assert len(row["target"].split()) <= 8


def test_documents_are_as_many_and_as_long_as_stated() -> None:
    found = documents("policy_questions")
    lengths = [len(document["text"].split()) for document in found]
    assert len({document["id"] for document in found}) == len(found) >= 120
    assert sum(length >= 250 for length in lengths) / len(lengths) >= 0.08
    assert max(lengths) <= 400


@pytest.mark.parametrize(("task", "fewest"), [("request_routing", 25), ("record_extraction", 25)])
def test_short_documents_beside_rows_without_gold_documents(task: str, fewest: int) -> None:
    found = documents(task)
    assert fewest <= len({document["id"] for document in found}) == len(found) <= 40
    for document in found:
        assert document["title"].strip()
        assert 40 <= len(document["text"].split()) <= 120, document["id"]
        assert not re.search(r"<\w*>|  ", document["title"] + document["text"]), document["id"]
        assert ("superseded" in document["text"].splitlines()[0].casefold()) == is_former(document)
    assert not any("gold_documents" in row for row in every_row(task))


@pytest.mark.parametrize("task", TASKS)
def test_the_documents_load(task: str) -> None:
    loaded = load_task(DATA / task)
    assert [document.id for document in loaded.documents] == [document["id"] for document in documents(task)]
    assert not any(document.id.startswith("document-") for document in loaded.documents)


@pytest.mark.parametrize("task", ["request_routing", "record_extraction"])
def test_documents_copy_no_message(task: str) -> None:
    copied = {run for document in documents(task) for run in runs_of_words(document["text"], 6)}
    for row in every_row(task):
        assert not copied & runs_of_words(row["input"], 6), row["input"]


def test_the_guide_names_every_queue_and_the_ranking(generator: Any) -> None:
    labels = importlib.import_module("data.generator.routing").LABELS
    texts = {document["id"]: document["text"] for document in documents("request_routing")}
    named = {name for text in texts.values() for name in re.findall(r"\b[a-z]+_[a-z]+\b", text)}
    assert named == set(labels)
    assert all(label in texts[f"queue-{label.replace('_', '-')}"] for label in labels)
    assert re.findall(r"\d+\. (\w+)", texts["rule-ranking"]) == list(labels)
    assert re.findall(r"\b[a-z]+_[a-z]+\b", texts["rule-in-words"]) == list(labels)


CODE = re.compile(r"\b(?:[A-Z]{3}|[A-Z]\d{2}|P\d|[A-Z]{2})\b")


def codes_of(tables: Any) -> set[str]:
    months = {short for _, short in tables.MONTHS}
    return {*tables.SITES, *tables.ITEMS, *tables.PRIORITIES, *tables.WEEKDAYS, *tables.JOBS, *months}


def test_codes_of_the_handbook_are_those_of_the_tables(generator: Any) -> None:
    tables = importlib.import_module("data.generator.extraction_tables")
    texts = {document["id"]: document["text"] for document in current_handbook()}
    # AM and PM are named as what the desk rejects.
    stated = {code for text in texts.values() for code in CODE.findall(text)} - {"AM", "PM"}
    assert stated == codes_of(tables)
    assert set(tables.JOBS) == set(tables.SHAPES)
    for key, names in (
        ("sites", tables.SITES),
        ("items", {code: [one for one, _ in pairs] for code, pairs in tables.ITEMS.items()}),
    ):
        listed = re.findall(r"^([A-Z]\w\w): (.+)$", texts[f"{key}-at-a-glance"], re.MULTILINE)
        assert {code: tuple(line.split(", ")) for code, line in listed} == {
            code: tuple(own) for code, own in names.items()
        }
    words = dict(re.findall(r"^(P\d): (.+)$", texts["pri-words"], re.MULTILINE))
    assert {code: tuple(line.split(", ")) for code, line in words.items()} == tables.PRIORITIES
    packs = dict(re.findall(r"^- (.+): (\d+)$", texts["qty-packs"], re.MULTILINE))
    amounts = {words.removesuffix(" of"): n for words, n in tables.BULK_AMOUNTS.items()}
    assert {words: amounts[words] for words in packs} == {words: int(n) for words, n in packs.items()}
    assert len(packs) == 6


@pytest.mark.parametrize("key", ["job", "site", "item", "pri"])
def test_every_code_of_the_records_stands_in_the_handbook(key: str) -> None:
    stated = {code for document in current_handbook() for code in CODE.findall(document["text"])}
    records = [json.loads(row["target"]) for row in every_row("record_extraction")]
    assert {record[key] for record in records if key in record} <= stated


def test_no_code_of_the_handbook_is_typed_by_hand(generator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = importlib.import_module("data.generator.extraction_tables")
    handbook = importlib.import_module("data.generator.handbook")
    before = codes_of(tables)
    for name in ("SITES", "ITEMS", "PRIORITIES", "WEEKDAYS", "JOBS"):
        renamed = {f"ZZ{n:02d}{name}": words for n, words in enumerate(getattr(tables, name).values())}
        monkeypatch.setattr(tables, name, renamed)
    months = tuple((name, f"ZZ{n:02d}MONTH") for n, (name, _) in enumerate(tables.MONTHS))
    monkeypatch.setattr(tables, "MONTHS", months)
    for document in handbook.load_handbook():
        if not document.id.endswith("-former"):
            assert not before & set(CODE.findall(document.text)), document.id


def test_worked_examples_of_the_handbook_are_valid_records() -> None:
    schema = card("record_extraction")["schema"]
    texts = [document["text"] for document in current_handbook()]
    found = [json.loads(record) for text in texts for record in re.findall(r"^\{.*\}$", text, re.MULTILINE)]
    assert len(found) == 2
    for record in found:
        jsonschema.validate(record, schema)


def test_superseded_documents_differ_from_the_current_ones() -> None:
    texts = {document["id"]: document["text"] for document in documents("record_extraction")}
    former = [identity for identity in texts if identity.endswith("-former")]
    assert len(former) == 4
    for identity in former:
        _, old = texts[identity].split("\n", 1)
        assert old != texts[identity.removesuffix("-former")]


def test_questions_of_test_are_no_near_duplicates_of_train() -> None:
    train = [words(row["input"]) for row in rows("policy_questions", "train")]
    for row in rows("policy_questions", "test"):
        own = words(row["input"])
        assert max(len(own & other) / len(own | other) for other in train) < 0.8, row["input"]


def test_superseded_figures_are_not_the_target_of_current_questions() -> None:
    old = {
        row["gold_documents"][0]
        for row in every_row("policy_questions")
        if row["metadata"]["shape"] == "superseded"
    }
    current = [row for row in every_row("policy_questions") if row["metadata"]["shape"] != "superseded"]
    assert old
    assert not any(old & set(row["gold_documents"]) for row in current)


def test_records_validate_and_keep_the_key_order() -> None:
    schema = card("record_extraction")["schema"]
    order = list(schema["properties"])
    for row in every_row("record_extraction"):
        record = json.loads(row["target"])
        jsonschema.validate(record, schema)
        assert list(record) == [key for key in order if key in record]
        assert row["target"] == json.dumps(record, ensure_ascii=False)
        assert len(row["target"]) < 97


@pytest.mark.parametrize("key", ["job", "site", "item", "pri"])
def test_every_code_of_test_occurs_in_train(key: str) -> None:
    train = Counter(json.loads(row["target"]).get(key) for row in rows("record_extraction", "train"))
    for row in rows("record_extraction", "test"):
        assert train[json.loads(row["target"]).get(key)] >= 5


def test_the_readme_names_the_hash_of_every_file() -> None:
    named = dict(
        re.findall(r"\| `([\w/.]+)` \| `([0-9a-f]{64})` \|", (DATA / "README.md").read_text(encoding="utf-8"))
    )
    files = sorted(path for task in TASKS for path in (DATA / task).iterdir())
    assert named == {
        path.relative_to(DATA).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


FLOORS = [("policy_questions", 0.75), ("request_routing", 0.9), ("record_extraction", 0.4)]


@pytest.mark.parametrize(("task", "floor"), FLOORS)
def test_shapes_vary(built: Any, task: str, floor: float) -> None:
    assert built[1][task]["distinct inputs"] == 1.0
    assert built[1][task]["distinct sentence shapes"] >= floor


def test_copying_from_train_is_not_enough(built: Any) -> None:
    policy, routing, extraction = (built[1][task] for task in TASKS)
    assert policy["right by copying the nearest train question's answer"] < 0.1
    assert routing["accuracy of the nearest train message's label (TF-IDF)"] < 0.85
    assert extraction["json_exact by copying the nearest train note's record"] < 0.15


def test_lexical_retrieval_is_neither_useless_nor_enough(built: Any) -> None:
    figures = built[1]["policy_questions"]
    assert 0.5 <= figures["TF-IDF recall at 1"] <= 0.8
    assert figures["TF-IDF recall at 5"] >= 0.85
    assert 0.15 <= figures["questions that need two documents"] <= 0.2


def test_tfidf_agrees_with_scikit_learn(generator: Any) -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    tfidf = importlib.import_module("data.generator.tfidf")
    train = [row["input"] for row in rows("request_routing", "train")]
    queries = [row["input"] for row in rows("request_routing", "test")]
    vectors = text.TfidfVectorizer(ngram_range=(1, 2))
    fitted = vectors.fit_transform(train)
    expected = (vectors.transform(queries) @ fitted.T).toarray().round(9).argmax(axis=1)
    index = tfidf.TfidfIndex(train)
    assert [index.nearest(query, 1)[0] for query in queries] == expected.tolist()
