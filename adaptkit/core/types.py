"""The values that pass between tasks, strategies and models.

All are frozen: a strategy or model that wants another value makes a new one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from adaptkit.core import shown
from adaptkit.core.errors import ConfigError

if TYPE_CHECKING:
    from rich.text import Text

FinishReason = Literal["stop", "length", "choice", "error"]
PassageOrder = Literal["best-last", "best-first"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row of a task: an input and what should come out.

    Attributes:
        id: unique within the task.
        input: what the strategy is given.
        target: the reference answer.
        aliases: other answers that count as right.
        gold_documents: ids of the documents that hold the answer.
        cluster: rows that share it are not independent (same document, same author).
        metadata: anything else; it may hold answers and never enters a prompt.
    """

    id: str
    input: str
    target: str
    aliases: tuple[str, ...] = ()
    gold_documents: tuple[str, ...] = ()
    cluster: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def references(self) -> tuple[str, ...]:
        """The target and its aliases: a metric takes the best over them."""
        return (self.target, *self.aliases)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a strategy is, whatever it is called: requirements, costs and checks go by it.

    Attributes:
        trains_weights: it trains weights on the task's rows.
        retrieves: its answers rest on passages of the task's documents, which it can name.
        calls_tools: it calls functions.
        uses_llm: a language model answers.
        complexity: what it takes to keep and to undo, 0 or more: 0 for what needs no language model, 1 for a
            prompt, 2 for examples in it, 4 for retrieval, 7 for functions, 8 for an adapter, 16 for new
            weights; of a composition the sum. A strategy that does not say comes after all that do.

    Examples:
        >>> Traits(retrieves=True, complexity=4) | Traits(trains_weights=True, complexity=8)
        Traits(trains_weights=True, retrieves=True, calls_tools=False, uses_llm=True, complexity=12)
    """

    trains_weights: bool = False
    retrieves: bool = False
    calls_tools: bool = False
    uses_llm: bool = True
    complexity: int = 100

    def __or__(self, other: Traits) -> Traits:
        """Those of a composition."""
        return Traits(
            trains_weights=self.trains_weights or other.trains_weights,
            retrieves=self.retrieves or other.retrieves,
            calls_tools=self.calls_tools or other.calls_tools,
            uses_llm=self.uses_llm or other.uses_llm,
            complexity=self.complexity + other.complexity,
        )


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text that answers may be looked up in."""

    id: str
    text: str
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """An example shown in a prompt; ``example_id`` says which row of train it came from."""

    input: str
    target: str
    example_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A chunk that was retrieved for one input.

    Attributes:
        id: the chunk's id, ``<document id>#<number>``.
        document_id: the document that it was cut from.
        score: similarity to the input, larger is nearer: cosine, BM25's, or the reranker's.
    """

    id: str
    document_id: str
    text: str
    score: float
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What was said after the input: by the model (``assistant``), or by a tool that it called (``tool``)."""

    role: Literal["assistant", "tool"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt in parts, most-shared first, until a model renders it.

    ``instruction`` is the same for all rows of a strategy, so a model may compute it once. ``context`` is
    best first; ``passage_order`` says how it is shown. ``turns`` follow the input: calls that the model
    wrote and what came of them, in turn.
    """

    instruction: str
    input: str
    demonstrations: tuple[Demonstration, ...] = ()
    context: tuple[Passage, ...] = ()
    passage_order: PassageOrder = "best-last"
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """A prompt with what is asked of the model.

    Attributes:
        max_new_tokens: upper bound on the completion's tokens.
        choices: when given, the completion is the one of these strings to which the model gives
            the highest log-probability.
        stop: the completion ends before the first of these strings.
        schema: a JSON Schema. When given, the completion is JSON that follows it, keys in the schema's
            order, unless ``max_new_tokens`` cuts it off. A model that cannot do so answers freely.
        temperature: 0 takes the likeliest token; above it tokens are drawn, the flatter the higher.
        top_p: when drawing, only the likeliest tokens that make up this share of the probability.
        seed: what the draws come from; the same request gives the same completion in any batch.

    Raises:
        ConfigError: ``temperature`` or ``top_p`` is out of range, or ``choices`` stand beside a ``schema``.
    """

    prompt: Prompt
    max_new_tokens: int = 64
    choices: tuple[str, ...] | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ConfigError.for_parameter("Request", "temperature", "a number >= 0", self.temperature)
        if not 0 < self.top_p <= 1:
            raise ConfigError.for_parameter("Request", "top_p", "above 0 and at most 1", self.top_p)
        if self.choices is not None and self.schema is not None:
            raise ConfigError("A Request has either 'choices' or 'schema'. Leave one of them out.")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens by the model's own tokenizer, or as a provider reports them.

    Attributes:
        tokens_in: the whole prompt.
        tokens_out: everything that the model wrote.
        tokens_cached: the part of ``tokens_in`` that was not computed again.
        tokens_written: the part of ``tokens_in`` that a provider bills for storing in its cache.
        tokens_reasoning: the part of ``tokens_out`` that was thought and not answered.
    """

    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    tokens_written: int = 0
    tokens_reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            tokens_cached=self.tokens_cached + other.tokens_cached,
            tokens_written=self.tokens_written + other.tokens_written,
            tokens_reasoning=self.tokens_reasoning + other.tokens_reasoning,
        )


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a model returns for one request.

    Attributes:
        first_token_s: seconds from the call to the first token, or None when the request was
            answered in a batch: a batch tells nothing about what a single request feels.
        latency_s: seconds from the call to the end, or None likewise.
        choice_logprobs: log-probability of each of the request's choices, where it had any.
        reasoning: what the model wrote before its answer, where that was parted from ``text``.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    first_token_s: float | None = None
    latency_s: float | None = None
    choice_logprobs: Mapping[str, float] | None = None
    reasoning: str = ""


@dataclass(frozen=True, kw_only=True)
class ErrorInfo:
    """An error as data: the class name and the message."""

    type: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> ErrorInfo:
        """Describe an exception."""
        return cls(type=type(error).__name__, message=str(error))


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a strategy returns for one input.

    Attributes:
        output: the answer; empty when ``error`` is set.
        contexts: the passages that the prompt held, best first.
        citations: ids of the passages that the answer came from, as far as that is known.
        tool_calls: one table a call: ``name``, ``arguments``, ``result`` or ``error``, ``seconds``.
        retrieve_s: seconds spent looking up passages or demonstrations, None when nothing was or in a batch.
        latency_s: seconds for the whole answer, retrieval included, None in a batch.
        first_token_s: seconds to the first token, retrieval included, None in a batch.
        error: set when this input failed; the others of the same call are unharmed.
    """

    output: str
    finish_reason: FinishReason
    usage: Usage
    contexts: tuple[Passage, ...] = ()
    citations: tuple[str, ...] = ()
    tool_calls: tuple[Mapping[str, object], ...] = ()
    retrieve_s: float | None = None
    first_token_s: float | None = None
    latency_s: float | None = None
    error: ErrorInfo | None = None

    def __str__(self) -> str:
        return shown.prediction_text(self)

    def __rich__(self) -> Text:
        # rich is loaded by whoever asks for this.
        from rich.text import Text

        return Text(shown.prediction_text(self))

    def _repr_html_(self) -> str:
        return shown.prediction_html(self)

    @classmethod
    def failed(cls, error: BaseException) -> Prediction:
        """Build the prediction of an input whose answer raised ``error``."""
        return cls(
            output="",
            finish_reason="error",
            usage=Usage(tokens_in=0, tokens_out=0),
            error=ErrorInfo.of(error),
        )


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What identifies a model in a manifest.

    Attributes:
        id: Hub id, folder or embedded name.
        revision: commit or content hash; what makes a re-run comparable.
        n_parameters: number of weights.
        context_tokens: longest prompt plus completion.
        engine: which path runs the model, e.g. ``shared-prefix`` or ``generate``.
        notes: what a reader of the results should know, e.g. that weights were quantised.
        billed_by: the provider that bills its tokens; None where it runs on the own machine.
    """

    id: str
    revision: str
    n_parameters: int
    dtype: str
    device: str
    context_tokens: int
    engine: str
    notes: tuple[str, ...] = ()
    billed_by: str | None = None
