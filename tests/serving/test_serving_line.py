"""The queue in front of the model, and the thread that empties it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from served import GatedModel, fitted, wait_until

import adaptkit as ak
from adaptkit.core.errors import ModelError
from adaptkit.core.types import Completion, Request
from adaptkit.serving import ServerSettings
from adaptkit.serving.line import Job, LineFullError, WaitingLine
from adaptkit.serving.problems import RequestProblem
from adaptkit.serving.worker import Worker, answer_tokens, input_tokens

SECRET = "my account number"


def texts(jobs: Sequence[Job]) -> list[str]:
    return [job.text for job in jobs]


def line_of(*given: str, most: int = 10) -> tuple[WaitingLine, list[Job]]:
    line, jobs = WaitingLine(most), [Job(text) for text in given]
    for job in jobs:
        line.put(job)
    return line, jobs


def test_first_come_first_served_and_no_more_than_a_batch() -> None:
    line, _ = line_of("a", "b", "c")
    assert texts(line.take(2, 0.0)) == ["a", "b"]
    assert len(line) == 1
    assert texts(line.take(2, 0.0)) == ["c"]


def test_a_full_line_takes_no_more() -> None:
    line, _ = line_of("a", "b", most=2)
    with pytest.raises(LineFullError):
        line.put(Job("c"))
    assert len(line) == 2


def test_a_dropped_job_leaves_its_place_at_once() -> None:
    line, jobs = line_of("a", "b", most=2)
    line.drop(jobs[0])
    line.put(Job("c"))
    assert texts(line.take(5, 0.0)) == ["b", "c"]
    assert jobs[0].answer.cancelled()


def test_a_job_cancelled_by_its_caller_is_passed_over() -> None:
    line, jobs = line_of("a", "b")
    jobs[0].answer.cancel()
    assert texts(line.take(1, 0.0)) == ["b"]


def test_a_job_that_is_being_answered_is_not_dropped() -> None:
    line, jobs = line_of("a")
    line.take(1, 0.0)
    line.drop(jobs[0])
    assert jobs[0].answer.running()


def test_the_taker_waits_for_others_but_not_once_the_batch_is_full() -> None:
    line, _ = line_of("a")
    threading.Timer(0.05, lambda: line.put(Job("b"))).start()
    started = time.monotonic()
    assert texts(line.take(2, 30.0)) == ["a", "b"]
    assert time.monotonic() - started < 20


def test_a_closed_line_is_emptied_and_then_ends() -> None:
    line, _ = line_of("a")
    line.close()
    assert texts(line.take(5, 30.0)) == ["a"]
    assert line.take(5, 30.0) == []


def answered(model: ak.FakeModel, *inputs: str, **settings: Any) -> list[Job]:
    """Jobs that waited together and have been answered."""
    line, jobs = line_of(*inputs)
    line.close()
    worker = Worker(fitted(model), line, ServerSettings(**settings))
    worker.start()
    worker.join(60)
    assert not worker.alive
    return jobs


def outcome(job: Job) -> str:
    error = job.answer.exception(0)
    if error is None:
        return job.answer.result().output
    assert isinstance(error, RequestProblem)
    return f"{error.status} {error.code}"


def test_what_waits_is_answered_by_one_call() -> None:
    model = GatedModel()
    jobs = answered(model, "a", "b", "c", max_batch=2)
    assert model.batches[1:] == [["a", "b"], ["c"]]  # the first call warms up
    assert [outcome(job) for job in jobs] == ["you said a", "you said b", "you said c"]


def failing(error: Exception) -> Callable[[Request], str]:
    def answer(request: Request) -> str:
        if "bad" in request.prompt.input:
            raise error
        return "good"

    return answer


def test_an_error_stays_with_its_request() -> None:
    jobs = answered(ak.FakeModel(failing(ModelError("no answer"))), "a", "bad", "c")
    assert [outcome(job) for job in jobs] == ["good", "500 ModelError", "good"]


def test_a_fault_stays_with_its_request_and_its_message_is_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        jobs = answered(ak.FakeModel(failing(ZeroDivisionError(SECRET))), "a", f"bad {SECRET}", "c")
    assert [outcome(job) for job in jobs] == ["good", "500 AnswerError", "good"]
    assert SECRET not in str(jobs[1].answer.exception())
    assert "AnswerError while answering 1 request(s)" in caplog.text
    assert "test_serving_line.py" in caplog.text
    assert SECRET not in caplog.text


def test_an_input_that_is_too_long_is_refused_before_the_others_are_asked() -> None:
    model = GatedModel()
    jobs = answered(model, "a", "one two three four", "c", max_input_tokens=3)
    assert [outcome(job) for job in jobs] == ["you said a", "400 context_length_exceeded", "you said c"]
    assert model.batches[1:] == [["a", "c"]]
    assert (
        str(jobs[1].answer.exception())
        == "The message has 4 tokens and this server takes 3. Send a shorter one."
    )


def test_an_input_whose_tokens_cannot_be_counted_harms_no_other() -> None:
    class Uncounted(GatedModel):
        def count_tokens(self, text: str) -> int:
            if "bad" in text:
                raise ZeroDivisionError
            return super().count_tokens(text)

    jobs = answered(Uncounted(), "bad", "c", max_input_tokens=1)
    assert [outcome(job) for job in jobs] == ["500 ZeroDivisionError", "you said c"]


def test_an_input_of_many_bytes_and_few_tokens_is_answered() -> None:
    (job,) = answered(GatedModel(), "x" * 100, max_input_tokens=3)
    assert outcome(job) == f"you said {'x' * 100}"


def test_a_worker_whose_warm_up_fails_does_not_start() -> None:
    class Broken(ak.FakeModel):
        def complete(self, requests: Sequence[Request]) -> list[Completion]:
            raise ZeroDivisionError

    worker = Worker(fitted(Broken({})), WaitingLine(1), ServerSettings())
    with pytest.raises(ZeroDivisionError):
        worker.start()
    wait_until(lambda: not worker.alive)


def test_retry_after_grows_with_the_line() -> None:
    line, _ = line_of("a", "b", "c", "d")
    worker = Worker(fitted(GatedModel()), line, ServerSettings(max_batch=1))
    assert worker.retry_after_s == 4  # a second a batch, until it is known better
    assert Worker(fitted(GatedModel()), WaitingLine(1), ServerSettings()).retry_after_s == 1


def test_inputs_may_be_as_long_as_the_model_holds_beside_instruction_and_answer() -> None:
    strategy = fitted(GatedModel(context_tokens=100))
    bare = len(strategy.instruction_.split())
    assert answer_tokens(strategy) == strategy.format_.max_new_tokens == 19
    assert input_tokens(strategy) == 100 - bare - 19
    assert Worker(strategy, WaitingLine(1), ServerSettings()).max_input_tokens == 100 - bare - 19
    assert Worker(strategy, WaitingLine(1), ServerSettings(max_input_tokens=7)).max_input_tokens == 7


def test_an_answer_that_is_a_label_has_as_many_tokens_as_the_longest() -> None:
    task = ak.Task(
        name="t",
        kind="classification",
        instruction="Which?",
        metrics=("accuracy",),
        labels=("yes", "not at all"),
        train=(ak.Example(id="a", input="x", target="yes"),),
        test=(ak.Example(id="b", input="y", target="yes"),),
    )
    strategy = ak.PromptEngineering().fit(ak.FakeModel({}), task)
    assert answer_tokens(strategy) == 4
