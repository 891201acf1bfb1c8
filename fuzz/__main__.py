"""Run the cases and print what became of them: ``make fuzz``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from fuzz.case import Outcome, load_target
from fuzz.runner import run_target, until

TARGETS = ("pictures", "models", "captions", "settings", "stores", "addresses")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all targets or those that are named; the exit code is 1 when a case failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Hand the program hostile input.")
    parser.add_argument("--seconds", type=float, default=60.0, help="go on for at least so long (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default 0)")
    parser.add_argument("--only", action="append", choices=TARGETS, help="only this target; may come several times")
    parser.add_argument("--case", type=int, help="only the case of this number (with --only)")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 8), help="processes")
    given = parser.parse_args(arguments)
    names: list[str] = list(dict.fromkeys(given.only or TARGETS))
    if given.case is not None and len(names) != 1:
        parser.error("--case needs one --only")
    end = time.monotonic() + given.seconds
    outcomes: list[Outcome] = []
    for i, name in enumerate(names):
        target = load_target(f"fuzz.{name}")
        share = max(0.0, end - time.monotonic()) / (len(names) - i)
        numbers = [given.case] if given.case is not None else until(share, target.cases)
        outcomes += run_target(f"fuzz.{name}", given.seed, numbers, workers=given.workers, tell=_tell)
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(_table(names, outcomes))
    bad = [outcome for outcome in outcomes if outcome.ending == "failed"]
    for outcome in bad:
        again = f"python -m fuzz --seed {given.seed} --only {outcome.target} --case {outcome.number}"
        print(f"{outcome.target} {outcome.number} ({outcome.kind}): {outcome.told}\n    {again}")
    if given.case is not None:
        print("\n".join(f"{outcome.kind}, {outcome.ending}: {outcome.told}" for outcome in outcomes))
    print(f"Seed {given.seed}: {len(outcomes)} cases, {len(bad)} failed.")
    return 1 if bad else 0


def _tell(outcome: Outcome) -> None:
    if outcome.ending == "failed":
        print(f"{outcome.target} {outcome.number} ({outcome.kind}): {outcome.told}", flush=True)


def _table(names: Sequence[str], outcomes: Sequence[Outcome]) -> Table:
    table = Table("target", "cases", "refused", "accepted", "failed", "slowest", "most memory")
    for column in table.columns[1:5]:
        column.justify = "right"
    for name in names:
        of = [outcome for outcome in outcomes if outcome.target == name]
        if not of:
            continue
        slow, large = max(of, key=lambda o: o.seconds), max(of, key=lambda o: o.megabytes)
        table.add_row(
            name,
            str(len(of)),
            *(str(sum(o.ending == ending for o in of)) for ending in ("refused", "accepted", "failed")),
            f"{slow.seconds:.2f} s ({slow.kind})",
            f"{large.megabytes:.0f} MB ({large.kind})",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
