"""GGUF files into dense models that ``from_pretrained`` reads in under a second.

``convert_gguf`` reads the file once, with the ``gguf`` package, and writes the folder: about 8 s for 135 M
weights where transformers' own way takes 40, with the same weights to the bit. It knows one architecture
and one kind of tokenizer, those of the embedded model; ``load_gguf`` takes whatever transformers takes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from gguf import GGUFReader, TokenType, dequantize
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from adaptkit.core.errors import ModelError
from adaptkit.models.gguf_head import check_gguf

_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert_gguf(file: Path, folder: Path) -> None:
    """Write a Llama GGUF as a transformers folder with bfloat16 weights.

    Raises:
        ModelError: another architecture, another tokenizer, or tensors that a Llama does not have.
    """
    reader = GGUFReader(file)
    found = (_field(reader, "general.architecture"), _field(reader, "tokenizer.ggml.pre"))
    if found != ("llama", "smollm"):
        raise ModelError(
            f"{file.name} is of the kind {found}, and only ('llama', 'smollm') can be converted."
        )
    config = _config(reader)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_weights(reader, config), folder / "model.safetensors", metadata={"format": "pt"})
    # safetensors makes a file that only the owner can read; a cache may be shared.
    (folder / "model.safetensors").chmod(0o644)
    config.save_pretrained(folder)
    transformers.GenerationConfig.from_model_config(config).save_pretrained(folder)
    _tokenizer(reader).save_pretrained(folder)


def load_gguf(file: Path) -> tuple[Any, Any, Mapping[str, Any]]:
    """Load any GGUF that transformers reads, as a dense float32 model and its tokenizer.

    Slower than a converted folder: about 20 s for 135 M weights, and up to eight times the file in memory.

    Returns:
        Model, tokenizer, and what transformers says of tensors that are missing or have no place.

    Raises:
        ModelError: the file's head is damaged.
        OSError, ValueError, KeyError: whatever transformers raises for a file that it cannot read.
    """
    check_gguf(file)
    with tempfile.TemporaryDirectory() as alone:
        # A folder that holds nothing else: what lies beside the file is neither read nor run.
        place = Path(alone) / "model.gguf"
        _put(file.resolve(), place)
        options: dict[str, Any] = {
            "gguf_file": place.name,
            "local_files_only": True,
            "trust_remote_code": False,
        }
        # One of the bars on the way is a plain tqdm, which no setting of transformers reaches.
        with contextlib.redirect_stderr(io.StringIO()):
            tokenizer = transformers.AutoTokenizer.from_pretrained(place.parent, **options)
            # Where transformers has this class, weights stay packed unless asked otherwise, and packed
            # weights can be neither trained nor saved.
            if hasattr(transformers, "GgufConfig"):
                options["quantization_config"] = transformers.GgufConfig(dequantize=True)
            automatic: Any = transformers.AutoModelForCausalLM
            module, info = automatic.from_pretrained(
                place.parent, dtype=torch.float32, output_loading_info=True, **options
            )
    if hasattr(module.config, "quantization_config"):
        del module.config.quantization_config
    return module, tokenizer, info


def _put(file: Path, place: Path) -> None:
    """A second name for a file; a copy where the system or the disks allow none."""
    for way in (os.symlink, os.link, shutil.copyfile):
        try:
            way(file, place)
        except OSError:
            if way is shutil.copyfile:
                raise
        else:
            return


def _field(reader: GGUFReader, key: str) -> Any:
    field = reader.get_field(key)
    return None if field is None else field.contents()


def _config(reader: GGUFReader) -> Any:
    def of(key: str) -> Any:
        return _field(reader, f"llama.{key}")

    def token(role: str) -> Any:
        return _field(reader, f"tokenizer.ggml.{role}_token_id")

    return transformers.LlamaConfig(
        architectures=["LlamaForCausalLM"],
        dtype="bfloat16",
        vocab_size=len(_field(reader, "tokenizer.ggml.tokens")),
        hidden_size=of("embedding_length"),
        intermediate_size=of("feed_forward_length"),
        num_hidden_layers=of("block_count"),
        num_attention_heads=of("attention.head_count"),
        num_key_value_heads=of("attention.head_count_kv"),
        head_dim=of("rope.dimension_count"),
        max_position_embeddings=of("context_length"),
        rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": of("rope.freq_base")},
        tie_word_embeddings=all(tensor.name != "output.weight" for tensor in reader.tensors),
        bos_token_id=token("bos"),
        eos_token_id=token("eos"),
        pad_token_id=token("padding"),
    )


def _weights(reader: GGUFReader, config: Any) -> dict[str, torch.Tensor]:
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    weights = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        part = re.sub(r"^blk\.\d+\.|\.weight$", "", tensor.name)
        if part in heads:
            values = _unpermute(values, heads[part])
        # A copy, because tensors stored as float32 come as a read-only view of the file.
        weights[_name(tensor.name)] = torch.from_numpy(values.copy()).to(torch.bfloat16)
    return weights


def _name(name: str) -> str:
    """The parameter of transformers' Llama that a GGUF tensor fills."""
    if name in _TOP:
        return _TOP[name]
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if match is None or match[2] not in _LAYER:
        raise ModelError(f"The tensor '{name}' has no place in a Llama model.")
    return f"model.layers.{match[1]}.{_LAYER[match[2]]}.weight"


def _unpermute(values: NDArray[np.float32], n_heads: int) -> NDArray[np.float32]:
    """Put the rows of a query or key projection back into transformers' order.

    llama.cpp rotates neighbouring pairs of a head's dimensions, transformers the first half against the
    second: rows of each head are stored (half, 2) and wanted (2, half).
    """
    pairs = values.reshape(n_heads, values.shape[0] // n_heads // 2, 2, -1)
    return pairs.swapaxes(1, 2).reshape(values.shape)


def _tokenizer(reader: GGUFReader) -> Any:
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    backend = Tokenizer(BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    # Digits first: the split that the merges were learned under, which llama.cpp calls "smollm".
    # transformers' reader leaves it out, and then cuts "x  12" another way than the training data was.
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    types = _field(reader, "tokenizer.ggml.token_type")
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == TokenType.CONTROL]
    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
    roles = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    ids = {role: _field(reader, f"tokenizer.ggml.{name}_token_id") for role, name in roles.items()}
    named = {f"{role}_token": tokens[i] for role, i in ids.items() if i is not None}
    build: Any = transformers.PreTrainedTokenizerFast
    tokenizer = build(tokenizer_object=backend, **named)
    tokenizer.chat_template = _field(reader, "tokenizer.chat_template")
    return tokenizer
