"""The cache: what is listed, what is removed, and that nothing else is ever touched."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from filelock import FileLock

from adaptkit.cli.main import main
from adaptkit.core.errors import ConfigError, ModelError, UnknownNameError
from adaptkit.models.cache import cached, remove_cached
from adaptkit.models.embedded import embedded_folder

NAME, OTHER = "smollm2-135m-instruct", "all-minilm-l6-v2"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("ADAPTKIT_CACHE", str(folder))
    return folder


def put(folder: Path, n_bytes: int = 1_000_000) -> Path:
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "weights").write_bytes(b"x" * n_bytes)
    return folder


def answered(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Somebody at a terminal types this."""
    stdin = io.StringIO(text)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", stdin)


def test_every_model_is_listed_fetched_or_not(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptkit.models.cache.changed_files", lambda _name: ())
    put(embedded_folder(NAME), 2_500_000)
    states = {e.name: (e.state, e.size_bytes) for e in cached()}
    assert states == {NAME: ("ready", 2_500_000), OTHER: ("not fetched", None)}
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith(NAME)] == [[NAME, "ready", "2"]]
    assert "not fetched  84 MB to fetch" in out
    assert str(cache) in out
    assert main(["models", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cache"] == str(cache)
    assert [e["size_bytes"] for e in found["entries"]] == [2_500_000, None]


def test_leftovers_and_vectors_are_listed_and_what_is_not_ours_is_not(cache: Path) -> None:
    old = put(cache / f"{NAME}-000000000000-0")
    half = put(cache / f".tmp-{embedded_folder(OTHER).name}-abc")
    vectors = cache / "vectors"
    (vectors / "below").mkdir(parents=True)
    (vectors / "below" / "1-a.vec").write_bytes(b"v")
    for name in ("photos", f"{NAME}-mine", "x-000000000000-0"):
        put(cache / name)
    (cache / f"{OTHER}-000000000000-0").write_text("a file")
    found = {e.name: e.state for e in cached() if e.path}
    assert found == {old.name: "outdated", half.name: "unfinished", vectors.name: "vectors"}


def test_an_absent_cache_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "none"))
    assert {e.state for e in cached()} == {"not fetched"}
    assert not (tmp_path / "none").exists()


def test_removing_takes_one_folder_and_no_other(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone, stays = put(embedded_folder(NAME)), put(embedded_folder(OTHER))
    mine = put(cache / "photos")
    assert main(["models", "remove", NAME, "--yes"]) == 0
    assert capsys.readouterr().out == f"Removed {gone} (1 MB).\n"
    assert not gone.exists()
    assert (stays / "below" / "weights").exists()
    assert (mine / "below" / "weights").exists()
    assert not list(cache.glob(".tmp-*"))
    assert main(["models", "remove", NAME, "--yes"]) == 2
    assert "is not in the cache" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../outside", "photos", ".", "", "/", f"{OTHER}/../photos"])
def test_nothing_is_removed_by_a_path(name: str, cache: Path, tmp_path: Path) -> None:
    put(cache / "photos")
    put(tmp_path / "outside")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((UnknownNameError, ConfigError)):
        remove_cached(name)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_are_removed_and_not_what_they_point_to(cache: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside")
    embedded_folder(NAME).symlink_to(outside, target_is_directory=True)
    inner = put(embedded_folder(OTHER))
    (inner / "link").symlink_to(outside, target_is_directory=True)
    (entry,) = [e for e in cached() if e.name == OTHER]
    assert entry.size_bytes == 1_000_000
    remove_cached(NAME)
    remove_cached(OTHER)
    assert not embedded_folder(NAME).is_symlink()
    assert not inner.exists()
    assert (outside / "below" / "weights").exists()


def test_what_another_process_fetches_is_left_to_it(cache: Path) -> None:
    target = embedded_folder(NAME)
    half = put(cache / f".tmp-{target.name}-abc")
    with (
        FileLock(cache / f".{target.name}.lock"),
        pytest.raises(ModelError, match="Another process is fetching"),
    ):
        remove_cached(half.name)
    assert half.exists()
    remove_cached(half.name)
    assert not half.exists()


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130), ("", 130)])
def test_somebody_at_a_terminal_is_asked(
    typed: str, code: int, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = put(embedded_folder(NAME))
    answered(monkeypatch, typed)
    assert main(["models", "remove", NAME]) == code
    assert f"Remove {folder} (1 MB)? [y/N]" in capsys.readouterr().err
    assert folder.exists() == (code != 0)


def test_where_nobody_can_be_asked_nothing_is_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = put(embedded_folder(NAME))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["models", "remove", NAME]) == 2
    assert "say --yes" in capsys.readouterr().err
    assert folder.exists()


def test_fetch_says_where_it_is(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = put(embedded_folder(NAME))
    assert main(["models", "fetch", NAME]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert main(["models", "fetch", NAME, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("ADAPTKIT_OFFLINE", "1")
    assert main(["models", "fetch", OTHER]) == 2
    assert f"'{OTHER}' is not in the cache" in capsys.readouterr().err
