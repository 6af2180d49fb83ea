"""What no language model is needed for: if one of these is as good, the user needs no model at all."""

from __future__ import annotations

import copy
import dataclasses
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.types import Passage, Prediction, Prompt, Traits, Usage
from adaptkit.metrics.words import WORDS_VERSION
from adaptkit.models.base import Model
from adaptkit.retrieval import DEFAULT_EMBEDDER, Retriever, VectorIndex, index_texts, load_embedder
from adaptkit.retrieval.index import read_json
from adaptkit.retrieval.lexical import require_same_words, search_form, split
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.selection import vote
from adaptkit.strategies.updating import Update, updated_retriever
from adaptkit.tasks import Task

INDEX_FOLDER = "index"
VOCABULARY_FILE, WEIGHTS_FILE = "vocabulary.json", "weights.safetensors"
NO_TOKENS = Usage(tokens_in=0, tokens_out=0)


@dataclass(frozen=True)
class Found:
    """An answer without a model, and what it was read off."""

    output: str
    contexts: tuple[Passage, ...] = ()


class Baseline(Strategy):
    """Answers without asking the model."""

    traits: ClassVar[Traits] = Traits(uses_llm=False, complexity=0)

    def instruction(self, task: Task) -> str:
        """The task's, which nobody reads."""
        return task.instruction

    @abstractmethod
    def find(self, inputs: Sequence[str]) -> list[Found]:
        """The answers to inputs, in order."""

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """Answer at once; a single input is timed, a batch is not, as with any strategy."""
        started = time.perf_counter()
        found = self.find([p.input for p in prompts])
        seconds = None if looked_up_s is None else looked_up_s + time.perf_counter() - started
        return [
            Prediction(
                output=f.output,
                finish_reason="stop",
                usage=NO_TOKENS,
                contexts=f.contexts,
                first_token_s=seconds,
                latency_s=seconds,
            )
            for f in found
        ]


@dataclass(kw_only=True)
class NearestVote(Baseline):
    """The target that most of the nearest train inputs have, each counting by its similarity.

    Targets that are no labels are as good as never the same: then the nearest one's is the answer (the kNN
    baseline of Liu et al. 2021, arXiv:2101.06804).

    Args:
        k: train inputs that vote.
        embedder: embeds the inputs.
    """

    name: ClassVar[str] = "knn-vote"
    learns_from: ClassVar[tuple[str, ...]] = ("train",)

    k: int = 5
    embedder: str = DEFAULT_EMBEDDER

    def check(self) -> None:
        """K is a positive int."""
        if not is_int(self.k) or self.k < 1:
            raise ConfigError.for_parameter("NearestVote", "k", "an int >= 1", self.k)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Train rows vote."""
        return None if task.train else f"NearestVote needs train examples, and '{task.name}' has none."

    def learn(self, model: Model, task: Task) -> Model:
        """Index the train inputs."""
        self.targets_: list[str] = [e.target for e in task.train]
        embedder = load_embedder(self.embedder)
        self.index_, notes = index_texts([e.input for e in task.train], embedder, progress=self.progress_)
        self.fit_notes_ |= notes
        return model

    def find(self, inputs: Sequence[str]) -> list[Found]:
        """Vote; a draw goes to the target that comes first by nearness."""
        scores, positions = self.index_.search(self.index_.embedder.embed(inputs), self.k)
        answers = []
        for row, places in zip(scores, positions, strict=True):
            found = places >= 0
            answers.append(Found(vote([self.targets_[int(at)] for at in places[found]], row[found])))
        return answers

    def alternatives(self, task: Task) -> list[Self]:
        """Fewer and more voters."""
        return [self, *(dataclasses.replace(self, k=k) for k in (1, 10, 3, 20) if k != self.k)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Index and targets."""
        self.index_.save(folder / INDEX_FOLDER)
        return {"targets": self.targets_}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        self.targets_ = list(state["targets"])
        self.index_ = VectorIndex.load(folder / INDEX_FOLDER, load_embedder(self.embedder))
        return model


@dataclass(kw_only=True)
class TfidfClassifier(Baseline):
    """Logistic regression on weighted words and pairs of words: what classification was before models.

    Args:
        strength: inverse of the regularisation (scikit-learn's ``C``).
    """

    name: ClassVar[str] = "tfidf"
    learns_from: ClassVar[tuple[str, ...]] = ("train",)

    strength: float = 10.0

    def check(self) -> None:
        """The strength is positive."""
        if not is_number(self.strength) or self.strength <= 0:
            raise ConfigError.for_parameter("TfidfClassifier", "strength", "a number above 0", self.strength)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Two labels at least have to occur in train rows."""
        if task.kind != "classification":
            return f"TfidfClassifier needs a classification, and '{task.name}' is none."
        if len({e.target for e in task.train}) < 2:
            return f"TfidfClassifier needs train examples of two labels, and '{task.name}' has fewer."
        return None

    def learn(self, model: Model, task: Task) -> Model:
        """Fit the weights of words, then those of labels."""
        from sklearn.linear_model import LogisticRegression

        self.words_ = _vectorizer()
        features = self.words_.fit_transform([e.input for e in task.train])
        regression = LogisticRegression(C=self.strength, max_iter=1000)
        regression.fit(features, [e.target for e in task.train])
        self.labels_: list[str] = [str(label) for label in regression.classes_]
        # With two labels scikit-learn keeps one row, which speaks for the second.
        both = len(self.labels_) == 2
        coefficients = np.vstack([0 * regression.coef_, regression.coef_]) if both else regression.coef_
        # safetensors writes arrays as they lie in memory.
        self.weights_ = np.ascontiguousarray(coefficients)
        bias = regression.intercept_
        self.bias_ = np.concatenate([0 * bias, bias]) if both else bias
        return model

    def find(self, inputs: Sequence[str]) -> list[Found]:
        """The label with the highest score."""
        scores = self.words_.transform(inputs) @ self.weights_.T + self.bias_  # [n, n_labels]
        return [Found(self.labels_[int(at)]) for at in np.asarray(scores).argmax(1)]

    def alternatives(self, task: Task) -> list[Self]:
        """Weaker and stronger regularisation."""
        others = (s for s in (1.0, 100.0, 3.0, 30.0) if s != self.strength)
        return [self, *(dataclasses.replace(self, strength=s) for s in others)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Vocabulary and weights."""
        from safetensors.numpy import save_file

        write_json_atomic(
            folder / VOCABULARY_FILE, {w: int(i) for w, i in sorted(self.words_.vocabulary_.items())}
        )
        save_file(
            {"idf": self.words_.idf_, "weights": self.weights_, "bias": self.bias_}, folder / WEIGHTS_FILE
        )
        return {"labels": self.labels_, "words": WORDS_VERSION}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        from safetensors.numpy import load_file

        arrays = load_file(folder / WEIGHTS_FILE)
        vocabulary = read_json(folder / VOCABULARY_FILE)
        require_same_words(folder / VOCABULARY_FILE, state.get("words"), vocabulary)
        self.words_ = _vectorizer(vocabulary)
        self.words_.idf_ = arrays["idf"]
        self.labels_, self.weights_, self.bias_ = list(state["labels"]), arrays["weights"], arrays["bias"]
        return model


def _vectorizer(vocabulary: Mapping[str, int] | None = None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # One-letter words count too: they tell "I" from "we".
    return TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        preprocessor=search_form,
        tokenizer=split,
        token_pattern=None,
        vocabulary=vocabulary,
    )


@dataclass(kw_only=True)
class TopPassage(Baseline):
    """The passage that is most like the input, as it is: what a search box answers.

    Args:
        chunk_tokens: longest passage, in the embedder's word pieces.
        embedder: embeds passages and inputs.
    """

    name: ClassVar[str] = "top-passage"
    traits: ClassVar[Traits] = Traits(uses_llm=False, retrieves=True, complexity=0)
    learns_from: ClassVar[tuple[str, ...]] = ("documents",)
    update: ClassVar[Update] = "re-index"

    chunk_tokens: int = 60
    embedder: str = DEFAULT_EMBEDDER

    def check(self) -> None:
        """The length is positive."""
        if not is_int(self.chunk_tokens) or self.chunk_tokens < 1:
            raise ConfigError.for_parameter("TopPassage", "chunk_tokens", "an int >= 1", self.chunk_tokens)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Passages come from documents."""
        return None if task.documents else f"TopPassage needs documents, and '{task.name}' has none."

    def learn(self, model: Model, task: Task) -> Model:
        """Cut, embed and index the documents."""
        self.retriever_ = Retriever.build(
            task.documents,
            embedder=load_embedder(self.embedder),
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=0,
            questions=[e.input for e in task.train],
            progress=self.progress_,
        )
        self.fit_notes_ |= self.retriever_.notes
        return model

    def _updated(self, model: Model, old: Task, new: Task) -> Self:
        """Index what changed."""
        made = copy.copy(self)
        made.retriever_ = updated_retriever(self.retriever_, old, new)
        made.fit_notes_ = {**self.fit_notes_, **made.retriever_.notes}
        return made

    def find(self, inputs: Sequence[str]) -> list[Found]:
        """The text of the best passage."""
        rows = self.retriever_.retrieve(inputs, 1)
        return [Found(found[0].text, tuple(found)) if found else Found("") for found in rows]

    def alternatives(self, task: Task) -> list[Self]:
        """Shorter and longer passages."""
        others = (n for n in (30, 120, 200) if n != self.chunk_tokens)
        return [self, *(dataclasses.replace(self, chunk_tokens=n) for n in others)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Chunks and index."""
        self.retriever_.save(folder / INDEX_FOLDER)
        return {}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        self.retriever_ = Retriever.load(folder / INDEX_FOLDER, embedder=load_embedder(self.embedder))
        return model


BASELINES: tuple[type[Baseline], ...] = (NearestVote, TfidfClassifier, TopPassage)
