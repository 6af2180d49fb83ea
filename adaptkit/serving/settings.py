"""What a server may be asked for: where it listens, who may call it, and how much it takes."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_amount, is_count, is_positive

KEY_VARIABLE = "ADAPTKIT_API_KEY"
HIGHEST_PORT = 65_535
_COUNT = (partial(is_count, least=1), "an int >= 1")
_EXPECTED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "port": (lambda v: is_count(v, least=0) and v <= HIGHEST_PORT, f"an int from 0 to {HIGHEST_PORT}"),
    "max_batch": _COUNT,
    "gather_s": (is_amount, "a number >= 0"),
    "max_waiting": _COUNT,
    "max_body_bytes": _COUNT,
    "max_input_tokens": (lambda v: v is None or is_count(v, least=1), "an int >= 1, or None"),
    "timeout_s": (is_positive, "a number above 0"),
    "grace_s": (is_amount, "a number >= 0"),
}


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Address, key and limits.

    Attributes:
        host: address to listen on; on any other than this machine's own, a key is needed.
        port: 0 for any that is free.
        api_key: what callers have to send; None to ask for none.
        max_batch: requests that are answered by one ``generate`` at most.
        gather_s: how long to wait for more of them when one has come.
        max_waiting: requests that may wait; more are refused with 429.
        max_body_bytes: longer bodies are refused with 413.
        max_input_tokens: longer inputs are refused with 400; None for what the model can hold beside the
            instruction and the answer.
        timeout_s: after it, a request that has no answer gets 504.
        grace_s: when stopping, how long accepted requests may take to be answered.

    Raises:
        ConfigError: a value is out of range, or a key is missing where one is needed.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = field(default=None, repr=False)
    max_batch: int = 64
    gather_s: float = 0.005
    max_waiting: int = 256
    max_body_bytes: int = 1 << 20
    max_input_tokens: int | None = None
    timeout_s: float = 60.0
    grace_s: float = 30.0

    def __post_init__(self) -> None:
        for name, (ok, expected) in _EXPECTED.items():
            if not ok(getattr(self, name)):
                raise ConfigError.for_parameter("serve", name, expected, getattr(self, name))
        if self.api_key is None and not self.is_loopback:
            raise ConfigError(
                f"On {self.host} other machines can call the server, so it needs a key. Write one to a file "
                f"and give --api-key-file, or set {KEY_VARIABLE}; or leave --host out to listen on this "
                "machine only."
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, without asking a name server.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("box.lan")
        (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_key(path: Path | None) -> str | None:
    """The key from a file, or else from the environment; None where neither has one.

    Raises:
        ConfigError: the file cannot be read, or it holds no key that a client could send.
    """
    if path is None:
        found, where = os.environ.get(KEY_VARIABLE), f"The environment variable {KEY_VARIABLE}"
        if found is None:
            return None
    else:
        where = f"The key file '{path}'"
        try:
            found = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise ConfigError(f"{where} cannot be read: {reason}.") from None
    key = found.strip()
    # Headers carry no others; the key itself is told to nobody, not in an error either.
    if not key or not all("!" <= c <= "~" for c in key):
        raise ConfigError(
            f"{where} holds no usable key: it takes one line of letters, digits and marks, without spaces."
        )
    return key
