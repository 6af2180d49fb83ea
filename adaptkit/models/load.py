"""From a name to a model: embedded, local folder, ``.gguf`` file, or Hub id."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ConfigError, ModelError, UnknownNameError
from adaptkit.core.reading import user_path
from adaptkit.core.threads import share_cores
from adaptkit.models.embedded import EMBEDDED, embedded_path, embedded_revision
from adaptkit.models.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

    from adaptkit.models.local.model import LocalModel

DEFAULT_MODEL = "smollm2-135m-instruct"
SAMPLED_BYTES = 1 << 20
DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
FALLBACK_CONTEXT_TOKENS = 2_048


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Where a model comes from, found without loading it.

    Attributes:
        id: the name as the user knows it.
        kind: ``embedded``, ``folder``, ``gguf`` or ``hub``.
        path: the folder or file; None for a Hub id and an embedded model.
        revision: content hash, or the commit asked for; equal revisions give equal results.
    """

    id: str
    kind: str
    path: Path | None
    revision: str
    notes: tuple[str, ...] = ()


def resolve_model(name: str | Path | None = None, *, revision: str | None = None) -> ModelSource:
    """Find out what ``name`` stands for, without loading it.

    Raises:
        UnknownNameError: it is nothing that could be a model.
        ModelError: it is a folder without a model in it.
    """
    text = str(name or DEFAULT_MODEL)
    if text in EMBEDDED:
        return _embedded_source(text)
    path = user_path(text)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"No model file at '{text}'. Give the path of an existing .gguf file.")
        return ModelSource(id=text, kind="gguf", path=path, revision=_sampled_hash([path]))
    if path.is_dir():
        return ModelSource(id=text, kind="folder", path=path, revision=_folder_revision(path))
    if text.count("/") == 1 and not text.startswith((".", "/", "~")) and not text.endswith("/"):
        return ModelSource(id=text, kind="hub", path=None, revision=revision or "main")
    known = [n for n, model in EMBEDDED.items() if model.kind == "causal-lm"]
    raise UnknownNameError(
        f"No model '{text}': it is neither an embedded model ({', '.join(known)}), nor a folder, nor a .gguf "
        "file, nor a Hub id (owner/name)."
    )


def _embedded_source(name: str) -> ModelSource:
    model = EMBEDDED[name]
    if model.kind != "causal-lm":
        raise UnknownNameError(f"'{name}' is an embedder: it cannot answer. Try '{DEFAULT_MODEL}'.")
    return ModelSource(
        id=name, kind="embedded", path=None, revision=embedded_revision(name), notes=tuple(model.notes)
    )


def _folder_revision(folder: Path) -> str:
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"The folder '{folder}' holds no model: it has no config.json. "
            "A transformers model folder holds config.json, tokenizer files and *.safetensors."
        )
    weights = sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    if not weights:
        raise ModelError(
            f"The model folder '{folder}' has a config.json but no weights (*.safetensors or *.bin). "
            "Copy the weights there, or give another model."
        )
    small = sorted(p for p in folder.iterdir() if p.suffix in {".json", ".jinja", ".model", ".txt"})
    return _sampled_hash([*small, *weights])


def _sampled_hash(paths: list[Path]) -> str:
    """Hash names, sizes, and the first and last megabyte: whole weights would take minutes to read."""
    parts = []
    for path in paths:
        with path.open("rb") as f:
            head = f.read(SAMPLED_BYTES)
            f.seek(max(0, path.stat().st_size - SAMPLED_BYTES))
            tail = f.read(SAMPLED_BYTES)
        parts.append([path.name, path.stat().st_size, hashlib.sha256(head + tail).hexdigest()])
    return f"content:{content_hash(parts)}"


def load_model(
    name: str | Path | None = None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    offline: bool = False,
) -> LocalModel:
    """Load a model.

    Args:
        name: an embedded model's name (None for the default one), a local folder in transformers'
            layout, a ``.gguf`` file, or a Hub id ``owner/name``.
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: ``auto`` (by device), ``float32``, ``bfloat16`` or ``float16``.
        revision: branch, tag or commit of a Hub model.
        trust_remote_code: run code that comes with the model. Never on by itself.
        offline: use nothing that is not on this machine yet.

    Raises:
        UnknownNameError: ``name`` is nothing that could be a model.
        ModelError: it cannot be fetched or loaded.
        ConfigError: an unknown device or dtype.
    """
    if dtype not in DTYPES:
        raise ConfigError.for_parameter("load_model", "dtype", f"one of {', '.join(DTYPES)}", dtype)
    if device.partition(":")[0] not in DEVICES:
        raise ConfigError.for_parameter("load_model", "device", "auto, cpu, cuda or cuda:N", device)
    source = resolve_model(name, revision=revision)
    share_cores()
    where = _device(device)
    from safetensors import SafetensorError

    from adaptkit.models.local.model import LocalModel

    with quiet_transformers(), _offline(offline):
        try:
            module, tokenizer = _load(source, trust_remote_code=trust_remote_code, offline=offline)
            module = _cast(module, _dtype(dtype, where)).to(where)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            raise _load_error(source, error) from error
    return LocalModel(module, tokenizer, _info(source, module))


def _load(source: ModelSource, *, trust_remote_code: bool, offline: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if source.kind == "gguf":
        from adaptkit.models.convert import load_gguf

        return load_gguf(source.path or Path())
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    where: str | Path = source.path or source.id
    if source.kind == "embedded":
        where = embedded_path(source.id, offline=offline)
    elif source.kind == "hub":
        options |= {"revision": source.revision, "local_files_only": offline}
    tokenizer = AutoTokenizer.from_pretrained(where, **options)
    return AutoModelForCausalLM.from_pretrained(where, dtype="auto", **options), tokenizer


def _cast(module: Any, dtype: torch.dtype) -> Any:
    """Change the dtype of the weights only.

    Buffers stay: rotary frequencies rounded to bfloat16 shift positions, which costs a percent of
    the next tokens at 1,500 tokens.
    """
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)
    return module


def _load_error(source: ModelSource, error: Exception) -> ModelError:
    first_line = str(error).strip().partition("\n")[0][:300]
    if source.kind == "hub":
        remedy = (
            "Check the name and the connection, or give a local folder; the embedded model "
            f"'{DEFAULT_MODEL}' needs neither."
        )
    else:
        remedy = "Check that the files are complete and that transformers supports this architecture."
    return ModelError(f"The model '{source.id}' could not be loaded ({first_line}). {remedy}")


def _info(source: ModelSource, module: Any) -> Any:
    from adaptkit.core.types import ModelInfo

    config = module.config.get_text_config()
    commit = getattr(module.config, "_commit_hash", None)
    return ModelInfo(
        id=source.id,
        revision=commit or source.revision,
        n_parameters=sum(p.numel() for p in module.parameters()),
        dtype=str(module.dtype).removeprefix("torch."),
        device=str(module.device),
        context_tokens=int(getattr(config, "max_position_embeddings", None) or FALLBACK_CONTEXT_TOKENS),
        engine="shared-prefix",
        notes=source.notes,
    )


def default_device() -> str:
    """Where a model is put when nobody says: ``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return default_device()
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"Device '{name}' was asked for, and no CUDA device is visible. Use device='cpu'.")
    return name


def _dtype(name: str, device: str) -> torch.dtype:
    import torch

    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]
    return default_dtype(device)


def default_dtype(device: str) -> torch.dtype:
    """The number format that is fast on a device and loses no answer."""
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Without the instructions, bfloat16 on a CPU is emulated and slower than float32.
    fast_bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported() and _cpu_has_bf16()
    return torch.bfloat16 if fast_bf16 else torch.float32


def _cpu_has_bf16() -> bool:
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextmanager
def _offline(on: bool) -> Iterator[None]:
    """Tell Hub clients to stay off the network, for as long as it is asked for."""
    if not on:
        yield
        return
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before
