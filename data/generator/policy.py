"""policy_questions: questions over the policies of the company."""

import random
from collections import defaultdict
from collections.abc import Sequence

from data.generator.policy_texts import Fact, Library, load_library
from data.generator.rows import SPLITS, Example, TaskFolder, card_base, generator_for, shuffled

SIZES = {"train": 430, "validation": 72, "test": 200}
JOINED = {"train": 74, "validation": 12, "test": 34}
SHARED = {"validation": 10, "test": 26}
DIRECT_RULES = {"validation": 2, "test": 4}
DIRECT_TRAIN = 22
SUPERSEDED = {"validation": 2, "test": 7}
# Shared wordings: the last ones of a list are kept for validation and test.
HELD_BACK = 2
INSTRUCTION = (
    "Answer the question about the rules of the Wharrowdale Hire Cooperative with a short phrase."
    " Of several versions of a rule, the latest applies unless the question asks about an earlier one."
)


def _example(fact: Fact, question: str) -> Example:
    metadata = {"needs_documents": len(fact.documents), "shape": fact.kind}
    aliases = tuple(alias for alias in fact.aliases if alias != fact.answer)
    return Example(question, fact.answer, aliases, fact.documents, fact.family, metadata)


def _wordings(fact: Fact, split: str) -> Sequence[str]:
    """The wordings that a split may use."""
    if fact.kind not in {"shared", "joined"}:
        return fact.questions
    return fact.questions[:-HELD_BACK] if split == "train" else fact.questions[-HELD_BACK:]


class _Deck:
    """Facts of one kind, dealt to the splits without replacement, evenly over the documents."""

    def __init__(self, facts: Sequence[Fact], rng: random.Random) -> None:
        self.rng = rng
        self.by_document: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
        for fact in shuffled(facts, rng):
            self.by_document[self._place(fact)].append(fact)

    @staticmethod
    def _place(fact: Fact) -> tuple[str, ...]:
        return fact.documents[-1:]

    def deal(self, count: int) -> list[Fact]:
        """The next facts, from the documents that still have most."""
        dealt = []
        for _ in range(count):
            full = max(map(len, self.by_document.values()))
            places = [place for place, facts in self.by_document.items() if len(facts) == full and facts]
            if not places:
                break
            dealt.append(self.by_document[self.rng.choice(places)].pop())
        return dealt

    def deal_by_rule(self, count: int) -> list[Fact]:
        """The next facts, taking the documents in turn."""
        dealt: list[Fact] = []
        while len(dealt) < count:
            left = [facts for facts in self.by_document.values() if facts]
            dealt += [facts.pop() for facts in left[: count - len(dealt)]]
        return dealt

    def deal_documents(self, count: int) -> list[Fact]:
        """All facts of some documents."""
        places = self.rng.sample(sorted(self.by_document), count)
        return [fact for place in places for fact in self.by_document.pop(place)]

    def rest(self) -> list[Fact]:
        """What has not been dealt."""
        return [fact for facts in self.by_document.values() for fact in facts]


def _one_each(facts: Sequence[Fact], split: str, rng: random.Random) -> list[Example]:
    return [_example(fact, rng.choice(_wordings(fact, split))) for fact in facts]


def _all_wordings(facts: Sequence[Fact], split: str) -> list[Example]:
    return [_example(fact, question) for fact in facts for question in _wordings(fact, split)]


def _decks(library: Library, rng: random.Random) -> dict[str, _Deck]:
    kinds: dict[str, list[Fact]] = defaultdict(list)
    for fact in library.facts:
        kinds[fact.kind].append(fact)
    return {kind: _Deck(facts, rng) for kind, facts in kinds.items()}


def _held_out(split: str, decks: dict[str, _Deck], rng: random.Random) -> list[Example]:
    """Validation or test: one question for each fact."""
    facts = decks["joined"].deal_by_rule(JOINED[split])
    facts += decks["shared"].deal(SHARED[split])
    facts += decks["direct"].deal_documents(DIRECT_RULES[split])
    facts += decks["superseded"].deal(SUPERSEDED[split])
    facts += decks["current"].deal(SIZES[split] - len(facts))
    return _one_each(facts, split, rng)


def _train(decks: dict[str, _Deck], rng: random.Random) -> list[Example]:
    """Train: every wording of the facts that are left, filled up with sheets."""
    examples = _one_each(decks["joined"].deal_by_rule(JOINED["train"]), "train", rng)
    for kind in ("current", "superseded"):
        examples += _all_wordings(decks[kind].rest(), "train")
    examples += _one_each(decks["direct"].deal(DIRECT_TRAIN), "train", rng)
    sheets = shuffled(_all_wordings(decks["shared"].rest(), "train"), rng)
    return (examples + sheets)[: SIZES["train"]]


def build() -> TaskFolder:
    """The whole folder."""
    library, rng = load_library(), generator_for("policy")
    decks = _decks(library, rng)
    splits = {split: _held_out(split, decks, rng) for split in ("test", "validation")}
    splits["train"] = _train(decks, rng)
    ordered = {split: shuffled(splits[split], rng) for split in SPLITS}
    card = card_base("policy_questions", "qa", INSTRUCTION, ("token_f1", "exact_match", "contains"))
    card["description"] = (
        "Questions about the internal rules of a fictional equipment hire cooperative, which no model can"
        " know: superseded versions, near-duplicates and distractors among the documents; about a sixth of"
        " the questions need two documents."
    )
    return TaskFolder(card, "policy-q", ordered, tuple(shuffled(library.documents, rng)))
