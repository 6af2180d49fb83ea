"""Render a chat template in a process of its own: ``python -I template_process.py SECONDS``, asked on stdin.

A template is a program: loops of loops, macros that call themselves and multiplied texts need not end or fit.
The sandbox that renders it later bounds none of that; here the system does. What it renders is of no use: it
is tried on two short chats, and an error of its own is none here.
"""

import contextlib
import datetime
import json
import sys

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

PROCESS_BYTES, MOST_CHARACTERS = 1 << 30, 1_000_000
TOO_MUCH = 3
CHATS = (
    [{"role": "user", "content": "hello"}],
    [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
    ],
)


def _bound(seconds: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such bounds
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (PROCESS_BYTES, PROCESS_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def main() -> int:
    """0 where the template ends, ``TOO_MUCH`` where it writes or takes too much."""
    template = sys.stdin.buffer.read().decode(errors="replace")
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = json.dumps
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    _bound(int(sys.argv[1]))
    try:
        made = environment.from_string(template)
        for chat in CHATS:
            length = 0
            with contextlib.suppress(jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError):
                for part in made.generate(
                    messages=chat,
                    add_generation_prompt=True,
                    enable_thinking=False,
                    bos_token="",
                    eos_token="",
                ):
                    length += len(part)
                    if length > MOST_CHARACTERS:
                        return TOO_MUCH
    except MemoryError:
        return TOO_MUCH
    except Exception:
        return 0  # no template, or one of another dialect: what renders it says so
    return 0


if __name__ == "__main__":
    sys.exit(main())
