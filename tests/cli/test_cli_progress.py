"""What a run says while it goes on: bars to a terminal, lines to a log, nothing when quiet."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from adaptkit.cli.progress import LineDisplay, LiveDisplay, display, finished_line
from adaptkit.comparing.listener import Listener
from adaptkit.core.results import Record

RECORD = Record(
    trial="k",
    strategy="prompt",
    task="t",
    example_id="r0",
    seed=0,
    output="x",
    target="x",
    contexts=(),
    tool_calls=(),
    finish_reason="stop",
    tokens={"in": 90, "cached": 0, "out": 10},
    retrieve_s=None,
    first_token_s=None,
    latency_s=None,
    batch_size=1,
    batch_s=1.0,
    cost_usd=None,
    scores={},
    error=None,
)


def follow(listener: Listener, *, n_done: int = 0) -> None:
    """Tell a listener of a run of two trials and a skipped one."""
    listener.started(2, 20, n_done)
    listener.loading("small-model")
    listener.trial_started("prompt", 10, n_done)
    listener.fit_progress(3, 7)
    listener.evaluation_started()
    listener.rows_done([RECORD] * 5, 0.5)
    listener.trial_finished("prompt", "done", None)
    listener.trial_finished("rag", "skipped", "no documents")
    listener.trial_started("lora", 10, 0)
    listener.trial_finished("lora", "failed", "the loss is NaN")
    listener.finished()


def text_of(n_done: int, *, live: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=live, width=120, highlight=False, markup=False)
    follow(LiveDisplay(console) if live else LineDisplay(console), n_done=n_done)
    return out.getvalue()


def test_a_log_has_a_line_for_each_thing_that_happens() -> None:
    assert text_of(0, live=False).splitlines() == [
        "2 trials, 20 rows.",
        "Loading small-model ...",
        "prompt: 10 rows ...",
        "prompt: done in 0 s",
        "rag: skipped (no documents)",
        "lora: 10 rows ...",
        "lora: failed in 0 s (the loss is NaN)",
    ]


@pytest.mark.parametrize(("n_done", "line"), [(4, "2 trials, 20 rows, 4 stored already."), (20, "Loading")])
def test_a_log_tells_what_is_stored_and_nothing_of_a_finished_run(n_done: int, line: str) -> None:
    assert text_of(n_done, live=False).startswith(line)


def test_a_terminal_keeps_a_line_for_each_trial() -> None:
    text = text_of(4, live=True)
    assert "Going on: 4 of 20 rows are stored already." in text
    assert "prompt: done in 0 s" in text
    assert "lora: failed in 0 s (the loss is NaN)" in text


def test_names_in_square_brackets_are_names() -> None:
    assert finished_line("rag:[bold]", "done", None, 61.4) == "rag:[bold]: done in 61 s"


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    follow(display(quiet=True))
    follow(Listener())
    assert capsys.readouterr() == ("", "")


def test_the_display_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    follow(display(quiet=False))
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 trials, 20 rows." in err
