"""Make those parts of ``docs/`` that come from code and result files, or check that they are up to date.

``python -m benchmarks.docs_pages`` writes; with ``--check`` it compares, and exits with 1 on a difference.
A part stands between ``<!-- made: NAME -->`` and ``<!-- end -->``; ``MAKERS`` has the names.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from unittest import mock

import click

from adaptkit.cli.main import cli
from adaptkit.cli.main import main as run
from adaptkit.core.result_io import read_comparison
from adaptkit.decision.rules import GRADES, RULES, Citation, Rule
from adaptkit.decision.rules.base import STRATEGIES
from adaptkit.decision.rules.sources import KEYS
from adaptkit.report import console_text

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = re.compile(r"(<!-- made: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SHOWN_TASK = "request_routing"
# What stands where a sentence depends on the situation.
_DEPENDS = "depends on the situation"
_MINUS = "\N{MINUS SIGN}"


def table() -> str:
    """The table of one task of the stored default run, as the terminal shows it."""
    result = read_comparison(ROOT / "benchmarks" / "results" / "default")
    own = replace(
        result,
        rows=tuple(r for r in result.rows if r.task == SHOWN_TASK),
        pairs=tuple(p for p in result.pairs if p.task == SHOWN_TASK),
    )
    return f"```text\n{console_text(own, width=100).strip()}\n```"


def rules() -> str:
    """Every rule with what it says for and against strategies, its evidence and its measurement."""
    head = "| rule | where | for | against | evidence | what decides |\n|---|---|---|---|---|---|"
    return "\n".join([head, *map(_rule, RULES)])


def _rule(rule: Rule) -> str:
    return _line(rule.id, rule.about, *_speaks(rule), _evidence(rule), rule.measure)


def _speaks(rule: Rule) -> tuple[str, str]:
    """What a rule says for and against which strategies, where it says the same in every situation."""
    if callable(rule.scores) or callable(rule.excludes) or callable(rule.defers):
        return _DEPENDS, _DEPENDS
    gains = [_scored(name, n) for name, n in rule.scores.items() if n > 0]
    losses = [_scored(name, n) for name, n in rule.scores.items() if n < 0]
    gains += [f"`{name}`" for name in rule.favours]
    losses += [f"`{name}` excluded" for name in rule.excludes] + [f"`{name}` last" for name in rule.defers]
    return ", ".join(gains), ", ".join(losses)


def _scored(name: str, n: int) -> str:
    return f"`{name}` {'+' if n > 0 else _MINUS}{abs(n)}"


def _evidence(rule: Rule) -> str:
    keys = ", ".join(f"[{c.key}](#{anchor(c.key)}){_how(c)}" for c in rule.sources)
    return f"{GRADES[rule.grade]}: {keys}" if keys else GRADES[rule.grade]


def _how(citation: Citation) -> str:
    return {"read": "", "computed": " (computed)", "reported": " (reported)"}[citation.consulted]


def anchor(key: str) -> str:
    """The anchor of a source in the list of sources."""
    return f"source-{key.lower()}"


def sources() -> str:
    """Every source that a rule cites, with an anchor each."""
    cited = {c.key: c.reference for rule in RULES for c in rule.sources}
    lines = [
        f'- <a id="{anchor(key)}"></a>**{key}**: {_linked(cited[key])}.'
        for key in sorted(KEYS, key=str.casefold)
        if key in cited
    ]
    return "\n".join(lines)


def _linked(reference: str) -> str:
    """With a link to arXiv where the reference names a paper there."""
    return re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", reference)


def order() -> str:
    """The strategies, from what a change of text undoes to what needs new weights."""
    return "\n".join(f"{i}. `{name}`" for i, name in enumerate(STRATEGIES, 1))


def decisions() -> str:
    """What recommendations from few rows lose, beside simpler ways to choose."""
    stored = ROOT / "benchmarks" / "results" / "decision" / "results.json"
    summary = json.loads(stored.read_text(encoding="utf-8"))["summary"]
    ways = list(summary[0]["regret"])
    lines = [_line("the dearest request costs", *ways), _line(*["---"] * (len(ways) + 1))]
    for found in summary:
        share = found["share"]
        where = f"{100 * share:.0f} % of a right answer's worth" if share else "nothing that matters"
        lines.append(_line(where, *(f"{100 * found['regret'][way]:.1f}" for way in ways)))
    return "\n".join(lines)


def commands() -> str:
    """The help of every command, as a terminal of 100 columns shows it."""
    return "\n\n".join(f"{_title(words)}\n\n```text\n{_help_of(words)}\n```" for words in _commands())


def _commands() -> Iterator[tuple[str, ...]]:
    """The command itself, those below it, and theirs."""
    context = click.Context(cli)
    yield ()
    for name in cli.list_commands(context):
        yield (name,)
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, own) for own in command.list_commands(context))


def _title(words: Sequence[str]) -> str:
    return f"{'###' if len(words) > 1 else '##'} {' '.join(('adaptkit', *words))}"


def _help_of(words: Sequence[str]) -> str:
    """What it prints: some commands hand their arguments on to a parser of their own."""
    out = io.StringIO()
    wide = mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"})
    # argparse leaves the program when it has shown its help.
    with wide, redirect_stdout(out), suppress(SystemExit):
        run([*words, "--help"])
    return out.getvalue().strip()


def _line(*cells: str) -> str:
    return f"| {' | '.join(' '.join(c.replace('|', chr(92) + '|').split()) for c in cells)} |"


MAKERS: Mapping[str, Callable[[], str]] = {
    "table": table,
    "rules": rules,
    "sources": sources,
    "order": order,
    "decisions": decisions,
    "commands": commands,
}


def with_parts(text: str) -> str:
    """Fill every marked place."""
    return MADE.sub(lambda m: f"{m[1]}{MAKERS[m['name']]()}\n{m[3]}", text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 where a part is stale")
    arguments = parser.parse_args(argv)
    stale = []
    for path in sorted(DOCS.glob("**/*.md")):
        text = path.read_text(encoding="utf-8")
        if (fresh := with_parts(text)) != text:
            stale.append(path.name)
            if not arguments.check:
                path.write_text(fresh, encoding="utf-8")
    if arguments.check and stale:
        sys.stderr.write(f"Stale: {', '.join(stale)}. Run python -m benchmarks.docs_pages\n")
    return int(arguments.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
