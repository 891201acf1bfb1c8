"""Run the benchmarks, each in a process of its own, and write down what they measured: ``make bench``."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import ONE_THREAD, Report
from benchmarks.results import as_markdown, read, write

NAMES = ("caption", "what_if", "batched", "overlay", "training", "features", "encoder", "evaluation", "page", "growth")
WHOLE_APP = "page"  # several processes: only the clock on the wall can time it


def main() -> None:
    """Run all benchmarks or those that are named; only their results are renewed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how fast it is.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all without a name")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count the time that one thread computes, not the time on the clock: for a machine that others use",
    )
    given = parser.parse_args()
    asked = given.names
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}")
    failed = []
    for name in asked or NAMES:
        print(f"{name} ...", flush=True)
        report = measured(name, given.processor_time and name != WHOLE_APP)
        if report is None:
            failed.append(name)
            continue
        print(f"\n{as_markdown(report)}\n", flush=True)
        kept = {**read(), name: report}
        write({name: kept[name] for name in NAMES if name in kept})
    if failed:
        sys.exit(f"These did not run to their end, and their earlier results are kept: {', '.join(failed)}.")


def measured(name: str, one_thread: bool = False) -> Report | None:
    """The report of a benchmark with where it was measured; None when it failed (its own message is on the screen)."""
    # Threads that wait by spinning take the processors from whoever shares them, and from each other.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **(ONE_THREAD if one_thread else {})}
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "report.json"
        before, started = _seconds_used(), time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", "--record", str(record)]
        done = subprocess.run(command, env=environment, check=False)
        after, wall = _seconds_used(), time.monotonic() - started
        if done.returncode or not record.is_file():
            return None
        report = Report.from_dict(json.loads(record.read_text(encoding="utf-8")))
    others = max(0.0, (after[0] - before[0]) - (after[1] - before[1])) / (wall * (os.cpu_count() or 1))
    settings = {
        **report.settings,
        "date": datetime.date.today().isoformat(),
        "others": f"{others:.2f}",
        "clock": "processor" if one_thread else "wall",
    }
    return replace(report, settings=settings)


def _seconds_used() -> tuple[float, float]:
    """Processor time used so far by everything that runs here, and by our ended children with theirs."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = children.ru_utime + children.ru_stime
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:  # not on Linux: nothing is known of the others
        return own, own
    ticks = [int(value) for value in fields]
    busy = sum(ticks[:8]) - ticks[3] - ticks[4]  # without what was idle or waited for a disk; steal included
    return busy / os.sysconf("SC_CLK_TCK"), own


if __name__ == "__main__":
    main()
