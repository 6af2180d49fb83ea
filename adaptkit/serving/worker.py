"""The one thread that owns the model: whatever waits is answered by one ``generate``."""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread

from adaptkit.core.errors import AnswerError
from adaptkit.core.types import Prediction, Prompt
from adaptkit.serving.line import Job, WaitingLine
from adaptkit.serving.problems import of_prediction, too_long, unexpected
from adaptkit.serving.settings import ServerSettings
from adaptkit.strategies import Strategy

logger = logging.getLogger(__name__)
WARM_UP = ("Hello", "Good morning")
"""Two together leave what all prompts share in the model's store."""
MEMORY = 0.7
"""What is left of an average after one more batch."""
LONGEST_RETRY_S = 60


class Worker:
    """Answers jobs in batches until the line is closed.

    Args:
        strategy: fitted; nobody else may use it or its model from now on.
        line: what to take jobs from.
        settings: how many at once, and how long an input may be.
        observe: told the number of jobs of each batch.
    """

    def __init__(
        self,
        strategy: Strategy,
        line: WaitingLine,
        settings: ServerSettings,
        *,
        observe: Callable[[int], None] = lambda _n: None,
    ) -> None:
        self._strategy, self._line, self._settings = strategy, line, settings
        self._observe = observe
        self._batch_s = 1.0
        self._ready: Future[None] = Future()
        self._thread = Thread(target=self._run, name="model", daemon=True)
        self.max_input_tokens = (
            input_tokens(strategy) if settings.max_input_tokens is None else settings.max_input_tokens
        )

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive()

    @property
    def retry_after_s(self) -> int:
        """Seconds until those that wait now will have been answered, about."""
        n_batches = math.ceil(len(self._line) / self._settings.max_batch)
        return max(1, min(LONGEST_RETRY_S, math.ceil(n_batches * self._batch_s)))

    def start(self) -> None:
        """Answer from now on; returns when what is set up once is set up."""
        self._thread.start()
        self._ready.result()

    def join(self, timeout_s: float) -> None:
        """Wait for the last batch, after the line has been closed."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._strategy.warm_up(WARM_UP)
        except BaseException as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        while jobs := self._line.take(self._settings.max_batch, self._settings.gather_s):
            started = time.monotonic()
            self._answer([job for job in jobs if not self._refused(job)])
            self._batch_s = MEMORY * self._batch_s + (1 - MEMORY) * (time.monotonic() - started)

    def _refused(self, job: Job) -> bool:
        """Refuse an input that is too long: one such would have its whole batch answered one by one."""
        limit = self.max_input_tokens
        # A token has a byte at least.
        if limit is None or len(job.text.encode(errors="replace")) <= limit:
            return False
        try:
            n_tokens = self._strategy.model_.count_tokens(job.text)
        except Exception as error:  # as for answers: this thread must go on
            _log(error, 1)
            job.answer.set_exception(unexpected(error))
            return True
        if n_tokens > limit:
            job.answer.set_exception(too_long(n_tokens, limit))
        return n_tokens > limit

    def _answer(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        self._observe(len(jobs))
        try:
            predictions = self._strategy.generate([job.text for job in jobs])
        except (
            Exception
        ) as error:  # a fault that is not foreseen must end neither this thread nor other requests
            _log(error, len(jobs))
            if len(jobs) == 1:
                jobs[0].answer.set_exception(unexpected(error))
                return
            for job in jobs:
                self._answer([job])
            return
        for job, prediction in zip(jobs, predictions, strict=True):
            _settle(job, prediction)


def input_tokens(strategy: Strategy) -> int | None:
    """How long an input may be: what the model holds, less the instruction and the longest answer.

    Demonstrations and passages are left out of prompts that they do not fit in, as in a comparison.
    None where no model is asked.
    """
    if not strategy.traits.uses_llm:
        return None
    model = strategy.model_
    bare = model.count_prompt_tokens(Prompt(instruction=strategy.instruction_, input=""))
    return max(1, model.info.context_tokens - bare - answer_tokens(strategy))


def answer_tokens(strategy: Strategy) -> int:
    """The most tokens that a completion of a strategy can have."""
    choices = strategy.format_.choices
    if choices is None:
        return strategy.format_.max_new_tokens
    # One more for the token that ends it.
    return 1 + max(strategy.model_.count_tokens(choice) for choice in choices)


def _settle(job: Job, prediction: Prediction) -> None:
    if prediction.error is None:
        job.answer.set_result(prediction)
    else:
        if prediction.error.type == AnswerError.__name__:
            logger.error("AnswerError while answering 1 request(s): with --verbose the log says where.")
        job.answer.set_exception(of_prediction(prediction.error))


def _log(error: Exception, n_jobs: int) -> None:
    """Say where a fault is; not its message, which may quote what somebody asked."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s while answering %d request(s):\n%s", type(error).__name__, n_jobs, where.rstrip())
