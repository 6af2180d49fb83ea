"""Rules about facts: those that are missing, change, are rare, have to be cited or are many."""

from __future__ import annotations

from adaptkit.decision.rules.base import Rule
from adaptkit.decision.rules.sources import read, reported
from adaptkit.decision.situation import Situation

WEEK = 7
MAX_FACTS = 500
SERVICE = "where a function or service gives the facts as they are now"


def _every(days: float) -> str:
    if days < 1:
        return f"every {24 * days:.2g} hours"
    return "every day" if days == 1 else f"every {days:g} days"


def _changes(s: Situation) -> str:
    return _every(s.required.knowledge_changes_every_days or 0)


def _within_a_week(s: Situation) -> bool:
    days = s.required.knowledge_changes_every_days
    return days is not None and days <= WEEK


def _are_too_many(s: Situation) -> bool:
    return s.n_facts is not None and s.n_facts > MAX_FACTS


def _by_heart(s: Situation) -> str:
    if s.knowledge_changes:
        return (
            f"The facts change {_changes(s)}, and updates that were trained into models held for 19 % of the "
            "questions on average: weights are no place to keep them."
        )
    return (
        f"There are about {s.n_facts:,} facts to know: an adapter reproduced all of 500, but 48 % of 3,000, "
        "so they cannot be trained in."
    )


def _retrain(s: Situation) -> str:
    return (
        f"Facts change {_changes(s)}, and training and evaluating again takes {s.required.days_to_retrain:g} "
        "days: a tuned model would always be out of date."
    )


KNOWLEDGE = (
    Rule(
        id="R4",
        about="facts are missing, private or new",
        part="gap",
        grade="controlled",
        sources=(
            *read("OVA", "SOU", "OAI", "AWS", "MS-Learn", "HAM"),
            *reported("FTB", "GEK"),
        ),
        measure="prompt, retrieved and given passages on the same rows: retrieval has to beat the prompt by "
        "more than the margin",
        when=lambda s: s.lacks_knowledge,
        text="Answers need facts that the model does not have: on new events Mistral-7B was right in 48 % "
        "alone, 50 to 59 % tuned on the texts, and 88 % with passages retrieved.",
        scores={"prompt": -2, "few-shot": -1, "rag": 2, "lora": -1, "full-sft": -1, "function-calling": 1},
    ),
    Rule(
        id="R10",
        about="facts are many or change, and would have to be learnt by heart",
        part="limit",
        grade="controlled",
        sources=(*reported("PLE", "FTB"), *read("AWS")),
        measure="answers without passages after tuning, on facts of the training texts and on changed ones",
        when=lambda s: s.lacks_knowledge and (s.knowledge_changes or _are_too_many(s)),
        text=_by_heart,
        excludes=("lora", "full-sft"),
        warns=True,
    ),
    Rule(
        id="R11",
        about="there are texts and hardly an example to learn from",
        part="method",
        grade="controlled",
        sources=read("BID", "OVA"),
        measure="quality without passages before and after training on the raw texts",
        when=lambda s: s.lacks_knowledge and s.n_examples is not None and s.n_examples < 10,
        text="Do not train adapters on the raw texts instead: of continued training on code they kept 22 % "
        "where all weights reached 26 % (HumanEval), and tuning on texts added 2 points to new facts where "
        "retrieval added 39.",
        warns=lambda s: s.may_train,
    ),
    Rule(
        id="R13",
        about="passages are retrieved",
        part="method",
        grade="controlled",
        sources=read("SOU"),
        measure="quality and recall at k = 1, 3, 5 and 10 on validation rows",
        when=lambda s: not s.has_no_documents,
        text="Three passages beat one, and five added nothing or took away.",
        settings={"rag": "start with k = 3 and try 1 to 10", "rag+lora": "start with k = 3"},
    ),
    Rule(
        id="R16",
        about="facts change faster than a model can be tuned again",
        part="limit",
        grade="vendor",
        sources=read("AWS", "Azure"),
        measure="the time from a changed fact to an evaluated model",
        when=lambda s: (
            s.required.days_to_retrain is not None
            and s.required.knowledge_changes_every_days is not None
            and s.required.knowledge_changes_every_days <= s.required.days_to_retrain
        ),
        text=_retrain,
        excludes=("lora", "full-sft"),
    ),
    Rule(
        id="R19",
        about="passages are retrieved and may be the wrong ones",
        part="method",
        grade="controlled",
        sources=read("LITM", "SOU"),
        measure="recall at k, then quality with the right passages given",
        when=lambda s: not s.has_no_documents,
        text="Where retrieval disappoints, look at recall first: with the right passage alone a 30B model "
        "answered 82 %, with twenty passages 52 to 56 %; if given passages fail too, tune with passages.",
        settings={
            "rag": "if it disappoints, look at recall at k, then at quality with the right passages given"
        },
    ),
    Rule(
        id="C2",
        about="facts change within a week",
        part="gap",
        grade="vendor",
        sources=(*read("AWS", "HAM", "MS-Learn"), *reported("Meta", "FTB")),
        measure="quality on questions about facts that changed since the last training or indexing",
        when=_within_a_week,
        text=lambda s: (
            f"The facts change {_changes(s)}: an index is brought up to date in minutes, a tuned model in "
            "hours to days."
        ),
        scores={"prompt": -1, "few-shot": -1, "rag": 2, "lora": -2, "full-sft": -2, "function-calling": 2},
        settings={"function-calling": SERVICE},
    ),
    Rule(
        id="C2b",
        about="facts change within the horizon, and less often than weekly",
        part="gap",
        grade="derived",
        sources=read("AWS", "Azure", "MS-Learn"),
        measure="quality on questions about facts that changed since the last training or indexing",
        when=lambda s: s.knowledge_changes and not _within_a_week(s),
        text=lambda s: (
            f"The facts change {_changes(s)}, so a tuned model would be trained again about "
            f"{s.horizon_months * 365 / 12 / (s.required.knowledge_changes_every_days or 1):.0f} times in "
            f"{s.horizon_months:g} months; an index is brought up to date in minutes."
        ),
        scores={"prompt": 0, "few-shot": 0, "rag": 1, "lora": -1, "full-sft": -1, "function-calling": 1},
        settings={"function-calling": SERVICE},
    ),
    Rule(
        id="C3",
        about="questions are about things that few texts tell of",
        part="gap",
        grade="controlled",
        sources=read("SOU"),
        measure="quality on the rarest entities, with and without passages",
        when=lambda s: s.required.rare_entities is True,
        text="About rare entities models of 80 million to 7 billion weights were right in 3 to 26 % alone, 7 "
        "to 31 % tuned, and 48 to 81 % with the right passages.",
        scores={"prompt": -2, "few-shot": -1, "rag": 2, "lora": 0, "full-sft": 0, "function-calling": 1},
    ),
    Rule(
        id="C9",
        about="answers have to name their passages",
        part="need",
        grade="vendor",
        sources=(*read("AWS"), *reported("Meta", "GEK")),
        measure="the share of answers whose passage holds what they say",
        when=lambda s: s.required.needs_citations is True,
        text="Retrieved passages can be named and checked; a tuned model gives no references, and learning "
        "new facts raises what it makes up.",
        scores={"prompt": 0, "few-shot": 0, "rag": 2, "lora": -1, "full-sft": -1, "function-calling": 1},
        excludes=("knn-vote", "tfidf", "prompt", "few-shot", "lora", "full-sft"),
        warns=lambda s: s.has_no_documents,
    ),
)
