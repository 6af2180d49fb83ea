"""What somebody who writes a strategy has to know of: few methods, the others are settled."""

from __future__ import annotations

import inspect

import adaptkit as ak


def test_a_subclass_may_override_at_most_twelve_methods() -> None:
    found = {
        name
        for name, member in inspect.getmembers(ak.Strategy)
        if not name.startswith("_")
        and (inspect.isfunction(member) or inspect.ismethod(member))
        and not getattr(member, "__final__", False)
    }
    assert found == {
        "alternatives", "answer_format", "ask", "check", "completion", "decide", "extend", "instruction",
        "learn", "load_state", "refusal", "save_state",
    }  # fmt: skip
