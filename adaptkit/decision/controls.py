"""Which strategies of a comparison are another's controls: it without passages, and with the right ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import Row
from adaptkit.decision.order import name_of, parts_of

RETRIEVAL = "rag"
PLAIN = "prompt"
ORACLE = "passages oracle"
"""What the fit notes of a strategy say that shows the passages of each row's gold documents."""


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What tells why a strategy is wrong.

    Attributes:
        shows_passages: whether the strategy does.
        oracle: the same with the passages of gold documents; the strategy itself where it is that one, None
            where it was not run.
        closed_book: the same without passages, of one that shows some.
        helpers: of one that shows none, those that add passages and nothing else that it lacks.
        wanted_oracle: how to name the oracle in a suite, None where there can be none.
        wanted_closed_book: the same of the closed book.
    """

    shows_passages: bool
    oracle: str | None = None
    closed_book: str | None = None
    helpers: tuple[str, ...] = ()
    wanted_oracle: Mapping[str, Any] | None = None
    wanted_closed_book: Mapping[str, Any] | None = None


def controls_of(strategy: str, rows: Sequence[Row], showing: Collection[str]) -> Controls:
    """Find the controls of a strategy.

    A strategy that asks no model has none: what a model makes of passages says nothing about it.

    Args:
        strategy: one of the rows'.
        rows: of one task; those that did not finish are no controls.
        showing: the strategies whose records hold passages.
    """
    shows = strategy in showing or RETRIEVAL in _parts(strategy)
    own = next(row for row in rows if row.strategy == strategy)
    if not own.traits.uses_llm:
        return Controls(shows_passages=shows)
    done = [row for row in rows if row.status == "done"]
    oracle = _oracle(own, done)
    if not shows:
        helpers = tuple(r.strategy for r in done if _helps(r, strategy, showing))
        return Controls(
            shows_passages=False, oracle=oracle, helpers=helpers, wanted_oracle=_with_oracle(strategy)
        )
    if RETRIEVAL not in _parts(strategy):  # passages that it gets otherwise cannot be taken away or replaced
        return Controls(shows_passages=True)
    return Controls(
        shows_passages=True,
        oracle=oracle,
        closed_book=_closed_book(strategy, done, showing),
        wanted_oracle=_with_oracle(strategy),
        wanted_closed_book={"name": _without_retrieval(strategy)},
    )


def _parts(label: str) -> frozenset[str]:
    """What a strategy adds to the plain prompt."""
    return parts_of(label) - {PLAIN}


def _kinds(row: Row) -> set[str]:
    """What makes a row a control; a composition writes the name of the part in front of a second note."""
    notes = row.fit_notes.items()
    return {str(v) for k, v in notes if v and (k == "control" or k.endswith("_control"))}


def _oracle(own: Row, done: Iterable[Row]) -> str | None:
    """The one that differs from the strategy in its passages, rather than in other parameters too."""
    if _kinds(own) == {ORACLE}:
        return own.strategy
    wanted = _parts(own.strategy) | {RETRIEVAL}
    found = [row for row in done if _kinds(row) == {ORACLE} and _parts(row.strategy) == wanted]
    same = _comparable(own.config)
    nearest = min(found, key=lambda row: _comparable(row.config) != same, default=None)
    return None if nearest is None else nearest.strategy


def _comparable(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {k: _comparable(v) for k, v in config.items() if k not in {"passages", "seed"}}
    return [_comparable(v) for v in config] if isinstance(config, list | tuple) else config


def _closed_book(strategy: str, done: Iterable[Row], showing: Collection[str]) -> str | None:
    wanted = _parts(strategy) - {RETRIEVAL}
    found = [r.strategy for r in done if _parts(r.strategy) == wanted and not _kinds(r)]
    return min((name for name in found if name not in showing), key=len, default=None)


def _helps(row: Row, strategy: str, showing: Collection[str]) -> bool:
    """Shuffled passages help nobody, and what is trained otherwise helps by more than its passages."""
    added = _parts(row.strategy) - {RETRIEVAL, "top-passage"}
    return row.strategy in showing and _kinds(row) <= {ORACLE} and added <= _parts(strategy)


def _without_retrieval(strategy: str) -> str:
    return "+".join(p for p in name_of(strategy).split("+") if p != RETRIEVAL) or PLAIN


def _with_oracle(strategy: str) -> Mapping[str, Any]:
    if _parts(strategy) <= {RETRIEVAL}:
        return {"name": RETRIEVAL, "passages": "oracle"}
    name = name_of(strategy)
    name = name if RETRIEVAL in _parts(strategy) else f"{RETRIEVAL}+{name}"
    return {"name": name, RETRIEVAL: {"passages": "oracle"}}


def as_toml(wanted: Mapping[str, Any]) -> str:
    """A strategy as a suite names it.

    Examples:
        >>> as_toml({"name": "rag+lora", "rag": {"passages": "oracle"}})
        '{ name = "rag+lora", rag = { passages = "oracle" } }'
    """
    written = (
        f"{k} = {as_toml(v) if isinstance(v, Mapping) else chr(34) + str(v) + chr(34)}"
        for k, v in wanted.items()
    )
    return f"{{ {', '.join(written)} }}"
