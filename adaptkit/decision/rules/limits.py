"""Rules about what stands in the way: time, price, machines, permissions, other tasks and tenants."""

from __future__ import annotations

from collections.abc import Mapping

from adaptkit.decision.rules.base import TUNED, Rule
from adaptkit.decision.rules.sources import read, reported
from adaptkit.decision.situation import Situation

_LIMITS = (
    ("max_p95_s", "95 % of the requests within {:g} s"),
    ("max_first_token_s", "the first token within {:g} s"),
    ("max_usd_per_1k", "1,000 requests for at most {:g} USD"),
    ("max_usd_per_month", "at most {:g} USD a month"),
)


def _limits(s: Situation) -> str:
    stated = s.required.stated()
    asked = [words.format(stated[name]) for name, words in _LIMITS if name in stated]
    return (
        f"Requests are limited ({', '.join(asked)}): k demonstrations of the size of an input cost about k + "
        "1 times the computation of none, and passages and calls add their own; tuning shortens the prompt."
    )


def _kept_out_of_weights(s: Situation) -> Mapping[str, int]:
    # An index is the place for facts; where none are missing it holds nothing that is of use.
    index = 2 if s.lacks_knowledge else 0
    return {
        "prompt": 1, "few-shot": 0, "rag": index, "lora": -2, "full-sft": -2, "function-calling": 1,
    }  # fmt: skip


LIMITS = (
    Rule(
        id="R12",
        about="the model goes on doing other tasks",
        part="limit",
        grade="controlled",
        sources=read("BID"),
        measure="quality on the other tasks before and after tuning",
        when=lambda s: s.required.keeps_other_tasks is True,
        text="Tuning forgets: after 16 epochs on code, other tasks stood at 61 % with adapters of rank 16 "
        "and at 41 % with all weights trained; a prompt forgets nothing.",
        scores={"prompt": 2, "few-shot": 2, "rag": 2, "lora": 1, "full-sft": -1, "function-calling": 2},
        settings={"lora": "a low rank; measure the other tasks as well"},
    ),
    Rule(
        id="C10",
        about="time or price of a request is limited",
        part="limit",
        grade="controlled",
        sources=read("TFEW", "Azure", "Google"),
        measure="p95 latency, time to the first token and USD per 1,000 requests of each strategy",
        when=lambda s: s.required.limits_time_or_price,
        text=_limits,
        scores={"prompt": 0, "few-shot": -1, "rag": -1, "lora": 1, "full-sft": 1, "function-calling": -1},
    ),
    Rule(
        id="C13",
        about="no GPU, or nobody to train with it",
        part="limit",
        grade="vendor",
        sources=read("AWS"),
        measure="the minutes that one training takes on the machine at hand",
        when=lambda s: s.required.has_gpu is False,
        text="Tuning takes hours to days and somebody who knows how; there is no GPU for it.",
        scores={"prompt": 2, "few-shot": 2, "rag": 1, "lora": -1, "full-sft": -2, "function-calling": 1},
    ),
    Rule(
        id="C14",
        about="data may not enter weights",
        part="limit",
        grade="derived",
        sources=read("Azure", "AWS"),
        measure="whether a passage that is deleted is gone from the answers",
        when=lambda s: not s.may_train,
        text="The data may not enter weights, where they could only be changed or deleted by training again; "
        "in an index or a prompt they are deleted at once.",
        scores=_kept_out_of_weights,
        excludes=TUNED,
    ),
    Rule(
        id="C15",
        about="data may not leave the premises, and the model's size is open",
        part="gap",
        grade="controlled",
        sources=(*reported("MOS"), *read("TIN")),
        measure="the models that fit the machine at hand: prompted, shown examples, and tuned",
        when=lambda s: s.required.may_leave_premises is False and s.model_parameters is None,
        text="The data may not leave the premises, which calls for a model of one's own, and so a smaller "
        "one: those hardly learn from demonstrations and are tuned well.",
        scores={"prompt": -1, "few-shot": -1, "rag": 0, "lora": 2, "full-sft": 1, "function-calling": 0},
    ),
    Rule(
        id="C17",
        about="several customers or tasks, each with a version of its own",
        part="limit",
        grade="vendor",
        sources=read("FIRE", "TFEW"),
        measure="memory and latency with all adapters loaded",
        when=lambda s: (s.required.n_tenants or 0) > 1,
        text=lambda s: (
            f"{s.required.n_tenants} versions are needed: up to 100 adapters share one base model, of a few "
            "MB each, and fully tuned models are one deployment each."
        ),
        scores={"prompt": 1, "few-shot": 1, "rag": 1, "lora": 1, "full-sft": -2, "function-calling": 1},
    ),
    Rule(
        id="N1",
        about="no documents",
        part="limit",
        grade="derived",
        sources=read("AWS"),
        measure="whether there are documents that hold the answers",
        when=lambda s: s.has_no_documents,
        text="The task has no documents to retrieve from.",
        excludes=("rag", "rag+lora"),
    ),
    Rule(
        id="N3",
        about="no tools, and no need for live data",
        part="limit",
        grade="derived",
        sources=read("Azure"),
        measure="whether a function could look up or do what answers need",
        when=lambda s: s.has_nothing_to_call or not (s.calls or s.knowledge_changes),
        text=lambda s: (
            "The task has no function to call."
            if s.has_nothing_to_call
            else "No function to call is named and no live data are needed; "
            "descriptions of tools cost tokens."
        ),
        excludes=("function-calling", "function-calling+lora"),
    ),
)
