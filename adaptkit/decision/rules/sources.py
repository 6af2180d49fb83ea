"""What rules may cite, and how each text was consulted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Consulted = Literal["read", "computed", "reported"]

_REFERENCES = {
    "ANTH": "Anthropic, pricing of prompt caching, platform.claude.com",
    "AWS": "AWS Prescriptive Guidance, RAG and fine-tuning compared, "
    "docs.aws.amazon.com/prescriptive-guidance/latest/retrieval-augmented-generation-options/"
    "rag-vs-fine-tuning.html",
    "Azure": "Microsoft, Azure OpenAI: when to use fine-tuning (fine-tuning-considerations)",
    "BAL": "Balaguer et al. 2024, RAG vs Fine-tuning, arXiv:2401.08406",
    "BER": "Bertsch et al. 2024, in-context learning with long contexts, arXiv:2405.00200",
    "BID": "Biderman et al. 2024, LoRA Learns Less and Forgets Less, arXiv:2405.09673",
    "BUC": "Bucher and Martini 2024, arXiv:2406.08660",
    "CBU": "Zhao et al. 2021, Calibrate Before Use, arXiv:2102.09690",
    "FIRE": "Fireworks, fees for serving fine-tuned models, docs.fireworks.ai/faq-new/billing-pricing",
    "FTB": "FineTuneBench 2024, arXiv:2411.05059",
    "GEK": "Gekhman et al. 2024, arXiv:2405.05904",
    "Google": "Google, tuning of Gemini models, "
    "docs.cloud.google.com/vertex-ai/generative-ai/docs/models/tune-models",
    "HAM": "Husain 2024, when fine-tuning is valuable, hamel.dev/blog/posts/fine_tuning_valuable.html",
    "KATE": "Liu et al. 2021, KATE, arXiv:2101.06804",
    "LITM": "Liu et al. 2023, Lost in the Middle, arXiv:2307.03172",
    "LORA": "Hu et al. 2021, LoRA, arXiv:2106.09685",
    "MIL": "Miller 2024, error bars for evaluations, arXiv:2411.00640",
    "MOS": "Mosbach et al. 2023, Few-shot Fine-tuning vs In-context Learning, arXiv:2305.16938",
    "MS-Learn": "Microsoft Learn, optimize generative AI model performance, "
    "learn.microsoft.com/training/modules/optimize-generative-ai-model-performance",
    "Meta": "Meta 2024, when to fine-tune LLMs, ai.meta.com/blog/when-to-fine-tune-llms-vs-other-techniques",
    "OAI": "OpenAI, Optimizing LLM accuracy, developers.openai.com/api/docs/guides/optimizing-llm-accuracy",
    "OVA": "Ovadia et al. 2023, Fine-Tuning or Retrieval?, arXiv:2312.05934",
    "PEC": "Pecher et al. 2024, arXiv:2402.12819",
    "PLE": "LoRA packing 2025, arXiv:2502.14502",
    "RAFT": "Zhang et al. 2024, RAFT, arXiv:2403.10131",
    "SCL": "Sclar et al. 2024, FormatSpread, arXiv:2310.11324",
    "SOU": "Soudani et al. 2024, Fine Tuning vs RAG for Less Popular Knowledge, arXiv:2403.01432",
    "TFEW": "Liu et al. 2022, T-Few, arXiv:2205.05638",
    "TIN": "TinyAgent 2024, arXiv:2409.00608",
    "applied-llms": "Yan, Husain et al. 2024, applied-llms.org",
}
KEYS = tuple(_REFERENCES)


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A source as a rule uses it.

    Attributes:
        key: short name, e.g. ``OVA``.
        reference: authors, year, title or subject, and where it stands.
        consulted: ``read`` in the primary text, ``computed`` from its published data, or ``reported`` by
            secondary texts, while the primary one was not read.
    """

    key: str
    reference: str
    consulted: Consulted

    @property
    def how(self) -> str:
        """How it was consulted, before what rests on it; empty for a text that was read."""
        return {"read": "", "computed": "computed from its data: ", "reported": _REPORTED}[self.consulted]

    def __str__(self) -> str:
        return f"{self.reference} ({self.how.rstrip(': ')})" if self.how else self.reference


_REPORTED = "as reported by secondary sources: "


def read(*keys: str) -> tuple[Citation, ...]:
    """Cite texts that were read themselves."""
    return _cited(keys, "read")


def computed(*keys: str) -> tuple[Citation, ...]:
    """Cite texts whose published data were computed with."""
    return _cited(keys, "computed")


def reported(*keys: str) -> tuple[Citation, ...]:
    """Cite texts that are known from what others report of them."""
    return _cited(keys, "reported")


def _cited(keys: tuple[str, ...], consulted: Consulted) -> tuple[Citation, ...]:
    return tuple(Citation(key=key, reference=_REFERENCES[key], consulted=consulted) for key in keys)
