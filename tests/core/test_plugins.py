"""What other packages register may break; that is said, and takes nothing else along."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adaptkit.core.errors import PluginError
from adaptkit.core.registry import Registry


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    info = tmp_path / "broken_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugins\nVersion: 1.0\n")
    lines = (
        "raises = plug_raises:A",
        "absent = plug_absent:A",
        "bare = plug_bare:A",
        "good = plug_good:A",
        "odd = :::",
    )
    (info / "entry_points.txt").write_text("[adaptkit.things]\n" + "\n".join(lines) + "\n")
    (tmp_path / "plug_raises.py").write_text("raise RuntimeError('no GPU\\nat all')\n")
    (tmp_path / "plug_bare.py").write_text("B = 1\n")
    (tmp_path / "plug_good.py").write_text("A = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "RuntimeError: 'no GPU"),
        ("absent", "ModuleNotFoundError"),
        ("bare", "AttributeError"),
        ("odd", "cannot be loaded"),
    ],
)
def test_a_plugin_that_breaks_is_named_with_its_package_and_harms_no_other(
    name: str, said: str, plugins: Path
) -> None:
    registry: Registry[object] = Registry("thing", {"own": "math:pi"}, group="adaptkit.things")
    assert {"own", "good", name} <= set(registry.names())
    with pytest.raises(PluginError, match=f"The thing '{name}' of the package 'broken-plugins'") as caught:
        registry.get(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert registry.get("good") == 7
    assert registry.get("own") == sys.modules["math"].pi


def test_metadata_that_cannot_be_read_leaves_the_names_of_the_library(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise ValueError("a damaged entry_points.txt")

    monkeypatch.setattr("adaptkit.core.registry.entry_points", broken)
    registry: Registry[object] = Registry("thing", {"own": "math:pi"}, group="adaptkit.things")
    assert registry.names() == ["own"]
    assert "No thing of other packages is known" in caplog.text
