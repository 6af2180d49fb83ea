"""A model folder looked at before any library reads it: its files are files, and their sizes make sense.

Libraries that read models take what they find: a pipe blocks them, a wrong number makes them build a model
that no machine can hold, and a Python file beside the weights may be run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ModelError
from adaptkit.core.reading import Unreadable, read_bytes

CONFIG_FILE, MODULES_FILE, ADAPTER_FILE = "config.json", "modules.json", "adapter_config.json"
TEXT_SUFFIXES = {".json", ".jinja", ".model", ".txt", ".tiktoken", ".vocab"}
MAX_TEXT_BYTES = 64 << 20
"""Of configuration and the index of shards. A tokenizer may be larger; nothing here parses it."""
MAX_DEPTH = 3
MAX_LAYERS = 1_000
"""Layers that are built without asking how many tensors there are."""
MAX_LABELS = 100_000
OTHER_FORMATS = {"onnx", "openvino", "runs", "logs"}
# Written beside models by training, and read by none of them.
_OF_TRAINING = re.compile(r"trainer_state\.json|(all|train|eval|test|predict)_results\.json")
_WEIGHTS = re.compile(r"(?!consolidated).*\.safetensors|pytorch_model.*\.bin")
_COUNTS = re.compile(r"(^|_)(n_)?(layers?|blocks|depths?|experts)$")
_SENTENCE_TRANSFORMERS = "sentence_transformers."


def answer_files(folder: Path) -> dict[str, Path]:
    """Weights, configuration, tokenizer, templates: what answers depend on, by the path in the folder.

    Raises:
        ModelError: one of them is a pipe, a folder or a link to nothing.
    """
    found = {path.relative_to(folder).as_posix(): path for path in _relevant(folder)}
    for name, path in found.items():
        if not path.is_file():
            what = "a link to nothing" if path.is_symlink() and not path.exists() else "no regular file"
            raise ModelError(f"'{name}' of the model folder '{folder}' is {what}. Copy the file there.")
    return found


def weight_files(files: Mapping[str, Path]) -> list[Path]:
    """Those of :func:`answer_files` that hold weights."""
    return [path for path in files.values() if _WEIGHTS.fullmatch(path.name)]


def _relevant(folder: Path) -> Iterator[Path]:
    """Paths whose names say that they matter, whatever they are, in order."""
    for parent, folders, names in os.walk(folder):
        depth = len(Path(parent).relative_to(folder).parts)
        folders[:] = sorted(
            f
            for f in folders
            if depth < MAX_DEPTH and not f.startswith((".", "checkpoint-")) and f not in OTHER_FORMATS
        )
        safe = any(n.endswith(".safetensors") for n in names)
        for name in sorted([*names, *folders]):
            weights = _WEIGHTS.fullmatch(name) and not (safe and name.endswith(".bin"))
            if weights or (Path(name).suffix in TEXT_SUFFIXES and not _OF_TRAINING.fullmatch(name)):
                yield Path(parent) / name


def check_model_folder(folder: Path, files: Mapping[str, Path]) -> None:
    """Refuse a folder that libraries would choke on, or whose configuration its weights cannot fill.

    Raises:
        ModelError: configuration that is damaged or of another kind, shards that are missing, an adapter
            instead of a model, or code in place of a module.
    """
    if any(path.name == ADAPTER_FILE for path in files.values()):
        raise ModelError(
            f"The model folder '{folder}' holds an adapter ({ADAPTER_FILE}), which belongs to another model. "
            "Merge it into its base model and give that folder, or remove it."
        )
    read = {
        name: _json(path, list if path.name == MODULES_FILE else dict)
        for name, path in files.items()
        if path.suffix == ".json" and _is_configuration(path.name)
    }
    for name, value in read.items():
        if name.endswith(".index.json"):
            _check_shards(files[name], value)
        elif name.rpartition("/")[2] in (MODULES_FILE, "router_config.json"):
            _check_modules(files[name], value)
    weights = weight_files(files)
    n_tensors = sum(_n_tensors(path) for path in weights)
    for name, value in read.items():
        if files[name].name == CONFIG_FILE:
            _check_kernels(files[name], value)
            _check_counts(files[name], value, n_tensors)


def _is_configuration(name: str) -> bool:
    if name == "data_config.json":  # what an embedder was trained on, which nobody reads
        return False
    return "config" in name or name.endswith(".index.json") or name == MODULES_FILE


def _json(path: Path, kind: type) -> Any:
    """Configuration as the libraries read it: they take what JSON has not, such as Infinity."""
    try:
        # UTF-8 and no other: the libraries pass over what they cannot decode.
        value = json.loads(read_bytes(path, limit=MAX_TEXT_BYTES).decode("utf-8"))
    except (Unreadable, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}. Copy the file again.") from None
    except RecursionError:
        raise ModelError(f"{path} cannot be read: it is nested too deeply. Copy the file again.") from None
    if not isinstance(value, kind):
        raise ModelError(
            f"{path} holds {type(value).__name__}, and {kind.__name__} is expected. Copy it again."
        )
    return value


def _check_shards(path: Path, index: Mapping[str, Any]) -> None:
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
        raise ModelError(f"{path} has no weight_map that names the file of each tensor. Copy it again.")
    names = sorted(set(shards.values()))
    if outside := [n for n in names if Path(n).is_absolute() or ".." in Path(n).parts]:
        raise ModelError(f"{path} names a file outside its folder: '{outside[0]}'. Copy the model again.")
    missing = [n for n in names if "\0" in n or not (path.parent / n).is_file()]
    if missing and not (path.parent / "model.safetensors").is_file():
        raise ModelError(
            f"{len(missing)} of {len(names)} files of weights are missing in '{path.parent}': "
            f"{shown(missing)}. Copy them there."
        )


def _check_modules(path: Path, modules: Any) -> None:
    """Modules of sentence-transformers itself only: any other name is code that would be imported."""
    types = [value for key, value in _pairs(modules) if key in ("type", "types")]
    named = [n for t in types for n in (t.values() if isinstance(t, dict) else [t])]
    for name in named:
        if not isinstance(name, str) or not name.startswith(_SENTENCE_TRANSFORMERS):
            raise ModelError(
                f"{path} names the module {name!r}, which is code of its own. Such code is never run: give a "
                "model whose modules are all part of sentence-transformers."
            )


def _check_kernels(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse compiled code of the Hub, which a configuration names as an implementation of a layer."""
    for key, value in _pairs(config):
        if key.endswith("_implementation"):
            named = [
                v for v in (value.values() if isinstance(value, dict) else [value]) if isinstance(v, str)
            ]
            if any("/" in name or ":" in name for name in named):
                raise ModelError(
                    f"{path} sets {key} to {str(value)[:100]!r}, which is code from a model hub. Such code "
                    "is never run: remove the setting."
                )


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys with their values, however deep."""
    level = [value]
    while level:
        yield from (pair for v in level if isinstance(v, dict) for pair in v.items())
        level = [
            item
            for v in level
            if isinstance(v, dict | list)
            for item in (v.values() if isinstance(v, dict) else v)
        ]


def _n_tensors(path: Path) -> int:
    """Number of tensors in a safetensors file; 0 for other files, which only torch can read."""
    if path.suffix != ".safetensors":
        return 0
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as f:
            return len(f.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"The weights in '{path}' could not be loaded ({error}): the file is damaged or cut. Copy it "
            "again."
        ) from None


def _check_counts(path: Path, config: Mapping[str, Any], n_tensors: int) -> None:
    """Refuse numbers of parts that would be built one by one, and that no weights are there for."""
    for key, value in _pairs(config):
        limits = (max(n_tensors, MAX_LAYERS), f"and the weights hold {n_tensors} tensors")
        if key == "num_labels":
            limits = (MAX_LABELS, f"and at most {MAX_LABELS} are possible")
        elif not _COUNTS.search(key):
            continue
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and not number <= limits[0]:
                raise ModelError(
                    f"{path} sets {key} to {str(number)[:20]}, {limits[1]}. Copy the model again."
                )


def shown(names: Sequence[str], n: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(name[:120] for name in names[:n]) + more
