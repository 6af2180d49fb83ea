"""Tasks that are known by name: those bundled in the repository, and those of a folder of your own.

Names are looked up in ``$ADAPTKIT_DATA``, in ``data/`` beside the package, and in ``$ADAPTKIT_TASKS``.
"""

from __future__ import annotations

import os
from pathlib import Path

from adaptkit.core.reading import Unreadable, read_json

BUNDLED: dict[str, str] = {
    "policy_questions": "Questions about a company's policies, answered from its documents.",
    "record_extraction": "Messages to JSON records with a fixed schema and house conventions.",
    "request_routing": "Customer requests to the team that handles them.",
}


def known_tasks() -> dict[str, str]:
    """Return the description of each task that :func:`find_task` knows, by name.

    Bundled tasks are listed even where their folder is not there.
    """
    tasks = dict(BUNDLED)
    # Last root first: what find_task finds is what is described.
    for root in reversed(_roots()):
        for head in sorted(root.glob("*/task.json")):
            tasks[head.parent.name] = _description(head) or tasks.get(head.parent.name, "")
    return dict(sorted(tasks.items()))


def find_task(name: str) -> Path | None:
    """Return the folder of the task called ``name``, or None."""
    # Compared, not joined to the root: a name may hold what no path can.
    folders = (head.parent for root in _roots() for head in sorted(root.glob("*/task.json")))
    return next((folder for folder in folders if folder.name == name), None)


def _roots() -> list[Path]:
    beside_package = Path(__file__).resolve().parents[2] / "data"
    named = [os.environ.get("ADAPTKIT_DATA"), str(beside_package), os.environ.get("ADAPTKIT_TASKS")]
    return [path for name in named if name and (path := Path(name)).is_dir()]


def _description(head: Path) -> str:
    # A listing must not fail on one bad folder; loading it says what is wrong.
    try:
        values = read_json(head)
    except Unreadable:
        return ""
    description = values.get("description") if isinstance(values, dict) else None
    return description if isinstance(description, str) else ""
