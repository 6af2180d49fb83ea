"""The HTTP side: who may call, how much may be sent, and what each route gives."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from adaptkit.serving.chat_request import ChatRequest
from adaptkit.serving.chat_response import ServedAnswer, ended_at
from adaptkit.serving.local_callers import fault_of_caller
from adaptkit.serving.metrics import MEDIA_TYPE
from adaptkit.serving.problems import (
    CLIENT_GONE,
    RequestProblem,
    body_timed_out,
    shutting_down,
    too_large,
    unexpected,
    wrong_key,
)
from adaptkit.serving.service import ClientGoneError, Service

CLIENT_CLOSED_REQUEST = 499
"""What proxies write down for a caller that has hung up; nobody reads it."""


def build_app(service: Service) -> FastAPI:
    """The application around a service that has been started."""
    # No pages of documentation: they would load scripts from elsewhere.
    # No redirects either: they would repeat the Host header, whoever wrote it.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    routes = Routes(service)
    app.add_api_route("/v1/chat/completions", routes.chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/models", routes.models, methods=["GET"], response_model=None)
    app.add_api_route("/v1/models/{model:path}", routes.one_model, methods=["GET"], response_model=None)
    app.add_api_route("/healthz", routes.health, methods=["GET"], response_model=None)
    app.add_api_route("/metrics", routes.metrics, methods=["GET"], response_model=None)
    app.add_exception_handler(RequestProblem, _problem_response)
    app.add_exception_handler(HTTPException, _http_response)
    app.add_exception_handler(Exception, _fault_response)
    if service.settings.api_key is None:
        app.add_middleware(LocalCallersOnly, host=service.settings.host)
    return app


class LocalCallersOnly:
    """Answers nobody on any route who does not call this machine by its own name.

    Args:
        app: what answers the others.
        host: the address that the server listens on.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host = app, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        problem = fault_of_caller(scope["headers"], self._host) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(problem.body, status_code=problem.status)(scope, receive, send)


class Routes:
    """What each address gives."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._created = int(time.time())

    async def chat(self, request: Request) -> Response:
        """Answer a chat request."""
        arrived = time.monotonic()
        with self._counted():
            self._admit(request)
            if self._service.draining:
                raise shutting_down()
            _check_media_type(request)
            asked = ChatRequest.read(
                await self._body(request),
                model=self._service.name,
                answer_tokens=self._service.answer_tokens,
            )
            left_s = self._service.settings.timeout_s - (time.monotonic() - arrived)
            hung_up = partial(_hung_up, request)
            found = await self._service.answer(asked.text, hung_up, within_s=max(0.0, left_s))
            self._service.n_answered += 1
            self._service.metrics.answered(found.usage, time.monotonic() - arrived)
            answer = ServedAnswer(
                prediction=ended_at(found, asked),
                model=self._service.name,
                fingerprint=self._service.fingerprint,
            )
            return _response(answer, asked)

    async def models(self, request: Request) -> Response:
        """The one model that is served."""
        self._admit(request)
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def one_model(self, request: Request) -> Response:
        """The same, by its name."""
        self._admit(request)
        if request.path_params["model"] != self._service.name:
            raise RequestProblem(
                f"This server serves '{self._service.name}' only.",
                status=404,
                code="model_not_found",
                param="model",
            )
        return JSONResponse(self._model())

    async def health(self) -> Response:
        """Whether a request would be answered; asks for no key, so that anybody may watch."""
        healthy = self._service.healthy
        status = "ok" if healthy else "stopping" if self._service.draining else "failed"
        return JSONResponse({"status": status}, status_code=200 if healthy else 503)

    async def metrics(self, request: Request) -> Response:
        """Counts and times for Prometheus."""
        self._admit(request)
        return PlainTextResponse(self._service.metrics.to_text(), media_type=MEDIA_TYPE)

    def _model(self) -> dict[str, Any]:
        about = {"strategy": self._service.strategy.label, "model": self._service.strategy.model_.info.id}
        return {
            "id": self._service.name,
            "object": "model",
            "created": self._created,
            "owned_by": "adaptkit",
            "adaptkit": about,
        }

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a chat request while it is open, and what becomes of it if it gets no answer."""
        self._service.n_open += 1
        try:
            yield
        except RequestProblem as problem:
            self._service.metrics.ended(problem.outcome)
            raise
        except (ClientGoneError, ClientDisconnect):
            self._service.metrics.ended(CLIENT_GONE)
            raise HTTPException(CLIENT_CLOSED_REQUEST, "The caller has gone") from None
        except Exception:
            self._service.metrics.ended("failed")
            raise
        finally:
            self._service.n_open -= 1

    def _admit(self, request: Request) -> None:
        """Let a caller in who has the key, where there is one."""
        key = self._service.settings.api_key
        if key is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key.encode()):
            raise wrong_key()

    async def _body(self, request: Request) -> bytes:
        """The body, read no further than the limit and no longer than a request may take."""
        limit, within_s = self._service.settings.max_body_bytes, self._service.settings.timeout_s
        # The HTTP library has checked that it is a number of at most 20 digits.
        if int(request.headers.get("content-length", "0")) > limit:
            raise too_large(limit)
        reading = asyncio.ensure_future(_read(request.stream(), limit))
        try:
            if await self._service.first_of(reading, within_s=within_s):
                return reading.result()
        finally:
            reading.cancel()
        raise shutting_down() if self._service.draining else body_timed_out(within_s)


async def _read(stream: AsyncIterator[bytes], limit: int) -> bytes:
    found = bytearray()
    async for piece in stream:
        found += piece
        if len(found) > limit:
            raise too_large(limit)
    return bytes(found)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_media_type(request: Request) -> None:
    """Only JSON: what a browser sends to another site without asking first is something else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestProblem(
            "Send the request as JSON, with the header 'Content-Type: application/json'.",
            status=415,
            code="unsupported_media_type",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestProblem(
            "Compressed requests are not read. Send it without 'Content-Encoding'.",
            status=415,
            code="unsupported_encoding",
        )


def _response(answer: ServedAnswer, asked: ChatRequest) -> Response:
    if not asked.stream:
        return JSONResponse(answer.to_object())
    events = answer.to_events(include_usage=asked.include_usage)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def _problem_response(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestProblem)
    return JSONResponse(problem.body, status_code=problem.status, headers=problem.headers)


async def _http_response(request: Request, error: Exception) -> Response:
    """No such route, or none for this method."""
    assert isinstance(error, HTTPException)
    problem = RequestProblem(
        f"{request.method} {request.scope['path']}: {error.detail}.",
        status=error.status_code,
        code="no_such_route",
    )
    return JSONResponse(problem.body, status_code=problem.status, headers=dict(error.headers or {}))


async def _fault_response(_: Request, error: Exception) -> Response:
    problem = unexpected(error)
    return JSONResponse(problem.body, status_code=problem.status)
