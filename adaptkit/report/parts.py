"""What of the page is neither table nor template: its data, its functions, and who may run them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from adaptkit.core.results import Record
from adaptkit.report.findings import PageData
from adaptkit.report.rows_shown import compact, rows_data
from adaptkit.report.view import TaskView
from adaptkit.report.what_if import what_if_data

# Functions without a document, which tests run by themselves; then those that draw and listen.
RULES = ("figures.js", "cost.js", "pairs.js", "choose.js", "decide.js", "odds.js", "turning.js")
VIEW = (
    "words.js",
    "draw.js",
    "charts.js",
    "controls.js",
    "outcome.js",
    "whatif.js",
    "browser.js",
    "start.js",
)
STYLE = "page.css"
# Of 5 MB for the whole page: tables, functions and figures take the rest.
MOST_BYTES_OF_ROWS = 3_500_000


def page_data(
    views: Sequence[TaskView], records: Sequence[Record], findings: Mapping[str, PageData]
) -> list[dict[str, Any]]:
    """Return what the page's functions work on, one entry a task in the order of the page."""
    share = MOST_BYTES_OF_ROWS // max(1, len(views))
    return [_of_task(v, records, findings.get(v.task, PageData()), share) for v in views]


def _of_task(view: TaskView, records: Sequence[Record], found: PageData, most_bytes: int) -> dict[str, Any]:
    return {
        "what_if": what_if_data(found),
        "curves": None if found.curves is None else found.curves["curves"],
        "rows": rows_data(view, records, found.inputs, most_bytes=most_bytes),
    }


def as_inert(data: object) -> str:
    """Write data for a script element that no browser runs: nothing ends it; equal data are equal text."""
    return compact(data).replace("<", "\\u003c")


def source(*names: str) -> str:
    """Return files of the page, one after another."""
    return "\n".join(_file(name) for name in names)


@cache
def _file(name: str) -> str:
    return files("adaptkit.report").joinpath("page", name).read_text(encoding="utf-8")


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return a content security policy: these scripts and styles, word for word, and no network at all."""
    allowed = {"script-src": scripts, "style-src": styles}
    rules = [
        f"{name} {' '.join(map(_hash, texts)) or chr(39) + 'none' + chr(39)}"
        for name, texts in allowed.items()
    ]
    return "; ".join(["default-src 'none'", *rules, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
