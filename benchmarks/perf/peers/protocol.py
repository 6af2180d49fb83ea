"""What a worker and the benchmark say to each other: JSON lines, one an event.

The benchmark starts ``python -m benchmarks.perf.peers.<name> JOB.json`` and reads the worker's standard
output:

* ``{"ready": true, "version": ..., "dtype": ..., "note": ...}`` once the model is loaded and warm, or
  ``{"missing": ...}`` where the peer's package is not installed, or ``{"error": ...}``;
* for each line ``go`` on standard input, ``{"seconds": ..., "outputs": [...], ...}`` or ``{"error": ...}``.

Any other line, or the end of input, ends the worker. Only the standard library is used here, so that an
environment without the peer can still say so.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Job = Mapping[str, Any]
"""What the benchmark prepared; see :class:`benchmarks.perf.prepare.Prepared`."""
PROBED_ROWS = 32
PROBE_LIMIT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A loaded engine.

    Attributes:
        run: answers all requests of the job once; returns at least ``outputs``, the texts in order.
        reset: makes the next run a cold one; its time is not counted.
    """

    version: str
    dtype: str
    run: Callable[[], Mapping[str, Any]]
    reset: Callable[[], None] = lambda: None
    note: str = ""


def serve(load: Callable[[Job], Peer]) -> None:
    """Load the peer for the job named on the command line, then run it once for every ``go``."""
    # Libraries print to standard output as they like: it becomes standard error, and answers go to a copy.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**event: Any) -> None:
        answers.write(json.dumps(event) + "\n")
        answers.flush()

    try:
        peer = load(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except ImportError as error:
        traceback.print_exc()
        return tell(missing=str(error))
    except Exception as error:
        traceback.print_exc()
        return tell(error=f"{type(error).__name__}: {error}")
    tell(ready=True, version=peer.version, dtype=peer.dtype, note=peer.note)
    for line in sys.stdin:
        if line.strip() != "go":
            break
        try:
            tell(**_timed(peer))
        except Exception as error:
            traceback.print_exc()
            return tell(error=f"{type(error).__name__}: {error}")
    return None


def _timed(peer: Peer) -> dict[str, Any]:
    peer.reset()
    started = time.perf_counter()
    told = peer.run()
    # A peer that counts otherwise (seconds per 1,000 tokens of training) says so by its own "seconds".
    return {"seconds": time.perf_counter() - started, **told}


def cut(text: str, stops: Sequence[str]) -> str | None:
    """The text before the first stop string, None where there is none yet.

    A line break before the first word does not count, as in adaptkit.
    """
    lead = len(text) - len(text.lstrip())
    found = [at for at in (text.find(s, lead if s.isspace() else 0) for s in stops) if at >= 0]
    return text[: min(found)] if found else None


def final(text: str, stops: Sequence[str]) -> str:
    """A completion as it is compared: cut at the first stop string and stripped."""
    shortened = cut(text, stops)
    return (text if shortened is None else shortened).strip()


def best_batch_size(
    run: Callable[[Sequence[Any], int], object], requests: Sequence[Any], sizes: Sequence[int] = (8, 16, 32)
) -> tuple[int, str]:
    """The quickest batch size on the first rows, and a note on how it was found.

    Where a single probe takes long, products are large at any batch size: 16 is taken without looking
    further.
    """
    rows = requests[:PROBED_ROWS]
    fitting = [s for s in sizes if s < len(rows)] + [min(len(rows), sizes[-1])]
    seconds: dict[int, float] = {}
    for size in dict.fromkeys(fitting):
        started = time.perf_counter()
        run(rows, size)
        seconds[size] = time.perf_counter() - started
        if seconds[size] > PROBE_LIMIT_S:
            return min(16, len(requests)), "batch size 16, not probed: one probe took too long"
    best = min(seconds, key=lambda size: seconds[size])
    return best, f"batch size {best}, best of {', '.join(map(str, seconds))}"


def quantisation(gguf: str) -> str:
    """What a GGUF file's name says of its weights.

    Examples:
        >>> quantisation("models/SmolLM2-135M-Instruct.Q4_1.gguf")
        'Q4_1'
    """
    return Path(gguf).stem.rpartition(".")[2]
