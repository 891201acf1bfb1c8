"""Several workers on one run, by Ray Train: one GPU each (nccl), or processors (gloo), on one machine or many.

A worker that dies takes its team down; Ray starts the team again and it goes on from the last state in the run folder,
which all machines must therefore see.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from sat.jobs.runs import State, read_order
from sat.training.hints import hint
from sat.training.run import RunFolder, job_id

_RESTARTS = 3
_PATIENCE = 6 * 3600  # seconds that workers wait for one that scores, or that computes annotations


def train_together(path: Path) -> int:
    """Train the run ``path`` with as many workers as it asks for; the exit code of the job."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    folder, asked = RunFolder.open(path), read_order(path)

    def stop(*_: object) -> None:
        folder.request_stop(job_id())  # the workers are no children of this process: a signal would not reach them

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    gpu = asked.gpus > 0
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={"run": str(path), "backend": "nccl" if gpu else "gloo"},
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo", timeout_s=_PATIENCE),
        scaling_config=ScalingConfig(
            num_workers=asked.workers, use_gpu=gpu, resources_per_worker=_resources(asked.cpus, asked.gpus)
        ),
        run_config=RunConfig(
            name="team",
            storage_path=str(path.resolve() / "checkpoints"),
            failure_config=FailureConfig(max_failures=_RESTARTS),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        if folder.read_status().get("state") not in (State.FAILED, State.STOPPED):
            said = str(error).strip().splitlines()
            folder.status("failed", error=said[-1] if said else type(error).__name__, hint=hint(str(error)))
        print(error, file=sys.stderr, flush=True)
    state = folder.read_status().get("state")
    return 0 if state in (State.FINISHED, State.STOPPED) else 2


def train_worker(settings: dict[str, Any]) -> None:
    """One worker of the team. It runs in a process of Ray's."""
    import ray.train
    import ray.train.torch

    from sat.training.team import Team
    from sat.training.train import train

    path = Path(settings["run"])
    folder = RunFolder.open(path)
    if folder.read_status().get("state") == State.FAILED:
        return  # it failed for a reason, which is written down: another try would fail for the same one
    context = ray.train.get_context()
    device = ray.train.torch.get_device()
    exchange = str(device) if settings["backend"] == "nccl" else "cpu"
    team = Team(context.get_world_rank(), context.get_world_size(), exchange)
    train(folder.config, path, resume=True, team=team, device=str(device))


def _resources(cpus: float, gpus: float) -> dict[str, float]:
    return {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
