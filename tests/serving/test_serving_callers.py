"""A server without a key answers programs of this machine, and no web page: the names that a caller gives."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import GatedModel, Served, fitted, serving

from adaptkit.serving.local_callers import fault_of_caller

ROUTES = ("/v1/models", "/v1/models/prompt", "/v1/chat/completions", "/healthz", "/metrics", "/nothing", "*")
OWN = [b"localhost", b"LocalHost:1", b"127.0.0.1", b"127.0.0.1:65535", b"[::1]", b"[::1]:8000"]
FOREIGN = [
    b"evil.test", b"evil.test:8000", b"a{b.evil.test", b"a}b.evil.test", b"a`b.evil.test", b'a"b.evil.test',
    b"a%7Bb.evil.test", b"a..evil.test", b"evil.test.", b"localhost.", b"localhost.evil.test", b"localhostx",
    b"xlocalhost", b"localhost:", b"localhost:80:80", b"localhost:8000.evil.test", b"localhost:123456",
    b"localhost@evil.test", b"evil.test@localhost", b"localhost/evil.test", b"localhost#", b"localhost?",
    b"localhost evil.test", b"localhost,evil.test", b"localhost\tevil.test", b"local host",
    b"127.0.0.1.evil.test", b"127.0.0.1.", b"127.0.0.2", b"127.1", b"2130706433", b"0x7f.1",
    b"0177.0.0.1", b"0.0.0.0", b"127.0.0.10",
    b"[", b"]", b"[]", b"[::1", b"::1", b"[::1]x", b"[::1%25lo]", b"[::ffff:127.0.0.1]", b"[::2]", b"[v1.x]",
    b"[evil.test]", b"", b":8000", b"\xe4.test", b"localhost\xe4", b"127.0.0.1\\@evil.test", b"http://localhost",
]  # fmt: skip


def fault(host: bytes | None, *more: tuple[bytes, bytes], listening_at: str = "127.0.0.1") -> str | None:
    headers = ([] if host is None else [(b"host", host)]) + list(more)
    problem = fault_of_caller(headers, listening_at)
    return None if problem is None else str(problem.code)


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    with serving(fitted(GatedModel())) as served:
        yield served


def status(served: Served, path: str, *headers: bytes, version: bytes = b"1.1") -> int:
    """The status of a request whose headers are sent as they stand."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as raw:
        method = b"POST" if path.endswith("completions") else b"OPTIONS" if path == "*" else b"GET"
        lines = (
            method + b" " + path.encode() + b" HTTP/" + version,
            *headers,
            b"Connection: close",
            b"",
            b"",
        )
        raw.sendall(b"\r\n".join(lines))
        return int(raw.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("path", ROUTES)
def test_on_every_route_only_this_machines_names_are_answered(plain: Served, path: str) -> None:
    assert status(plain, path, b"Host: localhost") not in (400, 403)
    for host in FOREIGN:
        if host.strip():
            assert status(plain, path, b"Host: " + host) in (400, 403), host
    assert status(plain, path) == 400
    assert status(plain, path, b"Host:") == 403
    assert status(plain, path, version=b"1.0") == 403
    assert status(plain, path, b"Host: localhost", b"Host: localhost") == 400
    assert status(plain, path, b"Host: localhost", b"Host: evil.test") == 400


@pytest.mark.parametrize("own", OWN)
def test_the_names_of_this_machine_pass_with_and_without_a_port(own: bytes) -> None:
    assert fault(own) is None
    for scheme in (b"http://", b"https://", b"HTTP://"):
        assert fault(own, (b"origin", scheme + own)) is None


@pytest.mark.parametrize("foreign", FOREIGN)
def test_nothing_else_passes_as_host_or_as_origin(foreign: bytes) -> None:
    assert fault(foreign) == "host_not_allowed"
    assert fault(b"localhost", (b"origin", b"http://" + foreign)) == "origin_not_allowed"


def test_a_page_of_another_site_is_refused_though_it_names_this_machine() -> None:
    for origin in (b"null", b"", b"file://", b"localhost", b"http://localhost/", b"ftp://localhost"):
        assert fault(b"localhost", (b"origin", origin)) == "origin_not_allowed"
    local, evil = (b"origin", b"http://localhost"), (b"origin", b"http://evil.test")
    assert fault(b"localhost", local, evil) == "origin_not_allowed"
    assert fault(None) == fault(b"localhost", (b"host", b"localhost")) == "host_not_allowed"
    for site in (b"cross-site", b"", b"None"):
        assert fault(b"localhost", (b"sec-fetch-site", site)) == "origin_not_allowed"
    for site in (b"same-origin", b"same-site", b"none"):
        assert fault(b"localhost", (b"sec-fetch-site", site)) is None


def test_the_address_that_was_asked_for_is_a_name_too() -> None:
    assert fault(b"127.0.0.2:80", listening_at="127.0.0.2") is None
    assert fault(b"127.0.0.3", listening_at="127.0.0.2") == "host_not_allowed"
    assert fault(b"[0:0::1]", listening_at="0:0::1") is None


NEAR = st.lists(
    st.sampled_from([*OWN, *FOREIGN, b".", b":", b"[", b"]", b"1", b"@", b"\n", b" "]), max_size=3
)


@given(st.binary(max_size=40) | NEAR.map(b"".join))
@settings(max_examples=3_000, deadline=None, derandomize=True)
def test_whatever_a_header_holds_only_a_name_with_a_port_passes(value: bytes) -> None:
    name, _, port = value.lower().rpartition(b":") if not value.endswith(b"]") else (value, b"", b"1")
    names = {b"localhost", b"127.0.0.1", b"[::1]"}
    own = value.lower() in names or (
        name in names and port.decode("latin-1").isascii() and port.isdigit() and len(port) <= 5
    )
    assert (fault(value) is None) == own
    assert (fault(b"localhost", (b"origin", b"http://" + value)) is None) == own
