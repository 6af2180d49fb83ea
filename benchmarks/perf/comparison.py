"""F: the whole default comparison beside a script that does the same by hand, and the harness alone.

Both are timed as a user starts them: a process each, from its start to its end, models on disk, no
earlier results. The harness is everything but model, embedder and training: its time is taken from a
comparison on a model that answers at once, with as many strategies, which train nothing. What its baselines
and its look for leaks embed is counted with it, so its share is an upper bound.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import adaptkit as ak
from adaptkit.cli.run import QUICK_TOKENS
from adaptkit.models.embedded import embedded_path
from adaptkit.retrieval.embed import load_embedder
from benchmarks.perf.results import Entry
from benchmarks.perf.run import NOT_INSTALLED, Session
from benchmarks.perf.workers import ENVIRONMENT, ROOT, own_python, peers_python

STRATEGIES = "prompt,few-shot:k=8,rag:k=3,lora:rank=16"
SUITE = ROOT / "benchmarks" / "suites" / "default.toml"
PEER = "by hand"
EMBEDDER = "all-minilm-l6-v2"
TIMEOUT_S = 3_600.0


def comparison(session: Session) -> list[Entry]:
    """Time both, in turn, and the harness alone."""
    options = session.options
    suite: dict[str, Any] = tomllib.loads(SUITE.read_text(encoding="utf-8"))
    limit = options.rows(int(suite["limit"]))
    python = peers_python() if options.wants(PEER) else None
    ours_s: list[float] = []
    theirs_s: list[float] = []
    note = "" if python else NOT_INSTALLED
    for number in range(options.repeat):
        session.tell(f"F: adaptkit, repeat {number + 1} of {options.repeat}")
        ours_s.append(_timed(_ours_command(session, limit), session.scratch / "F-ours.log"))
        if python and len(theirs_s) == number:
            session.tell(f"F: {PEER}, repeat {number + 1} of {options.repeat}")
            command = by_hand_command(python, session, suite, limit)
            try:
                theirs_s.append(_timed(command, session.scratch / "F-by-hand.log"))
            except RuntimeError as error:
                note = str(error)
                session.tell(f"F: {note}")
    source = f"{', '.join(suite['tasks'])}; {limit} rows each"
    entries = []
    if options.wants(PEER):
        entries.append(
            Entry(
                workload="F",
                peer=PEER,
                seconds=theirs_s,
                ours_seconds=ours_s,
                source=source,
                note=note,
                hardware=session.hardware,
            )
        )
    return [*entries, _harness(session, suite, limit, ours_s)]


def _ours_command(session: Session, limit: int) -> list[str]:
    out = Path(tempfile.mkdtemp(dir=session.scratch))
    return [
        str(own_python()), "-m", "benchmarks.run", str(SUITE), "--model", session.model.name,
        "--limit", str(limit), "--out", str(out), "--fresh", "--offline", "--quiet",
        # As much training as the script does, and no strategy that it has not.
        "--quick", "--strategies", STRATEGIES,
    ]  # fmt: skip


def by_hand_command(python: Path, session: Session, suite: dict[str, Any], limit: int) -> list[str]:
    """The call of the script in the peers' environment, with the suite's sizes."""
    sizes = {s["name"]: s for s in suite["strategies"]}
    return [
        str(python), "-m", "benchmarks.perf.by_hand",
        "--model", str(session.model.folder), "--embedder", str(embedded_path(EMBEDDER)),
        "--limit", str(limit), "--latency-rows", str(suite["latency_rows"]),
        "--shots", str(sizes["few-shot"]["k"]), "--passages", str(sizes["rag"]["k"]),
        "--rank", str(sizes["lora"]["rank"]), "--train-tokens", str(QUICK_TOKENS),
        "--dtype", session.options.peer_dtype,
        *(str(ROOT / "data" / name) for name in suite["tasks"]),
    ]  # fmt: skip


def _timed(command: Sequence[str], log: Path) -> float:
    """Seconds of a process.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as f:
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=f,
                stderr=f,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"took more than {TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"failed: {(lines[-1] if lines else 'it said nothing')[:200]}")
    return time.perf_counter() - started


def _harness(session: Session, suite: dict[str, Any], limit: int, ours_s: Sequence[float]) -> Entry:
    """The harness's time for as many trials as the suite has; the ratio is its share of the wall time."""
    session.tell("F: the harness alone")
    tasks = [ak.load_task(ROOT / "data" / name) for name in suite["tasks"]]
    # k tells them apart; what they show costs nothing, since the model does not read it.
    few_shot = [ak.FewShot(k=k, selection="random") for k in range(1, len(suite["strategies"]))]
    load_embedder(EMBEDDER).embed(["Loaded before the clock starts."])
    seconds = []
    for _ in range(session.options.repeat):
        out = Path(tempfile.mkdtemp(dir=session.scratch))
        started = time.perf_counter()
        ak.compare(
            [ak.PromptEngineering(), *few_shot],
            tasks,
            model=ak.FakeModel(lambda request: (request.choices or ("none",))[0]),
            limit=limit,
            out=out,
            settings=ak.RunSettings(latency_rows=int(suite["latency_rows"])),
        )
        seconds.append(time.perf_counter() - started)
    n_rows = len(tasks) * len(suite["strategies"]) * limit
    a_row = 1_000 * statistics.median(seconds) / n_rows
    return Entry(
        workload="F-harness",
        peer="harness alone",
        seconds=seconds,
        ours_seconds=list(ours_s),
        note=f"{a_row:.1f} ms a row; the ratio is the harness's share of F's wall time",
        hardware=session.hardware,
    )
