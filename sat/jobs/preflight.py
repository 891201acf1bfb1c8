"""Before a run is started: is everything there, how long will it take, how much room does it need?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from sat.config import TrainConfig
from sat.data.dataset import cache_root, data_root
from sat.errors import UserError
from sat.files import write_text
from sat.jobs.access import check_allowed
from sat.jobs.runs import runs_root
from sat.jobs.units import size
from sat.training.dev_meteor import MEMORY

_SECONDS = 300.0  # for the measurement, most of it for loading
_SPARE = 500 * 2**20  # bytes of disk left free beside what a run needs
_HEADROOM = 1.1  # what the system takes beside the process


@dataclass(frozen=True)
class Measured:
    """What ``sat.jobs.measure`` found, in a process of its own.

    Attributes:
        pictures, captions: of the training split; dev: pictures of the dev split.
        draw: seconds that it takes to draw the pictures first; 0 where they are there.
        missing: pictures whose annotations must be computed first.
        device: ``cpu``, or the GPU's name; free: bytes of memory free there; peak: bytes that some steps took.
        step: seconds an update; annotate: seconds a picture; caption, search: seconds a dev picture, greedily and by
            beam search.
        steps: updates of the whole run.
        row: bytes of one picture's annotations; weights: numbers that are trained.
    """

    pictures: int
    captions: int
    dev: int
    draw: float
    missing: int
    device: str
    free: int
    peak: int
    step: float
    annotate: float
    caption: float
    search: float
    steps: int
    row: int
    weights: int


@dataclass(frozen=True)
class Report:
    """What will happen when a run is started.

    Attributes:
        measured: None where a problem kept us from measuring.
        seconds: the whole run; preparing: drawing and annotations before it; both estimated from what was measured
            here.
        memory: bytes that it needs, and memory_free: that there are, on the GPU where there is one.
        disk: bytes that it will write, and disk_free: the least that there is where it writes.
        problems: sentences on what stands in the way and what to do about it; none means that it can start.
    """

    measured: Measured | None
    seconds: float
    preparing: float
    memory: int
    memory_free: int
    disk: int
    disk_free: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.problems


def preflight(config: TrainConfig, *, runs: Path | None = None, cpus: float | None = None, gpus: float = 0.0) -> Report:
    """Try a run out: look at its data, measure some steps in a process of its own, and add up.

    Args:
        runs: the folder of the runs; ``$SAT_RUNS``, else ``runs``, where None.
        cpus: processors that the run will have; all where None. gpus: that it will ask for.

    Raises:
        UserError: this is a public demo.
    """
    check_allowed()
    root = runs or runs_root()
    free = _disk_free((root, cache_root()))
    try:
        measured = _measure(config, cpus)
    except UserError as error:
        return Report(None, 0.0, 0.0, 0, 0, 0, free, (str(error),))
    return judge(config, measured, free, gpus)


def judge(config: TrainConfig, measured: Measured, disk_free: int, gpus: float = 0.0) -> Report:
    """Add up what was measured, and say what stands in the way."""
    both = 2 if config.mirror and config.encoder_learning_rate == 0 else 1
    preparing = measured.draw + measured.missing * measured.annotate * both
    scoring = config.epochs * measured.dev * measured.caption
    candidates = 1 + (config.average_last > 0)
    choosing = (candidates + 8) * measured.dev * measured.search  # 8 decodings are tried
    seconds = preparing + measured.steps * measured.step + scoring + choosing
    kept = 1 + candidates  # the model and its candidates, in half precision
    # A saved state holds weights and two moments of each in single precision; a new one is written beside the old.
    disk = int(
        measured.missing * both * measured.row + measured.weights * (2 * 3 * 4 + (4 * (candidates - 1)) + 2 * kept)
    )
    memory = int(measured.peak * _HEADROOM)
    if config.meteor and measured.device == "cpu":
        memory += MEMORY  # of the Java process beside it
    problems = []
    if disk + _SPARE > disk_free:
        problems.append(
            f"The run writes about {size(disk)} and {size(disk_free)} are free: free some space, or set SAT_RUNS "
            "and SAT_CACHE to folders on another disk."
        )
    if memory > measured.free:
        problems.append(
            f"It needs about {size(memory)} of memory and {size(measured.free)} are free: make batch_pictures "
            f"({config.batch_pictures}) smaller, or close what else is running."
        )
    if gpus and measured.device == "cpu":
        problems.append("A GPU is asked for, but there is none on this machine: ask for 0 GPUs, or name a cluster.")
    if measured.pictures and not measured.dev:
        problems.append("The data set has no dev pictures, by which the best weights are chosen: add some.")
    return Report(measured, seconds, preparing, memory, measured.free, disk, disk_free, tuple(problems))


def _measure(config: TrainConfig, cpus: float | None) -> Measured:
    """Run ``sat.jobs.measure``: its memory is its own, and a crash for want of it does not end this process."""
    with tempfile.TemporaryDirectory(prefix="sat-preflight-") as folder:
        path = Path(folder) / "config.yaml"
        write_text(path, yaml.safe_dump(config.model_dump(mode="json")))
        environment = dict(os.environ) | {"SAT_DATA": str(data_root().resolve())}
        project = str(Path(__file__).parent.parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [project, os.environ.get("PYTHONPATH")]))
        if cpus:
            environment["OMP_NUM_THREADS"] = str(max(1, int(cpus)))
        command = [sys.executable, "-m", "sat.jobs.measure", str(path)]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"The trial of some steps did not end within {_SECONDS / 60:.0f} minutes: make the model or "
                "batch_pictures smaller."
            ) from None
    if done.returncode != 0:
        raise UserError(_why(done.returncode, done.stderr))
    return _parse(done.stdout)


def _parse(printed: str) -> Measured:
    for line in reversed(printed.splitlines()):
        try:
            values: dict[str, Any] = json.loads(line)
            return Measured(**{f.name: values[f.name] for f in fields(Measured)})
        except (ValueError, KeyError, TypeError):
            continue
    raise UserError("The trial of some steps said nothing: try again.")


def _why(code: int, errors: str) -> str:
    """One sentence on why the trial ended early."""
    from sat.jobs.reconcile import last_line
    from sat.training.hints import hint

    said = last_line(errors)
    if code == 2 and said:  # a UserError: it says what to do
        return said
    advice = hint(f"{said} exit code {code}")
    return f"The trial of some steps failed ({said or f'exit code {code}'}). {advice}".strip()


def _disk_free(folders: Iterable[Path]) -> int:
    """The least that is free where these folders lie, or will lie."""

    def free(folder: Path) -> int:
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        return shutil.disk_usage(there).free

    return min(free(folder) for folder in folders)
