"""The process that runs the cases: it may be killed by them, and is then started again."""

from __future__ import annotations

import faulthandler
import logging
import os
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz.case import Outcome, Target, attempt, generator, load_target
from fuzz.measure import limit_memory, measured

MEMORY = 3000  # megabytes that a worker may take beyond its imports, before the system refuses more


def run_case(target: Target, seed: int, number: int) -> Outcome:
    """One case, in this process: made, handed over, measured and judged."""
    kind = target.kind_of(number)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        use = target.kinds[kind](generator(seed, target.name, number), Path(folder))
        (ending, told), seconds, megabytes = measured(lambda: attempt(use))
    if ending != "failed" and seconds > target.seconds:
        ending, told = "failed", f"took {seconds:.1f} s, more than {target.seconds:g}"
    elif ending != "failed" and megabytes > target.megabytes:
        ending, told = "failed", f"took {megabytes:.0f} MB, more than {target.megabytes:g}"
    return Outcome(target.name, number, kind, ending, told.replace(folder, "FOLDER"), seconds, megabytes)


def work(name: str, seed: int, connection: Connection) -> None:
    """Run the cases whose numbers come in, until the other end closes; one that kills the process is its last."""
    faulthandler.enable(file=os.fdopen(os.dup(2), "w"))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.disable(logging.CRITICAL)
    target = load_target(name)
    target.warm()
    limit_memory(MEMORY)
    for stream in (1, 2):  # what C libraries and Streamlit remark on bad input would hide the table
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    connection.send("ready")
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        connection.send(run_case(target, seed, number))
