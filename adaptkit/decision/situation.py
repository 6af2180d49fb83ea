"""The situation that rules judge: requirements, what a task shows by itself, and the model's size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.decision.requirements import UNKNOWN, Requirements
from adaptkit.metrics.tool_calls import wanted_calls
from adaptkit.tasks import Task

# "About a billion": the smallest models of the studies cited have 80 million to 1.1 billion weights.
SMALL_MODEL = 1.1e9
MANY_CLASSES = 50
FEW_PER_CLASS = 50
MIN_TO_TUNE = 10
HORIZON_MONTHS = 12.0
_DAYS_PER_MONTH = 365 / 12
_LOOKED_AT = 50


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """What is read from a task and need not be asked.

    Attributes:
        n_train: rows to learn from; rows of validation only serve choices.
        n_classes: of a classification, else None.
        examples_per_class: train rows a class on average, ``fewest_per_class`` in the rarest one.
        input_chars: median length of an input, ``target_chars`` of a target.
        n_documents: documents to look answers up in, ``document_chars`` their median length.
        n_tools: functions that an answer may call.
        names_calls: whether rows say which functions are to be called.
    """

    task: str
    kind: str
    metrics: tuple[str, ...]
    n_train: int
    n_validation: int
    n_test: int
    input_chars: int
    target_chars: int
    n_classes: int | None = None
    examples_per_class: float | None = None
    fewest_per_class: int | None = None
    n_documents: int = 0
    document_chars: int | None = None
    n_tools: int = 0
    names_calls: bool = False

    def described(self) -> str:
        """One sentence for the head of an advice."""
        parts = [f"{self.n_train:,} train and {self.n_test:,} test rows"]
        if self.n_classes is not None:
            parts.append(f"{self.n_classes} classes with {self.fewest_per_class} examples or more each")
        if self.n_documents:
            parts.append(f"{self.n_documents:,} documents of about {self.document_chars:,} characters")
        if self.n_tools:
            parts.append(f"{self.n_tools} tools")
        parts.append(f"inputs of about {self.input_chars:,} and targets of about {self.target_chars:,}")
        return f"{self.task} ({self.kind}): {', '.join(parts)} characters."


def facts_of(task: Task) -> DataFacts:
    """Read from a task what need not be asked: rows, classes, lengths, documents, kind and tools."""
    rows = [*task.train, *(task.validation or ()), *task.test]
    documents = [len(d.text) for d in task.documents]
    by_class = Counter(dict.fromkeys(task.labels, 0))
    by_class.update(e.target for e in task.train)
    counted = task.kind == "classification"
    return DataFacts(
        task=task.name,
        kind=task.kind,
        metrics=task.metrics,
        n_train=len(task.train),
        n_validation=len(task.validation or ()),
        n_test=len(task.test),
        input_chars=_middle([len(e.input) for e in rows]),
        target_chars=_middle([len(e.target) for e in rows]),
        n_classes=len(by_class) if counted else None,
        examples_per_class=len(task.train) / len(by_class) if counted and by_class else None,
        fewest_per_class=min(by_class.values()) if counted and by_class else None,
        n_documents=len(documents),
        document_chars=_middle(documents) if documents else None,
        n_tools=len(task.tools),
        # Rows of a task are alike: a few of them show whether they are about calls.
        names_calls=any(wanted_calls(e) for e in rows[:_LOOKED_AT]),
    )


def _middle(lengths: list[int]) -> int:
    return round(median(lengths)) if lengths else 0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a rule may ask about; what is not known is None.

    Attributes:
        required: the requirements.
        facts: of the task, None without one.
        model_parameters: the number of the model's weights.
        n_examples: labelled examples to learn from: the task's, else those stated.
    """

    required: Requirements
    facts: DataFacts | None = None
    model_parameters: float | None = None
    n_examples: int | None = None

    @classmethod
    def of(cls, required: Requirements, facts: DataFacts | None, model_parameters: float | None) -> Situation:
        """Put them together; examples are the task's, where there is one."""
        return cls(
            required=required,
            facts=facts,
            model_parameters=model_parameters,
            n_examples=required.examples_now if facts is None else facts.n_train,
        )

    @property
    def kind(self) -> str | None:
        """The kind of task; whoever counts classes has a classification."""
        if self.facts is not None:
            return self.facts.kind
        counted = self.required.n_classes is not None
        return self.required.kind or ("classification" if counted else None)

    @property
    def metric(self) -> str | None:
        """What quality is judged by."""
        if self.required.metric is None and self.facts is not None:
            return self.facts.metrics[0]
        return self.required.metric

    @property
    def n_classes(self) -> int | None:
        """Classes of a classification, None for another kind of task."""
        if self.facts is not None:
            return self.facts.n_classes
        return self.required.n_classes if self.kind == "classification" else None

    @property
    def n_test(self) -> int | None:
        """Rows that strategies would be compared on; None without a task."""
        return None if self.facts is None else self.facts.n_test

    @property
    def n_tools(self) -> int:
        """Functions that may be called, as far as is known."""
        return max(self.required.n_tools or 0, 0 if self.facts is None else self.facts.n_tools)

    @property
    def has_no_documents(self) -> bool:
        """Whether it is known that there is nothing to retrieve from."""
        return self.facts is not None and self.facts.n_documents == 0

    @property
    def n_facts(self) -> int | None:
        """How many facts answers may rest on: as stated, else at least one a document."""
        if self.required.n_facts is None and self.facts is not None and self.lacks_knowledge:
            return self.facts.n_documents
        return self.required.n_facts

    @property
    def lacks_knowledge(self) -> bool:
        """Whether answers need facts that the model does not have.

        As stated; facts that change or are rare are such facts. Where nothing is stated, questions with
        documents to look answers up in count as well.
        """
        r = self.required
        if (
            r.missing in ("knowledge", "both")
            or r.knowledge_changes_every_days is not None
            or r.rare_entities
        ):
            return True
        asks = self.facts is not None and self.facts.kind == "qa" and self.facts.n_documents > 0
        return r.missing is None and asks

    @property
    def lacks_format(self) -> bool:
        """Whether form, tone, rules or consistency are what a prompt alone misses.

        As stated, else where answers are structured.
        """
        missing = self.required.missing
        return missing in ("format", "both") or (missing is None and self.kind == "structured")

    @property
    def is_small(self) -> bool:
        """Whether the model is known to have about a billion weights or fewer."""
        return self.model_parameters is not None and self.model_parameters <= SMALL_MODEL

    @property
    def may_train(self) -> bool:
        """Whether nothing forbids training on the data."""
        return self.required.may_enter_weights is not False

    @property
    def has_many_classes_with_few_examples(self) -> bool:
        """Whether there are 50 classes or more, and fewer than 50 examples of each or an unknown number."""
        if self.n_classes is None or self.n_classes < MANY_CLASSES:
            return False
        return self.n_examples is None or self.n_examples < FEW_PER_CLASS * self.n_classes

    @property
    def can_tune(self) -> bool:
        """Whether the examples suffice to train at all: ten, and not spread thinly over many classes."""
        enough = self.n_examples is not None and self.n_examples >= MIN_TO_TUNE
        return enough and self.may_train and not self.has_many_classes_with_few_examples

    @property
    def calls(self) -> bool:
        """Whether functions are to be called."""
        shown = self.facts is not None and self.facts.names_calls
        return bool(self.required.needs_actions) or self.n_tools > 0 or shown

    @property
    def has_nothing_to_call(self) -> bool:
        """Whether it is known that there is no function to call: a task without any, and nothing stated."""
        return self.facts is not None and not self.calls

    @property
    def horizon_months(self) -> float:
        """For how long it will run."""
        return self.required.horizon_months or HORIZON_MONTHS

    @property
    def knowledge_changes(self) -> bool:
        """Whether the facts change at least once within the horizon."""
        days = self.required.knowledge_changes_every_days
        return days is not None and days < self.horizon_months * _DAYS_PER_MONTH

    @property
    def demand_is_unknown(self) -> bool:
        """Whether somebody said that the number of requests cannot be known."""
        return self.required.requests_per_month == UNKNOWN


def situation_of(
    requirements: Requirements, task: Task | None = None, *, model_parameters: float | None = None
) -> Situation:
    """Put together what is stated and what the task shows; the task's own rows count, not what is stated.

    Raises:
        ConfigError: ``model_parameters`` is no number above 0.
        UnknownNameError: the metric that is required is none of the task's.
    """
    if model_parameters is not None and not model_parameters > 0:
        raise ConfigError.for_parameter(
            "advise()", "model_parameters", "a number above 0, or None", model_parameters
        )
    facts = None if task is None else facts_of(task)
    if facts is not None and requirements.metric not in (None, *facts.metrics):
        raise UnknownNameError.for_name(f"metric of {facts.task}", str(requirements.metric), facts.metrics)
    return Situation.of(requirements, facts, model_parameters)
