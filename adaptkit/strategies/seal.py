"""What a saved strategy's files and model were, so that damaged or foreign ones are not taken for them.

``strategy.json`` lists the sha256 of every file beside and below it, and the hash of its own content. A
part of a composition has a folder and a strategy.json of its own: the outer one vouches for that, which
vouches for the part's files, so no file is hashed twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import AdaptKitError, ConfigError, shown
from adaptkit.core.reading import MAX_BYTES, Unreadable, read_json
from adaptkit.core.sealed import is_sealed
from adaptkit.core.types import ModelInfo

STATE_FILE = "strategy.json"
FORMAT_VERSION = 2


@contextmanager
def written_apart(folder: Path) -> Iterator[Path]:
    """A new folder inside ``folder`` whose files are moved to ``folder`` at the end, over those of that name.

    So what was written is known, whatever else lies in ``folder``; and nothing is left where writing fails.

    Raises:
        ConfigError: a file of one of these names was not saved here by a strategy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as name:
        made = Path(name)
        yield made
        files = [p for p in made.rglob("*") if p.is_file()]
        _refuse_foreign(folder, [p.relative_to(made).as_posix() for p in files])
        for path in files:
            target = folder / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _refuse_foreign(folder: Path, names: Sequence[str]) -> None:
    there = [name for name in (*names, STATE_FILE) if (folder / name).exists()]
    own = _saved_names(folder) if there else set()
    foreign = next((name for name in there if name not in own), None)
    if foreign:
        raise ConfigError(
            f"'{folder / foreign}' was not saved by a strategy, and saving would replace it. Choose another "
            "folder."
        )


def _saved_names(folder: Path) -> set[str]:
    """Files that the strategy.json of a folder vouches for, those of parts included, and it itself."""
    try:
        saved = read_json(folder / STATE_FILE, limit=MAX_BYTES)
        names = {str(name) for name in saved["files"]}
    except (Unreadable, LookupError, TypeError):
        return set()
    parts = [name.removesuffix(f"/{STATE_FILE}") for name in names if name.endswith(f"/{STATE_FILE}")]
    return {STATE_FILE, *names}.union(*({f"{p}/{n}" for n in _saved_names(folder / p)} for p in parts))


def file_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each file below ``folder``, by its path there; of a part, of its strategy.json only."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            found[path.name] = file_sha256(path)
        elif (path / STATE_FILE).is_file():
            found[f"{path.name}/{STATE_FILE}"] = file_sha256(path / STATE_FILE)
        else:
            found |= {f"{path.name}/{name}": sha256 for name, sha256 in file_hashes(path).items()}
    return found


def check_files(folder: Path, hashes: Mapping[str, str]) -> None:
    """Compare the files with the hashes that were taken when they were saved.

    Raises:
        ConfigError: a file is missing, or is not the one that was saved.
    """
    for name, sha256 in hashes.items():
        path = folder / name
        found = "missing" if not path.is_file() else None if file_sha256(path) == sha256 else "not as saved"
        if found:
            raise ConfigError(
                f"{path} is {found}. Copy the whole folder again, or fit and save the strategy again."
            )


def check_model(folder: Path, fitted_to: Mapping[str, str], given: ModelInfo) -> None:
    """Compare the model that a strategy was fitted to with the one that it is to answer with.

    Raises:
        ConfigError: it is another one.
    """
    if fitted_to["revision"] != given.revision:
        raise mismatch(folder, fitted_to, id=given.id, revision=given.revision)


def mismatch(folder: Path, fitted_to: Mapping[str, str], *, id: str, revision: str) -> ConfigError:
    """The error for another model than the one that a strategy was fitted to."""
    return ConfigError(
        f"The strategy in '{folder}' was fitted to the model {fitted_to['id']} ({fitted_to['revision']}), "
        f"the one given is {id} ({revision}). Load that model, or fit again."
    )


@contextmanager
def taken_up(folder: Path) -> Iterator[None]:
    """Tell as a ConfigError whatever comes of values that no ``save()`` has written, though they are sealed.

    Raises:
        ConfigError: a value or a file of the saved strategy cannot be used.
    """
    try:
        yield
    except AdaptKitError:
        raise
    except Exception as error:  # of any library that reads one of its files
        raise ConfigError(
            f"The strategy in '{folder}' is damaged ({type(error).__name__}: {shown(str(error))}). Fit and "
            "save it again."
        ) from error


def read_state(folder: str | Path) -> dict[str, Any]:
    """Read strategy.json of a saved strategy.

    Raises:
        ConfigError: there is none, it is damaged, or another version of the library wrote it.
    """
    path = Path(folder) / STATE_FILE
    try:
        saved: Any = read_json(path, limit=MAX_BYTES)
    except Unreadable as error:
        if error.missing:
            raise ConfigError(f"No saved strategy in '{folder}': it has no {STATE_FILE}.") from None
        raise ConfigError(f"{path} is damaged ({error}). Fit and save the strategy again.") from None
    if not isinstance(saved, dict):
        raise ConfigError(f"{path} is damaged (it holds no object). Fit and save the strategy again.")
    if saved.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"{path} has format version {saved.get('format_version')}, this library reads {FORMAT_VERSION}. "
            "Fit and save the strategy again."
        )
    if not is_sealed(saved):
        raise ConfigError(f"{path} is damaged (it is not as it was saved). Fit and save the strategy again.")
    return dict(saved)
