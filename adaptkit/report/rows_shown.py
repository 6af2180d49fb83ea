"""Real rows side by side for the page's browser: input, target, every answer, and the passages it saw."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import Record
from adaptkit.core.shorten import shorten
from adaptkit.decision.flips import shown_output
from adaptkit.report.view import TaskView

# Characters of the longest text, halved until all rows fit: the records hold everything.
LENGTHS = (1200, 600, 300, 150, 80, 40)
CUT = " …"


@dataclass(frozen=True)
class _Shown:
    """What the page holds of one task at one length of texts."""

    data: dict[str, Any]
    size: int


def rows_data(
    view: TaskView, records: Sequence[Record], inputs: Mapping[str, str], *, most_bytes: int
) -> dict[str, Any] | None:
    """Return the rows of a task with what each strategy answered, of several seeds the first one's answer.

    Args:
        view: the task.
        records: of this task or of several.
        inputs: of the rows, by id; may be empty.
        most_bytes: that the result may take as JSON; texts are cut to fit, and at last rows left out.

    Returns:
        None without records. ``n_rows`` are those there are, ``longest`` the length of a cut text.
    """
    strategies = [row.strategy for row in view.ran]
    by_row = _by_row(view, records, strategies)
    if not by_row:
        return None
    for longest in _hopeful(by_row, inputs, most_bytes):
        found = _shown(strategies, by_row, inputs, longest)
        if found.size <= most_bytes:
            return found.data
    kept = dict(list(by_row.items())[: max(1, len(by_row) * most_bytes // found.size)])
    return {**_shown(strategies, kept, inputs, LENGTHS[-1]).data, "n_rows": len(by_row)}


def _hopeful(
    by_row: Mapping[str, Mapping[str, tuple[Record, float | None]]],
    inputs: Mapping[str, str],
    most_bytes: int,
) -> Sequence[int]:
    """The lengths to try: without those at which the texts alone are too long. At least the shortest."""
    texts = [len(inputs.get(i, "")) for i in by_row]
    passages: dict[str, int] = {}
    for answers in by_row.values():
        for record, _ in answers.values():
            texts.append(len(record.output))
            passages.update((str(p.get("id")), len(str(p.get("text", "")))) for p in record.contexts)
    texts += passages.values()
    fitting = [n for n in LENGTHS if sum(min(n, length) for length in texts) <= most_bytes]
    return fitting or LENGTHS[-1:]


def _by_row(
    view: TaskView, records: Sequence[Record], strategies: Sequence[str]
) -> dict[str, dict[str, tuple[Record, float | None]]]:
    """By row and strategy the first answer, with its score by the task's metric."""
    found: dict[str, dict[str, tuple[Record, float | None]]] = {}
    for record in records:
        if record.task == view.task and record.strategy in strategies and record.repeat == 0:
            answer = (record, record.scores.get(view.metric))
            found.setdefault(record.example_id, {}).setdefault(record.strategy, answer)
    return found


def _shown(
    strategies: Sequence[str],
    by_row: Mapping[str, Mapping[str, tuple[Record, float | None]]],
    inputs: Mapping[str, str],
    longest: int,
) -> _Shown:
    passages: dict[tuple[str, str], int] = {}
    rows = []
    for example_id, answers in by_row.items():
        record = next(iter(answers.values()))[0]
        rows.append(
            {
                "id": example_id,
                "input": cut(inputs[example_id], longest) if example_id in inputs else None,
                "target": cut(record.target, longest),
                "answers": [_answer(answers.get(s), passages, longest) for s in strategies],
            }
        )
    data = {
        "strategies": list(strategies),
        "n_rows": len(rows),
        "longest": longest,
        "rows": rows,
        "passages": [{"id": i, "text": text} for i, text in passages],
    }
    return _Shown(data, len(compact(data).encode()))


def _answer(
    given: tuple[Record, float | None] | None, passages: dict[tuple[str, str], int], longest: int
) -> dict[str, Any] | None:
    """An answer; its passages by their place in the list that all share."""
    if given is None:
        return None
    record, score = given
    seen = [passages.setdefault(p, len(passages)) for p in _passages(record, longest)]
    return {
        "output": cut(shown_output(record), longest),
        "score": score,
        "failed": record.error is not None,
        "passages": seen,
    }


def _passages(record: Record, longest: int) -> Iterator[tuple[str, str]]:
    for passage in record.contexts:
        title = f"{passage['title']}: " if passage.get("title") else ""
        yield str(passage.get("id", "")), cut(title + str(passage.get("text", "")), longest)


def compact(data: object) -> str:
    """Write plain values so that equal ones give equal text: ``canonical_json`` of what needs no turning."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def cut(text: str, longest: int) -> str:
    """Return the text, or its beginning with a mark that there was more.

    Examples:
        >>> cut("abcdef", 3)
        'abc …'
    """
    return shorten(text, longest, CUT)
