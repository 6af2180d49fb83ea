"""Serve a scripted model until told to stop: ``python serve_fake.py SECONDS_AN_ANSWER``.

Prints the URL, a word when it begins to answer, and at the end how many it has answered and cut off; ends as
the command does.
"""

from __future__ import annotations

import sys
import time

from questions import make_task

import adaptkit as ak
from adaptkit.core.types import Request
from adaptkit.serving import ServerSettings
from adaptkit.serving.server import listening, run
from adaptkit.serving.service import Service
from adaptkit.strategies.base import WARM_UP_TOKENS


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(answer_s: float) -> int:
    def answer(request: Request) -> str:
        if request.max_new_tokens > WARM_UP_TOKENS:
            _tell("answering")
            time.sleep(answer_s)
        return f"you said {request.prompt.input}"

    strategy = ak.PromptEngineering().fit(ak.FakeModel(answer), make_task(2))
    settings = ServerSettings(port=0)
    service = Service(strategy, settings)
    service.start()
    listener = listening(settings.host, settings.port)
    ended = run(service, listener, ready=_tell)
    _tell(f"{ended.n_answered} {ended.n_cut_off}")
    return 1 if ended.n_cut_off else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
