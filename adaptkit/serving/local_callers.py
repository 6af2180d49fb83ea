"""Who may call a server that asks for no key: programs of this machine, and no web page from elsewhere.

A web page can have its own name point at this machine (DNS rebinding), and a browser then takes this server
for the page's own. The name that it calls gives that away: it stands in ``Host``, and in ``Origin``. Both are
compared as raw bytes with the few names that this machine has: whatever else they hold is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from adaptkit.serving.problems import RequestProblem, not_local

NAMES = ("localhost", "127.0.0.1", "[::1]")
"""What this machine is called by itself; any port, because a port may be forwarded."""
OWN_SITES = frozenset({b"same-origin", b"same-site", b"none"})
"""What a browser writes into ``Sec-Fetch-Site`` unless a page of another site has it call."""


def fault_of_caller(headers: Iterable[tuple[bytes, bytes]], host: str) -> RequestProblem | None:
    """Why a caller is refused; None for one of this machine.

    Args:
        headers: of the request, names in lower case.
        host: the address that the server listens on, which callers may use too.
    """
    found: dict[bytes, list[bytes]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    names = (*NAMES, *({f"[{host}]" if ":" in host else host} - {*NAMES}))
    hosts, origins = found[b"host"], found[b"origin"]
    if len(hosts) != 1 or not _pattern(names).fullmatch(hosts[0]):
        return _fault("Host", hosts, names)
    if any(not _pattern(names, b"https?://").fullmatch(origin) for origin in origins):
        return _fault("Origin", origins, names)
    if not OWN_SITES.issuperset(found[b"sec-fetch-site"]):
        return _fault("Sec-Fetch-Site", found[b"sec-fetch-site"], names)
    return None


@cache
def _pattern(names: tuple[str, ...], before: bytes = b"") -> re.Pattern[bytes]:
    known = b"|".join(re.escape(name.encode()) for name in names)
    return re.compile(before + rb"(?:" + known + rb")(?::[0-9]{1,5})?", re.IGNORECASE)


def _fault(header: str, values: list[bytes], names: tuple[str, ...]) -> RequestProblem:
    return not_local(header, values[0].decode("latin-1") if len(values) == 1 else "", ", ".join(names))
