"""Pages of ``docs/`` and the README: made parts are fresh, links lead somewhere, code is code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.docs_pages import MADE, MAKERS, main, with_parts

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
READ = [*PAGES, ROOT / "README.md"]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"(?P<mark><!-- run -->\n)?^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """The text without blocks of code, in which brackets mean other things."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Where a link may lead to: headings, as GitHub and mkdocs name them, and anchors of its own."""
    text = prose(path)
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", heading.casefold()).strip()
        found.add(re.sub(r"\s+", "-", plain))
    return found


def code_blocks() -> Iterator[tuple[str, str, bool]]:
    for path in READ:
        for number, block in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")), 1):
            yield f"{name_of(path)}#{number}", block["code"], bool(block["mark"])


BLOCKS = list(code_blocks())


def test_parts_that_are_made_are_fresh() -> None:
    found = [m["name"] for path in PAGES for m in MADE.finditer(path.read_text(encoding="utf-8"))]
    assert set(found) == set(MAKERS), "a maker that no page uses, or the other way round"
    stale = [p.name for p in PAGES if with_parts(p.read_text("utf-8")) != p.read_text("utf-8")]
    assert stale == [], "run python -m benchmarks.docs_pages"
    assert main(["--check"]) == 0


def test_every_rule_source_and_command_stands_in_the_pages() -> None:
    from adaptkit.cli.main import COMMANDS
    from adaptkit.decision.rules import RULES

    strategies = (DOCS / "strategies.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| {rule.id} | {rule.about} |" in strategies
        for source in rule.sources:
            assert f"[{source.key}](#source-{source.key.lower()})" in strategies
            assert source.reference.partition(", arXiv")[0] in strategies
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert all(f"## adaptkit {name}\n" in commands for name in COMMANDS)
    assert "--fail-if" in commands


def test_a_stale_page_is_found_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.docs_pages.DOCS", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- made: order -->\nold\n<!-- end -->\nb\n", encoding="utf-8")
    assert main(["--check"]) == 1
    assert "old" in page.read_text(encoding="utf-8")
    assert main([]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("a\n<!-- made: order -->\n1. `prompt`\n")
    assert text.endswith("<!-- end -->\nb\n")


@pytest.mark.parametrize("path", READ, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(prose(path)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), link
        if anchor:
            assert anchor in anchors(there), link


def test_there_are_links_and_blocks_to_look_at() -> None:
    """Otherwise the tests above and below would prove nothing."""
    assert sum(len(LINK.findall(prose(p))) for p in READ) > 100
    assert len(BLOCKS) > 10
    assert sum(marked for _, _, marked in BLOCKS) >= 2


@pytest.mark.parametrize(("name", "code"), [b[:2] for b in BLOCKS], ids=[b[0] for b in BLOCKS])
def test_blocks_of_python_are_python(name: str, code: str) -> None:
    compile(code, name, "exec")


@pytest.mark.parametrize(
    ("name", "code"), [b[:2] for b in BLOCKS if b[2]], ids=[b[0] for b in BLOCKS if b[2]]
)
def test_blocks_that_are_marked_run(name: str, code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"


def test_names_of_the_library_in_prose_exist() -> None:
    """``ak.name`` and what a comparison is said to do."""
    import adaptkit as ak
    from adaptkit.report.plots import PLOTS

    for path in READ:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\bak\.([A-Za-z_]+)", text):
            assert hasattr(ak, name), f"{name_of(path)}: ak.{name}"
        for method in re.findall(r"\bresult\.([a-z_]+)\(", text):
            assert hasattr(ak.Comparison, method), f"{name_of(path)}: result.{method}()"
    told = re.findall(
        r'^\| `"([a-z-]+)"` \|', (DOCS / "reading.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert told == PLOTS.names()


class Assets(HTMLParser):
    """What a page would load: not what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in {"script", "img", "iframe", "source"} and values.get("src"):
            self.found.append(str(values["src"]))
        if tag == "link" and values.get("rel") in {"stylesheet", "icon", "preload", "preconnect"}:
            self.found.append(str(values.get("href")))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    built = sorted(tmp_path.glob("**/*.html"))
    assert len(built) >= len(PAGES)
    for page in built:
        assets = Assets(page.read_text(encoding="utf-8"))
        assert assets.found, page
        # The page for what is not found has links from the root.
        others = [a for a in assets.found if re.match(r"https?:|//", a)]
        assert others == [], page
        assert not re.search(r":(?:class|func|meth|mod|data|attr):", " ".join(assets.text)), page
    for sheet in tmp_path.glob("**/*.css"):
        assert not re.search(r"url\(\s*['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet
    strategies = (tmp_path / "reference" / "strategies.html").read_text(encoding="utf-8")
    assert 'id="adaptkit.strategies.rag.RAG"' in strategies
    assert "gold_share" in strategies


def test_tests_that_pages_name_are_there() -> None:
    page = (DOCS / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)*(?:test_\w+\.py|))`", page)
    missing = [name for name in named if name != "tests/" and not (ROOT / "tests" / name).exists()]
    assert (len(named) > 20, missing) == (True, [])
