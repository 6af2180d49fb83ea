"""What train rows tell about calls: whether one comes first, whether its result is the answer, good ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adaptkit import metrics
from adaptkit.core.types import Demonstration, Example, Prediction
from adaptkit.metrics.tool_calls import NamedCall
from adaptkit.strategies.tool_loop import Limits
from adaptkit.strategies.tool_offer import CHECKED_ROWS, Offer
from adaptkit.strategies.tools import TOOLS, run_tool
from adaptkit.tasks import Task, some_rows

Asking = Callable[[Sequence[Example], Sequence[Demonstration]], Sequence[Prediction]]
"""Answers train rows, shown these demonstrations."""
NEARLY_ALL = 0.9
MAX_TRIED, TRIED_AT_ONCE = 64, 16


def calls_come_first(offer: Offer, task: Task) -> bool:
    """Whether nearly all train rows tell a call of a tool that can be run."""
    rows = some_rows(task.train, CHECKED_ROWS)
    told = [offer.told_call(e) for e in rows]
    return bool(rows) and sum(c is not None for c in told) >= NEARLY_ALL * len(rows)


def results_answer(offer: Offer, task: Task, limits: Limits) -> bool:
    """Whether the results of the calls that train rows tell are nearly always their targets.

    Only built-in tools are tried: what a function of the user's does besides is not known.
    """
    tools = {t.name: t for t in offer.tools if t.run and t.spec in TOOLS.names()}
    rows = some_rows(task.train, CHECKED_ROWS)
    right = 0
    for example in rows:
        call = offer.told_call(example)
        if call is None or call.name not in tools:
            continue
        outcome = run_tool(
            tools[call.name], call.arguments, seconds=limits.max_seconds, max_chars=limits.max_result_chars
        )
        right += not outcome.failed and is_right(outcome.text, example, task)
    return bool(rows) and right >= NEARLY_ALL * len(rows)


def is_right(answer: str, example: Example, task: Task) -> bool:
    """Whether a train row's answer is as right as it can be, read leniently."""
    given = metrics.Answer(output=answer, example=example, labels=tuple(task.labels), schema=task.schema)
    return metrics.score_or_wrong(task.primary_metric, given).lenient == 1


def find_calls(
    ask: Asking,
    offer: Offer,
    task: Task,
    n: int,
) -> list[Demonstration]:
    """Calls of the model's own that lead to the target of a train row.

    Rows are tried in batches, each with the calls found so far as demonstrations (bootstrapping, as DSPy
    does it: Khattab et al. 2023, arXiv:2310.03714).

    Args:
        ask: answers rows, calling a tool first, with these demonstrations.
        n: as many are looked for, on at most 64 rows.
    """
    found: list[Demonstration] = []
    rows = some_rows(task.train, MAX_TRIED)
    for at in range(0, len(rows), TRIED_AT_ONCE):
        batch = rows[at : at + TRIED_AT_ONCE]
        shown = tuple(found)
        for prediction, example in zip(ask(batch, shown), batch, strict=True):
            call = right_call(prediction, example, task)
            if call is not None:
                text = offer.form.call_text(call)
                found.append(Demonstration(input=example.input, target=text, example_id=example.id))
        if len(found) >= n:
            break
    return found[:n]


def right_call(prediction: Prediction, example: Example, task: Task) -> NamedCall | None:
    """The only call on the way to an answer that is right, or whose result is; None where it is not so."""
    if prediction.error is not None or len(prediction.tool_calls) != 1:
        return None
    call = prediction.tool_calls[0]
    result, arguments = call.get("result"), call.get("arguments")
    if not isinstance(result, str) or not isinstance(arguments, dict):
        return None
    if not any(is_right(said, example, task) for said in (prediction.output, result)):
        return None
    return NamedCall(str(call["name"]), arguments)
