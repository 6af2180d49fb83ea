"""Where a command writes: only text arrives there, in whatever encoding, and a closed pipe is no error."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

from adaptkit.core.shown import escaped, visible

EXIT_PIPE = 141
"""What a shell shows for a program that ended because nobody reads its output any more."""
STAND_INS = {
    "\N{BLACK UP-POINTING TRIANGLE}": "^",
    "\N{BLACK DOWN-POINTING TRIANGLE}": "v",
    "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}": ">",
    "\N{GREEK CAPITAL LETTER DELTA}": "d",
    "\N{CHECK MARK}": "+",
    "\N{BALLOT X}": "x",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MIDDLE DOT}": "-",
}
"""The library's own marks where an encoding lacks them; any other character is written as its number."""
_NARROW = "adaptkit.narrow"


class OutputClosedError(Exception):
    """Nobody reads the output any more; no OSError, which commands tell as that of a file."""


class TextOnly:
    """A stream that writes control characters out instead of sending them.

    Attributes:
        rich_proxied_file: the stream below; rich takes it by this name, and its consoles see to text
            themselves (:func:`adaptkit.core.shown.text_console`).
    """

    def __init__(self, below: TextIO) -> None:
        self.rich_proxied_file = below

    def write(self, text: str | bytes) -> int:
        """Write a text; click gives those for a shell as bytes."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        try:
            self.rich_proxied_file.write(visible(text))
        except BrokenPipeError:
            raise OutputClosedError from None
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        try:
            self.rich_proxied_file.flush()
        except BrokenPipeError:
            raise OutputClosedError from None

    def writelines(self, lines: Iterator[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # by which click would pass this by
            raise AttributeError(name)
        return getattr(self.rich_proxied_file, name)


@contextmanager
def text_only() -> Iterator[None]:
    """Let everything that is printed meanwhile be text; also a traceback that ends the process."""
    before = sys.stdout, sys.stderr
    with _narrow(sys.stdout), _narrow(sys.stderr):
        sys.stdout, sys.stderr = _wrapped(sys.stdout), _wrapped(sys.stderr)
        try:
            yield
        except Exception:
            sys.excepthook = _write_traceback
            raise
        finally:
            sys.stdout, sys.stderr = before


def printed(command: Callable[[], int]) -> int:
    """Run a command whose output is text.

    Returns:
        Its exit code; 141 where its output was closed before its end.
    """
    with text_only():
        try:
            code = command()
            sys.stdout.flush()
        except OutputClosedError:
            _forget_pipe()
            return EXIT_PIPE
        return code


def exact(json_text: str) -> str:
    """JSON for the standard output: where that has not all characters, they are written as JSON's escapes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name.startswith("utf"):
        return json_text
    return "".join(c if c.isascii() else escaped(c) for c in json_text)


def _wrapped(stream: Any) -> Any:
    return stream if stream is None or isinstance(stream, TextOnly) else TextOnly(stream)


@contextmanager
def _narrow(stream: Any) -> Iterator[None]:
    """Have a stream write something in the place of characters that its encoding lacks."""
    before = getattr(stream, "errors", None)
    if before == _NARROW or not hasattr(stream, "reconfigure"):
        yield
        return
    stream.reconfigure(errors=_NARROW)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):  # closed meanwhile, or nobody reads it
            stream.reconfigure(errors=before)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(STAND_INS.get(c) or escaped(c) for c in lacking), error.end


codecs.register_error(_NARROW, _stand_in)


def _forget_pipe() -> None:
    """Let nothing more be written to a closed pipe: Python would complain of it when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    import traceback

    sys.stderr.write(visible("".join(traceback.format_exception(kind, error, trace))))
