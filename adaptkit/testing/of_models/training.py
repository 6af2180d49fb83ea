"""Models whose weights are at hand: what a trainer relies on."""

from __future__ import annotations

import copy
from typing import Any

from adaptkit.testing.answers import completed
from adaptkit.testing.failure import expect
from adaptkit.testing.model_case import ModelCase
from adaptkit.testing.weight_hash import weights

NOTE = "a note about other weights"


def a_prompt_is_encoded_as_it_is_counted(case: ModelCase) -> None:
    """``encode`` gives the token ids that ``complete`` reads, all of them in the vocabulary."""
    model = case.trainable
    n_vocab = int(model.module.get_input_embeddings().weight.shape[0])
    for request in case.requests:
        ids = model.encode(request.prompt)
        counted = model.count_prompt_tokens(request.prompt)
        remedy = "Let encode(), count_prompt_tokens() and complete() render in one place."
        expect(len(ids) == counted, f"{counted} ids, as count_prompt_tokens() says", len(ids), remedy)
        within = all(isinstance(i, int) and 0 <= i < n_vocab for i in ids)
        expect(within, f"ids below {n_vocab}", ids, remedy)
    expect(0 <= model.pad_id < n_vocab, f"pad_id below {n_vocab}", model.pad_id, "Give the id of a token.")


def a_completion_is_encoded_with_its_end(case: ModelCase) -> None:
    """``encode_completion`` closes each text with one and the same token, so that training teaches to end."""
    found = [case.trainable.encode_completion(text) for text in ("blue", "The sky is blue.", "7")]
    expect(
        all(len(ids) > 1 for ids in found) and len({ids[-1] for ids in found}) == 1,
        "texts that end in the same end token",
        found,
        "Append the id of the end token.",
    )


def the_template_hash_tells_how_prompts_are_rendered(case: ModelCase) -> None:
    """It is a text: an adapter that was trained under another one is refused."""
    found: object = case.trainable.template_hash
    expect(
        isinstance(found, str) and bool(found),
        "a text",
        found,
        "Hash all that decides how a prompt is rendered.",
    )


def derive_keeps_the_tokenizer(case: ModelCase) -> None:
    """A derived model has the same identity, template and tokens, and one note more."""
    model = case.trainable
    before = model.info
    derived = model.derive(copy.deepcopy(model.module), note=NOTE)
    remedy = "Make a new model of the same tokenizer, and add the note to its info."
    same = (derived.info.id, derived.info.revision) == (before.id, before.revision)
    expect(same, "the id and revision that saved strategies are compared with", derived.info, remedy)
    expect(derived.info.notes == (*before.notes, NOTE), "one note more", derived.info.notes, remedy)
    expect(model.info == before, "the first model's info as it was", model.info, remedy)
    expect(derived.template_hash == model.template_hash, "the same template", derived.template_hash, remedy)
    prompt = case.requests[-1].prompt
    expect(derived.encode(prompt) == model.encode(prompt), "the same ids", derived.encode(prompt), remedy)


def a_derived_model_answers_by_its_own_weights(case: ModelCase) -> None:
    """Equal weights give equal answers, others give others, and the first model keeps its own."""
    model, free = case.trainable, case.requests[:4]
    expected = completed(model.complete(free))
    equal = model.derive(copy.deepcopy(model.module), note=NOTE)
    remedy = "Let the derived model run the module that it was given."
    expect(completed(equal.complete(free)) == expected, "equal answers from equal weights", "others", remedy)
    other = model.derive(_turned(copy.deepcopy(model.module)), note=NOTE)
    expect(
        completed(other.complete(free)) != expected, "other answers from other weights", "the same", remedy
    )
    expect(
        completed(model.complete(free)) == expected, "the first model to answer as before", "others", remedy
    )


def _turned(module: Any) -> Any:
    """The module with the embeddings of its words in reverse order: it reads other words."""
    import torch

    with torch.no_grad():
        weight = module.get_input_embeddings().weight
        weight.copy_(weight.flip(0))
    return module


def derive_leaves_the_weights_alone(case: ModelCase) -> None:
    """The module that a model was derived from keeps its weights and its mode."""
    model = case.trainable
    before = weights(model.module)
    model.derive(copy.deepcopy(model.module), note=NOTE).complete(case.requests[:1])
    after = weights(model.module)
    changed = [name for name in before if before[name] != after[name]]
    expect(
        not changed,
        "the first model's weights as they were",
        f"that {', '.join(changed)} changed",
        "Share no weights.",
    )


CHECKS = (
    a_prompt_is_encoded_as_it_is_counted,
    a_completion_is_encoded_with_its_end,
    the_template_hash_tells_how_prompts_are_rendered,
    derive_keeps_the_tokenizer,
    a_derived_model_answers_by_its_own_weights,
    derive_leaves_the_weights_alone,
)
