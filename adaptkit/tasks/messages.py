"""Rows that are chats: the last assistant turn is the target, what stands before it the input.

{"messages": [{"role": "user", "content": "Capital of Peru?"}, {"role": "assistant", "content": "Lima"}]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.core.reading import parse_json

Turn = tuple[str, str]
_NAMES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def read_turns(value: object) -> list[Turn]:
    """Read a list of messages as (role, text) pairs; a text (a CSV field) is parsed as JSON first.

    Raises:
        ValueError: not a list of ``{"role": ..., "content": ...}``.
    """
    if isinstance(value, str):
        value = parse_json(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"'messages' must be a list of messages, found {type(value).__name__}")
    return [_turn(message) for message in value]


def _turn(message: object) -> Turn:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ValueError(f'a message must look like {{"role": "user", "content": "..."}}, found {message!r}')
    return message["role"], _content(message.get("content"))


def _content(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    # Some exports hold a list of parts; only texts can be part of an input.
    if isinstance(value, list | tuple) and all(
        isinstance(p, Mapping) and isinstance(p.get("text"), str) for p in value
    ):
        return "\n".join(part["text"] for part in value)
    raise ValueError(f"the content of a message must be a text, found {value!r}")


def shared_system(chats: Sequence[Sequence[Turn]]) -> str | None:
    """Return the system turn if it is the same in all chats: then it belongs to the instruction."""
    found = {_system(chat) for chat in chats}
    return found.pop() or None if len(found) == 1 else None


def _system(chat: Sequence[Turn]) -> str:
    return "\n".join(text for role, text in chat if role == "system")


def split_chat(chat: Sequence[Turn], *, with_system: bool) -> tuple[str, str]:
    r"""Return input and target of a chat.

    One user turn is the input as it stands; several turns are written one a line with their speaker.

    Raises:
        ValueError: no assistant turn, or nothing before it.

    Examples:
        >>> split_chat([("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello")], with_system=False)
        ('Hi', 'Hello')
        >>> split_chat([("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello")], with_system=True)
        ('System: Be brief.\nUser: Hi', 'Hello')
    """
    last = max((i for i, (role, _) in enumerate(chat) if role == "assistant"), default=-1)
    if last < 0:
        raise ValueError("'messages' has no assistant turn, which would be the target")
    before = [turn for turn in chat[:last] if with_system or turn[0] != "system"]
    if not before:
        raise ValueError("'messages' has nothing before its last assistant turn, which would be the input")
    if len(before) == 1:
        return before[0][1], chat[last][1]
    return "\n".join(f"{_NAMES.get(role, role)}: {text}" for role, text in before), chat[last][1]
