"""Rows that are chats: the last assistant turn is the target, what stands before it the input.

{"messages": [{"role": "user", "content": "Capital of Peru?"}, {"role": "assistant", "content": "Lima"}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adaptkit.core.reading import parse_json
from adaptkit.tasks.values import as_text, looks_like_list, read_cell

Turn = tuple[str, str]
_NAMES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}
# As other tools write them: ShareGPT's speakers, and what one provider calls its system turn.
_ROLES = {"human": "user", "gpt": "assistant", "developer": "system"}
_READ = frozenset({"role", "from", "content", "value", "tool_calls"})


def read_turns(value: object) -> list[Turn]:
    """Read a list of messages as (role, text) pairs; a text (a CSV field) is parsed as JSON first.

    Raises:
        ValueError: not a list of ``{"role": ..., "content": ...}``.
    """
    if isinstance(value, str):
        value = read_cell(value) if looks_like_list(value) else parse_json(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"'messages' must be a list of messages, found {type(value).__name__}")
    return [_turn(message) for message in value]


def _turn(message: object) -> Turn:
    role = message.get("role", message.get("from")) if isinstance(message, Mapping) else None
    if not isinstance(message, Mapping) or not isinstance(role, str):
        raise ValueError(f'a message must look like {{"role": "user", "content": "..."}}, found {message!r}')
    text = _content(message.get("content", message.get("value")))
    if calls := message.get("tool_calls"):
        text = f"{text}\n{_calls(calls)}".strip()
    return _ROLES.get(role, role), text


def _calls(value: Any) -> str:
    """Calls of functions as a text without what differs from run to run, their ids."""
    calls = []
    for call in value if isinstance(value, list | tuple) else [value]:
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or "name" not in function:
            raise ValueError(f"a call must hold a function with a name, found {call!r}")
        given = function.get("arguments")
        arguments = parse_json(given) if isinstance(given, str) and given.strip() else given
        calls.append({"name": function["name"], "arguments": arguments or {}})
    return as_text(calls[0] if len(calls) == 1 else calls) or ""


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


def left_out(chats: Sequence[Sequence[Turn]], messages: Iterable[Any]) -> Iterator[str]:
    """Say what of chats reaches no prompt: turns behind the target, and what messages hold beside a text."""
    late = sum(bool(chat) and chat[-1][0] != "assistant" for chat in chats)
    if late:
        yield f"In {late} chats, turns after the last one of the assistant (the target) are not used."
    fields: set[str] = set()
    for value in messages:
        for message in read_cell(value) if isinstance(value, str) else value:
            if len(message) > 2:
                fields |= {str(k) for k, held in message.items() if held not in (None, "", [], {})} - _READ
    if fields:
        yield f"Not used of messages: {', '.join(map(repr, sorted(fields)))}."


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
    return as_chat(before), chat[last][1]


def as_chat(turns: Sequence[Turn]) -> str:
    """Write turns one a line with their speaker; a lone one as it stands."""
    if len(turns) == 1:
        return turns[0][1]
    return "\n".join(f"{_NAMES.get(role, role)}: {text}" for role, text in turns)


def read_history(value: object) -> list[Turn]:
    """Read the turns before an input: messages, or pairs of what the user said and what was answered.

    Raises:
        ValueError: it is neither.

    Examples:
        >>> read_history([["Order 1 is a lamp.", "Noted."]])
        [('user', 'Order 1 is a lamp.'), ('assistant', 'Noted.')]
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    if isinstance(value, str):
        if not looks_like_list(value):
            raise ValueError(
                "it is a text, and not a list of turns. To show it as it stands, map it as context"
            )
        value = read_cell(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of turns, found {type(value).__name__}")
    turns: list[Turn] = []
    for item in value:
        if isinstance(item, Mapping):
            turns.append(_turn(item))
        elif isinstance(item, list | tuple) and len(item) == 2:
            texts = map(as_text, item)
            turns += [(role, text) for role, text in zip(("user", "assistant"), texts, strict=True) if text]
        else:
            raise ValueError(
                f'a turn must be a message or a pair like ["Hi", "Hello"], found {item!r}. Write messages: '
                '[{"role": "user", "content": "Hi"}]'
            )
    return turns
