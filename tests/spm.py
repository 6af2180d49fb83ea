"""A tokenizer as SentencePiece models have it: words start with a mark, rare letters are single bytes."""

from __future__ import annotations

from typing import Any

import transformers
from tiny import CORPUS
from tokenizers import Tokenizer, decoders, models, normalizers, trainers

SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{i:02X}>" for i in range(256)]


def spm_tokenizer() -> Any:
    """Byte-fallback BPE with the normaliser and the decoder of Llama 2; no chat template."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=[*SPECIAL, *BYTES], show_progress=False)
    tokenizer.train_from_iterator([text.replace(" ", "▁") for text in CORPUS * 3], trainer)
    # The trainer takes the bytes for special tokens, which a decoder would leave out.
    state = tokenizer.to_str()
    import json

    parsed = json.loads(state)
    parsed["added_tokens"] = [t for t in parsed["added_tokens"] if t["content"] in SPECIAL]
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(
        tokenizer_object=Tokenizer.from_str(json.dumps(parsed)),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )
