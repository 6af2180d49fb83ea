"""Runs workloads: starts the workers, lets each compute in turn, and makes entries of what they tell."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.perf import floor
from benchmarks.perf.prepare import Builder, ModelFiles, Prepared
from benchmarks.perf.results import Entry, share_equal
from benchmarks.perf.workers import Worker, WorkerError, own_python, peers_python

T = TypeVar("T")
OURS = "adaptkit"
WORKERS = "benchmarks.perf.peers"
NOT_INSTALLED = "not installed: run 'make perf', or name a Python that has it in ADAPTKIT_PEERS_PYTHON"
REFERENCE_ROWS = 16
GENERATION_PEERS = {
    "generate": "run_generate",
    "lm-eval": "run_lm_eval",
    "llama.cpp": "run_llama_cpp",
    "openvino": "run_openvino",
}
"""Engines that answer requests, and their workers."""
RUNS_HERE = frozenset({"generate"})
"""Peers that need nothing that adaptkit does not need: without the peers' Python they run in our own."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for.

    Attributes:
        peers: names of the peers to run; None for all.
        limit: at most this many rows a workload.
        timeout_s: longest time of one repeat; a peer that takes longer is a blank.
        peer_dtype: of torch peers, ``auto`` for what is quickest here.
    """

    repeat: int = 3
    peers: frozenset[str] | None = None
    limit: int | None = None
    timeout_s: float = 180.0
    peer_dtype: str = "auto"

    def wants(self, peer: str) -> bool:
        """Whether a peer is to be run."""
        return self.peers is None or peer in self.peers

    def rows(self, n: int) -> int:
        """``n``, or fewer where the limit is lower."""
        return n if self.limit is None else min(n, self.limit)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What all workloads of a run share.

    Attributes:
        scratch: folder of jobs and logs.
        tell: shows a line of progress.
    """

    model: ModelFiles
    builder: Builder
    shape: floor.ModelShape
    rates: Mapping[str, floor.Rates]
    hardware: Mapping[str, Any]
    options: Options
    scratch: Path
    tell: Callable[[str], None]

    def write_job(self, name: str, job: Mapping[str, Any]) -> Path:
        """Write what a worker reads."""
        path = self.scratch / f"{name}.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return path


@dataclass
class Turn:
    """One engine in a round.

    Attributes:
        worker: None where there is no Python to run it.
        told: what it answered, one a repeat.
        problem: why there is no more.
    """

    name: str
    worker: Worker | None
    told: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    @property
    def seconds(self) -> list[float]:
        """Of each repeat."""
        return [float(t["seconds"]) for t in self.told]

    @property
    def note(self) -> str:
        """How it was set up, and what went wrong."""
        set_up = self.worker.note if self.worker else ""
        return "; ".join(part for part in (set_up, self.problem) if part)

    def outputs(self) -> list[str]:
        """Its answers in the first repeat."""
        return list(self.told[0].get("outputs", ())) if self.told else []


def make_turn(name: str, module: str, job: Path) -> Turn:
    """A turn with the worker that runs it, in our own Python or in the peers'."""
    python = own_python() if name == OURS else peers_python()
    if python is None and name in RUNS_HERE:
        python = own_python()
    if python is None:
        return Turn(name, None, problem=NOT_INSTALLED)
    return Turn(name, Worker.of(python, f"{WORKERS}.{module}", job))


def run_in_turn(turns: Sequence[Turn], options: Options, tell: Callable[[str], None]) -> None:
    """Load every engine, then let each run once a repeat, in turn; problems stay in the turns."""
    with _ending(turns):
        for turn in turns:
            _try(turn, lambda worker: worker.start(), tell, "loading")
        for number in range(options.repeat):
            for turn in turns:
                told = _try(
                    turn,
                    lambda worker: worker.go(options.timeout_s),
                    tell,
                    f"repeat {number + 1} of {options.repeat}",
                )
                if told is not None:
                    turn.told.append(told)


def _try(turn: Turn, work: Callable[[Worker], T], tell: Callable[[str], None], what: str) -> T | None:
    """Let a turn that has no problem yet work; None where it has, or has one now."""
    if turn.worker is None or turn.problem:
        return None
    tell(f"{turn.name}: {what}")
    try:
        return work(turn.worker)
    except WorkerError as error:
        turn.problem = str(error)
        tell(f"{turn.name}: {error}")
        return None


@contextmanager
def _ending(turns: Sequence[Turn]) -> Iterator[None]:
    try:
        yield
    finally:
        for turn in turns:
            if turn.worker:
                turn.worker.end()


def generation(session: Session, prepared: Prepared) -> list[Entry]:
    """Run one workload of requests on adaptkit and every peer."""
    options = session.options
    job = session.write_job(prepared.workload, prepared.job(session.model, options.peer_dtype))
    ours = make_turn(OURS, "run_adaptkit", job)
    peers = [make_turn(name, GENERATION_PEERS[name], job) for name in GENERATION_PEERS if options.wants(name)]
    run_in_turn([ours, *peers], options, lambda text: session.tell(f"{prepared.workload}: {text}"))
    reference = _reference(session, prepared, peers)
    base = Entry(
        workload=prepared.workload,
        peer="",
        ours_dtype=ours.worker.dtype if ours.worker else "",
        ours_seconds=ours.seconds,
        floor_s=_floor(session, prepared, ours),
        ours_agreement=share_equal(ours.outputs(), reference),
        source=f"{len(prepared.requests)} rows of {prepared.source}{_lengths(ours)}",
        hardware=session.hardware,
    )
    return [beside(base, ours, peer, reference) for peer in peers]


def beside(base: Entry, ours: Turn, peer: Turn, reference: Sequence[str] | None = None) -> Entry:
    """The entry of one peer."""
    problem = f"adaptkit {ours.problem}" if ours.problem else ""
    return dataclasses.replace(
        base,
        peer=peer.name,
        version=peer.worker.version if peer.worker else "",
        dtype=peer.worker.dtype if peer.worker else "",
        seconds=peer.seconds,
        agreement=share_equal(peer.outputs(), reference) if peer.told else None,
        note="; ".join(part for part in (peer.note, problem) if part),
    )


def _reference(session: Session, prepared: Prepared, peers: Sequence[Turn]) -> list[str] | None:
    """Texts of plain float32 greedy generation: the ``generate`` peer's, or made for this."""
    for turn in peers:
        if turn.name == "generate" and turn.told and turn.worker and turn.worker.dtype == "float32":
            return turn.outputs()
    few = dataclasses.replace(prepared, requests=prepared.requests[:REFERENCE_ROWS])
    job = {**few.job(session.model, "float32"), "batch_size": 4}
    path = session.write_job(f"{prepared.workload}-reference", job)
    turn = make_turn("generate", GENERATION_PEERS["generate"], path)
    once = dataclasses.replace(session.options, repeat=1)
    run_in_turn([turn], once, lambda text: session.tell(f"{prepared.workload}, reference: {text}"))
    return turn.outputs() or None


def _floor(session: Session, prepared: Prepared, ours: Turn) -> float | None:
    rates = session.rates.get(ours.worker.dtype) if ours.worker else None
    if not ours.told or rates is None:
        return None
    n_new = ours.told[0]["n_tokens"]
    return floor.generation_floor(session.shape, [r.ids for r in prepared.requests], n_new, rates)


def _lengths(ours: Turn) -> str:
    if not ours.told:
        return ""
    n_new = ours.told[0]["n_tokens"]
    return f"; {min(n_new)}-{max(n_new)} new tokens, median {statistics.median(n_new):.0f}"


def growth(session: Session, build: Callable[[int, str], Prepared], sizes: Sequence[int]) -> list[Entry]:
    """G: seconds per row of more and more rows; the peer is adaptkit itself with the fewest."""
    options = session.options
    turns, prepared = [], []
    for size in dict.fromkeys(options.rows(n) for n in sizes):
        prepared.append(build(size, f"G-{size}"))
        job = session.write_job(prepared[-1].workload, prepared[-1].job(session.model, options.peer_dtype))
        turns.append(make_turn(OURS, "run_adaptkit", job))
    run_in_turn(turns, options, lambda text: session.tell(f"G: {text}"))
    few = len(prepared[0].requests)
    return [
        Entry(
            workload=p.workload,
            peer=f"{OURS}, {few} rows",
            version=turns[0].worker.version if turns[0].worker else "",
            dtype=turns[0].worker.dtype if turns[0].worker else "",
            ours_dtype=turn.worker.dtype if turn.worker else "",
            unit="s a row",
            seconds=[s / few for s in turns[0].seconds],
            ours_seconds=[s / len(p.requests) for s in turn.seconds],
            floor_s=_a_row(_floor(session, p, turn), len(p.requests)),
            source=p.source,
            note=turn.note,
            hardware=session.hardware,
        )
        for p, turn in zip(prepared[1:], turns[1:], strict=True)
    ]


def _a_row(seconds: float | None, n_rows: int) -> float | None:
    return None if seconds is None else seconds / n_rows
