"""Open the socket, serve, and stop so that nobody who was let in is left without an answer."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.core.errors import ConfigError, MissingDependencyError
from adaptkit.serving.artifact import Artifact
from adaptkit.serving.settings import ServerSettings

if TYPE_CHECKING:
    from adaptkit.serving.service import Service

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")
LAST_BATCH_S = 1.0
"""For a batch that nobody waits for any more, before the process goes without it."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a server stopped.

    Attributes:
        n_answered: requests that got an answer.
        n_cut_off: requests that had none when the time to stop was over.
        still_busy: whether the model is still at requests that were cut off; it cannot be interrupted.
    """

    n_answered: int
    n_cut_off: int
    still_busy: bool = False


def require_packages() -> None:
    """Raise MissingDependencyError where a package of the extra is not installed."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise MissingDependencyError.for_extra("adaptkit serve", package, "serve")


def serve(
    artifact: Artifact,
    provider: LazyModel,
    settings: ServerSettings,
    *,
    name: str | None = None,
    say: Say = lambda _text: None,
) -> Ended:
    """Serve a saved strategy until the process is told to stop (SIGINT or SIGTERM).

    The address is taken before the model is loaded: that it is in use is said at once. Connections are
    let in when everything is loaded and warm.

    Args:
        artifact: the saved strategy.
        provider: the model that it was fitted to.
        settings: address, key, limits.
        name: what callers give as the model's name; None for the strategy's.
        say: told what a user should see, a text at a time.

    Raises:
        MissingDependencyError: a package is missing.
        ConfigError: the address cannot be taken, or the artefact is damaged or for another model.
        ModelError: the model cannot be loaded.
    """
    require_packages()
    with listening(settings.host, settings.port) as listener:
        say(f"Loading {artifact.folder}{f' and {provider.id}' if artifact.uses_llm else ''} ...")
        strategy = artifact.load(provider)
        from adaptkit.serving.service import Service

        service = Service(strategy, settings, name=name, fingerprint=artifact.fingerprint)
        service.start()
        _let_in(listener, settings)
        return run(service, listener, ready=lambda url: say(how_to_call(service, url)), say=say)


def listening(host: str, port: int) -> socket.socket:
    """A socket that holds the address; it lets nobody in yet.

    Raises:
        ConfigError: the address is in use, or cannot be taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise ConfigError(f"The host '{host}' is no address of this machine. Give another --host.") from None
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one address
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        opened.close()
        raise _address_error(host, port, error) from None
    return opened


def _let_in(listener: socket.socket, settings: ServerSettings) -> None:
    """Take connections from now on; another process may have come first while the model was loading."""
    try:
        listener.listen()
    except OSError as error:
        raise _address_error(settings.host, settings.port, error) from None


def _address_error(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Port {port} on {host} is in use. Stop what listens there, or give another --port (0 takes any)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ConfigError(f"Port {port} may not be used by this user. Give a --port of 1024 or more.")
    return ConfigError(f"{host} port {port} cannot be listened on ({error.strerror}). Give another --host.")


def run(
    service: Service,
    listener: socket.socket,
    *,
    ready: Say = lambda _url: None,
    say: Say = lambda _text: None,
) -> Ended:
    """Serve a started service on a socket until told to stop; ``ready`` is told the URL first."""
    from adaptkit.serving.stopping import make_server

    url = url_of(listener, service.settings.host)
    server = make_server(service, ready=lambda: ready(url), say=say)
    server.run(sockets=[listener])
    service.stop()
    service.worker.join(LAST_BATCH_S)
    return Ended(service.n_answered, server.n_cut_off, still_busy=service.worker.alive)


def url_of(listener: socket.socket, host: str) -> str:
    """Where a client on this machine finds the server."""
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def how_to_call(service: Service, url: str) -> str:
    """What a user reads when the server is ready."""
    model = service.strategy.model_.info
    key = "" if service.settings.api_key is None else ' -H "Authorization: Bearer $ADAPTKIT_API_KEY"'
    body = f'{{"model": "{service.name}", "messages": [{{"role": "user", "content": "..."}}]}}'
    asks = service.strategy.traits.uses_llm
    on = f"on {model.id} ({model.dtype}, {model.device})" if asks else "without a language model"
    return (
        f"Serving {service.strategy.label} {on} at {url}/v1\n"
        f"Try: curl {url}/v1/chat/completions{key} -H 'Content-Type: application/json' -d '{body}'\n"
        f"Stop with Ctrl-C: requests that were let in are answered first, for {service.settings.grace_s:g} s "
        "at most."
    )
