"""Embedders and rerankers: complete, without code of their own, and fetched only where that is allowed."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

from adaptkit.core.errors import ModelError
from adaptkit.core.reading import user_path
from adaptkit.models.checkpoint import check_finite, check_tensors, load_errors, outline
from adaptkit.models.embedded import EMBEDDED, embedded_path
from adaptkit.models.folder import CONFIG_FILE, MODULES_FILE, answer_files, check_model_folder
from adaptkit.models.hub import NOT_ALLOWED, can_download, hub_closed, may_name_models
from adaptkit.models.quiet import quiet_transformers

Kind = Literal["embedder", "reranker"]
_REMEDIES: dict[Kind, str] = {
    "embedder": "Give a sentence-transformers folder or Hub id, or 'all-minilm-l6-v2'.",
    "reranker": "Give the folder or Hub id of a sentence-transformers cross-encoder.",
}


def load_sentence_module(name: str, kind: Kind) -> Any:
    """Load a model of sentence-transformers.

    Args:
        name: an embedded model's name, a local folder, or a Hub id.
        kind: an embedder makes vectors, a reranker scores pairs.

    Raises:
        ModelError: it cannot be loaded, is not complete, brings code of its own, or may not be fetched.
    """
    # torch before faiss: both bring an OpenMP runtime, and the first one loaded wins.
    import torch

    with load_errors(partial(_load_error, name, kind)), quiet_transformers(), ExitStack() as closed:
        import sentence_transformers

        embedded = kind == "embedder" and name in EMBEDDED
        path = embedded_path(name) if embedded else user_path(name)
        is_folder = path.is_dir()
        # A folder is all there is of its model: nothing that its files name is fetched.
        closed.enter_context(hub_closed(is_folder or not can_download()))
        if is_folder and not embedded:
            check_model_folder(path, answer_files(path))
            _check_shapes(f"The {kind} '{name}'", path, kind)
        automatic: Any = (
            sentence_transformers.SentenceTransformer
            if kind == "embedder"
            else sentence_transformers.CrossEncoder
        )
        model = automatic(
            str(path) if is_folder else name,
            device="cuda" if torch.cuda.is_available() else "cpu",
            trust_remote_code=False,
            local_files_only=is_folder or not can_download(),
        )
        if not embedded:  # which is known by its hashes
            _check_filled(f"The {kind} '{name}'", model, path if is_folder else _snapshot(name))
        return model


def _load_error(name: str, kind: Kind, error: BaseException) -> ModelError:
    reason = " ".join(str(error).partition(chr(10))[0].split())[:300] or type(error).__name__
    if "trust_remote_code" in str(error):
        reason = "it brings code of its own, which is never run"
    elif not may_name_models() and "/" in name and not Path(name).exists():
        reason = NOT_ALLOWED
    return ModelError(f"The {kind} '{name}' could not be loaded ({reason}). {_REMEDIES[kind]}")


def _snapshot(name: str) -> Path:
    """Where the Hub's client has put a model that was just loaded."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, local_files_only=True))


def _places(folder: Path) -> list[Path]:
    """The folders of a model's modules, in order."""
    if not (folder / MODULES_FILE).is_file():
        return [folder]
    return [folder / m["path"] for m in json.loads((folder / MODULES_FILE).read_text(encoding="utf-8"))]


def _check_shapes(what: str, folder: Path, kind: Kind) -> None:
    """Refuse shapes that the configuration does not give before memory is taken for what it gives."""
    import transformers

    automatic = (
        transformers.AutoModel if kind == "embedder" else transformers.AutoModelForSequenceClassification
    )
    for place in _places(folder):
        path = place / CONFIG_FILE
        if path.is_file() and '"model_type"' in path.read_text(encoding="utf-8"):
            module, info = outline(automatic, place, local_files_only=True)
            check_tensors(what, module, {"mismatched_keys": info["mismatched_keys"]})


def _check_filled(what: str, model: Any, folder: Path) -> None:
    """Refuse a model whose files do not fill its transformers, or hold what is no number."""
    from transformers import PreTrainedModel

    for place, module in zip(_places(folder), model.children(), strict=False):
        inner = next((m for m in module.children() if isinstance(m, PreTrainedModel)), None)
        if inner is not None:
            fits = outline(type(inner), place, config=inner.config, local_files_only=True)
            check_tensors(what, *fits, unused=partial(_is_unused, model, inner))
    check_finite(what, model)


def _is_unused(model: Any, inner: Any, names: list[str]) -> bool:
    """Whether a pooler that the checkpoint lacks changes no output; what it held at random is set to zero.

    Checkpoints of embedders often lack it, because the mean of the tokens is their vector.
    """
    import torch

    if not all("pooler" in name for name in names) or not hasattr(model, "encode"):
        return False
    before = model.encode(["A probe."], show_progress_bar=False)
    parameters = dict(inner.named_parameters())
    with torch.no_grad():
        for value in (float("nan"), 0.0):
            for name in names:
                parameters[name].fill_(value)
            if not (model.encode(["A probe."], show_progress_bar=False) == before).all():
                return False
    return True


def weights_sha256(model: Any) -> str:
    """Hash of the modules, how they are set, all weights, and how texts are cut and begun."""
    import torch

    digest = hashlib.sha256(repr(model).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes: numpy knows no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    digest.update(repr(_text_settings(model)).encode())
    return digest.hexdigest()


def _text_settings(model: Any) -> list[Any]:
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        cut: Any = sorted(model.tokenizer.get_vocab().items())
    else:
        cut = json.loads(backend.to_str())
        # Left over from the last call: they say nothing of the model.
        cut |= {"truncation": None, "padding": None}
    names = ("max_seq_length", "prompts", "default_prompt_name", "truncate_dim")
    return [cut, *(getattr(model, name, None) for name in names)]
