"""Writes data/README.md, with the measured figures and the hash of every file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from data.generator.figures import Figures


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def figures_table(figures: Mapping[str, Figures]) -> str:
    """One Markdown table a task."""
    parts = []
    for task, measured in figures.items():
        lines = [f"| {name} | {_figure(value)} |" for name, value in measured.items()]
        parts.append("\n".join((f"### {task}", "", "| figure | value |", "|---|---|", *lines)))
    return "\n\n".join(parts)


def hashes_table(files: Mapping[str, str]) -> str:
    """A Markdown table of the sha256 of every file."""
    lines = [
        f"| `{name}` | `{hashlib.sha256(text.encode()).hexdigest()}` |"
        for name, text in sorted(files.items())
    ]
    return "\n".join(("| file | sha256 |", "|---|---|", *lines))


def render(files: Mapping[str, str], figures: Mapping[str, Figures]) -> str:
    """The whole README."""
    template = Path(__file__).with_name("readme_template.md").read_text(encoding="utf-8")
    return template.replace("@FIGURES@", figures_table(figures)).replace("@HASHES@", hashes_table(files))
