"""``python -m mutants``: put faults into a copy of the code, one at a time, and see whether its tests fail."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mutants.sample import Mutant, sample

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["sat/models", "sat/decoding", "sat/evaluation"]
COPIED = ["sat", "tests", "pyproject.toml", "streamlit_app.py", "pages", ".streamlit", "requirements.txt"]
EXPLAINED = ROOT / "mutants" / "explained.json"
RESULTS = ROOT / "mutants" / "RESULTS.md"
PATIENCE = 300.0  # seconds; a fault that makes the tests run for ever is noticed too


def main(arguments: Sequence[str] | None = None) -> int:
    """Try a sample; 0 where every fault was noticed or is explained, else 1."""
    options = _parser().parse_args(arguments)
    explained = json.loads(EXPLAINED.read_text(encoding="utf-8"))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sat-mutants-") as folder:
        copy = _copied(Path(folder))
        mutants = sample(copy, PACKAGES, options.count, options.seed)
        for tests in sorted({tests for mutant in mutants for tests in _tests(mutant)}):
            if not _pass(copy, [tests]):
                raise SystemExit(f"The tests of {tests} fail without any fault: mend them first.")
        outcomes = []
        for number, mutant in enumerate(mutants, 1):
            noticed = _noticed(copy, mutant)
            outcomes.append(noticed)
            said = "noticed by " + noticed if noticed else "explained" if mutant.key in explained else "NOT NOTICED"
            print(f"{number:4d}/{len(mutants)}  {said}: {mutant.key} ({mutant.line})", flush=True)
    missed = [mutant for mutant, noticed in zip(mutants, outcomes, strict=True) if not noticed]
    open_ = [mutant for mutant in missed if mutant.key not in explained]
    minutes = (time.monotonic() - began) / 60
    page = _page(options.seed, mutants, outcomes, explained, minutes)
    print(page)
    if options.save:
        RESULTS.write_text(page, encoding="utf-8")
    return 1 if open_ else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=90, help="how many faults (90)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (0)")
    parser.add_argument("--save", action="store_true", help="write mutants/RESULTS.md")
    return parser


def _copied(folder: Path) -> Path:
    """The project in a folder where it can be spoilt; the models are only read and are linked."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for path in ROOT.iterdir():
        if path.name not in COPIED and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    return folder


def _tests(mutant: Mutant) -> tuple[str, str]:
    """The tests of the module's own, and those of its whole package."""
    module = Path(mutant.module)
    package = Path("tests", *module.parent.parts[1:2])
    own = [folder / f"test_{module.stem}.py" for folder in (package, package.parent)]
    return next((str(tests) for tests in own if (ROOT / tests).is_file()), str(package)), str(package)


def _noticed(copy: Path, mutant: Mutant) -> str:
    """Which tests fail with the fault; nothing where none does."""
    path = copy / mutant.module
    whole = path.read_text(encoding="utf-8")
    path.write_text(mutant.source(copy), encoding="utf-8")
    try:
        for tests in dict.fromkeys(_tests(mutant)):
            if not _pass(copy, [tests]):
                return tests
        return "" if _pass(copy, ["tests/test_captioner.py", "tests/analysis"]) else "tests/analysis"
    finally:
        path.write_text(whole, encoding="utf-8")


def _pass(copy: Path, tests: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow and not browser", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / ".hypothesis"),
    }
    environment.pop("SAT_DATA", None)  # so that the answer is the same everywhere
    try:
        done = subprocess.run(
            [*command, *tests], cwd=copy, env=environment, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _page(
    seed: int, mutants: Sequence[Mutant], outcomes: Sequence[str], explained: dict[str, str], minutes: float
) -> str:
    """The results as Markdown."""
    rows = []
    for package in PACKAGES:
        pairs = [(m, o) for m, o in zip(mutants, outcomes, strict=True) if m.module.startswith(f"{package}/")]
        counts = Counter(
            "noticed" if noticed else "explained" if mutant.key in explained else "missed" for mutant, noticed in pairs
        )
        rows.append(
            f"| `{package}` | {len(pairs)} | {counts['noticed']} | {counts['explained']} | {counts['missed']} |"
        )
    lines = [
        "# Are faults noticed?",
        "",
        "Made by `make mutants`: faults of [Cosmic Ray](https://github.com/sixty-north/cosmic-ray) at places drawn "
        f"evenly (seed {seed}), one at a time, each against the tests of its module, then those of its package, then "
        "those of the captioner and the analysis. Slow and browser tests and those that need data sets are left out.",
        "",
        "|  | faults | noticed | change nothing | not noticed |",
        "| --- | ---: | ---: | ---: | ---: |",
        *rows,
    ]
    missed = [m for m, noticed in zip(mutants, outcomes, strict=True) if not noticed]
    for title, some in (
        ("Not noticed", [m for m in missed if m.key not in explained]),
        ("Not noticed, because they change nothing that could be told", [m for m in missed if m.key in explained]),
    ):
        if some:
            lines += ["", f"## {title}", ""]
            for mutant in some:
                why = f": {explained[mutant.key]}" if mutant.key in explained else ""
                lines.append(f"- `{mutant.module}`, `{mutant.before}` became `{mutant.after}`{why}")
    return "\n".join([*lines, "", f"*{time.strftime('%Y-%m-%d')}; {minutes:.0f} minutes.*", ""])


if __name__ == "__main__":
    sys.exit(main())
