"""What mkdocs does to pages of the reference: roles of Sphinx, which docstrings use, become code."""

from __future__ import annotations

import re
from typing import Any

# ``:class:`~package.Name``` shows the last name only.
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):<code>(?P<short>~)?(?P<path>[\w.]+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs with each page's HTML; returns it without roles."""
    return _ROLE.sub(_as_code, html)


def _as_code(match: re.Match[str]) -> str:
    path = match["path"]
    return f"<code>{path.rpartition('.')[2] if match['short'] else path}</code>"
