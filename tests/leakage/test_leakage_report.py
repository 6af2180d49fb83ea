"""The report: thresholds, verdicts, words for the reader, and that it is plain data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from leak_cases import SynonymEmbedder, label_task, planted_rows, qa_task, with_documents, with_train

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, DataError
from adaptkit.leakage import LeakageReport, LeakageThresholds, check_leakage

ROOT = Path(__file__).parents[2]


def with_copies(n_exact: int, n_near: int = 0, **options: Any) -> LeakageReport:
    """Forty test rows, of which so many stand in train."""
    task = qa_task()
    exact = planted_rows(task.test[:n_exact], (r.input for r in task.test[:n_exact]))
    near = task.test[20 : 20 + n_near]
    more = planted_rows(near, (r.input.replace(" the ", " teh ").replace("year", "yaer") for r in near))
    return check_leakage(with_train(task, *exact, *more), embed=False, **options)


@pytest.mark.parametrize(
    ("n_exact", "n_near", "verdict"),
    [
        (0, 0, "ok"), (1, 0, "warn"), (2, 0, "warn"), (3, 0, "refuse"),
        (0, 2, "ok"), (0, 3, "warn"), (0, 8, "warn"), (0, 9, "refuse"),
    ],
)  # fmt: skip
def test_verdicts_turn_just_above_the_stated_shares(n_exact: int, n_near: int, verdict: str) -> None:
    # 5 % of forty rows is two, 20 % eight.
    report = with_copies(n_exact, n_near, thresholds=LeakageThresholds(near_refuse=0.2))
    assert (len(report.exact_ids), len(report.near_ids)) == (n_exact, n_near)
    assert report.verdict == verdict


def test_near_copies_alone_are_told_and_not_refused_unless_asked() -> None:
    assert with_copies(0, 20).verdict == "warn"


def test_thresholds_can_be_moved() -> None:
    assert with_copies(3, thresholds=LeakageThresholds(exact_refuse=0.1)).verdict == "warn"
    assert with_copies(1, thresholds=LeakageThresholds(exact_refuse=0)).verdict == "refuse"
    assert with_copies(0, 1, thresholds=LeakageThresholds(near_warn=0)).verdict == "warn"
    strict = LeakageThresholds(near=0.99, near_same_answer=0.99)
    assert with_copies(0, 5, thresholds=strict).near_ids == ()
    assert with_copies(0, 5, thresholds=strict).thresholds == strict


@pytest.mark.parametrize(
    "given",
    [
        {"near": 0.4}, {"near": True}, {"exact_refuse": 1.5}, {"near_warn": -0.1}, {"paraphrase": "high"},
        {"near_refuse": None},
    ],
)  # fmt: skip
def test_impossible_thresholds_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"'{next(iter(given))}' parameter of LeakageThresholds"):
        LeakageThresholds(**given)


def test_a_refusal_names_counts_ids_and_what_to_do() -> None:
    report = with_copies(4)
    assert report.verdict == "refuse"
    assert report.reason == (
        "Leakage: 4 of 40 (10 %) test rows of 'cities' stand word for word, with their answers, in train, "
        "and 5 % is the most that is allowed. First ids: q0-0, q0-1, q0-2. Take them out of one side, or go "
        'on all the same with --allow-leakage (in Python: compare(leakage="report")).'
    )
    near = with_copies(0, 10, thresholds=LeakageThresholds(near_refuse=0.2)).reason
    assert near is not None
    assert "10 of 40 (25 %) test rows of 'cities' have a near copy or paraphrase" in near
    assert "in train, and 20 % is the most that is allowed. First ids: " in near


def test_only_places_where_something_was_found_are_named() -> None:
    task = qa_task()
    texts = [f"{r.input} {r.target}" for r in task.test[:5]]
    report = check_leakage(with_documents(task, *texts), embed=False)
    assert report.reason is not None
    assert "in the documents, and 5 %" in report.reason
    assert "train" not in report.reason


def test_the_report_is_plain_data() -> None:
    report = with_copies(2, 2)
    read = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert read["counts"][0] == {
        "kind": "exact", "place": "train", "n_rows": 2, "share": 0.05,
        "n_with_answer": 2, "share_with_answer": 0.05,
    }  # fmt: skip
    assert read["verdict"] == "warn"
    assert read["thresholds"]["exact_refuse"] == 0.05
    assert read["seconds"] > 0


def test_what_was_looked_into_is_listed_also_where_nothing_was_found() -> None:
    report = check_leakage(qa_task(), embedder=SynonymEmbedder())
    looked_into = {(c.kind, c.place) for c in report.counts}
    kinds = {(kind, place) for kind in ("exact", "near") for place in ("train", "validation", "documents")}
    assert looked_into == kinds | {("paraphrase", "train"), ("paraphrase", "documents"), ("exact", "test")}
    with pytest.raises(LookupError, match="'own' in 'demonstrations' was not looked for"):
        report.count("own", "demonstrations")
    assert not [c for c in check_leakage(label_task(), embed=False).counts if c.place == "documents"]


def test_pairs_are_few_short_and_the_weightiest_first() -> None:
    task = qa_task()
    long = "and so on " * 50
    copies = planted_rows(task.test, (f"{r.input}" for r in task.test))
    report = check_leakage(
        with_documents(with_train(task, *copies), f"{task.test[0].input} {long}"), embed=False
    )
    in_train = [p for p in report.pairs if (p.kind, p.place) == ("exact", "train")]
    assert len(in_train) == 20 < report.count("exact", "train").n_rows == 40
    assert len(report.exact_ids) == 40
    assert max(len(p.test_text) for p in report.pairs) <= 160
    assert max(len(p.other_text) for p in report.pairs) <= 160
    order = [(p.with_answer, p.similarity) for p in report.pairs if (p.kind, p.place) == ("near", "train")]
    assert order == sorted(order, reverse=True)


def test_no_test_rows_in_use_is_an_error() -> None:
    with pytest.raises(DataError, match="no test rows in use"):
        check_leakage(qa_task(), examples=[])


def test_vectors_come_through_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path))
    task = label_task()
    first, second = SynonymEmbedder(), SynonymEmbedder()
    a, b = check_leakage(task, embedder=first), check_leakage(task, embedder=second)
    assert len(first.embedded) == len({r.input for r in (*task.test, *task.train)})
    assert second.embedded == []
    assert (a.counts, a.usual_paraphrase) == (b.counts, b.usual_paraphrase)


def test_nothing_is_embedded_where_no_answer_is_shared() -> None:
    embedder = SynonymEmbedder()
    report = check_leakage(qa_task(), embedder=embedder)
    assert (embedder.embedded, report.embedder) == ([], None)


def test_with_too_much_to_embed_rows_are_compared_by_shared_words(monkeypatch: pytest.MonkeyPatch) -> None:
    task = label_task()
    rows = task.test[:2]
    said = ("nobody answers, my lamp came apart on day 3", "you promised a lamp 3 weeks ago and I wait still")
    task = with_train(task, *planted_rows(rows, said))
    monkeypatch.setattr(
        "adaptkit.leakage.meaning.EMBED_CHARACTERS", sum(len(r.input) for r in task.test) + 900
    )
    embedder = SynonymEmbedder()
    report = check_leakage(task, embedder=embedder, thresholds=LeakageThresholds(paraphrase=0.7))
    assert {r.id for r in rows} <= set(report.near_ids)
    assert len(set(embedder.embedded) & {r.input for r in task.train}) < len(task.train)


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "", "HOME": environment.get("ADAPTKIT_CACHE", ""), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SMALL = """
import sys
import adaptkit as ak
from adaptkit.leakage import check_leakage
rows = [ak.Example(id=str(i), input=f"a message about {i} things", target="ab"[i % 2]) for i in range(20)]
task = ak.Task(
    name="t", kind="classification", instruction="?", metrics=("accuracy",), train=rows[:15], test=rows[15:]
)
report = check_leakage(task, embed=EMBED)
print(*[name for name in ("torch", "transformers", "faiss", "sentence_transformers") if name in sys.modules])
print(report.sentences[-1])
"""


def test_without_embedding_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    loaded, sentence = run(SMALL.replace("EMBED", "False"), ADAPTKIT_CACHE=str(tmp_path)).split("\n")[:2]
    assert loaded == ""
    assert sentence == "Paraphrases were not looked for (embed=False)."


def test_without_an_embedder_at_hand_nothing_is_fetched_or_loaded(tmp_path: Path) -> None:
    loaded, sentence = run(SMALL.replace("EMBED", "True"), ADAPTKIT_CACHE=str(tmp_path)).split("\n")[:2]
    assert loaded == ""
    assert sentence.startswith(
        "Paraphrases were not looked for: 'all-minilm-l6-v2' is not on this machine yet."
    )
    assert not list(tmp_path.iterdir())
