"""Formats: how instruction, demonstrations and input are set out in a prompt, as data.

The same words in another format can move accuracy by tens of points, most for small models and few
demonstrations (Sclar et al. 2024, arXiv:2310.11324), and no format is best for all models. So there are
several, and a strategy may try them on validation rows.

A format is applied when all parts of a prompt are there, so that demonstrations look like the input. Where
the label or the first bracket of the answer must follow at once, nothing stands around the answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from adaptkit.core.types import Prompt


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What stands around an answer that is not the whole completion; nothing by default."""

    opening: str = ""
    closing: str = ""

    def around(self, answer: str) -> str:
        """The answer as a completion should hold it.

        Examples:
            >>> Marks(opening="Answer:").around("7"), Marks(opening="<a>", closing="</a>").around("7")
            ('Answer: 7', '<a>7</a>')
        """
        space = " " if self.opening.endswith(":") else ""
        return f"{self.opening}{space}{answer}{self.closing}"


NO_MARKS = Marks()
ANSWER_LINE = Marks(opening="Answer:")


@dataclass(frozen=True, kw_only=True)
class PromptFormat:
    """One way to set out a prompt.

    In the texts ``{instruction}``, ``{input}`` and ``{options}`` (the labels, one a line) are filled in.

    Attributes:
        instruction: what becomes of the instruction; empty where it stands beside each input instead.
        shown: what becomes of an input.
        asked: what becomes of the prompt's own input; None for the same as of those shown.
        cue: a last line after the input that calls for the answer.
        marks: what a free-text answer is written between.
    """

    instruction: str = "{instruction}"
    shown: str = "{input}"
    asked: str | None = None
    cue: str = ""
    marks: Marks = NO_MARKS

    @property
    def needs_labels(self) -> bool:
        """Whether it lists the labels."""
        return "{options}" in (self.asked or self.shown)

    def lay_out(
        self, prompt: Prompt, *, labels: Sequence[str] = (), marks: Marks = NO_MARKS, cued: bool = True
    ) -> Prompt:
        r"""Set out a prompt whose parts are as they were given.

        Args:
            prompt: instruction, input and demonstrations; passages stay as they are.
            labels: the task's labels, for a format that lists them.
            marks: what stands around the demonstrations' answers.
            cued: whether the answer is to follow at once.

        Examples:
            >>> from adaptkit.core.types import Demonstration
            >>> shown = Demonstration(input="2 + 2", target="4")
            >>> prompt = Prompt(instruction="Add.", input="1 + 2", demonstrations=(shown,))
            >>> FORMATS["question-answer"].lay_out(prompt).input
            'Question: 1 + 2\nAnswer:'
        """
        words = {"instruction": prompt.instruction, "options": "\n".join(f"- {label}" for label in labels)}
        cue = f"\n{self.cue}" if self.cue and cued else ""
        return dataclasses.replace(
            prompt,
            instruction=self.instruction.format(**words),
            input=(self.asked or self.shown).format(input=prompt.input, **words) + cue,
            demonstrations=tuple(
                dataclasses.replace(
                    d, input=self.shown.format(input=d.input, **words) + cue, target=marks.around(d.target)
                )
                for d in prompt.demonstrations
            ),
        )


FORMATS: dict[str, PromptFormat] = {
    "plain": PromptFormat(),
    "question-answer": PromptFormat(shown="Question: {input}", cue="Answer:"),
    "in-message": PromptFormat(instruction="", shown="{instruction}\n\n{input}"),
    "quoted": PromptFormat(shown='"""\n{input}\n"""'),
    "input-output": PromptFormat(shown="Input: {input}", cue="Output:"),
    "markdown": PromptFormat(
        instruction="## Task\n{instruction}", shown="## Input\n{input}\n", cue="## Answer"
    ),
    "xml": PromptFormat(
        instruction="<task>\n{instruction}\n</task>",
        shown="<input>\n{input}\n</input>",
        marks=Marks(opening="<answer>", closing="</answer>"),
    ),
    "repeated": PromptFormat(asked="{input}\n\n{instruction}"),
    "options": PromptFormat(asked="{input}\n\nPossible answers:\n{options}"),
}
"""The formats by name, the default first; a search tries them in this order. ``in-message`` puts the
instruction before each input instead of into the system message, as most instruction data has it;
``repeated`` says it again after the input and ``options`` lists the labels there, which makes prompts longer
and leaves less of them to be shared."""
