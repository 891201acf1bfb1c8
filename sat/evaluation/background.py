"""Evaluations that run by themselves: started from a page, they go on when it is closed and the server ends.

``RUNS/evaluations/NAME/`` is what ``evaluate --out`` writes, and beside it ``order.json``, what is to be done;
``progress.json``, how far it is; ``log.txt``; ``stop``, a wish; and ``running.lock``, held by the process that works
here, so that whether it lives is never in doubt. ``python -m sat.evaluation.background FOLDER`` is that process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sat.errors import UserError
from sat.files import write_text

FOLDER = "evaluations"
Stage = Literal["starting", "running", "stopping", "stopped", "failed", "finished"]
_ORDER, _PROGRESS, _LOG, _STOP, _LOCK = "order.json", "progress.json", "log.txt", "stop", "running.lock"
_REPORT_SECONDS = 0.3
_START_SECONDS = 60.0  # a process that has not begun after so long never will


@dataclass(frozen=True)
class Order:
    """What to evaluate: a model's name or folder, a data set, its root folder (None: the usual one), and a split."""

    model: str
    dataset: str
    split: str
    data: str | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        model = Path(self.model)
        shown = model.parent.name if model.name == "model" else model.name
        parts = [shown, self.dataset, self.split]
        if self.dataset == "folder" and self.data is not None:
            parts[1] = Path(self.data).name
        return re.sub(r"[^A-Za-z0-9._+-]+", "-", "-".join(parts)).lstrip(".") or "evaluation"

    @property
    def options(self) -> list[str]:
        """As ``evaluate`` takes them."""
        data = [] if self.data is None else ["--data", self.data]
        return ["--model", self.model, *data, "--dataset", self.dataset, "--split", self.split]


@dataclass(frozen=True)
class Job:
    """An evaluation under way, or at its end.

    Attributes:
        doing: the stage that ``evaluate`` is in; done, total: of its pictures; 0 of 0 before it has begun.
        problem: why it failed; empty otherwise.
    """

    name: str
    folder: Path
    order: Order
    state: Stage
    doing: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""

    @property
    def active(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("starting", "running", "stopping")

    @property
    def log(self) -> str:
        """The last lines of what it said."""
        try:
            return "\n".join((self.folder / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        except OSError:
            return ""


def start(root: Path, order: Order) -> str:
    """Begin an evaluation, or go on with one that was cut off, in a process of its own.

    Args:
        root: of the runs.

    Returns:
        its name.

    Raises:
        UserError: it is running already, or the folder cannot be written.
    """
    folder = root / FOLDER / order.name
    there = read(folder)
    if there is not None and there.active:
        raise UserError(f"{order.name} is being evaluated already: wait for it or stop it.")
    write_text(folder / _ORDER, json.dumps(asdict(order), indent=1) + "\n")
    (folder / _STOP).unlink(missing_ok=True)
    _report(folder, "starting", at=time.time())
    with open(folder / _LOG, "ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "sat.evaluation.background", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a signal to the server is none of its business
            env={**os.environ, "PYTHONPATH": os.pathsep.join([_home(), os.environ.get("PYTHONPATH", "")])},
        )
    return order.name


def stop(root: Path, name: str) -> None:
    """Ask an evaluation to end after its batch; what it computed is kept."""
    job = read(root / FOLDER / name)
    if job is not None and job.active:
        (job.folder / _STOP).touch()


def jobs(root: Path) -> list[Job]:
    """All of them, the latest first."""
    folders = sorted((root / FOLDER).glob(f"*/{_ORDER}"), key=lambda path: -path.stat().st_mtime)
    return [job for job in (read(path.parent) for path in folders) if job is not None]


def read(folder: Path) -> Job | None:
    """The evaluation in a folder; None where there is none, or it cannot be read."""
    try:
        order = Order(**json.loads((folder / _ORDER).read_text(encoding="utf-8")))
        said: dict[str, Any] = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
        state, told = said["state"], (str(said["doing"]), int(said["done"]), int(said["total"]))
        problem, at = str(said["problem"]), float(said["at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if state in ("starting", "running"):
        if _held(folder):
            state = "stopping" if (folder / _STOP).exists() else "running"
        elif state == "running" or time.time() - at > _START_SECONDS:
            state, problem = "failed", "It ended without a word: start it again, and it goes on where it was."
    return Job(folder.name, folder, order, state, *told, problem=problem)


def work(folder: Path) -> int:
    """Do what ``order.json`` says; the exit code."""
    from sat.captioner import load
    from sat.data.registry import load_dataset
    from sat.evaluation.evaluate import evaluate
    from sat.evaluation.parts import EvaluationStopped

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=5)  # whoever looks at it holds it for a moment
    except Timeout:
        return 0  # another process was faster
    last = 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_SECONDS or done == total:
            last = time.monotonic()
            _report(folder, "running", stage, done, total, at=time.time())

    try:
        order = Order(**json.loads((folder / _ORDER).read_text(encoding="utf-8")))
        _report(folder, "running", "loading", at=time.time())
        captioner = load(order.model)
        evaluate(
            captioner,
            load_dataset(order.dataset, order.data),
            order.split,
            seed=captioner.config.seed,
            out=folder,
            progress=progress,
            rows=True,
            should_stop=lambda: (folder / _STOP).exists(),
        )
    except EvaluationStopped:
        _report(folder, "stopped", at=time.time())
        return 0
    except UserError as error:
        _report(folder, "failed", problem=str(error), at=time.time())
        return 2
    except BaseException as error:
        _report(folder, "failed", problem=f"{type(error).__name__}: see log.txt.", at=time.time())
        raise
    finally:
        lock.release()
    _report(folder, "finished", at=time.time())
    return 0


def _report(
    folder: Path, state: str, doing: str = "", done: int = 0, total: int = 0, problem: str = "", *, at: float
) -> None:
    record = {"state": state, "doing": doing, "done": done, "total": total, "problem": problem, "at": at}
    write_text(folder / _PROGRESS, json.dumps(record))


def _held(folder: Path) -> bool:
    """Whether somebody holds the lock."""
    lock = FileLock(folder / _LOCK)
    try:
        with lock.acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _home() -> str:
    """Where this program lies, for a process that starts elsewhere."""
    return str(Path(__file__).resolve().parents[2])


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
