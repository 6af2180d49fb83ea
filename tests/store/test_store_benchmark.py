"""The benchmark that kills comparisons: it masks what a clock decides, no more, and sees what is wrong."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adaptkit.comparison.store import RunStore
from benchmarks.store import comparison, kill_and_resume
from benchmarks.store.attempts import Life, Place
from benchmarks.store.ends import End
from benchmarks.store.kill_and_resume import Kill, Round, holds, main, summary


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("bench")
    return Place(folder / "run", folder / "ledger", 5)


@pytest.fixture(scope="module", autouse=True)
def life(place: Place) -> Life:
    """Of the comparison in ``place``, which has finished then; watched from another process."""
    return Life.of(place)


def copied(place: Place, folder: Path) -> Path:
    for name in ("comparison.json", "comparison.csv", "records.jsonl"):
        (folder / name).write_bytes((place.folder / name).read_bytes())
    return folder


def changed(folder: Path, name: str, before: str, after: str) -> End:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return End.of(folder)


def test_every_row_of_every_trial_is_paid_once_and_named_alike_in_ledger_and_records(place: Place) -> None:
    paid = Counter(row for row in place.paid() if row[1].startswith("row "))
    assert set(paid.values()) == {1}
    assert set(paid) == place.stored()
    assert place.n_stored() == len(paid) == comparison.n_planned()
    assert place.n_paid() == len(place.paid()) > len(paid)


def test_the_strategies_are_told_apart_by_their_quality_alone(place: Place) -> None:
    rows = json.loads((place.folder / "comparison.json").read_text(encoding="utf-8"))["rows"]
    qualities = [row["quality"] for row in rows]
    assert qualities == sorted(qualities)
    assert all(b - a > 0.1 for a, b in pairwise(qualities))


def test_times_and_the_order_of_records_do_not_count(place: Place, tmp_path: Path) -> None:
    expected = End.of(place.folder)
    folder = copied(place, tmp_path)
    rows = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["rows"]
    for name in ("fit_s", "p50_latency_s", "peak_memory_bytes", "usd_per_1k_requests"):
        text = f'"{name}": {json.dumps(rows[0][name])}'
        assert changed(folder, "comparison.json", text, f'"{name}": 12345.0') == expected
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    (folder / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    assert End.of(folder) == expected
    seconds = json.loads(lines[0])["batch_s"]
    assert changed(folder, "records.jsonl", f'"batch_s": {seconds}', '"batch_s": 9.0') == expected


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("comparison.json", '"n": 100', '"n": 99'),
        ("comparison.json", '"quality_low": 0.', '"quality_low": 0.0'),
        ("comparison.json", '"seeds": 2', '"seeds":  2'),
        ("comparison.json", '"p_best": ', '"p_best": 1'),
        ("comparison.json", '"fit_s": ', '"fit_s": null,\n      "fit_m": '),
        ("comparison.json", '"monthly_usd": ', '"monthly_eur": '),
        ("comparison.csv", ",100,", ",99,"),
        ("records.jsonl", '"output": "no idea"', '"output": "an idea"'),
        ("records.jsonl", '{"schema_version"', '{"schema_version": 2}\n{"schema_version"'),
    ],
)
def test_everything_else_does(place: Place, tmp_path: Path, name: str, before: str, after: str) -> None:
    expected = End.of(place.folder)
    folder = copied(place, tmp_path)
    if after.startswith('{"schema_version"'):  # one record twice
        path = folder / name
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        path.write_text(f"{first}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
        assert End.of(folder).records != expected.records
    else:
        assert changed(folder, name, before, after) != expected


def figures(**changes: Any) -> dict[str, Any]:
    found = {
        "seed": 5,
        "rows_sent_alone": 20,
        "two_undisturbed_runs_identical": True,
        "n_kills": 2,
        "n_comparisons": 2,
        "n_rows_of_a_comparison": 600,
        "kills_by_part": {"rows": 2},
        "kills_by_state": {"some rows stored": 2},
        "identical_after_resuming": {"comparison.json": 2, "comparison.csv": 2, "records, as a set": 2},
        "verified_after_resuming": 2,
        "stored_rows_paid_again": 0,
        "rows_under_way": {
            "kills_with_none": 1, "kills_with_one": 0, "kills_with_more": 1, "most": 64, "paid_again": 64,
        },
        "rows_paid": 1264,
        "rows_stored": 1200,
    }  # fmt: skip
    return {**found, **changes}


def test_figures_as_they_have_to_be() -> None:
    assert holds(figures())
    assert "paid again: 64 of 1264\n  as it has to be" in summary("x", figures())


@pytest.mark.parametrize(
    "changes",
    [
        {"two_undisturbed_runs_identical": False},
        {"identical_after_resuming": {"comparison.json": 1, "comparison.csv": 2}},
        {"verified_after_resuming": 1},
        {"stored_rows_paid_again": 1},
        {"rows_under_way": {**figures()["rows_under_way"], "most": 65}},
        {"rows_sent_alone": 100},
        {"rows_paid": 1265},
        {"rows_stored": 1199},
    ],
)
def test_figures_as_they_must_not_be(changes: dict[str, Any]) -> None:
    assert not holds(figures(**changes))
    assert "NOT as it has to be" in summary("x", figures(**changes))


def test_a_stored_row_that_is_paid_again_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that loses what it held would be found out."""
    place = Place(tmp_path / "run", tmp_path / "ledger", 100)
    rows = [("prompt", f"row {i}") for i in range(4)]

    class Finished:
        def __init__(self, place: Place) -> None: ...

        def start(self) -> None: ...

        def finish(self) -> None: ...

    monkeypatch.setattr(kill_and_resume, "Attempt", Finished)
    # Rows 0 and 1 were stored when the kill came and row 2 was under way; then 1, 2 and 3 were asked.
    asked = [*rows[:3], ("prompt", "train 0"), rows[1], rows[2], rows[3]]
    place.ledger.write_text("".join(json.dumps(row) + "\n" for row in asked), encoding="utf-8")
    one = Round(place, [Kill("rows", "some rows stored", 2, 1)], [set(rows[:2])], [3])
    one.finish()
    (kill,) = one.kills
    assert (kill.n_stored_paid_again, kill.n_under_way_paid_again) == (1, 1)


@pytest.mark.slow
def test_a_few_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kills", "3", "--seed", "1", "--out", str(tmp_path / "results.json")]) == 0
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [results[way]["n_kills"] for way in kill_and_resume.WAYS] == [3, 3]
    assert capsys.readouterr().out.count("  as it has to be") == 2


def test_a_life_has_a_time_before_and_after_its_rows(place: Place, life: Life) -> None:
    assert life.start_s > 0
    assert life.results_s > 0
    assert len(RunStore(place.folder).records()) == comparison.n_planned()


def test_a_number_of_kills_that_means_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--kills", "0"])
    assert caught.value.code == 2
    assert "--kills must be an int >= 1. Got 0 instead." in capsys.readouterr().err
