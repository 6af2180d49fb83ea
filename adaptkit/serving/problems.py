"""Why a request gets no answer, in the shape that clients of the OpenAI API know.

status  code                      outcome (as /metrics counts it)
400     what is wrong             refused
400     context_length_exceeded   too_long
401     invalid_api_key           unauthorised
404     model_not_found           refused
408     body_timeout              refused
413     body_too_large            too_large
429     queue_full                queue_full
500     the error's class         failed
503     shutting_down             shutting_down
504     request_timeout           timed_out
"""

from __future__ import annotations

from typing import Any

from adaptkit.core.errors import AnswerError, ContextLengthError
from adaptkit.core.types import ErrorInfo

CLIENT_GONE = "client_gone"
INVALID = "invalid_request_error"
SERVER = "server_error"


class RequestProblem(Exception):
    """A request that gets an error instead of an answer.

    Attributes:
        status: of the HTTP response.
        kind: OpenAI's ``type``.
        code: OpenAI's ``code``, for programs.
        param: the field at fault, None where it is none.
        outcome: what the request counts as.
        retry_after_s: when to try again, where that is known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        outcome: str = "refused",
        retry_after_s: int | None = None,
    ) -> None:
        self.status, self.code, self.param = status, code, param
        self.outcome = outcome
        self.retry_after_s = retry_after_s
        super().__init__(message)

    @property
    def kind(self) -> str:
        """OpenAI's type of error."""
        if self.status == 429:
            return "rate_limit_error"
        if self.status == 401:
            return "authentication_error"
        return INVALID if self.status < 500 else SERVER

    @property
    def body(self) -> dict[str, Any]:
        """The response."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}

    @property
    def headers(self) -> dict[str, str]:
        """Those that go with the status."""
        found = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def wrong_key() -> RequestProblem:
    """No key, or another one."""
    return RequestProblem(
        "The API key is missing or wrong. Send it as 'Authorization: Bearer KEY'.",
        status=401,
        code="invalid_api_key",
        outcome="unauthorised",
    )


def not_local(header: str, value: str, shown: str) -> RequestProblem:
    """A caller that may be a web page which has had its own name point at this machine.

    Args:
        header: the one at fault.
        value: what it holds.
        shown: the hosts that are allowed.
    """
    said = repr(value[:60].encode("ascii", "backslashreplace").decode())
    return RequestProblem(
        f"This server has no key and takes calls to {shown} only. The request's {header} header is "
        f"{said if value else 'missing or repeated'}. Call it as localhost, or start it with a key.",
        status=403,
        code="host_not_allowed" if header == "Host" else "origin_not_allowed",
    )


def too_large(limit: int) -> RequestProblem:
    """A body above the limit."""
    return RequestProblem(
        f"The request is longer than {limit} bytes. Send a shorter one.",
        status=413,
        code="body_too_large",
        outcome="too_large",
    )


def too_long(n_tokens: int, limit: int) -> RequestProblem:
    """An input of more tokens than are allowed."""
    return RequestProblem(
        f"The message has {n_tokens} tokens and this server takes {limit}. Send a shorter one.",
        code="context_length_exceeded",
        param="messages",
        outcome="too_long",
    )


def queue_full(retry_after_s: int) -> RequestProblem:
    """More requests wait than may."""
    return RequestProblem(
        f"Too many requests are waiting. Try again in {retry_after_s} s.",
        status=429,
        code="queue_full",
        outcome="queue_full",
        retry_after_s=retry_after_s,
    )


def timed_out(limit_s: float) -> RequestProblem:
    """No answer in time."""
    return RequestProblem(
        f"No answer came within {limit_s:g} s.", status=504, code="request_timeout", outcome="timed_out"
    )


def body_timed_out(limit_s: float) -> RequestProblem:
    """The request itself has not arrived in time."""
    return RequestProblem(
        f"The request took longer than {limit_s:g} s to arrive.", status=408, code="body_timeout"
    )


def shutting_down() -> RequestProblem:
    """The server stops; another may have taken over by then."""
    return RequestProblem(
        "The server is shutting down.",
        status=503,
        code="shutting_down",
        outcome="shutting_down",
        retry_after_s=1,
    )


def of_prediction(error: ErrorInfo) -> RequestProblem:
    """An answer that failed: too long for the model is the caller's fault, all else is not."""
    if error.type == ContextLengthError.__name__:
        return RequestProblem(
            error.message, code="context_length_exceeded", param="messages", outcome="too_long"
        )
    # What a strategy did not foresee may quote anything.
    hidden = f"The answer failed ({error.type}); the server's log says more."
    message = hidden if error.type == AnswerError.__name__ else error.message
    return RequestProblem(message, status=500, code=error.type, outcome="failed")


def unexpected(error: BaseException) -> RequestProblem:
    """What nobody raised on purpose: its message may hold anything, so it is not passed on."""
    name = type(error).__name__
    return RequestProblem(
        f"The answer failed ({name}); the server's log says where.", status=500, code=name, outcome="failed"
    )
