"""``adaptkit export DIR``: a comparison and its strategies for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.options import PATH, json_of, several
from adaptkit.cli.output import exact
from adaptkit.cli.process import EXIT_DONE, go_offline
from adaptkit.cli.talk import talk_options
from adaptkit.core.errors import ConfigError
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.comparison import Comparison

TEXTS = ("csv", "json", "markdown", "latex")
FORMATS = (*TEXTS, "parquet", "mlflow", "prompts", "transformers")
DTYPES = ("auto", "float32", "bfloat16", "float16")
PARTS = ("table", "pairs", "records")


@click.command("export")
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What is written.")
@click.option("--out", metavar="PATH", type=PATH, help="File or folder; texts are printed without it.")
@click.option("--part", type=click.Choice(PARTS), default="table", show_default=True, help="Of a comparison.")
@several(
    click.option("--input", "text", metavar="TEXT", help="prompts: for this input, not a placeholder."),
    click.option("--model", metavar="M", help="prompts, transformers: where the model is, if not as saved."),
    click.option("--dtype", type=click.Choice(DTYPES), default="auto", help="transformers (auto)."),
    click.option("--tracking-uri", metavar="URI", help="mlflow: server, database or folder."),
    click.option("--experiment", metavar="NAME", default="adaptkit", show_default=True, help="mlflow."),
    click.option("--allow-download", is_flag=True, help="Fetch what DIR names from a model hub."),
    click.option("--offline", is_flag=True, help="Use nothing that is not on this machine yet."),
)  # fmt: skip
@talk_options
def export(**options: Any) -> int:
    """Write what a comparison found for other programs; nothing is run.

    csv, json, markdown, latex, parquet and mlflow take a run folder. prompts takes a run folder or
    DIR/artifacts/<strategy>, transformers the latter, of a strategy that trains weights.

    Exit codes: 0 done, 2 nothing there that could be exported so, or it cannot be written.
    """
    asked = ExportOptions(**options)
    if asked.offline:
        go_offline()
    ways: dict[str, Callable[[ExportOptions], None]] = {
        "mlflow": _mlflow,
        "prompts": _prompts,
        "transformers": _weights,
    }
    ways.get(asked.form, _table)(asked)
    return EXIT_DONE


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The command line."""

    folder: Path
    form: str
    out: Path | None
    part: Any
    text: str | None
    model: str | None
    dtype: str
    tracking_uri: str | None
    experiment: str
    allow_download: bool
    offline: bool
    quiet: bool

    def comparison(self) -> Comparison:
        """The comparison in the folder."""
        from adaptkit.comparison import load_comparison

        return load_comparison(self.folder)

    def wrote(self, what: object) -> None:
        """Say what was written, and where."""
        if not self.quiet:
            click.echo(str(what))


def _table(asked: ExportOptions) -> None:
    from adaptkit.comparison.exports import export_table

    comparison = asked.comparison()
    if asked.out is None and asked.form not in TEXTS:
        raise ConfigError(f"{asked.form} is no text to print: say which file to write with --out.")
    records = comparison.records() if asked.part == "records" else ()
    text = export_table(comparison.result, records, asked.out, form=asked.form, part=asked.part)
    if text is None:
        asked.wrote(asked.out)
    else:
        click.echo(exact(text.rstrip("\n")) if asked.form == "json" else text.rstrip("\n"))


def _mlflow(asked: ExportOptions) -> None:
    run_id = asked.comparison().log_to_mlflow(asked.tracking_uri, experiment=asked.experiment)
    asked.wrote(f"run {run_id} of the experiment {asked.experiment}")


def _prompts(asked: ExportOptions) -> None:
    from adaptkit.comparison.exports.prompts import PLACEHOLDER, prompts_of
    from adaptkit.core.files import write_text_atomic

    share_cores()
    text = PLACEHOLDER if asked.text is None else asked.text
    found = prompts_of(
        asked.folder,
        text=text,
        model=asked.model,
        offline=asked.offline,
        allow_download=asked.allow_download,
    )
    if not found:
        raise ConfigError(f"No strategy saved in {asked.folder} asks a model.")
    as_json = asked.out is not None and asked.out.suffix == ".json"
    shown = f"{json_of(found)}\n" if as_json else "\n\n".join(p.to_text() for p in found)
    if asked.out is None:
        click.echo(shown.rstrip("\n"))
    else:
        write_text_atomic(asked.out, shown)
        asked.wrote(asked.out)


def _weights(asked: ExportOptions) -> None:
    from adaptkit.comparison.exports import export_weights

    if asked.out is None:
        raise ConfigError("Say which folder to write the model to with --out.")
    share_cores()
    export_weights(
        asked.folder,
        asked.out,
        model=asked.model,
        dtype=asked.dtype,
        offline=asked.offline,
        allow_download=asked.allow_download,
    )
    asked.wrote(asked.out)
