"""Retrieval-augmented generation: passages from the task's documents in the prompt."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.types import Document, Example, Passage, PassageOrder, Prediction, Prompt, Traits
from adaptkit.models.base import Model
from adaptkit.models.render import shown_passages
from adaptkit.retrieval import (
    DEFAULT_EMBEDDER,
    Method,
    Reranker,
    Retriever,
    RetrieverSettings,
    load_embedder,
    load_reranker,
    quality_on,
)
from adaptkit.strategies.answer_format import SPARE_TOKENS, AnswerFormat
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.checks import COUNT, SWITCH, TEXT_OR_NONE, Check, check_params
from adaptkit.strategies.citing import CITATION_RULE, CITATION_TOKENS, passage_that_holds, read_citations
from adaptkit.strategies.controls import UPPER_BOUND, GoldDocuments, other_passages
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.gold_share import NOBODY_TRAINED, GoldShare
from adaptkit.strategies.label_ways import WAYS, LabelWay
from adaptkit.strategies.unanswered import declined, left_without_passages, unanswerable_target
from adaptkit.strategies.updating import Update, document_changes
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task, some_rows

Passages = Literal["retrieved", "shuffled", "oracle"]
INDEX_FOLDER = "index"
DOCUMENTS_RULE = "Use the documents given; the answer follows from them."
NO_ANSWER_RULE = "Use the documents given. If they do not hold the answer, reply with exactly: {}"
LONG_CHUNKS = {"chunk_tokens": 200, "overlap_tokens": 40}
ROWS_TOLD = 100
"""Rows on which it is told how many are left without passages."""


def _one_of(literal: Any) -> Check:
    names = get_args(literal)
    return (lambda value: value in names, " or ".join(repr(name) for name in names))


@dataclass(kw_only=True)
class RAG(Strategy):
    """The ``k`` chunks of the documents that fit the input best, in front of it.

    Args:
        k: passages in a prompt.
        method: ``dense`` looks for near vectors, ``bm25`` for shared words, ``hybrid`` for both, their
            rankings fused (Cormack et al. 2009).
        chunk_tokens: longest chunk, in the embedder's word pieces.
        overlap_tokens: word pieces that neighbouring chunks share.
        titles: documents' titles are searched and shown with each of their chunks.
        order: ``best-last`` puts the best passage next to the input, ``best-first`` furthest from it.
        passages: ``retrieved``; or a control. ``shuffled`` shows as many chunks of random other documents:
            if that answers as well, retrieval is not what helps. ``oracle`` shows chunks of each row's gold
            documents, **test rows included**: an upper bound of what better retrieval can bring, never a
            result. Inputs without known gold documents get retrieved passages and are counted.
        reranker: name or folder of a sentence-transformers cross-encoder that orders the best 30 chunks anew.
        min_score: passages that score less are left out. The score is the cosine similarity, with the
            method ``bm25`` its score, with a reranker the reranker's.
        no_answer: what to reply where the documents do not hold the answer. Where ``min_score`` leaves
            no passage, it is the answer, and the model is not asked.
        cite: the model is asked to end its answer with the numbers of the documents it used, which are
            taken off and told in ``Prediction.citations``. Without, or where it names none, those are the
            first passage that holds the answer word for word, if any does.
        gold_share: what a strategy fitted after this one is trained on (RAFT, Zhang et al. 2024,
            arXiv:2403.10131, who take 0.4 to 1): of the train rows with known gold documents this share gets
            the best chunk of each of them among its ``k`` passages, and the others get passages of other
            documents only, so that passages are read and not trusted. The order is drawn. None trains on
            what is retrieved, as rows without known gold documents do in any case. Prompts that are to be
            answered never depend on it.
        embedder: embeds chunks and inputs; its word pieces measure the chunks.
        seed: of the shuffled passages, and of what ``gold_share`` draws.
    """

    name: ClassVar[str] = "rag"
    traits: ClassVar[Traits] = Traits(retrieves=True, complexity=4)
    learns_from: ClassVar[tuple[str, ...]] = ("documents",)
    update: ClassVar[Update] = "re-index"

    k: int = 3
    method: Method = "hybrid"
    chunk_tokens: int = 200
    overlap_tokens: int = 40
    titles: bool = True
    order: PassageOrder = "best-last"
    passages: Passages = "retrieved"
    reranker: str | None = None
    min_score: float | None = None
    no_answer: str | None = None
    cite: bool = False
    gold_share: float | None = None
    embedder: str = DEFAULT_EMBEDDER
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """Only the control with shuffled passages does; what is trained on the gold share says so itself."""
        return self.passages == "shuffled"

    @property
    def _label_ways(self) -> Mapping[str, LabelWay]:
        """All: what it does in :meth:`ask` leaves labels as they are."""
        return WAYS

    def check(self) -> None:
        """Sizes are positive, the overlap is smaller than a chunk, and choices are known ones."""
        check_params(self, {"k": COUNT, "chunk_tokens": COUNT})
        most = self.chunk_tokens - 1
        checks: dict[str, Check] = {
            "overlap_tokens": (
                lambda v: is_int(v) and 0 <= v <= most,
                f"between 0 and chunk_tokens - 1 ({most})",
            ),
            "method": _one_of(Method),
            "titles": SWITCH,
            "order": _one_of(PassageOrder),
            "passages": _one_of(Passages),
            "reranker": TEXT_OR_NONE,
            "min_score": (lambda v: v is None or is_number(v), "a number, or None"),
            "no_answer": TEXT_OR_NONE,
            "cite": SWITCH,
            "gold_share": (
                lambda v: v is None or (is_number(v) and 0 <= v <= 1 and self.passages == "retrieved"),
                "a number from 0 to 1, or None; None where passages is a control",
            ),
        }
        check_params(self, checks)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Passages come from documents; the oracle's from gold documents; only free text can cite."""
        if not task.documents:
            return f"RAG needs documents, and the task '{task.name}' has none."
        if self.passages == "oracle" and not GoldDocuments.of(task).by_input:
            return (
                f"RAG with passages='oracle' needs gold documents, and no example of the task '{task.name}' "
                "names any."
            )
        if self.gold_share is not None and not any(e.gold_documents for e in task.train):
            return (
                f"RAG with gold_share={self.gold_share} needs gold documents, and no train example of the "
                f"task '{task.name}' names any."
            )
        if self.cite and (task.labels or task.kind == "structured"):
            return (
                f"RAG with cite=True needs answers in free text, and those of the task '{task.name}' are "
                f"{'JSON' if task.kind == 'structured' else 'labels'}."
            )
        if self.no_answer is not None and task.labels and self.no_answer not in task.labels:
            return f"The no_answer {self.no_answer!r} is none of the labels of the task '{task.name}'."
        return None

    def instruction(self, task: Task) -> str:
        """The full instruction, and what the documents are for."""
        rule = DOCUMENTS_RULE if self.no_answer is None else NO_ANSWER_RULE.format(self.no_answer)
        return "\n".join([full_instruction(task), rule, *([CITATION_RULE] if self.cite else [])])

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """The task's, with room for what is asked of this strategy only."""
        form = super().answer_format(task, model)
        tokens = form.max_new_tokens
        if self.no_answer is not None:
            tokens = max(tokens, model.count_tokens(self.no_answer) + SPARE_TOKENS)
        return dataclasses.replace(form, max_new_tokens=tokens + (CITATION_TOKENS if self.cite else 0))

    def learn(self, model: Model, task: Task) -> Model:
        """Cut and index the documents; tell how well they are found."""
        self.retriever_ = Retriever.built_as(
            RetrieverSettings(
                method=self.method,
                chunk_tokens=self.chunk_tokens,
                overlap_tokens=self.overlap_tokens,
                titles=self.titles,
            ),
            task.documents,
            embedder=load_embedder(self.embedder),
            reranker=self._load_reranker(),
            questions=[e.input for e in task.train],
            progress=self.progress_,
        )
        self.gold_ = GoldDocuments.of(task) if self.passages == "oracle" else None
        self._note(task)
        return model

    def _load_reranker(self) -> Reranker | None:
        return None if self.reranker is None else load_reranker(self.reranker)

    def _note(self, task: Task) -> None:
        """Tell about the index, and how good the retriever is on rows that it is not judged by."""
        self.fit_notes_ |= self.retriever_.notes
        splits = (("validation", task.validation or ()), ("train", task.train))
        quality = quality_on(splits, self.retriever_, self.k)
        if quality:
            self.fit_notes_["retrieval"] = quality
        if self.min_score is not None:
            split, examples = next((s for s in splits if s[1]), splits[0])
            rows = some_rows(examples, ROWS_TOLD)
            found = self._retrieved([e.input for e in rows])
            told = left_without_passages(rows, found, self.no_answer)
            self.fit_notes_["min_score"] = {"split": split, **told}
        if self.gold_share is not None:
            self.fit_notes_["gold_share"] = dict(NOBODY_TRAINED)
        if self.passages != "retrieved":
            self.fit_notes_["control"] = f"passages {self.passages}"
        if self.gold_ is not None:
            self.fit_notes_["oracle"] = {
                "upper_bound": UPPER_BOUND,
                "n_inputs": len(self.gold_.by_input),
                "n_unknown_inputs": 0,
            }

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add the passages."""
        return self._with_passages(prompts, self._shown([p.input for p in prompts]))

    def _with_passages(self, prompts: Sequence[Prompt], found: Sequence[Sequence[Passage]]) -> list[Prompt]:
        return [
            dataclasses.replace(prompt, context=(*prompt.context, *passages), passage_order=self.order)
            for prompt, passages in zip(prompts, found, strict=True)
        ]

    def _extend_training(self, prompts: Sequence[Prompt], examples: Sequence[Example]) -> list[Prompt]:
        """Add the passages; with ``gold_share``, those that it asks for."""
        if self.gold_share is None:
            return self.extend(prompts)
        drawn = GoldShare(self.gold_share, self.seed, self.retriever_, self._retrieved)
        found = drawn.passages(examples, self.k)
        # What has no room goes first, the gold passages last: they are not lost to the order drawn below.
        shown = [
            fit_to_context(prompt, self.model_, self.format_.max_new_tokens)
            for prompt in self._with_passages(prompts, found)
        ]
        self.fit_notes_["gold_share"].update(drawn.counted(shown, examples))
        return drawn.shuffled(shown, examples, [len(p.context) for p in prompts])

    def _shown(self, inputs: Sequence[str]) -> list[list[Passage]]:
        """The passages of each input, best first."""
        if self.gold_ is not None:
            return self._of_gold_documents(inputs, self.gold_)
        found = self._retrieved(inputs)
        if self.passages == "shuffled":
            return [
                other_passages(self.retriever_, text, own, self.seed)
                for text, own in zip(inputs, found, strict=True)
            ]
        return found

    def _retrieved(self, inputs: Sequence[str], k: int | None = None) -> list[list[Passage]]:
        least = -float("inf") if self.min_score is None else self.min_score
        found = self.retriever_.retrieve(inputs, k or self.k)
        return [[p for p in passages if p.score >= least] for passages in found]

    def _of_gold_documents(self, inputs: Sequence[str], gold: GoldDocuments) -> list[list[Passage]]:
        found = gold.passages(self.retriever_, inputs, self.k)
        self.fit_notes_["oracle"]["n_unknown_inputs"] = len(gold.unknown)
        unknown = [i for i, passages in enumerate(found) if not passages]
        for i, passages in zip(unknown, self._retrieved([inputs[i] for i in unknown]), strict=True):
            found[i] = passages
        return found

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """Ask the model where there is something to read; tell which passages the answers came from."""
        asked = [p for p in prompts if not self._is_declined(p)]
        answered = iter(super().ask(asked, looked_up_s) if asked else [])
        return [
            declined(self.no_answer or "", looked_up_s)
            if self._is_declined(p)
            else self._with_citations(next(answered))
            for p in prompts
        ]

    def _is_declined(self, prompt: Prompt) -> bool:
        return self.no_answer is not None and self.min_score is not None and not prompt.context

    def _with_citations(self, prediction: Prediction) -> Prediction:
        if self.format_.choices is not None or self.format_.schema is not None:
            return prediction  # a label or record is found in no passage but by chance
        output = prediction.output
        cited: tuple[str, ...] = ()
        if self.cite:
            output, cited = read_citations(output, shown_passages(prediction.contexts, self.order))
        cited = cited or passage_that_holds(output, prediction.contexts)
        return dataclasses.replace(prediction, output=output, citations=cited)

    def update_documents(self, documents: Sequence[Document] = (), *, remove: Collection[str] = ()) -> Self:
        """Add, change or remove documents after the fit; only what changed is embedded.

        Answers are then those of a fit to the changed documents. Of ``fit_notes_``, those about the index
        follow; ``retrieval`` stays that of the fit.

        Args:
            documents: new ones, and changed ones, known by their id.
            remove: ids of those to leave out.

        Returns:
            The strategy itself.

        Raises:
            NotFittedError: ``fit()`` has not been called.
            UnknownNameError: there is no document to remove by that id.
            ConfigError: an id is given twice, or no document would be left.
        """
        self._require_fitted("update_documents()")
        updated = self.retriever_.updated(documents, remove=remove)
        if not updated.chunks:
            raise ConfigError("No document would be left. RAG needs at least one.")
        self.retriever_ = updated
        self.fit_notes_ |= {**updated.notes, "n_updates": self.fit_notes_.get("n_updates", 0) + 1}
        return self

    def _updated(self, model: Model, old: Task, new: Task) -> Self:
        """Index what changed; which documents the control with gold documents shows follows the rows."""
        made = copy.copy(self)
        made.fit_notes_ = copy.deepcopy(self.fit_notes_)
        if made.gold_ is not None:
            made.gold_ = GoldDocuments.of(new)
        documents, gone = document_changes(old, new)
        return made.update_documents(documents, remove=gone)

    def alternatives(self, task: Task) -> list[Self]:
        """Fewer or more passages, the other methods, smaller chunks; a control has none."""
        if self.passages != "retrieved":
            return [self]
        changes: list[dict[str, Any]] = [
            {"k": 1},
            {"method": "bm25"},
            {"k": 5},
            {"chunk_tokens": 100, "overlap_tokens": 20} if self.chunk_tokens > 100 else LONG_CHUNKS,
            {"method": "hybrid"},
            {"method": "dense"},
            {"k": 10},
        ]
        unanswerable = unanswerable_target(task)
        if unanswerable and self.no_answer is None:
            changes.insert(1, {"no_answer": unanswerable})
        others = [dataclasses.replace(self, **change) for change in changes]
        return [self, *(o for o in others if o != self)][:8]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """Chunks and indexes; for the control with gold documents, what they are."""
        self.retriever_.save(folder / INDEX_FOLDER)
        return {"gold": self.gold_.by_input if self.gold_ else None}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back."""
        self.retriever_ = Retriever.load(
            folder / INDEX_FOLDER, embedder=load_embedder(self.embedder), reranker=self._load_reranker()
        )
        gold = state["gold"]
        self.gold_ = GoldDocuments({k: tuple(v) for k, v in gold.items()}) if gold else None
        return model
