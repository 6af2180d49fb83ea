"""What a saved strategy asks, as plain text to paste elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adaptkit.comparison.exports.saved import model_of, saved_in
from adaptkit.core.types import Prompt
from adaptkit.models.base import Model
from adaptkit.models.render import chat_messages
from adaptkit.strategies import Strategy, load_strategy
from adaptkit.strategies.seal import read_state

PLACEHOLDER = "{input}"


@dataclass(frozen=True, kw_only=True)
class PastedPrompt:
    """The messages of one strategy for one input.

    Attributes:
        strategy: its name, ``folder`` where it is saved.
        messages: ``role`` and ``content`` of each, as chat interfaces take them.
        choices: answers of which the strategy takes the likeliest; empty where it lets the model write.
        stop: strings before which an answer ends.
        notes: what pasting it does not carry over.
    """

    strategy: str
    folder: str
    model: str
    input: str
    messages: tuple[dict[str, str], ...]
    choices: tuple[str, ...]
    stop: tuple[str, ...]
    max_new_tokens: int
    notes: tuple[str, ...]

    def to_text(self) -> str:
        """A line of dashes with the role above each message."""
        head = [
            f"# {self.strategy} ({self.folder}), fitted to {self.model}",
            *(f"# {note}" for note in self.notes),
        ]
        body = [f"--- {m['role']} ---\n{m['content']}" for m in self.messages]
        return "\n".join(head) + "\n\n" + "\n\n".join(body) + "\n"


def prompts_of(
    folder: Path,
    *,
    text: str = PLACEHOLDER,
    model: str | Model | None = None,
    offline: bool = False,
    allow_download: bool = False,
) -> list[PastedPrompt]:
    """Build the prompts of the saved strategies in a folder; nothing is asked.

    Args:
        folder: a run folder, or that of one saved strategy.
        text: the input; a placeholder finds no passages or demonstrations that fit it.
        model: the model that they were fitted to, or where that is; None for what the folder names.
        offline: use nothing that is not on this machine.
        allow_download: fetch from a model hub what the folder names, and is not on this machine.

    Raises:
        ConfigError: no saved strategy there, a damaged one, or another model.
        ModelError: the model cannot be loaded.
    """
    found, loaded = [], {}
    for path in saved_in(folder):
        saved = read_state(path)
        name = str(saved["model"]["id"])
        if name not in loaded:
            loaded[name] = model_of(saved, model, offline=offline, allow_download=allow_download)
        strategy = load_strategy(path, loaded[name], allow_download=allow_download)
        if not strategy.traits.uses_llm:
            continue
        found.append(pasted(strategy, path, name, text))
    return found


def pasted(strategy: Strategy, folder: Path, model: str, text: str) -> PastedPrompt:
    """The prompt of a strategy that is ready to answer."""
    (prompt,) = strategy.prompts([text])
    form = strategy.format_
    return PastedPrompt(
        strategy=strategy.label,
        folder=str(folder),
        model=model,
        input=text,
        messages=tuple(chat_messages(prompt)),
        choices=tuple(form.choices or ()),
        stop=tuple(form.stop),
        max_new_tokens=form.max_new_tokens,
        notes=tuple(_notes(strategy, prompt, text)),
    )


def _notes(strategy: Strategy, prompt: Prompt, text: str) -> list[str]:
    notes = []
    if strategy.traits.trains_weights:
        notes.append("The weights were trained for this prompt: another model will not answer as measured.")
    if strategy.format_.choices:
        notes.append(
            "The likeliest of these is taken, nothing is written freely: "
            f"{', '.join(strategy.format_.choices)}."
        )
    if strategy.format_.schema is not None:
        notes.append("Answers are held to the task's JSON Schema while they are decoded.")
    if text == PLACEHOLDER and prompt.context:
        notes.append("Passages are looked up for each input: these are those of a placeholder.")
    if text == PLACEHOLDER and prompt.demonstrations and _chosen_by_input(strategy):
        notes.append("Demonstrations are chosen for each input: these are those of a placeholder.")
    return notes


def _chosen_by_input(strategy: Strategy) -> bool:
    """Whether another input gets other demonstrations."""
    one, other = strategy.prompts(["one", "quite another question, of other words"])
    return one.demonstrations != other.demonstrations
