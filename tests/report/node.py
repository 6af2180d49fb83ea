"""Runs the page's own functions under Node, many calls in one process."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def _node() -> str | None:
    """Node on the path, or the one that playwright brings."""
    brought = importlib.util.find_spec("playwright")
    if brought is not None and brought.origin is not None:
        return shutil.which("node") or shutil.which(Path(brought.origin).parent / "driver" / "node")
    return shutil.which("node")


NODE = _node()

_DRIVER = """
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
require("vm").runInThisContext(input.source);
const call = require("vm").runInThisContext(`(${input.call})`);
process.stdout.write(JSON.stringify(input.cases.map((values) => call(...values))));
"""


def called(source: str, call: str, cases: list[list[Any]]) -> list[Any]:
    """Return what a function of the page says of each list of arguments.

    Args:
        source: the page's script.
        call: a JavaScript expression, the function.
        cases: its arguments, time after time.
    """
    if NODE is None:
        pytest.skip("Node was not found: the page's own functions cannot be run here.")
    given = json.dumps({"source": source, "call": call, "cases": cases})
    done = subprocess.run(
        [NODE, "-e", _DRIVER], input=given, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found
