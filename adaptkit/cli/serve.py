"""``adaptkit serve DIR/artifacts/<strategy>``: a saved strategy behind an OpenAI-compatible server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, go_offline

DTYPES = ("auto", "float32", "bfloat16", "float16")
COUNT = click.IntRange(min=1)
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


@click.command("serve")
@click.argument("folder", metavar="ARTIFACT", type=click.Path(path_type=Path))
@click.option("--model", metavar="M", help="Where the model is now that the strategy was fitted to.")
@click.option("--name", metavar="NAME", help="The model's name for callers; by default the strategy's.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address; any but this machine's: a key."
)
@click.option("--port", default=8000, type=click.IntRange(0, 65_535), show_default=True, help="0: any free.")
@click.option(
    "--api-key-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file with the key that callers must send; or set ADAPTKIT_API_KEY.",
)
@click.option("--dtype", default="auto", type=click.Choice(DTYPES), show_default=True, help="Of the weights.")
@click.option("--max-batch", default=64, type=COUNT, show_default=True, help="Requests answered at once.")
@click.option(
    "--gather-ms", default=5.0, type=click.FloatRange(min=0), show_default=True, help="Wait for more of them."
)
@click.option("--max-waiting", default=256, type=COUNT, show_default=True, help="Then 429.")
@click.option("--max-body-bytes", default=1 << 20, type=COUNT, show_default=True, help="Then 413.")
@click.option("--max-input-tokens", type=COUNT, help="Then 400; by default what the model can hold.")
@click.option(
    "--timeout", "timeout_s", default=60.0, type=ABOVE_ZERO, show_default=True, help="Seconds; then 504."
)
@click.option(
    "--grace",
    "grace_s",
    default=30.0,
    type=click.FloatRange(min=0),
    show_default=True,
    help="Seconds to answer what was let in, when told to stop.",
)
@click.option(
    "--allow-download", is_flag=True, help="Fetch what ARTIFACT names from a model hub, if it is not here."
)
@click.option("--offline", is_flag=True, help="Use nothing that is not on this machine yet.")
def serve(
    folder: Path,
    model: str | None,
    name: str | None,
    api_key_file: Path | None,
    gather_ms: float,
    allow_download: bool,
    **rest: Any,
) -> int:
    """Serve the strategy saved in ARTIFACT to any client of the OpenAI API.

    A comparison saves each strategy in DIR/artifacts/<strategy>. Its instruction, demonstrations, passages
    and adapters are applied here: callers send one user message, the bare input.

    Exit codes: 0 stopped with every request answered, 1 some were cut off, 2 cannot start.
    """
    from adaptkit.serving import ServerSettings
    from adaptkit.serving.artifact import Artifact, provider_for
    from adaptkit.serving.server import require_packages
    from adaptkit.serving.server import serve as run
    from adaptkit.serving.settings import read_key

    dtype, offline = rest.pop("dtype"), rest.pop("offline")
    require_packages()
    settings = ServerSettings(api_key=read_key(api_key_file), gather_s=gather_ms / 1000, **rest)
    if offline:
        go_offline()
    artifact = Artifact.read(folder, allow_download=allow_download)
    provider = provider_for(artifact, model, dtype=dtype, offline=offline)
    ended = run(artifact, provider, settings, name=name, say=lambda text: click.echo(text, err=True))
    cut_off = f", {ended.n_cut_off} cut off" if ended.n_cut_off else ""
    click.echo(f"Stopped: {ended.n_answered} request(s) answered{cut_off}.", err=True)
    if ended.still_busy:
        _leave_at_once(EXIT_FAILED)
    return EXIT_FAILED if ended.n_cut_off else EXIT_DONE


def _leave_at_once(code: int) -> None:
    """End the process without its usual end, which aborts where a thread is inside torch."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
