"""Tables, pairs and records as CSV, JSON, Markdown, LaTeX and Parquet: what is read back was there."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest
from planted import compared

from adaptkit.cli.main import main
from adaptkit.comparison import Comparison
from adaptkit.comparison.exports.latex import escape, latex_text
from adaptkit.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from adaptkit.core.result_io import read_comparison
from adaptkit.core.results import CSV_COLUMNS, ComparisonResult

INVENTED = Path(__file__).parents[1] / "report" / "invented"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("run")
    return compared(folder, lambda name, seed, row: name == "few-shot" or row % 2 == 0, noise_floor=False)


def printed(comparison: Comparison, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["export", str(comparison.folder), *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_table_is_the_file_of_the_run(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    for form, name in (("csv", "comparison.csv"), ("json", "comparison.json")):
        assert printed(comparison, capsys, "--format", form) == (comparison.folder / name).read_text()
    assert "| few-shot |" in printed(comparison, capsys, "--format", "markdown").replace("**", "")


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.md", "t.tex", "t.parquet"])
def test_a_suffix_says_which_form(name: str, comparison: Comparison, tmp_path: Path) -> None:
    path = comparison.export(tmp_path / "new" / name)
    assert path.stat().st_size > 100
    forms = {"csv": "csv", "json": "json", "md": "markdown", "tex": "latex", "parquet": "parquet"}
    again = comparison.export(tmp_path / "same", form=forms[path.suffix[1:]])
    assert again.read_bytes() == path.read_bytes()


def test_records_are_flat_and_complete(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    records = comparison.records()
    lines = list(
        csv.DictReader(io.StringIO(printed(comparison, capsys, "--format", "csv", "--part", "records")))
    )
    assert len(lines) == len(records) == 24
    for line, record in zip(lines, records, strict=True):
        assert (line["example_id"], line["output"]) == (record.example_id, record.output)
        assert float(line["exact_match"]) == record.scores["exact_match"]
        assert int(line["tokens_in"]) == record.tokens["in"]
        assert json.loads(line["contexts"]) == []
        assert line["cluster"] == ""
    found = json.loads(printed(comparison, capsys, "--format", "json", "--part", "records"))
    assert [f["seed"] for f in found] == [r.seed for r in records]


def test_parquet_has_types_and_keeps_what_is_undefined(comparison: Comparison, tmp_path: Path) -> None:
    path = comparison.export(tmp_path / "t.parquet")
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == list(CSV_COLUMNS)
    assert table.column("quality").to_pylist() == [r.quality for r in comparison.rows]
    assert table.column("delta").to_pylist()[0] is None
    assert str(table.schema.field("n").type) == "int64"
    assert str(table.schema.field("fit_usd").type) == "double"
    records = pyarrow.parquet.read_table(comparison.export(tmp_path / "r.parquet", part="records"))
    assert records.column("output").to_pylist() == [r.output for r in comparison.records()]
    pairs = pyarrow.parquet.read_table(comparison.export(tmp_path / "p.parquet", part="pairs")).to_pylist()
    assert [(p["strategy"], p["baseline"], p["gained"]) for p in pairs] == [("few-shot", "prompt", 6)]


def test_parquet_without_its_package_names_the_extra(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"adaptkit-llm\[parquet\]"):
        comparison.export(tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused(
    comparison: Comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.csv, \.json, \.md, \.tex, \.parquet"):
        comparison.export(tmp_path / "t.xlsx")
    with pytest.raises(UnknownNameError, match="Did you mean 'latex'"):
        comparison.export(tmp_path / "t", form="latx")
    with pytest.raises(UnknownNameError, match="Did you mean 'records'"):
        comparison.export(tmp_path / "t.csv", part="record")  # type: ignore[arg-type]
    for options, said in (
        (["--format", "parquet"], "which file to write with --out"),
        (["--format", "latex", "--part", "records"], "There are no records as latex"),
        (["--format", "transformers"], "which folder to write the model to with --out"),
        (["--format", "transformers", "--out", str(tmp_path / "m")], "No saved strategy in"),
    ):
        assert main(["export", str(comparison.folder), *options]) == 2
        assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# -- LaTeX -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result() -> ComparisonResult:
    return read_comparison(INVENTED)


def test_latex_has_a_booktabs_table_for_each_task(result: ComparisonResult) -> None:
    text = latex_text(result)
    tasks = list(dict.fromkeys(r.task for r in result.rows))
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == len(tasks)
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == len(tasks)
    for spec, table in zip(re.findall(r"@\{\}(l+r+)@\{\}", text), text.split(r"\midrule")[1:], strict=True):
        body = table.split(r"\bottomrule")[0].strip().splitlines()
        # As many cells as columns in every line: ampersands that are not escaped part them.
        assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(spec) - 1}
        assert all(line.endswith(r"\\") for line in body)
    assert r"\textbf{" in text
    assert r"98.3 \% [91.1, 99.7]" in text


def test_names_cannot_break_latex(result: ComparisonResult) -> None:
    evil = r"50%_a&b#c${d}~^\x"
    rows = tuple(replace(r, task=evil, strategy=f"{evil}<{i}>") for i, r in enumerate(result.rows[:3]))
    text = latex_text(replace(result, rows=rows, pairs=(), recommendation=()))
    assert escape(evil) == (r"50\%\_a\&b\#c\$\{d\}\textasciitilde{}\textasciicircum{}\textbackslash{}x")
    assert escape(evil) in text
    without = re.sub(r"\\(?:[%&#$_{}\\]|[a-zA-Z]+)", "", text.replace("% \\usepackage{booktabs}", ""))
    assert not re.search(r"[%#_~^<>]", without)
    assert re.search(r"\\label\{tab:[A-Za-z0-9-]+\}", text)
    assert not re.search("[\N{MINUS SIGN}Δ▲▼→…]", text)
