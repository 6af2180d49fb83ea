"""Prompt parts to token ids: the one place where a prompt becomes text.

Training and serving both come through here, so they cannot differ. Two layouts:

* the tokenizer has a chat template: instruction as system message (or folded into the first user
  message where the template refuses one), demonstrations as user/assistant turns, then the input; what a
  tool said is a message of the role ``tool`` where the template has one, else of the user;
* it has none (a base model): ``Input: ... Output: ...`` blocks, and ``Result: ...`` for what a tool said.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ModelError
from adaptkit.core.types import Passage, PassageOrder, Prompt, Turn
from adaptkit.models.control_tokens import ControlTokens
from adaptkit.models.reasoning import MARKS, closing_of

PROBE = "adaptkit-probe"
TEMPLATE_SECONDS = 10
DEEPEST_TEMPLATE = 100
_TEMPLATE_PROCESS = Path(__file__).with_name("template_process.py")
_TOO_MUCH = 3
_TOOL_ROLE = re.compile(r"""["']tool["']""")


def shown_passages(passages: Sequence[Passage], order: PassageOrder) -> list[Passage]:
    """Passages, given best first, in the order in which a prompt numbers them.

    ``best-last`` puts the best next to the question: small models make most of what they read last.
    """
    return list(passages) if order == "best-first" else list(reversed(passages))


def passages_text(passages: Sequence[Passage], order: PassageOrder = "best-last") -> str:
    """Number the passages, given best first, title in front where there is one."""
    blocks = []
    for number, passage in enumerate(shown_passages(passages, order), start=1):
        title = f" {passage.title}" if passage.title else ""
        blocks.append(f"[{number}]{title}\n{passage.text}")
    return "\n\n".join(blocks)


def user_text(prompt: Prompt) -> str:
    """Passages first, the input last."""
    if not prompt.context:
        return prompt.input
    return f"{passages_text(prompt.context, prompt.passage_order)}\n\n{prompt.input}"


def chat_messages(prompt: Prompt, *, system: bool = True, tools: bool = True) -> list[dict[str, str]]:
    """A prompt as ``role`` and ``content``, as chat templates and chat interfaces take it.

    Args:
        prompt: in parts.
        system: whether there is a role for the instruction; else it opens the first message.
        tools: whether there is a role for what a tool said; else the user tells it.
    """
    turns: list[dict[str, str]] = []
    for shown in prompt.demonstrations:
        turns.append({"role": "user", "content": shown.input})
        turns.append({"role": "assistant", "content": shown.target})
    turns.append({"role": "user", "content": user_text(prompt)})
    turns += [_message(turn, tools=tools) for turn in prompt.turns]
    if not prompt.instruction:
        return turns
    if system:
        return [{"role": "system", "content": prompt.instruction}, *turns]
    turns[0] = {"role": "user", "content": f"{prompt.instruction}\n\n{turns[0]['content']}"}
    return turns


def _message(turn: Turn, *, tools: bool) -> dict[str, str]:
    if turn.role == "assistant" or tools:
        return {"role": turn.role, "content": turn.text}
    return {"role": "user", "content": f"Result: {turn.text}"}


def decode(tokenizer: Any, ids: Sequence[int]) -> str:
    """Text of a completion without special tokens; marks of reasoning stay, to be told from the answer."""
    special, marks = _special_and_marks(tokenizer)
    if marks.isdisjoint(ids):
        return str(tokenizer.decode(list(ids), skip_special_tokens=True))
    kept = [i for i in ids if i not in special or i in marks]
    return str(tokenizer.decode(kept, skip_special_tokens=False))


@lru_cache(maxsize=8)
def _special_and_marks(tokenizer: Any) -> tuple[frozenset[int], frozenset[int]]:
    """Ids of a tokenizer's special tokens, and of those among them that mark reasoning."""
    special = frozenset(tokenizer.all_special_ids)
    return special, frozenset(i for i in special if MARKS.fullmatch(tokenizer.convert_ids_to_tokens(i)))


def check_template(template: str, name: str, *, seconds: int = TEMPLATE_SECONDS) -> None:
    """Refuse a chat template that does not end, or takes too much memory.

    Raises:
        ModelError: it was ended, after so many seconds of a processor or by its memory or length.
    """
    if "{" not in template:
        return
    if _depth(template) > DEEPEST_TEMPLATE:
        raise ModelError(
            f"The chat template of '{name}' has more than {DEEPEST_TEMPLATE} brackets within each other. "
            "Repair 'chat_template' in its tokenizer files."
        )
    asked = [sys.executable, "-I", str(_TEMPLATE_PROCESS), str(seconds)]
    try:
        found = subprocess.run(
            asked,
            input=template.encode(errors="replace"),
            capture_output=True,
            timeout=6 * seconds,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        found = _TOO_MUCH
    if found == _TOO_MUCH or found < 0:  # ended by the system
        raise ModelError(
            f"The chat template of '{name}' does not end within {seconds} seconds, or writes or takes too "
            "much. Repair 'chat_template' in its tokenizer files."
        )


def _depth(text: str) -> int:
    """How many brackets stand within each other; compiling takes the square of it."""
    deepest = depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


class Renderer:
    """Renders prompts with one tokenizer.

    Args:
        tokenizer: a ``transformers`` tokenizer.
        extra_stop_ids: further ids that end a completion (from the model's generation config).

    Attributes:
        layout: ``chat``, ``chat-without-system`` or ``plain``.
        end_id: the token that closes a completion; it is learnt in training and stripped in serving.
        stop_ids: all ids that end a completion.
        stop_strings: texts that end a completion, for models without an end-of-turn token.
    """

    def __init__(self, tokenizer: Any, extra_stop_ids: Sequence[int] = ()) -> None:
        self.tokenizer = tokenizer
        self.control = ControlTokens(tokenizer)
        self.layout = self._detect_layout()
        self.end_id = self._find_end_id()
        known = {self.end_id, tokenizer.eos_token_id, *extra_stop_ids}
        self.stop_ids = frozenset(i for i in known if i is not None)
        self.stop_strings = ("\nInput:",) if self.layout == "plain" else ()

    @property
    def template_hash(self) -> str:
        """Hash of everything that decides how a prompt becomes tokens."""
        found = [self.layout, self.tokenizer.chat_template, self.end_id, len(self.tokenizer)]
        probe = Prompt(instruction="", input=PROBE)
        closes = self.layout != "plain" and closing_of(self._template(self.messages(probe), generate=True))
        return content_hash([*found, closes] if closes else found)

    def text(self, prompt: Prompt) -> str:
        """Render a prompt, ready for the completion to follow."""
        if self.layout == "plain":
            return self._plain(prompt)
        return self._without_reasoning(self._template(self.messages(prompt), generate=True))

    def _without_reasoning(self, text: str) -> str:
        """Close the reasoning that a template opens although told not to: the answer follows."""
        closing = closing_of(text)
        return text if closing is None else f"{text.rstrip()}\n\n{closing}\n\n"

    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        """A prompt as messages of the roles that this tokenizer's template has."""
        # Whether it has one for tools is found out by rendering: only where it matters.
        tools = self._has_tool_role if prompt.turns else True
        return chat_messages(prompt, system=self.layout == "chat", tools=tools)

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of a prompt; a control token that its parts spell is text."""
        # Chat templates write the special tokens themselves; a plain text wants the model's own.
        plain = self.layout == "plain"
        spelled: list[str] = []
        masked = self._masked(prompt, spelled)
        if spelled:
            text, spans = self.control.unmasked(self.text(masked), spelled)
            ids = self.control.encode(text, spans, add_special_tokens=plain)
        else:
            ids = self.tokenizer.encode(self.text(prompt), add_special_tokens=plain)
        if self.layout == "plain" and ids and ids[-1] == self.tokenizer.eos_token_id and len(ids) > 1:
            ids = ids[:-1]  # some tokenizers close every text
        if not ids:
            raise ModelError(
                "The model's tokenizer and chat template make no token of a prompt. Repair its tokenizer "
                "files."
            )
        return list(ids)

    def encode_completion(self, text: str) -> list[int]:
        """Token ids of a completion, closed by the end token; a control token that it spells is text."""
        lead = " " if self.layout == "plain" else ""
        return [*self.encode_text(lead + text), self.end_id]

    def encode_text(self, text: str) -> list[int]:
        """Token ids of a text that is no prompt; a control token that it spells is text."""
        spelled: list[str] = []
        masked = self.control.masked(text, spelled)
        if not spelled:
            return list(self.tokenizer.encode(text, add_special_tokens=False))
        return self.control.encode(*self.control.unmasked(masked, spelled), add_special_tokens=False)

    def _masked(self, prompt: Prompt, spelled: list[str]) -> Prompt:
        """The prompt with a private character for each control token that a part of it spells."""

        def masked(text: str) -> str:
            return self.control.masked(text, spelled)

        return dataclasses.replace(
            prompt,
            instruction=masked(prompt.instruction),
            demonstrations=tuple(
                dataclasses.replace(d, input=masked(d.input), target=masked(d.target))
                for d in prompt.demonstrations
            ),
            context=tuple(
                dataclasses.replace(
                    p, text=masked(p.text), title=None if p.title is None else masked(p.title)
                )
                for p in prompt.context
            ),
            input=masked(prompt.input),
            turns=tuple(dataclasses.replace(t, text=masked(t.text)) for t in prompt.turns),
        )

    def decode(self, ids: Sequence[int]) -> str:
        """Text of a completion, special tokens dropped, but for marks of reasoning."""
        return decode(self.tokenizer, ids)

    @cached_property
    def _has_tool_role(self) -> bool:
        """Whether the template names the role and writes what a tool said.

        One that writes any role's name would write this one too, for a model that never saw it.
        """
        if not _TOOL_ROLE.search(str(self.tokenizer.chat_template)):
            return False
        turns = [("user", "hello"), ("assistant", "call"), ("tool", PROBE)]
        try:
            rendered = self._template([{"role": r, "content": c} for r, c in turns], generate=True)
        except Exception:
            return False
        return PROBE in rendered

    def _plain(self, prompt: Prompt) -> str:
        blocks = [prompt.instruction] if prompt.instruction else []
        blocks += [f"Input: {d.input}\nOutput: {d.target}" for d in prompt.demonstrations]
        labels = {"assistant": "Output", "tool": "Result"}
        turns = [f"{labels[turn.role]}: {turn.text}" for turn in prompt.turns]
        blocks.append("\n".join([f"Input: {user_text(prompt)}", *turns, "Output:"]))
        return "\n\n".join(blocks)

    def _template(self, messages: list[dict[str, str]], *, generate: bool) -> str:
        # enable_thinking is read by templates of reasoning models and ignored by all others.
        return str(
            self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=generate, enable_thinking=False
            )
        )

    def _detect_layout(self) -> str:
        if not self.tokenizer.chat_template:
            return "plain"
        messages = [{"role": "system", "content": PROBE}, {"role": "user", "content": "hello"}]
        try:
            rendered = self._template(messages, generate=True)
        except Exception:
            return "chat-without-system"
        return "chat" if PROBE in rendered else "chat-without-system"

    def _find_end_id(self) -> int:
        """The first special token that the template writes after an assistant's answer."""
        eos = self.tokenizer.eos_token_id
        if self.layout != "plain":
            turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": PROBE}]
            tail = self._template(turns, generate=False).rpartition(PROBE)[2]
            special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.get_added_vocab().values())
            for token in self.tokenizer.encode(tail, add_special_tokens=False):
                if token in special:
                    return int(token)
        if eos is None:
            raise ModelError(
                "The tokenizer has no end-of-text token, so a completion could not end. "
                "Set 'eos_token' in its tokenizer_config.json."
            )
        return int(eos)
