"""``python -m load``: serve the public demo, visit it alone, then by many at once, and tell what came of it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence

from load import report
from load.pictures import make
from load.report import Load, growth, in_explore
from load.server import Server
from load.visitor import THINK, Notes, Seen, Visitor

ALONE = 12  # pictures that the single visitor uploads; the first two warm the models up
ALONE_THINK = (0.5, 1.0)  # seconds; nobody else is there, so there is nothing to wait for
ARRIVAL = 0.1  # of the run, in which they arrive one after the other
COMPARED = 300  # captions at most that are written again to be compared


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 where every goal is met, else 1."""
    options = _parser().parse_args(arguments)
    if not 1 <= options.sessions <= 500 or not 0.1 <= options.minutes <= 600:
        _parser().error("1 to 500 sessions can visit for 0.1 to 600 minutes")
    think = (min(options.think), max(options.think))
    with tempfile.TemporaryDirectory(prefix="sat-load-") as folder:
        runs = os.path.join(folder, "runs")
        with open(options.log or os.path.join(folder, "log.txt"), "w+b") as log:
            with Server(log, SAT_RUNS=runs, SAT_DATA=folder) as server:
                load = asyncio.run(_visits(server, options, think))
            log.seek(0)
            told = log.read().decode(errors="replace")
    tracebacks = told.count("Traceback")
    if tracebacks:
        load.notes.errors.append(f"the server's log has {tracebacks} tracebacks; the last ends: {told[-600:]!r}")
    print("\n".join(load.lines()))
    if options.save:
        report.RESULTS.write_text(load.as_page(), encoding="utf-8")
    return 0 if load.met else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=30, help="visitors at once (30)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long they stay (10)")
    parser.add_argument("--think", type=float, nargs=2, default=THINK, help="seconds between two actions (5 15)")
    parser.add_argument("--seed", type=int, default=0, help="which pictures they upload and when (0)")
    parser.add_argument("--log", help="keep what the server says in this file")
    parser.add_argument("--save", action="store_true", help="write load/RESULTS.md")
    return parser


async def _visits(server: Server, options: argparse.Namespace, think: tuple[float, float]) -> Load:
    endless = time.monotonic() + 3600
    _say("One visitor, to warm it up and to know how fast it is alone ...")
    warm, alone = Notes(), Notes()
    await Visitor(server.address, warm, options.seed, 10**6, endless, ALONE_THINK, most=2).visit()
    first = server.resident()
    await Visitor(server.address, alone, options.seed, 10**6 + 1, endless, ALONE_THINK, most=ALONE - 2).visit()
    memory_alone = server.resident()
    if not alone.seen:
        raise SystemExit("\n".join(["The single visitor saw no caption:", *warm.errors, *alone.errors]))
    _say(f"{options.sessions} visitors for {options.minutes:g} minutes ...")
    notes = Notes(errors=[*warm.errors, *alone.errors], wrong=[*warm.wrong, *alone.wrong])
    began, computed = time.monotonic(), server.processor_seconds()
    until = began + 60 * options.minutes
    scales = asyncio.create_task(server.weigh())
    spread = 60 * options.minutes * ARRIVAL / options.sessions
    visitors = (
        Visitor(server.address, notes, options.seed, n, until, think, after=n * spread) for n in range(options.sessions)
    )
    await asyncio.gather(*(visitor.visit() for visitor in visitors))
    scales.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await scales
    lasted, computed = time.monotonic() - began, server.processor_seconds() - computed
    grown, window = growth(server.weighed)
    _say("Writing their captions again, to compare ...")
    seen = [*alone.seen, *notes.seen]
    sample = random.Random(options.seed).sample(seen, min(COMPARED, len(seen)))
    together = in_explore(notes.seen)
    if not together:
        raise SystemExit("\n".join(["Nobody saw a caption:", *notes.errors]))
    return Load(
        sessions=options.sessions,
        minutes=options.minutes,
        think=think,
        alone=in_explore(alone.seen),
        together=together,
        notes=notes,
        memory=(first, memory_alone, max(megabytes for _, megabytes in server.weighed)),
        growth=grown,
        window=window,
        differing=tuple(_differing(sample)),
        compared=len(sample),
        busy=computed / lasted / (os.cpu_count() or 1),
    )


def _differing(sample: Sequence[Seen]) -> list[str]:
    """Where the model writes something else in this process."""
    import sat
    from sat.images import read_picture

    captioners = {name: sat.load(name) for name in {one.model for one in sample}}
    found = []
    for one in sample:
        picture = read_picture(make(*one.key).data)
        words = tuple(captioners[one.model].caption(picture).words)
        if words != one.words:
            found.append(f"{one.model} on {one.key}: {' '.join(one.words)!r}, and here {' '.join(words)!r}")
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in ``python -m sat``, before torch is loaded
    sys.exit(main())
