"""A browser for tests of the page, where there is one, and axe-core, where its package is."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing that a browser does by itself reaches for the network.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_AXE = "axe_playwright_python"


def browser_path() -> str | None:
    """The first browser on the path."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser; skip where there is none."""
    path = browser_path()
    if path is None:
        pytest.skip(f"No browser was found on the path (looked for {', '.join(NAMES)}).")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install 'adaptkit-llm[dev]'.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def serious_issues(page: Page) -> list[str]:
    """What axe-core calls serious or critical; skips where its package is not installed."""
    if importlib.util.find_spec(_AXE) is None:
        pytest.skip("axe-playwright-python is not installed: pip install 'adaptkit-llm[dev]'.")
    page.evaluate(files(_AXE).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{v['impact']} {v['id']}: {node['html'][:160]} {node['failureSummary']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]
