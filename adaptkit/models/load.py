"""From a name to a model: embedded, local folder, ``.gguf`` file, or Hub id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.errors import ConfigError, ModelError, UnknownNameError
from adaptkit.core.reading import user_path
from adaptkit.core.threads import share_cores
from adaptkit.core.types import Demonstration, Prompt
from adaptkit.models.checkpoint import check_finite, check_tensors, load_errors, outline
from adaptkit.models.contents import contents_revision
from adaptkit.models.embedded import EMBEDDED, embedded_path, embedded_revision
from adaptkit.models.folder import CONFIG_FILE, answer_files, check_model_folder, weight_files
from adaptkit.models.hub import NOT_ALLOWED, can_download, hub_closed, may_name_models
from adaptkit.models.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

    from adaptkit.models.local.model import LocalModel

DEFAULT_MODEL = "smollm2-135m-instruct"
DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
FALLBACK_CONTEXT_TOKENS = 2_048
_HUB_ID = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
# Models that nobody can download: the vendors' own names, alone or behind the vendor's, and those of routers.
_API_MODEL = re.compile(
    r"((openai|anthropic|google|cohere|mistral|xai|x-ai|deepseek)[/:])?"
    r"(gpt-[345]|chatgpt|o[134](-|$)|claude|gemini|command-[ar]|mistral-(large|small|medium)-latest|grok-\d|"
    r"deepseek-(chat|reasoner)$)"
    r"|(openai|anthropic|azure|azure_ai|bedrock|vertex_ai|gemini|openrouter|together_ai|fireworks_ai):"
    r"|(azure|azure_ai|bedrock|vertex_ai|gemini|openrouter|together_ai|fireworks_ai)/"
)


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


_PROBE = Prompt(
    instruction="Say why.",
    input="adaptkit-probe: 1 + 2?",
    demonstrations=(Demonstration(input="a", target="b"),),
)


def resolve_model(name: str | Path | None = None, *, revision: str | None = None) -> ModelSource:
    """Find out what ``name`` stands for, without loading it.

    Raises:
        UnknownNameError: it is nothing that could be a model.
        ModelError: it is a folder without a model in it, or with a damaged one.
        ConfigError: it is no path or name.
    """
    text = str(name or DEFAULT_MODEL)
    if text in EMBEDDED:
        return _embedded_source(text)
    path = user_path(text)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError) as error:  # a name that is too long, or holds a NUL
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{text[:80]!r} cannot be the name of a model ({reason}).") from None
    if path.suffix == ".gguf":
        if not is_file:
            raise ModelError(f"No model file at '{text}'. Give the path of an existing .gguf file.")
        return ModelSource(id=text, kind="gguf", path=path, revision=_revision({path.name: path}, text))
    if is_folder:
        return ModelSource(id=text, kind="folder", path=path, revision=_folder_revision(path))
    if _API_MODEL.match(text):
        raise UnknownNameError(
            f"'{text[:200]}' is a model behind a vendor's API, and adaptkit needs weights on this machine. "
            f"Give a folder, a .gguf file, a Hub id (owner/name), or '{DEFAULT_MODEL}'."
        )
    if _HUB_ID.fullmatch(text):
        return ModelSource(id=text, kind="hub", path=None, revision=revision or "main")
    known = [n for n, model in EMBEDDED.items() if model.kind == "causal-lm"]
    raise UnknownNameError(
        f"No model {text[:200]!r}: it is neither an embedded model ({', '.join(known)}), nor a folder, nor a "
        ".gguf file, nor a Hub id (owner/name)."
    )


def _embedded_source(name: str) -> ModelSource:
    model = EMBEDDED[name]
    if model.kind != "causal-lm":
        raise UnknownNameError(f"'{name}' is an embedder: it cannot answer. Try '{DEFAULT_MODEL}'.")
    return ModelSource(
        id=name, kind="embedded", path=None, revision=embedded_revision(name), notes=tuple(model.notes)
    )


def _folder_revision(folder: Path) -> str:
    if not (folder / CONFIG_FILE).is_file():
        raise ModelError(
            f"The folder '{folder}' holds no model: it has no config.json. "
            "A transformers model folder holds config.json, tokenizer files and *.safetensors."
        )
    files = answer_files(folder)
    if not weight_files(files):
        raise ModelError(
            f"The model folder '{folder}' has a config.json but no weights (*.safetensors or "
            "pytorch_model*.bin). Copy the weights there, or give another model."
        )
    check_model_folder(folder, files)
    return _revision(files, str(folder))


def _revision(files: dict[str, Path], name: str) -> str:
    try:
        return contents_revision(files, name=name)
    except OSError as error:
        raise ModelError(f"The model '{name}' cannot be read: {error.strerror} ({error.filename}).") from None


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
        trust_remote_code: run code that comes with a folder or Hub model. Only this argument allows it: no
            file, no command, no answer at a terminal.
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
    from adaptkit.models.local.model import LocalModel

    failed = partial(_load_error, source)
    closed = source.kind != "hub" or offline or not can_download()
    with quiet_transformers(), hub_closed(closed), load_errors(failed):
        module, tokenizer, notes = _load(source, trust_remote_code=trust_remote_code, offline=offline)
        if source.kind != "embedded":  # whose template is known
            from adaptkit.models.render import check_template

            check_template(str(tokenizer.chat_template or ""), source.id)
        module = _cast(module, _dtype(dtype, where)).to(where)
        if source.kind != "embedded":  # which is known by its hashes
            check_finite(f"The model '{source.id}'", module)
        made = LocalModel(module, tokenizer, _info(source, module, notes))
        if source.kind != "embedded":
            made.count_prompt_tokens(_PROBE)  # what tokenizer and template refuse, they refuse here
        return made


def _load(source: ModelSource, *, trust_remote_code: bool, offline: bool) -> tuple[Any, Any, tuple[str, ...]]:
    """The module, its tokenizer, and notes on tensors that are not used."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    what = f"The model '{source.id}'"
    if source.kind == "gguf":
        from adaptkit.models.convert import load_gguf

        module, tokenizer, info = load_gguf(source.path or Path())
        return module, tokenizer, check_tensors(what, module, info)
    # A folder is all there is of its model: nothing that its files name is fetched.
    options: dict[str, Any] = {"local_files_only": True}
    where: str | Path = source.path or source.id
    if source.kind == "embedded":
        where = embedded_path(source.id, offline=offline)
    elif source.kind == "hub":
        options = {
            "revision": source.revision,
            "local_files_only": offline or not can_download(),
        }
    notes: tuple[str, ...] = ()
    tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=trust_remote_code, **options)
    if source.kind != "embedded" and not trust_remote_code and not _is_packed(where, options):
        notes = check_tensors(what, *outline(AutoModelForCausalLM, where, **options))
    automatic: Any = AutoModelForCausalLM  # whose types know nothing of output_loading_info
    module, info = automatic.from_pretrained(
        where, dtype="auto", output_loading_info=True, trust_remote_code=trust_remote_code, **options
    )
    notes = notes or check_tensors(what, module, info)
    if getattr(module, "_hf_peft_config_loaded", False):
        raise ModelError(
            f"{what} is an adapter to another model. Merge it into its base model, and give that."
        )
    return module, tokenizer, notes


def _is_packed(where: str | Path, options: dict[str, Any]) -> bool:
    """Whether weights are quantised: how they are unpacked is known once they are loaded."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(where, trust_remote_code=False, **options)
    return getattr(config, "quantization_config", None) is not None


def _cast(module: Any, dtype: torch.dtype) -> Any:
    """Change the dtype of the weights only.

    Buffers stay: rotary frequencies rounded to bfloat16 shift positions, which costs a percent of
    the next tokens at 1,500 tokens.
    """
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)
    return module


def _load_error(source: ModelSource, error: BaseException) -> ModelError:
    if "trust_remote_code" in str(error):
        return ModelError(
            f"The model '{source.id}' brings code of its own, and transformers has none for it. Code beside "
            "a model is never run unless a program says load_model(..., trust_remote_code=True)."
        )
    kind = type(error).__name__
    first_line = " ".join(str(error).strip().partition("\n")[0].split())[:300] or kind
    if source.kind == "hub":
        if not may_name_models():
            first_line = NOT_ALLOWED
        remedy = (
            "Check the name and the connection, or give a local folder; the embedded model "
            f"'{DEFAULT_MODEL}' needs neither."
        )
    else:
        remedy = "Check that the files are complete and that transformers supports this architecture."
    return ModelError(f"The model '{source.id}' could not be loaded ({first_line}). {remedy}")


def _info(source: ModelSource, module: Any, notes: tuple[str, ...]) -> Any:
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
        notes=(*source.notes, *notes),
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
