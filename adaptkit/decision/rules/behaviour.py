"""Rules about form, classes, actions and the size of the model; and when two levers are better than one."""

from __future__ import annotations

from collections.abc import Mapping

from adaptkit.decision.rules.base import ORDER, Rule
from adaptkit.decision.rules.sources import computed, read, reported
from adaptkit.decision.situation import Situation

MANY_TOOLS = 10


def _form(s: Situation) -> Mapping[str, int]:
    # Passages draw attention from the form; where facts are missing as well they are needed all the same.
    retrieval = 0 if s.lacks_knowledge else -1
    return {"prompt": 0, "few-shot": 1, "rag": retrieval, "lora": 2, "full-sft": 2, "function-calling": 1}


def _is_narrow(s: Situation) -> bool:
    return s.kind == "classification" and not s.has_many_classes_with_few_examples


def _each(s: Situation) -> str:
    if s.n_examples is None or not s.n_classes:
        return "an unknown number of examples"
    return f"about {s.n_examples / s.n_classes:.0f} examples each"


def _needs_both(s: Situation) -> bool:
    """Both gaps are open: a small model that has to use passages first has to learn how."""
    return s.lacks_knowledge and (s.lacks_format or (s.is_small and s.can_tune))


def _calls_in_a_learnt_way(s: Situation) -> bool:
    return s.calls and s.can_tune and (s.lacks_format or s.is_small)


BEHAVIOUR = (
    Rule(
        id="R5",
        about="form, tone, rules or consistency are missing, and the facts are there",
        part="gap",
        grade="vendor",
        sources=(*read("OAI", "Azure", "HAM", "MS-Learn"), *reported("Meta")),
        measure="strict and lenient scores side by side: what they differ by is form",
        when=lambda s: s.lacks_format,
        text="What fails is form and not fact: correcting Icelandic, GPT-4 went from 62 to 70 BLEU by three "
        "demonstrations, and GPT-3.5 tuned on 1,000 examples reached 78.",
        scores=_form,
        settings={"few-shot": "at least 5 demonstrations"},
    ),
    Rule(
        id="R7",
        about="50 classes or more, and fewer than 50 examples of each",
        part="gap",
        grade="controlled",
        sources=(*computed("BER"), *read("KATE")),
        measure="few-shot with the nearest and with random demonstrations, and knn-vote, on the same labels",
        when=lambda s: s.has_many_classes_with_few_examples,
        text=lambda s: (
            f"There are {s.n_classes} classes with {_each(s)}: with 77 classes the nearest demonstrations "
            "out of a whole training set reached 94 %, fine-tuning 69 % on 1,024 examples and 87 % on 4,096."
        ),
        scores={
            "prompt": -1,
            "few-shot": 2,
            "rag": 1,
            "lora": 0,
            "full-sft": 0,
            "function-calling": 0,
            "knn-vote": 1,
        },
        settings={"few-shot": "nearest demonstrations, classes mixed and not sorted"},
    ),
    Rule(
        id="R8",
        about="a small model, and examples enough to tune it",
        part="gap",
        grade="controlled",
        sources=(*reported("MOS"), *read("SOU", "TIN", "LORA")),
        measure="few-shot against lora at the same number of labels, three seeds each",
        when=lambda s: s.is_small and s.can_tune,
        text="The model has about a billion weights or fewer: such models hardly learn from demonstrations "
        "and are tuned well; one of 1.1 billion called functions right in 13 % prompted, and in 80 % tuned "
        "and with the tools retrieved.",
        scores={
            "prompt": -1,
            "few-shot": -2,
            "rag": 0,
            "lora": 2,
            "full-sft": 2,
            "function-calling": -2,
        },
    ),
    Rule(
        id="R8b",
        about="a small model that cannot be tuned: too few examples, of each class, or not allowed",
        part="gap",
        grade="controlled",
        sources=(*reported("MOS"), *read("TIN")),
        measure="prompt and few-shot against the most frequent answer",
        when=lambda s: s.is_small and not s.can_tune,
        text="The model has about a billion weights or fewer: such models hardly follow instructions or "
        "learn from demonstrations, and this one cannot well be tuned here.",
        scores={"prompt": -1, "few-shot": -1, "rag": 0, "function-calling": -2},
    ),
    Rule(
        id="R9",
        about="facts and form are both missing",
        part="method",
        grade="controlled",
        sources=(*reported("RAFT"), *read("OAI", "BAL", "SOU")),
        measure="rag+lora trained with passages against rag, lora, and lora trained without passages",
        when=lambda s: _needs_both(s) and s.may_train,
        text="Both gaps are open, so train with passages, wrong ones among them: a model tuned on question "
        "and answer alone fell from 61 to 43 % when passages were added, one trained with them reached 74 %.",
        favours=("rag+lora",),
        warns=True,
        settings={"rag+lora": "train with retrieved passages, 2 to 4 wrong ones each, the right one in 80 %"},
    ),
    Rule(
        id="R9b",
        about="not both facts and form are missing",
        part="method",
        grade="vendor",
        sources=(*read("OAI"), *computed("OVA"), *reported("RAFT")),
        measure="rag+lora against rag and lora alone",
        when=lambda s: not _needs_both(s),
        text="One gap does not need two levers: with passages a tuned GPT-4 fell from 87 to 83 BLEU on a "
        "task of form, and on knowledge both together beat retrieval alone in 8 of 30 cases.",
        scores={"rag+lora": -2},
        excludes=("rag+lora",),
        warns=lambda s: s.may_train and (s.lacks_knowledge or s.lacks_format) and not s.has_no_documents,
    ),
    Rule(
        id="R14",
        about="functions are called in a form that has to be learnt, or by a small model",
        part="method",
        grade="controlled",
        sources=read("TIN", "Azure"),
        measure="the share of right calls, prompted and tuned, with all tools and with those retrieved",
        when=_calls_in_a_learnt_way,
        text="Calls in a set form, or of a small model, are learnt: models of 1.1 and 7 billion weights went "
        "from 13 and 41 % to 80 and 85 % tuned and with the tools retrieved, where GPT-4-Turbo reached 79 %.",
        favours=("function-calling+lora",),
    ),
    Rule(
        id="R14b",
        about="functions are called by a large model, or there is nothing to learn from",
        part="method",
        grade="derived",
        sources=read("MS-Learn", "TIN"),
        measure="the share of right calls, prompted and tuned",
        when=lambda s: not _calls_in_a_learnt_way(s),
        text="Prompted calls come first: GPT-4-Turbo called right in 79 % untuned, and training can follow.",
        scores={"function-calling+lora": -2},
        excludes=lambda s: () if s.calls else ("function-calling+lora",),
    ),
    Rule(
        id="R14c",
        about="ten tools or more",
        part="method",
        grade="derived",
        sources=read("Azure", "TIN"),
        measure="the share of right choices with all tools and with those retrieved",
        when=lambda s: s.n_tools >= MANY_TOOLS,
        text=lambda s: f"{s.n_tools} tools described in every prompt cost tokens and mislead.",
        settings={
            "function-calling": "offer the tools that are retrieved for a request",
            "function-calling+lora": "offer the tools that are retrieved for a request",
        },
    ),
    Rule(
        id="C5",
        about="a classification with few classes, or with many examples of each",
        part="gap",
        grade="controlled",
        sources=(*read("TFEW", "PEC"), *computed("BER"), *reported("BUC")),
        measure="quality at 50, 100 and all labels for lora, few-shot and the baselines",
        when=_is_narrow,
        text="A narrow classification is learnt from little: tuning on 50 examples a task beat prompted "
        "GPT-3 with 76 against 63 %, small models caught up with large ones at about 100 labels, and on six "
        "classes tuning passed random demonstrations between 256 and 1,024.",
        scores={"prompt": 0, "few-shot": 1, "rag": 0, "lora": 2, "full-sft": 2, "function-calling": 0},
    ),
    Rule(
        id="C18",
        about="functions are called for live data or actions",
        part="need",
        grade="controlled",
        sources=read("TIN", "Azure"),
        measure="the share of right functions, of right arguments, and of tasks brought to an end",
        when=lambda s: s.calls,
        text="Live data and actions are only had by calling functions: prompted, GPT-4-Turbo called right in "
        "79 % of the tasks.",
        scores={"prompt": -1, "few-shot": 0, "rag": -1, "lora": 1, "full-sft": 1, "function-calling": 2},
        excludes=lambda s: (
            tuple(n for n in ORDER if "function-calling" not in n) if s.required.needs_actions else ()
        ),
    ),
    Rule(
        id="C19",
        about="an answer needs all of a document",
        part="limit",
        grade="vendor",
        sources=read("AWS"),
        measure="quality with the whole document and with its passages",
        when=lambda s: (
            s.required.whole_document is True
            or (s.required.whole_document is None and s.kind == "summarization")
        ),
        text="Retrieval is weak where an answer needs the whole document, as summaries do; an extra skill "
        "such as summarising is for tuning.",
        scores={"prompt": 1, "few-shot": 0, "rag": -1, "lora": 1, "full-sft": 1, "function-calling": 0},
    ),
    Rule(
        id="C20",
        about="answers must not hang on wording",
        part="gap",
        grade="controlled",
        sources=(*read("CBU"), *reported("SCL")),
        measure="the range of quality over ten formats and over orders of the same demonstrations",
        when=lambda s: s.required.needs_robust_prompt is True,
        text="Prompts hang on their wording: the order of the same four demonstrations moved accuracy from "
        "54 to 93 %, and formats alone moved it by 7.5 points at the median and 76 at most.",
        scores={"prompt": -1, "few-shot": -1, "rag": 0, "lora": 1, "full-sft": 1, "function-calling": 0},
    ),
)
