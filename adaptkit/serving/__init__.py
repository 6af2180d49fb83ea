"""A saved strategy behind an OpenAI-compatible server: ``adaptkit serve DIR/artifacts/<strategy>``.

What a request passes: :mod:`app` (key, size, routes), :mod:`chat_request` (honoured or refused),
:mod:`line` (the queue), :mod:`worker` (one thread that owns the model and answers whatever waits in one
``generate``), :mod:`chat_response`. :mod:`server` opens the socket, starts and stops.
"""

from adaptkit.serving.settings import ServerSettings

__all__ = ["ServerSettings"]
