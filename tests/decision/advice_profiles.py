"""Situations and what the sources say to try first in them: written from the sources, before the rules.

Each profile gives a situation as a source describes it, the strategy that the source names first, and the key
of the source that has to stand among the reasons for it. ``never`` names what must not be advised at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One situation.

    Attributes:
        says: what the source says, in one line.
        given: the requirements.
        first: the strategy expected first, ``cites`` the source expected among its reasons.
        model_parameters: of the model, where the source says something about size.
        never: strategies that have to stand among those not worth trying.
    """

    name: str
    says: str
    first: str
    cites: str
    given: Mapping[str, object] = field(default_factory=dict)
    model_parameters: float | None = None
    never: tuple[str, ...] = ()


# What the article behind the project describes, and where each is borne out.
ARTICLE = (
    Profile(
        name="nothing is known yet",
        says="Microsoft: prompts first, low in time, complexity and cost",
        first="prompt",
        cites="MS-Learn",
    ),
    Profile(
        name="dynamic documents",
        says="AWS: fine-tuning is bad where documents change frequently, retrieval has the latest in minutes",
        given={"missing": "knowledge", "knowledge_changes_every_days": 1, "examples_now": 300},
        first="rag",
        cites="AWS",
        never=("lora", "full-sft"),
    ),
    Profile(
        name="live data and actions",
        says="TinyAgent: calls to functions are what reaches other systems",
        given={"needs_actions": True, "examples_now": 20},
        first="function-calling",
        cites="TIN",
        never=("lora", "rag"),
    ),
    Profile(
        name="live data, prices by the hour",
        says="the article: ask external systems for live data",
        given={"needs_actions": True, "missing": "knowledge", "knowledge_changes_every_days": 0.05},
        first="function-calling",
        cites="TIN",
    ),
    Profile(
        name="strict output format, 500 examples",
        says="OpenAI: a format that is learnt rather than told; tuned GPT-3.5 passed prompted GPT-4",
        given={"missing": "format", "kind": "structured", "examples_now": 500},
        first="lora",
        cites="OAI",
    ),
    Profile(
        name="tone, 200 examples",
        says="Azure: tone and style are what fine-tuning is for",
        given={"missing": "format", "kind": "generation", "examples_now": 200},
        first="lora",
        cites="Azure",
    ),
    Profile(
        name="few labels",
        says="OpenAI: fine-tuning starts at 50 examples, and improves from 50 to 100",
        given={"kind": "classification", "n_classes": 5, "examples_now": 20},
        first="few-shot",
        cites="OAI",
    ),
    Profile(
        name="hardly any label",
        says="OpenAI: at least 10 examples to fine-tune at all",
        given={"examples_now": 4},
        first="prompt",
        cites="OAI",
        never=("lora", "full-sft", "rag+lora"),
    ),
    Profile(
        name="many labels, few classes",
        says="Bertsch et al.: on TREC fine-tuning passes the nearest demonstrations from about 256 labels on",
        given={"kind": "classification", "n_classes": 6, "examples_now": 4096},
        first="lora",
        cites="BER",
    ),
    Profile(
        name="tight latency at high volume",
        says="T-Few: k demonstrations cost about k + 1 times the computation of none",
        given={
            "examples_now": 500,
            "max_first_token_s": 0.3,
            "requests_per_month": 2_000_000,
            "usd_per_request_prompted": 0.00039,
            "usd_per_request_tuned": 0.00018,
            "usd_to_tune": 1.35,
        },
        first="lora",
        cites="TFEW",
    ),
    Profile(
        name="unknown demand",
        says="Microsoft: prompts cost tokens only; training and hosting are paid in advance",
        given={"requests_per_month": "unknown"},
        first="prompt",
        cites="MS-Learn",
    ),
    Profile(
        name="unknown demand, tone, 200 examples",
        says="Microsoft: the cheap and reversible until demand is known",
        given={"requests_per_month": "unknown", "missing": "format", "examples_now": 200},
        first="few-shot",
        cites="MS-Learn",
    ),
    Profile(
        name="regulated facts that may not enter weights",
        says="AWS: retrieval needs no training; the requirement forbids the rest",
        given={"missing": "knowledge", "may_enter_weights": False, "examples_now": 2000},
        first="rag",
        cites="AWS",
        never=("lora", "full-sft", "rag+lora", "function-calling+lora"),
    ),
    Profile(
        name="regulated examples, strict format",
        says="OpenAI: demonstrations show a format where nothing may be trained",
        given={"missing": "format", "may_enter_weights": False, "examples_now": 2000},
        first="few-shot",
        cites="OAI",
        never=("lora", "full-sft", "rag+lora", "function-calling+lora"),
    ),
)

VENDORS = (
    Profile(
        name="OpenAI, context axis",
        says="missing, outdated or private knowledge: retrieval",
        given={"missing": "knowledge"},
        first="rag",
        cites="OAI",
    ),
    Profile(
        name="OpenAI, behaviour axis, before 50 examples",
        says="inconsistent format or tone: demonstrations before tuning",
        given={"missing": "format", "examples_now": 30},
        first="few-shot",
        cites="OAI",
    ),
    Profile(
        name="OpenAI, both axes",
        says="the two stack: tune a retrieving application on examples shaped like its own",
        given={"missing": "both", "examples_now": 300},
        first="rag+lora",
        cites="OAI",
    ),
    Profile(
        name="OpenAI, both axes, hardly any label",
        says="retrieval for the facts; nothing can be tuned",
        given={"missing": "both", "examples_now": 5},
        first="rag",
        cites="OAI",
        never=("rag+lora", "lora"),
    ),
    Profile(
        name="Google, 100 examples",
        says="tune from 100 examples on, where the task is complex or unique",
        given={"missing": "format", "examples_now": 100},
        first="lora",
        cites="Google",
    ),
    Profile(
        name="Google, limited labels",
        says="prompt where labelled data are limited",
        given={"examples_now": 6, "missing": "nothing"},
        first="prompt",
        cites="Google",
    ),
    Profile(
        name="Meta, tone, style and edge cases",
        says="an archetype of fine-tuning",
        given={"missing": "format", "examples_now": 400},
        first="lora",
        cites="Meta",
    ),
    Profile(
        name="Meta, changing data and transparency",
        says="external knowledge, dynamic, to be traced: retrieval",
        given={"missing": "knowledge", "needs_citations": True, "knowledge_changes_every_days": 7},
        first="rag",
        cites="Meta",
    ),
    Profile(
        name="AWS, questions over own documents",
        says="start with retrieval",
        given={"kind": "qa", "missing": "knowledge", "examples_now": 800},
        first="rag",
        cites="AWS",
    ),
    Profile(
        name="AWS, references wanted",
        says="retrieval gives references, fine-tuning none",
        given={"needs_citations": True, "examples_now": 800},
        first="rag",
        cites="AWS",
        never=("lora",),
    ),
    Profile(
        name="AWS, summaries of whole documents, with examples",
        says="retrieval is weak at whole documents; an extra task such as summarisation is for fine-tuning",
        given={"kind": "summarization", "whole_document": True, "examples_now": 500},
        first="lora",
        cites="AWS",
    ),
    Profile(
        name="AWS, summaries of whole documents, no examples",
        says="retrieval is weak at whole documents, and nothing can be tuned",
        given={"kind": "summarization", "whole_document": True, "examples_now": 0},
        first="prompt",
        cites="AWS",
    ),
    Profile(
        name="AWS, no GPU and nobody to train",
        says="fine-tuning needs a data scientist and hours to days",
        given={"missing": "format", "has_gpu": False, "examples_now": 120},
        first="few-shot",
        cites="AWS",
    ),
    Profile(
        name="Microsoft, specific and current data",
        says="retrieval when accuracy on specific, current or private data is wanted",
        given={"missing": "knowledge", "knowledge_changes_every_days": 30},
        first="rag",
        cites="MS-Learn",
    ),
    Profile(
        name="Microsoft, consistency",
        says="fine-tuning when consistency is wanted, from hundreds of examples on",
        given={"missing": "format", "examples_now": 300},
        first="lora",
        cites="MS-Learn",
    ),
    Profile(
        name="Azure, many tools in a set form",
        says="many tools cost tokens and mislead; fine-tuning helps with them",
        given={"needs_actions": True, "n_tools": 40, "missing": "format", "examples_now": 600},
        first="function-calling+lora",
        cites="Azure",
    ),
    Profile(
        name="Fireworks, many tenants",
        says="100 adapters on one base model",
        given={"missing": "format", "n_tenants": 50, "examples_now": 200},
        first="lora",
        cites="FIRE",
    ),
    Profile(
        name="prompt caching takes the saving away",
        says="cache reads at a tenth of the price: a tuned request costs no less, so it never pays",
        given={
            "missing": "format",
            "examples_now": 200,
            "requests_per_month": 1_000_000,
            "usd_per_request_prompted": 0.00012,
            "usd_per_request_tuned": 0.00018,
            "usd_to_tune": 1.35,
        },
        first="few-shot",
        cites="ANTH",
    ),
)

STUDIES = (
    Profile(
        name="Ovadia et al., new facts, a 7B model",
        says="Mistral-7B on new events: .48 alone, .50 to .59 tuned, .88 with retrieval",
        given={"missing": "knowledge", "examples_now": 900},
        model_parameters=7e9,
        first="rag",
        cites="OVA",
    ),
    Profile(
        name="Soudani et al., rare entities, a 7B model",
        says="Mistral 7B: 80.3 with retrieval, 78.4 with both",
        given={"missing": "knowledge", "rare_entities": True, "examples_now": 900},
        model_parameters=7e9,
        first="rag",
        cites="SOU",
    ),
    Profile(
        name="Soudani et al., rare entities, an 80M model",
        says="FlanT5-small: 47.5 with retrieval, 61.9 with both",
        given={"missing": "knowledge", "rare_entities": True, "examples_now": 900},
        model_parameters=80e6,
        first="rag+lora",
        cites="SOU",
    ),
    Profile(
        name="Mosbach et al., a small model",
        says="in-context learning needs large models, fine-tuning works with small ones",
        given={"kind": "classification", "n_classes": 2, "examples_now": 128},
        model_parameters=125e6,
        first="lora",
        cites="MOS",
    ),
    Profile(
        name="Mosbach et al., a small model and 16 examples",
        says="fine-tuning 125M on 16 examples works where demonstrations do not",
        given={"kind": "classification", "n_classes": 2, "examples_now": 16},
        model_parameters=125e6,
        first="lora",
        cites="MOS",
    ),
    Profile(
        name="Bertsch et al., 77 classes, 13 examples each",
        says="Banking77: nearest demonstrations .94, fine-tuning .69 on 1,024",
        given={"kind": "classification", "n_classes": 77, "examples_now": 1000},
        model_parameters=7e9,
        first="few-shot",
        cites="BER",
    ),
    Profile(
        name="T-Few, few labels and dear requests",
        says="tuning on few examples beats demonstrations at a thousandth of the computation",
        given={"kind": "classification", "n_classes": 4, "examples_now": 50, "max_usd_per_1k": 0.05},
        first="lora",
        cites="TFEW",
    ),
    Profile(
        name="RAFT, both gaps, a 7B model",
        says="trained with passages and distractors 74.0, on pairs alone and then retrieval 42.6",
        given={"missing": "both", "examples_now": 5000},
        model_parameters=7e9,
        first="rag+lora",
        cites="RAFT",
    ),
    Profile(
        name="3,000 facts to be learnt by heart",
        says="an adapter holds 500 facts, of 3,000 under a half",
        given={"missing": "knowledge", "n_facts": 3000, "examples_now": 6000},
        first="rag",
        cites="OVA",
        never=("lora", "full-sft"),
    ),
    Profile(
        name="Biderman et al., a new form, other tasks to be kept",
        says="adapters learn less and forget less than all weights do",
        given={"missing": "format", "keeps_other_tasks": True, "examples_now": 2000},
        first="lora",
        cites="BID",
        never=(),
    ),
    Profile(
        name="TinyAgent, a 1.1B model with 40,000 examples",
        says="12.7 % prompted, 80.1 % tuned with the tools retrieved",
        given={"needs_actions": True, "n_tools": 16, "examples_now": 40_000},
        model_parameters=1.1e9,
        first="function-calling+lora",
        cites="TIN",
    ),
    Profile(
        name="a small model on the premises",
        says="small models are tuned, not shown",
        given={
            "kind": "classification",
            "n_classes": 8,
            "may_leave_premises": False,
            "examples_now": 150,
        },
        first="lora",
        cites="MOS",
    ),
    Profile(
        name="answers must not hang on the wording of the prompt",
        says="order alone: 54 to 93 %; format alone: 7.5 points at the median",
        given={"needs_robust_prompt": True, "examples_now": 200},
        first="lora",
        cites="CBU",
    ),
)

PRACTITIONERS = (
    Profile(
        name="Husain, syntax and style",
        says="fine-tuning is for syntax, style and rules",
        given={"missing": "format", "examples_now": 1500},
        first="lora",
        cites="HAM",
    ),
    Profile(
        name="Husain, context",
        says="retrieval is for context and current facts",
        given={"missing": "knowledge", "knowledge_changes_every_days": 1, "examples_now": 1500},
        first="rag",
        cites="HAM",
    ),
    Profile(
        name="applied-llms, the prompt gets 90 % of the way",
        says="then fine-tuning may not be worth the investment",
        given={"missing": "format", "target_quality": 0.9, "prompt_quality": 0.85, "examples_now": 200},
        first="prompt",
        cites="applied-llms",
    ),
    Profile(
        name="applied-llms, the prompt is good enough",
        says="nothing else is needed",
        given={"missing": "format", "target_quality": 0.8, "prompt_quality": 0.86, "examples_now": 5000},
        first="prompt",
        cites="applied-llms",
        never=("lora", "full-sft"),
    ),
    Profile(
        name="applied-llms, a dozen examples",
        says="five demonstrations or more, up to a few dozen",
        given={"missing": "format", "examples_now": 12},
        first="few-shot",
        cites="applied-llms",
    ),
)

PROFILES = (*ARTICLE, *VENDORS, *STUDIES, *PRACTITIONERS)
