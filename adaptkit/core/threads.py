"""How long a compute thread spins before it sleeps."""

from __future__ import annotations

import os


def share_cores() -> None:
    """Ask OpenMP for short spins, unless the user has set something; call before torch is imported.

    Threads of one product wait for each other many times a token. By default they spin for milliseconds,
    which costs nothing on a quiet machine and stalls everything when another process wants a core: with
    one busy process on two cores, answers took eight times as long, against twice with short spins.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
