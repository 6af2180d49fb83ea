"""The page of a finished run in a browser: it stays offline, its controls decide, everybody can use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evidence_sets
import numpy as np
import pytest
from browsing import serious_issues, started
from planted import Shots, Tuned, Words, planted_model
from questions import make_task

from adaptkit.comparison import Comparison, compare
from adaptkit.comparison.page import saving_bands
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.core.results import ComparisonResult
from adaptkit.costs import cost_rows
from adaptkit.decision import Requirements, recommend, recommend_for
from adaptkit.report import render_html
from adaptkit.report.findings import PageData

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESK = 360, 1400


@dataclass(frozen=True)
class Opened:
    """A page with what the browser said and asked for while it was open."""

    page: Page
    problems: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Three that differ for good, on rows whose answers are planted."""

    def right(name: str, _seed: int, row: int) -> bool:
        return row % 10 >= {"prompt": 4, "few-shot": 3, "lora": 1}[name] or (name != "lora" and row % 50 == 0)

    folder = tmp_path_factory.mktemp("run")
    return compare([Words(), Shots(), Tuned()], make_task(120), model=planted_model(right), out=folder)


@pytest.fixture(scope="module")
def run_page(comparison: Comparison) -> Path:
    """Written at the end of the run, as every one is."""
    return comparison.folder / "report.html"


@pytest.fixture(scope="module")
def cost_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of strategies of equal quality: what requests and labels cost decides."""
    evidence = evidence_sets.worked()[0]
    findings = PageData(
        evidence=evidence,
        recommendation=recommend_for(evidence, Requirements()),
        baseline="few-shot",
        savings={m.strategy: saving_bands(evidence.measured, m.strategy) for m in evidence.measured},
    )
    result = ComparisonResult(
        rows=evidence.rows,
        pairs=evidence.pairs,
        recommendation=recommend(evidence.rows, evidence.pairs),
        manifest={"baseline": "few-shot"},
    )
    path = tmp_path_factory.mktemp("costs") / "page.html"
    path.write_text(render_html(result, (), {evidence.task: findings}), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, width: int = DESK, **options: Any) -> Opened:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    found = Opened(page, [], [])
    page.on("console", lambda message: found.problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    page.on("request", lambda request: found.requests.append(request.url))
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_selector("section[data-named]", state="attached")
    return found


def named(page: Page) -> str:
    return page.locator("section[data-task]").first.get_attribute("data-named") or ""


def put(page: Page, setting: str, value: object) -> None:
    """Type a value, and wait for what is worked out after a pause."""
    page.locator(f"input[data-setting={setting}]").fill(str(value))
    page.wait_for_timeout(600)


def test_it_stays_offline_and_says_nothing(browser: Browser, run_page: Path) -> None:
    found = opened(browser, run_page)
    put(found.page, "requests_per_month", 1000)
    found.page.locator("[data-part=browser] select").first.select_option("differ")
    assert found.problems == []
    assert found.requests == [run_page.as_uri()]


def test_the_policy_forbids_what_is_no_part_of_the_page(browser: Browser, run_page: Path) -> None:
    found = opened(browser, run_page)
    found.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.x = 1'}))"
    )
    found.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    found.page.wait_for_timeout(200)
    assert found.page.evaluate("window.x") is None
    assert sum("Content Security Policy" in text for text in found.problems) >= 2


def test_the_answer_is_the_librarys(browser: Browser, run_page: Path, comparison: Comparison) -> None:
    (theirs,) = comparison.recommend(Requirements())
    page = opened(browser, run_page).page
    assert named(page) == theirs.named
    assert f"Take {theirs.strategy}" in page.locator(".card").first.inner_text()


def test_a_control_at_the_turning_point_changes_the_recommendation(
    browser: Browser, run_page: Path, comparison: Comparison
) -> None:
    (theirs,) = comparison.recommend(Requirements())
    point = next(p for p in theirs.would_change if p.name == "margin" and p.at is not None)
    assert point.at is not None
    page = opened(browser, run_page).page
    put(page, "margin", 100 * point.at * (1 - 1e-6))
    assert named(page) == theirs.named
    before = page.locator("[data-part=answer]").inner_text()
    put(page, "margin", 100 * point.at * (1 + 1e-6))
    assert named(page) == point.strategy != theirs.named
    assert page.locator("[data-part=answer]").inner_text() != before
    state = page.locator("[data-part=state]").inner_text()
    assert f"The settings of the run name {theirs.named}" in state
    # How sure the other one is, and not what was known of the first.
    (others,) = comparison.recommend(Requirements(margin=point.at * (1 + 1e-6)))
    near = re.search(rf"{point.strategy} is within the margin of the best in about (\d+) %", state)
    assert near is not None
    assert others.p_near_best is not None
    assert abs(int(near[1]) - 100 * others.p_near_best) < 6
    page.get_by_role("button", name="Back to the settings of the run").click()
    page.wait_for_timeout(600)
    assert named(page) == theirs.named
    assert page.locator("input[data-setting=margin]").input_value() == ""


def test_volume_decides_where_the_library_says(browser: Browser, cost_page: Path) -> None:
    evidence = evidence_sets.worked()[0]
    found = recommend_for(evidence, Requirements())
    point = next(p for p in found.would_change if p.name == "requests_per_month")
    assert point.at is not None
    page = opened(browser, cost_page).page
    put(page, "requests_per_month", point.at * (1 - 1e-6))
    assert named(page) == found.named == "few-shot"
    put(page, "requests_per_month", point.at * (1 + 1e-6))
    assert named(page) == point.strategy == "lora"
    table = page.locator("[data-part=table]").inner_text()
    volume = point.at * (1 + 1e-6)
    asked = evidence.under(Requirements(requests_per_month=volume))
    for cost in asked.costs.values():
        assert f"{cost.total(volume).usd:,.2f}" in table
    assert page.locator("[data-chart=totals] rect.band").count() >= 1
    assert "lora costs less than few-shot from" in page.locator("[data-part=evens]").inner_text()


def test_break_evens_refer_to_the_strategy_that_the_reader_picks(browser: Browser, cost_page: Path) -> None:
    evidence = evidence_sets.worked()[0]
    page = opened(browser, cost_page).page
    put(page, "horizon_months", 12)
    page.get_by_label("Break-evens against").select_option("prompt")
    text = page.locator("[data-part=evens]").inner_text()
    asked = evidence.under(Requirements(horizon_months=12))
    rows = cost_rows(
        asked.measured,
        asked.assumptions,
        baseline="prompt",
        machine=asked.machine,
        rng=np.random.default_rng(RESAMPLING_SEED),
    )
    (found,) = (row.break_even for row in rows if row.strategy == "few-shot")
    assert found is not None
    assert found.words in text
    assert "few-shot costs less than prompt" in text
    assert "cheaper than prompt" in page.locator("[data-part=table]").inner_text()


def test_trying_a_turning_point_is_one_press(browser: Browser, cost_page: Path) -> None:
    page = opened(browser, cost_page).page
    button = page.get_by_role("button", name=re.compile("Try it: Requests a month"))
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    assert named(page) == "lora"
    assert page.evaluate("document.activeElement.dataset.setting") == "requests_per_month"


def test_what_is_no_number_is_said_and_changes_nothing(browser: Browser, cost_page: Path) -> None:
    page = opened(browser, cost_page).page
    put(page, "utilisation", 50)
    before = page.locator("[data-part=table]").inner_text()
    for text in ("120", "0", "many", ""):
        put(page, "utilisation", text)
        field = page.locator("input[data-setting=utilisation]")
        assert field.get_attribute("aria-invalid") == "true"
        assert "at most 100" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
        assert page.locator("[data-part=table]").inner_text() == before


def test_rows_are_filtered_searched_and_paged(
    browser: Browser, run_page: Path, comparison: Comparison
) -> None:
    page = opened(browser, run_page).page
    part = page.locator("[data-part=browser]")
    show, first, second = (part.locator("select").nth(i) for i in range(3))
    assert first.evaluate("s => s.selectedOptions[0].text") == "lora"
    assert second.evaluate("s => s.selectedOptions[0].text") == "prompt"
    flips = comparison.flips("lora", "prompt")
    assert part.locator(".count").inner_text() == f"Rows 1 to 10 of {comparison.rows[0].n}."
    show.select_option("first")
    assert f"of {len(flips.gained)} that match" in part.locator(".count").inner_text()
    shown = part.locator("article h4").all_inner_texts()
    assert set(shown) <= {f.example_id for f in flips.gained}
    part.get_by_role("button", name="Next rows").click()
    assert not set(part.locator("article h4").all_inner_texts()) & set(shown)
    show.select_option("second")
    assert f" of {len(flips.lost)} that match" in part.locator(".count").inner_text()
    show.select_option("all")
    part.locator("input[type=search]").fill(shown[0].upper())
    assert shown[0] in part.locator("article h4").all_inner_texts()
    card = part.locator("article").first.inner_text()
    assert "input" in card
    assert "target" in card
    part.locator("input[type=search]").fill("nothing has this text")
    assert part.locator(".count").inner_text() == "No row is like that."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 768, DESK])
def test_nothing_is_wider_than_the_window_and_axe_finds_nothing_serious(
    browser: Browser, run_page: Path, width: int, scheme: str
) -> None:
    page = opened(browser, run_page, width, color_scheme=scheme).page
    put(page, "max_p95_s", 1e-9)
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 23, 30)")
    if (width, scheme) in ((PHONE, "dark"), (DESK, "light")):
        assert serious_issues(page) == []


def test_the_keyboard_is_enough(browser: Browser, cost_page: Path) -> None:
    page = opened(browser, cost_page).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answers"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.setting") == "requests_per_month":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("100000")
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    assert named(page) == "lora"
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    page.wait_for_timeout(600)
    assert page.locator("input[data-setting=requests_per_month]").input_value() == "1"
    assert named(page) == "few-shot"


def test_the_choice_is_read_aloud(browser: Browser, cost_page: Path) -> None:
    page = opened(browser, cost_page).page
    live = page.get_by_role("status").first
    put(page, "requests_per_month", 100_000)
    assert live.inner_text().startswith("Take lora")
    assert "Changed: requests a month 100000" in live.inner_text()


def test_without_scripts_every_table_is_there(
    browser: Browser, run_page: Path, comparison: Comparison
) -> None:
    page = opened(browser, run_page, java_script_enabled=False).page
    assert page.locator("noscript p").is_visible()
    assert not page.locator("[data-part=what-if]").is_visible()
    assert not page.locator("[data-part=rows]").is_visible()
    text = page.locator("main").inner_text()
    for row in comparison.rows:
        assert row.strategy in text
    assert page.locator("table").count() >= 6


def test_paper_has_no_controls(browser: Browser, run_page: Path) -> None:
    page = opened(browser, run_page).page
    page.emulate_media(media="print")
    assert not page.locator("[data-part=controls]").is_visible()
    assert page.locator("[data-part=table] table").is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every((d) => d.open)")
