"""What is usual for a task is no alarm, and more leaks never look like fewer."""

from __future__ import annotations

import random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leak_cases import IN_OTHER_WORDS, SynonymEmbedder, label_task, qa_task, with_documents

from adaptkit.core.types import Demonstration, Document, Example
from adaptkit.leakage import LeakageThresholds, check_leakage
from adaptkit.tasks import Task

How = Literal["copy", "slip", "turned", "words"]
HOW: tuple[How, ...] = ("copy", "slip", "turned", "words")


def scrambled(rng: random.Random, n: int) -> str:
    return " ".join("".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(n))


def label_rows(test: list[Example], train: list[Example]) -> Task:
    return Task(
        name="t",
        kind="classification",
        instruction="?",
        metrics=("accuracy",),
        test=tuple(test),
        train=tuple(train),
        validation=(),
    )


def test_what_is_usual_among_the_rows_of_train_is_no_reason_to_refuse() -> None:
    rng = random.Random(1)
    patterns = [scrambled(rng, 9) for _ in range(15)]

    def said(i: int, n: int) -> Example:
        return Example(id=f"{n}-{i}", input=f"{patterns[i]} {scrambled(rng, 1)}", target=("a", "b")[i % 2])

    test = [said(i, 0) for i in range(15)]
    usual = label_rows(test, [said(i, n) for i in range(15) for n in (1, 2, 3)])
    report = check_leakage(usual, embed=False)
    assert (len(report.near_ids), report.natural_share, report.verdict) == (15, 1.0, "warn")
    assert any(s.startswith("Of the rows of train, 100 % have such a twin") for s in report.sentences)
    fresh = [Example(id=f"f{i}", input=scrambled(rng, 10), target="a") for i in range(45)]
    copies = label_rows(test, [*fresh, *(said(i, 9) for i in range(15))])
    report = check_leakage(copies, embed=False, thresholds=LeakageThresholds(near_refuse=0.2))
    assert (len(report.near_ids), report.natural_share, report.verdict) == (15, 0.0, "refuse")


def test_twins_that_are_usual_in_train_are_told_of_where_answers_are_no_labels() -> None:
    rng = random.Random(3)
    texts = [scrambled(rng, 10) for _ in range(40)]

    def said(i: int, n: int) -> Example:
        return Example(id=f"{n}-{i}", input=f"{texts[i]} {scrambled(rng, 1)}", target=f"answer {i}")

    # Train says each of thirty things twice; three of the twenty rows of test are said there too.
    task = Task(
        name="t",
        kind="qa",
        instruction="?",
        metrics=("exact_match",),
        test=tuple(said(i, 0) for i in range(20)),
        train=tuple(said(i, n) for i in range(17, 40) for n in (1, 2)),
        validation=(),
    )
    report = check_leakage(task, embed=False)
    assert (len(report.near_ids), report.natural_share, report.verdict) == (3, 1.0, "warn")
    # What is usual in train is no excuse for documents.
    asked = [f"{r.input[0]}{r.input[2:]}. {r.target}" for r in task.test[:6]]
    strict = LeakageThresholds(near_refuse=0.2)
    in_documents = check_leakage(with_documents(task, *asked), embed=False, thresholds=strict)
    assert in_documents.exact_ids == ()
    assert (in_documents.verdict, "in the documents" in str(in_documents.reason)) == ("refuse", True)


def test_of_a_small_train_nothing_is_said_about_what_is_usual() -> None:
    rows = [
        Example(id=f"r{i}", input=f"a long message number {i} of the day", target="ab"[i % 2])
        for i in range(20)
    ]
    strict = LeakageThresholds(near_refuse=0.2)
    report = check_leakage(label_rows(rows[:10], rows[10:]), embed=False, thresholds=strict)
    assert report.natural_share is None
    assert report.verdict == "refuse"


def test_the_bar_for_rows_of_one_label_is_what_test_rows_have_among_themselves() -> None:
    rng = random.Random(2)
    words = [scrambled(rng, 1) for _ in range(40)]
    # Eight words of ten in common: as near as the rows of one label always are here.
    alike = [
        Example(id=f"a{i}", input=" ".join([*words[:8], words[8 + i], words[20 + i]]), target="a")
        for i in range(12)
    ]
    apart = [Example(id=f"b{i}", input=scrambled(rng, 10), target="b") for i in range(12)]
    usual = check_leakage(label_rows(alike[:6], [*alike[6:], *apart]), embedder=SynonymEmbedder())
    assert usual.usual_paraphrase is not None
    assert usual.usual_paraphrase > 0.75
    assert usual.count("paraphrase", "train").n_rows <= 1
    assert any("cannot be told from another row like it" in s for s in usual.sentences) is (
        usual.usual_paraphrase > 0.8
    )
    # The same pair is an alarm where rows are unlike otherwise.
    lonely = check_leakage(
        label_rows([alike[0], *apart[:6]], [alike[1], *apart[6:]]), embedder=SynonymEmbedder()
    )
    assert lonely.usual_paraphrase == pytest.approx(0.7)
    assert lonely.near_ids == ("a0",)


def planted(task: Task, i: int, how: How) -> str:
    row = task.test[i]
    if how == "words" and row.gold_documents:
        return IN_OTHER_WORDS[i % 4].replace("Ardmoor", row.gold_documents[0])
    changes: dict[str, str] = {
        "copy": row.input,
        "slip": row.input.replace("e", "", 1),
        "turned": " ".join(reversed(row.input.split())),
    }
    return changes.get(how, f"hello, {row.input}")


def counts(task: Task, shown: list[Demonstration]) -> dict[Any, tuple[int, int]]:
    report = check_leakage(task, demonstrations=shown, embedder=SynonymEmbedder())
    return {(c.kind, c.place): (c.n_rows, c.n_with_answer) for c in report.counts}


@given(
    st.sampled_from([qa_task, label_task]),
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(HOW), st.sampled_from(["train", "shown", "documents"])),
        min_size=1,
        max_size=5,
    ),
)
@settings(max_examples=30)
def test_planting_one_more_never_lowers_a_count(make: Any, plants: list[tuple[int, How, str]]) -> None:
    base = make()
    train, documents, shown = list(base.train[:6]), list(base.documents), list[Demonstration]()
    before: dict[Any, tuple[int, int]] = {}
    for n, (i, how, place) in enumerate(plants):
        text, target = planted(base, i, how), base.test[i].target
        if place == "train":
            train.append(Example(id=f"new{n}", input=text, target=target))
        elif place == "documents":
            documents.append(Document(id=f"new{n}", text=f"{text} {target}"))
        else:
            shown.append(Demonstration(input=text, target=target))
        task = Task(
            name="t",
            kind=base.kind,
            instruction="?",
            metrics=base.metrics,
            labels=base.labels,
            test=base.test[:10],
            train=tuple(train),
            validation=(),
            documents=tuple(documents),
        )
        now = counts(task, shown)
        for key, (n_rows, n_with_answer) in before.items():
            assert now[key][0] >= n_rows
            assert now[key][1] >= n_with_answer
        before = now
