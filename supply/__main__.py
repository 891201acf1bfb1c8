"""``python -m supply``: write ``requirements.lock`` and ``THIRD_PARTY.md`` from the packages that are installed."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from supply.closure import Package, installed, needed
from supply.licences import licence_of

ROOT = Path(__file__).parents[1]
RUNTIME, DEVELOPMENT = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
LOCK, LICENCES = ROOT / "requirements.lock", ROOT / "THIRD_PARTY.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write them; with ``--check`` only say whether they are as they would be written (0), or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m supply", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    known = installed()
    runtime = needed(RUNTIME, known)
    everything = needed(DEVELOPMENT, known)
    texts = {LOCK: lock(everything), LICENCES: licences(runtime, everything)}
    old = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if not options.check:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    elif old:
        print(f"{' and '.join(path.name for path in old)} would be written otherwise: make lock", file=sys.stderr)
        return 1
    return 0


def lock(everything: Sequence[Package]) -> str:
    """The versions as pip's constraints."""
    head = (
        "# Made by `make lock`: the versions that the tests last passed with, for the program and its development, on\n"
        f"# Python {platform.python_version()} and {platform.system()}. `make LOCKED=1 app` installs exactly these. "
        "Without, the ranges of\n# requirements.txt count, since other Pythons and systems may need other versions.\n"
    )
    return head + "".join(f"{package.name}=={package.public_version}\n" for package in everything)


def licences(runtime: Sequence[Package], everything: Sequence[Package]) -> str:
    """A table of all packages with their licences."""
    names = {package.name for package in runtime}
    parts = [
        "# What this program stands on\n\nMade by `make lock`, from what the packages say of themselves. None of them "
        "is part of this repository; they are installed from PyPI. The weights in `checkpoints/` were trained on "
        "Flickr8k or generated shapes, with ImageNet weights of the encoders; Flickr8k is for research and education.\n"
    ]
    for title, packages in (
        ("The program", list(runtime)),
        ("Its tests and tools", [package for package in everything if package.name not in names]),
    ):
        rows = [f"| {p.name} | {p.version} | {licence_of(p.distribution)} |" for p in packages]
        parts.append("\n".join([f"## {title}\n", "| package | version | licence |", "| --- | --- | --- |", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
