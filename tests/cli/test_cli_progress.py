"""What a run says while it goes on: bars to a terminal, lines to a log, nothing when quiet."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from adaptkit.cli.progress import LineDisplay, LiveDisplay, TimeLeftColumn, display, finished_line
from adaptkit.comparison.callback import Callback
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


def follow(listener: Callback, *, n_done: int = 0) -> None:
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
    follow(Callback())
    assert capsys.readouterr() == ("", "")


def test_the_display_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    follow(display(quiet=False))
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 trials, 20 rows." in err


def test_time_left_counts_down_and_goes_where_a_step_takes_longer_than_estimated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    column, now = TimeLeftColumn(), 1000.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock = iter(range(0, 1000, 2))
    progress = Progress(get_time=lambda: float(next(clock)))
    task_id = progress.add_task("lora: fit", total=10)
    for done in (1, 2, 3, 4):
        progress.update(task_id, completed=done, moved_at=now)
    task = progress.tasks[0]
    left = task.time_remaining
    assert left is not None
    assert column.render(task).plain == f"about {left:.0f} s left"
    now += left / 2
    assert column.render(task).plain == f"about {left / 2:.0f} s left"
    now += left
    assert column.render(task).plain == ""


def test_the_bar_of_the_run_names_no_time_left_and_a_log_is_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    progress = Progress()
    progress.add_task("all rows", total=10, completed=5)
    assert TimeLeftColumn().render(progress.tasks[0]).plain == ""
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    told = Console(file=io.StringIO(), width=100)
    lines = LineDisplay(told)
    lines.trial_started("lora", 60, 0)
    for step in range(1, 31):
        now = float(step)
        lines.fit_progress(step, 300)
    assert told.file.getvalue().splitlines()[1:] == [  # type: ignore[attr-defined]
        f"lora: fit, {n} of 300 steps, {n} s so far" for n in (10, 20, 30)
    ]
