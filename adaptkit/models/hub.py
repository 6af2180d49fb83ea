"""Whether a model hub may be asked: not for what a file names, unless its user allows it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

OFFLINE_VARIABLE = "ADAPTKIT_OFFLINE"
NOT_ALLOWED = (
    "it is not on this machine, and what a saved strategy names is fetched only if you allow it: say "
    "load_strategy(..., allow_download=True), or --allow-download"
)
_ALLOWED: ContextVar[bool] = ContextVar("download_allowed", default=True)


@contextmanager
def named_by_a_file(*, allow_download: bool) -> Iterator[None]:
    """For the length of a ``with`` block, names of models come from a file and not from the user."""
    before = _ALLOWED.set(_ALLOWED.get() and allow_download)
    try:
        yield
    finally:
        _ALLOWED.reset(before)


def can_download() -> bool:
    """Whether what is not on this machine may and can be fetched from a model hub.

    Without a connection the Hub's client tries for 23 seconds a file, and for what is cached too.
    """
    return _ALLOWED.get() and os.environ.get(OFFLINE_VARIABLE) != "1" and _hub_is_found()


def _hub_is_found() -> bool:
    """Whether the hub's name has an address; behind a proxy it is the proxy that looks it up."""
    from huggingface_hub import constants

    endpoint = urlsplit(constants.ENDPOINT)
    host = endpoint.hostname or ""
    if endpoint.scheme in getproxies() and not proxy_bypass(host):
        return True
    try:
        return bool(socket.getaddrinfo(host, endpoint.port or 443))
    except OSError:
        return False


def may_name_models() -> bool:
    """Whether the names at hand are the user's own, and not those of a file."""
    return _ALLOWED.get()


@contextmanager
def hub_closed(on: bool = True) -> Iterator[None]:
    """Keep the Hub's client from any request, for the length of a ``with`` block.

    Asked for local files only, it still makes requests of its own, such as for a list of agents.
    """
    if not on:
        yield
        return
    from huggingface_hub import constants

    before, variable = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        if variable is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = variable
