"""One table as CSV, JSONL, Parquet and Hub data set is one task."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptkit.tasks import Task, load_task

Rows = Sequence[Mapping[str, Any]]
ASKED = "Do what it says."


def _json_cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else "" if value is None else value


def _pandas_cell(value: Any) -> Any:
    return "" if value is None else value  # lists and objects as Python writes them


def _numpy_cell(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return f"[{' '.join(map(repr, value))}]"
    return _pandas_cell(value)


def as_csv(rows: Rows, cell: Callable[[Any], Any], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([list(rows[0]), *([cell(value) for value in row.values()] for row in rows)])
    return text.getvalue().encode()


def as_parquet(rows: Rows) -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


def as_jsonl(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FORMATS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "csv with JSON": (".csv", lambda rows: as_csv(rows, _json_cell)),
    "csv of pandas": (".csv", lambda rows: as_csv(rows, _pandas_cell)),
    "csv of pandas, semicolons": (".csv", lambda rows: as_csv(rows, _pandas_cell, ";")),
    "csv of NumPy": (".csv", lambda rows: as_csv(rows, _numpy_cell)),
    "parquet": (".parquet", as_parquet),
    "jsonl": (".jsonl", as_jsonl),
}


def of_file(folder: Path, form: str, rows: Rows) -> Task:
    suffix, write = FORMATS[form]
    path = folder / f"train{suffix}"
    path.write_bytes(write(rows))
    return load_task(path, instruction=ASKED)


def of_hub(rows: Rows) -> Task:
    module = ModuleType("datasets")
    module.load_dataset = lambda *names: {"train": list(rows)}  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "datasets", module)
        return load_task("hub:owner/train", instruction=ASKED)


TABLES: dict[str, Rows] = {
    "labels": [{"text": f"t {i}", "label": f"queue {i % 3}"} for i in range(30)],
    "truth": [{"text": f"t {i}", "label": i % 2 == 0} for i in range(30)],
    "marks": [{"text": f"t {i}", "label": i % 5 + 1} for i in range(30)],
    "half marks": [{"text": f"t {i}", "label": (i % 5) / 2} for i in range(30)],
    "named labels": [{"text": f"t {i}", "label": i % 3, "label_text": "abc"[i % 3]} for i in range(30)],
    "numbers": [{"question": f"q {i}", "answer": i * 0.5} for i in range(30)],
    "lists": [{"question": f"q {i}", "answers": [f"a {i}", f"it's {i}"]} for i in range(30)],
    "squad": [
        {
            "id": f"s{i}",
            "context": f"It is {i}.",
            "question": f"q {i}",
            "answers": {"text": [f"{i}"], "answer_start": [6]},
        }
        for i in range(30)
    ],
    "trivia": [
        {"question": f"q {i}", "answer": {"value": f"a {i}", "aliases": [f"b {i}"]}} for i in range(30)
    ],
    "aliases": [{"input": f"q {i}", "target": f"a {i}", "aliases": [f"b {i}"] * (i % 2)} for i in range(30)],
    "choices": [
        {"question": f"q {i}", "choices": [f"{i}", f"{i + 1}", f"{i + 2}"], "answer": i % 3}
        for i in range(30)
    ],
    "history": [
        {
            "instruction": f"q {i}",
            "input": "",
            "history": [[f"a {i}", "b"]],
            "system": "S.",
            "output": f"o {i}",
        }
        for i in range(30)
    ],
    "marked": [{"prompt": f"p {i}", "completion": f"c {i}", "label": i % 3 > 0} for i in range(30)],
    "messages": [
        {"messages": [{"role": "user", "content": f"q {i}"}, {"role": "assistant", "content": f"it's {i}"}]}
        for i in range(30)
    ],
    "gaps": [
        {"input": f"q {i}", "target": f"a {i}", "cluster": f"c{i}" if i % 2 else None, "other": None}
        for i in range(30)
    ],
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_one_task_in_every_format(tmp_path: Path, table: str, form: str) -> None:
    rows = TABLES[table]
    known = of_hub(rows)
    found = of_file(tmp_path, form, rows)
    assert found.test == known.test
    assert (found.content_hash, found.notes) == (known.content_hash, known.notes)


WORDS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=9,
)
ANSWERS = st.lists(
    WORDS.filter(lambda word: word.strip() and "|" not in word), min_size=1, max_size=3, unique=True
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(answers=st.lists(ANSWERS, min_size=4, max_size=8))
@pytest.mark.parametrize("form", ["csv with JSON", "csv of pandas", "parquet"])
def test_lists_of_whatever_texts(
    tmp_path_factory: pytest.TempPathFactory, form: str, answers: list[list[str]]
) -> None:
    rows = [{"question": f"q {i}", "answers": found} for i, found in enumerate(answers)]
    assert of_file(tmp_path_factory.mktemp("t"), form, rows).content_hash == of_hub(rows).content_hash
