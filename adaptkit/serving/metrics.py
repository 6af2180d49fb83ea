"""What ``/metrics`` tells, in Prometheus' text format: counts and times, never contents."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from adaptkit.core.types import Usage

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MEDIA_TYPE = CONTENT_TYPE_LATEST


class ServerMetrics:
    """The counters of one server.

    Args:
        queue_length: tells how many requests wait.
    """

    def __init__(self, queue_length: Callable[[], float]) -> None:
        # A registry of its own: two servers in one process count apart.
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "adaptkit_requests", "Chat requests by what became of them.", ["outcome"], registry=registry
        )
        self._seconds = Histogram(
            "adaptkit_request_seconds",
            "Seconds from a request's arrival to its answer, of requests that got one.",
            buckets=SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "adaptkit_tokens",
            "Tokens of answered requests; cached ones are a part of the prompt's.",
            ["kind"],
            registry=registry,
        )
        self._batches = Histogram(
            "adaptkit_batch_requests", "Requests answered at once.", buckets=BATCHES, registry=registry
        )
        queue = Gauge("adaptkit_queue_length", "Requests that wait for the model.", registry=registry)
        queue.set_function(queue_length)

    def answered(self, usage: Usage, seconds: float) -> None:
        """Count a request that got its answer."""
        self.ended("answered")
        self._seconds.observe(seconds)
        for kind, n in (
            ("prompt", usage.tokens_in),
            ("prompt_cached", usage.tokens_cached),
            ("completion", usage.tokens_out),
        ):
            self._tokens.labels(kind).inc(n)

    def ended(self, outcome: str) -> None:
        """Count a request by its outcome."""
        self._requests.labels(outcome).inc()

    def batch(self, n_requests: int) -> None:
        """Count a batch."""
        self._batches.observe(n_requests)

    def to_text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)
