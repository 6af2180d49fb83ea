"""E: LoRA training beside TRL's SFTTrainer, on the same token ids, in real tokens a second.

A real token is a token of a prompt or completion; padding counts for nobody. Both train rank 16 on all
linear layers with batches of 8, for at most 40 steps or 60 seconds, each in its own order of the same
rows (adaptkit and, as far as it offers that, TRL group rows by length). ``seconds`` are those of 1,000
real tokens, so that runs of unequal length compare. TRL's clock runs over ``train()`` alone; adaptkit's
covers what ``LoRASFT.fit`` calls training, set-up included.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from adaptkit.core.types import Prompt
from adaptkit.tasks import Task
from benchmarks.perf import floor
from benchmarks.perf.prepare import find
from benchmarks.perf.results import Entry
from benchmarks.perf.run import OURS, Session, Turn, beside, make_turn, run_in_turn

BATCH_SIZE = 8
RANK = 16
MAX_STEPS = 40
MAX_S = 60.0
LEARNING_RATE = 2e-4


def shared(session: Session) -> list[Entry]:
    """Rows behind a long instruction that all of them share."""
    return _beside_trl(session, "E-shared", find("e2e_slots", "record_extraction"))


def unlike(session: Session) -> list[Entry]:
    """Rows that share next to nothing: long inputs behind one word."""
    task = find("sci_tldr", "policy_questions")
    return _beside_trl(session, "E-unlike", dataclasses.replace(task, instruction="Summarise."))


def _beside_trl(session: Session, workload: str, task: Task) -> list[Entry]:
    options = session.options
    n_rows = max(2 * BATCH_SIZE, options.rows(MAX_STEPS * BATCH_SIZE))
    job = training_job(session, task, n_rows)
    path = session.write_job(workload, job)
    ours = make_turn(OURS, "run_lora", path)
    peers = [make_turn("trl", "run_trl", path)] if options.wants("trl") else []
    run_in_turn([ours, *peers], options, lambda text: session.tell(f"{workload}: {text}"))
    rows = job["rows"]
    n_shared = floor.n_shared([r["prompt"] for r in rows])
    mean = sum(len(r["prompt"]) + len(r["completion"]) for r in rows) / len(rows)
    base = Entry(
        workload=workload,
        peer="",
        unit="s/1k tokens",
        ours_dtype=ours.worker.dtype if ours.worker else "",
        ours_seconds=ours.seconds,
        floor_s=_floor(session, ours, rows),
        source=f"{len(rows)} rows of {task.name}, {mean:.0f} tokens each, {n_shared} shared",
        hardware=session.hardware,
    )
    return [dataclasses.replace(beside(base, ours, p), note=_note(p)) for p in peers]


def training_job(session: Session, task: Task, n_rows: int) -> dict[str, Any]:
    """What both workers read: the rows as texts for adaptkit, the same as token ids for TRL."""
    renderer = session.builder.renderer
    rows = [
        {
            "id": e.id,
            "input": e.input,
            "target": e.target,
            "prompt": renderer.encode(Prompt(instruction=task.instruction, input=e.input)),
            "completion": renderer.encode_completion(e.target),
        }
        for e in task.train[:n_rows]
    ]
    return {
        "model": str(session.model.folder),
        "model_name": session.model.name,
        "dtype": session.options.peer_dtype,
        "task": {"name": task.name, "kind": "generation", "instruction": task.instruction},
        "rows": rows,
        "batch_size": BATCH_SIZE,
        "rank": RANK,
        "max_steps": len(rows) // BATCH_SIZE,
        "max_s": MAX_S,
        "learning_rate": LEARNING_RATE,
    }


def _floor(session: Session, ours: Turn, rows: list[dict[str, Any]]) -> float | None:
    rates = session.rates.get(ours.worker.dtype) if ours.worker else None
    if rates is None:
        return None
    pairs = [(r["prompt"], r["completion"]) for r in rows]
    seconds = floor.training_floor(session.shape, pairs, rates, batch_size=BATCH_SIZE, rank=RANK)
    return 1_000 * seconds / sum(len(p) + len(c) for p, c in pairs)


def _note(turn: Turn) -> str:
    rates = [f"{t['tokens_per_s']:.0f} tokens/s in {t['n_steps']} steps" for t in turn.told]
    return "; ".join(part for part in (turn.note, ", ".join(rates)) if part)
