"""Command line: write the bundled tasks, or check them."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from data.generator import extraction, policy, readme, routing
from data.generator.figures import Figures, measure
from data.generator.rows import TaskFolder

ROOT = Path(__file__).resolve().parents[1]


def build_folders() -> list[TaskFolder]:
    """The three task folders."""
    return [policy.build(), routing.build(), extraction.build()]


def build_files() -> tuple[dict[str, str], dict[str, Figures]]:
    """Content of every file, by its path below data/, and the figures of every task."""
    folders = build_folders()
    files = {
        f"{folder.card['name']}/{name}": text for folder in folders for name, text in folder.files().items()
    }
    figures = {folder.card["name"]: measure(folder) for folder in folders}
    return files | {"README.md": readme.render(files, figures)}, figures


def write(files: Mapping[str, str]) -> None:
    """Write all files."""
    for name, text in files.items():
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())


def differing(files: Mapping[str, str]) -> list[str]:
    """Names of files that are absent or not byte-identical."""
    paths = {name: ROOT / name for name in files}
    return [
        name
        for name, path in paths.items()
        if not path.is_file() or path.read_bytes() != files[name].encode()
    ]


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m data.generator", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files, and print the figures")
    check = parser.parse_args().check
    files, figures = build_files()
    if not check:
        write(files)
        print(f"wrote {len(files)} files to {ROOT.name}/")
        return 0
    print(readme.figures_table(figures))
    changed = differing(files)
    print(f"\nnot as generated: {', '.join(changed)}" if changed else "\nall files are as generated")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
