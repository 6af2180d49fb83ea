"""Tiny models with a real tokenizer and template, tasks of every kind, and an embedder: all built in memory.

The weights are random and large, so that greedy answers wander instead of repeating one token.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from adaptkit.core.types import Document, Example, ModelInfo
from adaptkit.models.local.model import LocalModel
from adaptkit.retrieval.embed import Vectors
from adaptkit.tasks import Task
from adaptkit.tasks.infer import METRICS_BY_KIND

CONTEXT_TOKENS = 768
N_MERGES = 120
CORPUS = (
    "You are a helpful assistant. Answer with one word. Reply with the answer only, in a few words.",
    "Which colour has the sky? The sky is blue. Input: play a song Output: music",
    '{"city": "Lima", "day": "monday"} What is 12 + 7? Add the numbers. 19 20 21 22 23',
)

CHATML = """\
{%- if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe helpful.<|im_end|>\n' }}{% endif %}
{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

QWEN = """\
{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""

GEMMA = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for m in messages %}
{%- if (m['role'] == 'user') != loop.index0 is even %}{{ raise_exception('Roles must alternate') }}{% endif %}
{{- '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' }}
{{- m['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""


@cache
def _backend(special: tuple[str, ...], bos: str | None) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + len(alphabet) + N_MERGES,
        special_tokens=list(special),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    return str(tokenizer.to_str())


def tiny_tokenizer(kind: str) -> Any:
    """A byte-level BPE tokenizer with the special tokens and the chat template of a model family."""
    special: dict[str, dict[str, str]] = {
        # The end token is also the filler, as in SmolLM2.
        "llama": {"eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": "<|endoftext|>"},
        "qwen": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        "gemma": {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"},
        "base": {"bos_token": "<s>", "eos_token": "</s>"},
    }
    others = {"gemma": ("<start_of_turn>", "<end_of_turn>"), "base": ()}.get(kind, ("<|im_start|>",))
    names = tuple(dict.fromkeys([*special[kind].values(), *others]))
    backend = Tokenizer.from_str(_backend(names, special[kind].get("bos_token")))
    fast: Any = transformers.PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=backend, **special[kind])
    tokenizer.chat_template = {"llama": CHATML, "qwen": QWEN, "gemma": GEMMA, "base": None}[kind]
    return tokenizer


def tiny_module(kind: str, *, window: int | None = None, seed: int = 0) -> Any:
    """A random two-layer model in float32; ``window`` is the sliding window of Gemma's first layer."""
    shape: dict[str, Any] = {
        "vocab_size": len(tiny_tokenizer(kind)),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": CONTEXT_TOKENS,
        "tie_word_embeddings": False,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if kind == "gemma":
            config: Any = transformers.Gemma3TextConfig(
                **shape,
                sliding_window=window or 4 * CONTEXT_TOKENS,
                layer_types=["sliding_attention", "full_attention"],
                query_pre_attn_scalar=8,
            )
            module: Any = transformers.Gemma3ForCausalLM(config)
        elif kind == "qwen":
            module = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**shape))
        else:
            module = transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape))
    return module.eval()


def tiny_model(
    kind: str,
    *,
    window: int | None = None,
    stop_every: int | None = None,
    context_tokens: int = CONTEXT_TOKENS,
    seed: int = 0,
) -> LocalModel:
    """A model of a family.

    Args:
        stop_every: every so many-th token of the vocabulary ends a completion, so that some rows end
            early: a random model hardly ever writes its end token.
    """
    module = tiny_module(kind, window=window, seed=seed)
    if stop_every is not None:
        module.generation_config.eos_token_id = list(range(7, len(tiny_tokenizer(kind)), stop_every))
    info = ModelInfo(
        id=f"tiny-{kind}",
        revision=f"seed-{seed}",
        n_parameters=sum(p.numel() for p in module.parameters()),
        dtype="float32",
        device="cpu",
        context_tokens=context_tokens,
        engine="shared-prefix",
    )
    return LocalModel(module, tiny_tokenizer(kind), info)


def tiny_llama(**options: Any) -> LocalModel:
    """ChatML with a system message of its own; the end token is the filler."""
    return tiny_model("llama", **options)


def tiny_qwen(**options: Any) -> LocalModel:
    """ChatML of a reasoning model, thinking switched off."""
    return tiny_model("qwen", **options)


def tiny_gemma(**options: Any) -> LocalModel:
    """A sliding-window layer and a full one; the template refuses system messages."""
    return tiny_model("gemma", **options)


def tiny_base_model(**options: Any) -> LocalModel:
    """No chat template, a start token, no filler."""
    return tiny_model("base", **options)


def save_tiny(kind: str, folder: Path) -> Path:
    """Write a model folder as transformers does; return it."""
    tiny_module(kind).save_pretrained(folder)
    tiny_tokenizer(kind).save_pretrained(folder)
    return folder


class HashEmbedder:
    """Word counts, hashed to unit vectors: texts that share words are near each other.

    A word is cut into pieces of four letters, so that limits in word pieces mean something.
    """

    name = "hash"
    dimension = 64

    def __init__(self, *, revision: str = "1", max_tokens: int = 256) -> None:
        self.revision = revision
        self.max_tokens = max_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
                row += np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return vectors

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return word_pieces(text)


def word_pieces(text: str) -> list[tuple[int, int]]:
    """Spans of at most four letters of a word, and of single marks."""
    words = re.finditer(r"\w+|[^\w\s]", text)
    return [(at, min(at + 4, word.end())) for word in words for at in range(word.start(), word.end(), 4)]


COMMANDS = {
    "music": ("play a {} song", "skip this {} track", "turn up the {} tune", "put the {} album on"),
    "weather": ("will it rain in {}", "how hot is {} today", "is {} windy", "forecast for {}"),
    "alarm": ("wake me at {}", "set a timer for {}", "cancel the {} alarm", "remind me at {}"),
}
FILLERS = {
    "music": ("sad", "loud", "new", "old"),
    "weather": ("Lima", "Rome", "Oslo", "Kyoto"),
    "alarm": ("six", "noon", "dawn", "ten"),
}


def _split(rows: list[tuple[str, str]], **fields: Any) -> dict[str, Any]:
    """Two thirds to train on, a sixth each to choose and to test on."""
    examples = [Example(id=f"r{i}", input=x, target=y, **fields) for i, (x, y) in enumerate(rows)]
    return {
        "test": tuple(examples[::6]),
        "validation": tuple(examples[1::6]),
        "train": tuple(e for i, e in enumerate(examples) if i % 6 > 1),
    }


def classification_task() -> Task:
    """Which kind of command it is: three labels."""
    rows = [
        (COMMANDS[label][i % 4].format(FILLERS[label][i // 4]), label)
        for i in range(12)
        for label in COMMANDS
    ]
    return Task(
        name="commands",
        kind="classification",
        instruction="Which kind of command is this?",
        metrics=METRICS_BY_KIND["classification"],
        labels=tuple(COMMANDS),
        **_split(rows),
    )


CAPITALS = {"Peru": "Lima", "Italy": "Rome", "Norway": "Oslo", "Japan": "Tokyo", "Kenya": "Nairobi"}
CAPITALS |= {"Chile": "Santiago", "Spain": "Madrid", "Egypt": "Cairo", "Cuba": "Havana", "Ghana": "Accra"}


def qa_task() -> Task:
    """Questions about countries, one document a country, of several chunks where chunks are short."""
    questions = ("What is the capital of {}?", "Which city governs {}?")
    rows = [(q.format(country), city) for country, city in CAPITALS.items() for q in questions]
    documents = tuple(
        Document(
            id=country.lower(),
            title=country,
            text=f"The capital of {country} is {city}. The government of {country} sits in {city}. "
            f"People of {country} like rice, tea and long walks. Trains in {country} leave at noon.",
        )
        for country, city in CAPITALS.items()
    )
    return Task(
        name="capitals",
        kind="qa",
        instruction="Answer the question.",
        metrics=METRICS_BY_KIND["qa"],
        documents=documents,
        **_split(rows),
    )


def structured_task() -> Task:
    """City and day of a request, as JSON."""
    pairs = itertools.product(("Lima", "Rome", "Oslo"), ("monday", "friday", "sunday", "today"))
    rows = [(f"fly to {city} on {day}", f'{{"city": "{city}", "day": "{day}"}}') for city, day in pairs]
    text = {"type": "string"}
    return Task(
        name="trips",
        kind="structured",
        instruction="Extract city and day.",
        metrics=METRICS_BY_KIND["structured"],
        schema={"type": "object", "properties": {"city": text, "day": text}, "required": ["city", "day"]},
        **_split(rows),
    )


def arithmetic_task() -> Task:
    """Sums of small numbers."""
    rows = [(f"{a} + {b}", str(a + b)) for a in range(1, 5) for b in range(1, 6)]
    return Task(
        name="sums",
        kind="arithmetic",
        instruction="Add the numbers.",
        metrics=METRICS_BY_KIND["arithmetic"],
        **_split(rows),
    )


TASKS: dict[str, Callable[[], Task]] = {
    "classification": classification_task,
    "qa": qa_task,
    "structured": structured_task,
    "arithmetic": arithmetic_task,
}
