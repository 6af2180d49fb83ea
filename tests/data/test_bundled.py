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

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
DOCUMENTS = DATA / "policy_questions/documents.jsonl"
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
    expected = dict(card(task)["sizes"])
    expected.pop("documents", None)
    assert expected == sizes


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
    documents = {
        document["id"]: document["text"] for document in lines(DATA / "policy_questions/documents.jsonl")
    }
    for row in every_row("policy_questions"):
        gold = [documents[identity] for identity in row["gold_documents"]]
        assert len(gold) == row["metadata"]["needs_documents"]
        assert fold(row["target"]) in fold(gold[-1]), row
        assert len(row["target"].split()) <= 8


def test_documents_are_as_many_and_as_long_as_stated() -> None:
    documents = lines(DOCUMENTS)
    lengths = [len(document["text"].split()) for document in documents]
    assert len({document["id"] for document in documents}) == len(documents) >= 120
    assert sum(length >= 250 for length in lengths) / len(lengths) >= 0.08
    assert max(lengths) <= 400


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
