"""Mutants of a file by cosmic-ray's operators, without those that only touch an annotation."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

_NOISE = {
    "ReplaceBinary": {"Mod", "RShift", "LShift", "BitOr", "BitAnd", "BitXor"},
    "ReplaceComparison": {"Is", "IsNot"},
}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of a file.

    Attributes:
        path: of the file, from the root of the repository.
        line: which it changes, and ``column`` where, both as Python counts them.
        operator: of cosmic-ray.
        original: the file's text, and ``source`` the text with the change.
        before: the line as it is; ``after`` as the mutant has it.
    """

    path: str
    line: int
    column: int
    operator: str
    original: str
    source: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """Tells it from all others of the same text."""
        return f"{self.path}:{self.line}:{self.column} {self.operator}: {self.before} -> {self.after}"

    @property
    def module(self) -> str:
        """The name under which its file is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Make all mutants of a file that can be compiled."""
    source = (root / path).read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    annotations = list(_annotations(tree))
    found = []
    for start, end in _statements(tree):
        before, text, after = ("".join(part) for part in (lines[:start], lines[start:end], lines[end:]))
        for operator, number, (line, column) in _places(text):
            place = (line + start, column)
            if any(first <= place < last for first, last in annotations):
                continue
            changed = _changed(text, operator, number)
            if changed is not None and _compiles(changed):
                found.append(_mutant(path, operator, place, source, before + changed + after))
    return sorted(found, key=lambda m: (m.line, m.column, m.operator, m.after))


def _statements(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Lines of each statement of a module, decorators included, from 0 and without the end."""
    for node in tree.body:
        decorators = [d.lineno for d in getattr(node, "decorator_list", ())]
        yield min([node.lineno, *decorators]) - 1, node.end_lineno or node.lineno


def _changed(source: str, operator: str, number: int) -> str | None:
    try:
        changed: str | None = mutate_code(source, OperatorProvider()[operator](), number)
    except AttributeError:
        return None  # ExceptionReplacer of cosmic-ray 8.7.0 fails on names with a dot
    return changed


def _places(source: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Each operator without arguments, with the number and the start of every place that it changes."""
    nodes = list(ast_nodes(get_ast(source)))
    provider = OperatorProvider()
    for name in provider:
        if provider[name].arguments() or _is_noise(name):
            continue
        operator = provider[name]()
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        yield from ((name, number, place) for number, place in enumerate(places))


def _is_noise(operator: str) -> bool:
    """Whether nearly all of its mutants fail at once, or are the same: bits of floats, identity of values."""
    kind, _, names = operator.partition("Operator_")
    old, _, new = names.partition("_")
    return new in _NOISE.get(kind, ()) and old not in _NOISE[kind]


def _annotations(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end of each annotation: none of them is ever evaluated."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            found = getattr(node, name, None)
            if found is not None:
                yield (found.lineno, found.col_offset), (found.end_lineno, found.end_col_offset)


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "mutant", "exec")
        except SyntaxError:
            return False
    return True


def _mutant(path: str, operator: str, place: tuple[int, int], source: str, changed: str) -> Mutant:
    line, column = place
    # A decorator that is removed may take its line with it: then the next one stands there.
    before, after = source.splitlines(), changed.splitlines()
    line = next((n for n, (old, new) in enumerate(zip(before, after, strict=False), 1) if old != new), line)
    return Mutant(
        path=path,
        line=line,
        column=column,
        operator=operator,
        original=source,
        source=changed,
        before=before[line - 1].strip(),
        after=after[line - 1].strip(),
    )
