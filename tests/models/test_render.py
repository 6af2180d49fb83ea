from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_tokenizer
from tokenizers import processors

from adaptkit.core.errors import ModelError
from adaptkit.core.types import Demonstration, Passage, Prompt, Turn
from adaptkit.models.render import Renderer, passages_text, shown_passages, user_text

SHOWN = (Demonstration(input="2 + 2", target="4"), Demonstration(input="3 + 3", target="6"))
PASSAGES = (
    Passage(id="a#0", document_id="a", text="Best.", score=0.9, title="First"),
    Passage(id="b#0", document_id="b", text="Second best.", score=0.5),
)


def prompt(text: str = "1 + 1", instruction: str = "Add.", **parts: Any) -> Prompt:
    return Prompt(instruction=instruction, input=text, **parts)


@pytest.fixture(params=["llama", "qwen", "gemma", "base"])
def renderer(request: pytest.FixtureRequest) -> Renderer:
    return Renderer(tiny_tokenizer(request.param))


def text_of(kind: str, **parts: Any) -> str:
    return Renderer(tiny_tokenizer(kind)).text(prompt(**parts))


def test_instruction_becomes_the_system_message() -> None:
    assert text_of("llama") == (
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1 + 1<|im_end|>\n<|im_start|>assistant\n"
    )


def test_demonstrations_are_turns_of_user_and_assistant() -> None:
    assert text_of("llama", demonstrations=SHOWN) == (
        "<|im_start|>system\nAdd.<|im_end|>\n"
        "<|im_start|>user\n2 + 2<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n"
        "<|im_start|>user\n3 + 3<|im_end|>\n<|im_start|>assistant\n6<|im_end|>\n"
        "<|im_start|>user\n1 + 1<|im_end|>\n<|im_start|>assistant\n"
    )


def test_thinking_is_switched_off() -> None:
    assert text_of("qwen").endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_template_that_refuses_a_system_message_gets_it_in_the_first_user_turn() -> None:
    assert Renderer(tiny_tokenizer("gemma")).layout == "chat-without-system"
    assert text_of("gemma", demonstrations=SHOWN[:1]) == (
        "<bos><start_of_turn>user\nAdd.\n\n2 + 2<end_of_turn>\n<start_of_turn>model\n4<end_of_turn>\n"
        "<start_of_turn>user\n1 + 1<end_of_turn>\n<start_of_turn>model\n"
    )


def test_template_that_drops_a_system_message_silently_is_not_given_one() -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = (
        "{% for m in messages if m['role'] != 'system' %}{{ m['content'] + '<|im_end|>' }}{% endfor %}"
    )
    renderer = Renderer(tokenizer)
    assert renderer.layout == "chat-without-system"
    assert renderer.text(prompt()) == "Add.\n\n1 + 1<|im_end|>"


def test_model_without_template_gets_input_and_output_blocks() -> None:
    renderer = Renderer(tiny_tokenizer("base"))
    assert renderer.layout == "plain"
    assert renderer.stop_strings == ("\nInput:",)
    assert renderer.text(prompt(demonstrations=SHOWN[:1])) == (
        "Add.\n\nInput: 2 + 2\nOutput: 4\n\nInput: 1 + 1\nOutput:"
    )


def test_missing_instruction_leaves_no_trace() -> None:
    assert text_of("base", instruction="") == "Input: 1 + 1\nOutput:"
    assert "\n\n" not in text_of("gemma", instruction="")
    assert "system\n<|im_end|>" not in text_of("llama", instruction="")


def test_passages_stand_before_the_input_the_best_one_last() -> None:
    assert passages_text(PASSAGES) == "[1]\nSecond best.\n\n[2] First\nBest."
    assert user_text(prompt(context=PASSAGES)) == "[1]\nSecond best.\n\n[2] First\nBest.\n\n1 + 1"
    assert user_text(prompt()) == "1 + 1"


def test_passages_stand_the_best_one_first_where_that_is_asked_for() -> None:
    first = prompt(context=PASSAGES, passage_order="best-first")
    assert user_text(first) == "[1] First\nBest.\n\n[2]\nSecond best.\n\n1 + 1"
    assert shown_passages(PASSAGES, "best-first") == list(PASSAGES)
    assert shown_passages(PASSAGES, "best-last") == list(PASSAGES)[::-1]


TURNS = (
    Turn(role="assistant", text="call"),
    Turn(role="tool", text="2"),
    Turn(role="assistant", text="again"),
    Turn(role="tool", text="3"),
)


def test_turns_follow_the_input_and_a_tool_speaks_as_the_user_where_the_template_has_no_role_for_it() -> None:
    assert text_of("llama", turns=TURNS[:2]) == (
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1 + 1<|im_end|>\n"
        "<|im_start|>assistant\ncall<|im_end|>\n<|im_start|>user\nResult: 2<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert text_of("gemma", turns=TURNS).count("<start_of_turn>user\nResult: ") == 2
    assert text_of("base", demonstrations=SHOWN[:1], turns=TURNS) == (
        "Add.\n\nInput: 2 + 2\nOutput: 4\n\n"
        "Input: 1 + 1\nOutput: call\nResult: 2\nOutput: again\nResult: 3\nOutput:"
    )


def test_a_template_with_a_role_for_tools_is_given_it() -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'tool' %}{{ '<|im_start|>said\n' + m['content'] }}"
        "{% else %}{{ m['role'] + ': ' + m['content'] + '<|im_end|>' }}{% endif %}{% endfor %}"
    )
    assert Renderer(tokenizer).text(prompt(turns=TURNS[:2])).endswith("call<|im_end|><|im_start|>said\n2")


@pytest.mark.parametrize("tool", ["{{ raise_exception('no tools') }}", ""])
def test_a_template_that_refuses_or_drops_what_a_tool_says_is_not_given_it(tool: str) -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == \"tool\" %}" + tool + "{% else %}"
        "{{ m['role'] + ': ' + m['content'] + '<|im_end|>' }}{% endif %}{% endfor %}"
    )
    assert Renderer(tokenizer).text(prompt(turns=TURNS[:2])).endswith("user: Result: 2<|im_end|>")


@pytest.mark.parametrize("kind", ["llama", "gemma", "base"])
def test_a_prompt_with_turns_begins_as_the_prompt_with_the_reply_does(kind: str) -> None:
    """What was computed for one round serves the next."""
    renderer = Renderer(tiny_tokenizer(kind))
    round_one = [*renderer.encode(prompt()), *renderer.encode_completion("call")[:-1]]
    assert renderer.encode(prompt(turns=TURNS))[: len(round_one)] == round_one


def test_only_the_start_token_of_the_template_is_written() -> None:
    for kind in ("llama", "qwen", "gemma"):
        tokenizer = tiny_tokenizer(kind)
        assert Renderer(tokenizer).encode(prompt()) == tokenizer.encode(
            Renderer(tokenizer).text(prompt()), add_special_tokens=False
        )
    gemma = tiny_tokenizer("gemma")
    assert Renderer(gemma).encode(prompt()).count(gemma.bos_token_id) == 1
    base = tiny_tokenizer("base")
    ids = Renderer(base).encode(prompt())
    assert ids[0] == base.bos_token_id
    assert ids.count(base.bos_token_id) == 1


def test_end_token_that_a_tokenizer_appends_is_taken_off_the_prompt() -> None:
    tokenizer = tiny_tokenizer("base")
    plain = Renderer(tokenizer).encode(prompt())
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    assert tokenizer.encode("x")[-1] == tokenizer.eos_token_id
    assert Renderer(tokenizer).encode(prompt()) == plain


@pytest.mark.parametrize(
    ("kind", "end"),
    [("llama", "<|im_end|>"), ("qwen", "<|im_end|>"), ("gemma", "<end_of_turn>"), ("base", "</s>")],
)
def test_completion_ends_with_the_end_of_turn_of_the_template(kind: str, end: str) -> None:
    tokenizer = tiny_tokenizer(kind)
    renderer = Renderer(tokenizer)
    assert tokenizer.convert_ids_to_tokens(renderer.end_id) == end
    assert renderer.encode_completion("blue")[-1] == renderer.end_id
    assert renderer.encode_completion("blue").count(renderer.end_id) == 1
    assert {renderer.end_id, tokenizer.eos_token_id} <= renderer.stop_ids


def test_what_a_template_writes_before_the_end_token_is_not_the_end() -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.chat_template = tokenizer.chat_template.replace("+ '<|im_end|>", "+ ' (end)\\n<|im_end|>")
    assert " (end)\n<|im_end|>" in Renderer(tokenizer).text(prompt())
    assert Renderer(tokenizer).end_id == tokenizer.eos_token_id


def test_stop_tokens_of_the_model_are_added() -> None:
    renderer = Renderer(tiny_tokenizer("gemma"), [77])
    assert renderer.stop_ids == {77, renderer.end_id, renderer.tokenizer.eos_token_id}


@given(answer=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_completion_is_read_back_as_it_was_written(answer: str) -> None:
    for kind in ("llama", "gemma", "base"):
        renderer = Renderer(tiny_tokenizer(kind))
        assert renderer.decode(renderer.encode_completion(answer)).strip() == answer.strip()


def test_training_and_serving_see_a_chat_as_the_template_writes_it() -> None:
    """Prompt ids and completion ids, put together, are the ids of the whole chat."""
    for kind in ("llama", "gemma"):
        renderer = Renderer(tiny_tokenizer(kind))
        asked = prompt(demonstrations=SHOWN)
        for answer in ("4", "forty two", '{"city": "Lima"}', "é"):
            chat = [*renderer.messages(asked), {"role": "assistant", "content": answer}]
            whole = renderer.tokenizer.apply_chat_template(chat, tokenize=False)
            ids = renderer.tokenizer.encode(whole, add_special_tokens=False)
            found = [*renderer.encode(asked), *renderer.encode_completion(answer)]
            assert found == ids[: len(found)]
            assert renderer.decode(ids[len(found) :]).strip() == ""


def test_completion_of_a_model_without_template_stands_after_a_space() -> None:
    renderer = Renderer(tiny_tokenizer("base"))
    whole = renderer.text(prompt()) + " forty two"
    assert [*renderer.encode(prompt()), *renderer.encode_completion("forty two")] == [
        *renderer.tokenizer.encode(whole),
        renderer.end_id,
    ]


def test_rows_of_one_strategy_start_with_the_same_tokens(renderer: Renderer) -> None:
    texts = ("1 + 1", "20", "thirty")
    rows = [renderer.encode(prompt(t, instruction="Add the numbers.")) for t in texts]
    n = len(renderer.tokenizer.encode("Add the numbers.", add_special_tokens=False))
    assert len({tuple(r[:n]) for r in rows}) == 1


def test_hash_of_the_template_is_stable_and_changes_with_it(renderer: Renderer) -> None:
    again = Renderer(renderer.tokenizer)
    assert again.template_hash == renderer.template_hash
    before = renderer.template_hash
    template = renderer.tokenizer.chat_template or "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    renderer.tokenizer.chat_template = template.replace("\\n", " \\n", 1) + " "
    assert Renderer(renderer.tokenizer).template_hash != before


def test_hash_changes_with_end_token_and_vocabulary() -> None:
    hashes = {Renderer(tiny_tokenizer(kind)).template_hash for kind in ("llama", "qwen", "gemma", "base")}
    tokenizer = tiny_tokenizer("base")
    tokenizer.eos_token = "a"
    hashes.add(Renderer(tokenizer).template_hash)
    tokenizer = tiny_tokenizer("base")
    tokenizer.add_tokens(["adaptkit"])
    hashes.add(Renderer(tokenizer).template_hash)
    assert len(hashes) == 6


def test_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = tiny_tokenizer("base")
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end-of-text token"):
        Renderer(tokenizer)
