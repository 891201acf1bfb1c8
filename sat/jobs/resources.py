"""How many processors and GPUs a run asks for, and whether the cluster has them."""

from __future__ import annotations

import os
import time

from sat.config import TrainConfig
from sat.errors import UserError
from sat.jobs.cluster import Cluster
from sat.jobs.runs import Order

_MOST_CPUS = 16  # of one worker, unless more are asked for: beyond that they hardly help
_PATIENCE = 10.0  # seconds that a head, or a machine that just joined, may take to be counted


def order(cluster: Cluster, config: TrainConfig, *, cpus: float | None, gpus: float | None, workers: int) -> Order:
    """What is asked of the queue for a run; where None, a GPU for each worker if there is one, and the processors
    shared out among the GPUs.

    Raises:
        UserError: the cluster will never have that.
    """
    if workers < 1:
        raise UserError(f"{workers} workers cannot train: ask for 1 or more.")
    if workers > config.batch_pictures:
        raise UserError(
            f"{workers} workers share batches of {config.batch_pictures} pictures: ask for fewer workers, or raise "
            "batch_pictures."
        )
    totals = _totals(cluster, (cpus or 1.0) * workers, (gpus or 0.0) * workers)
    if gpus is None:
        gpus = 1.0 if totals["GPU"] >= workers else 0.0
    if cpus is None:
        fair = totals["CPU"] // max(workers, totals["GPU"] if gpus else 1)
        cpus = float(min(max(fair, 1), _MOST_CPUS))
    if cpus <= 0 or gpus < 0:
        raise UserError(f"{cpus:g} processors and {gpus:g} GPUs cannot be reserved: ask for 1 or more, and 0 or more.")
    if gpus > 1 or gpus not in (0.0, 1.0):
        raise UserError(f"A worker trains on one GPU or none, not on {gpus:g}: use several GPUs with more workers.")
    where = "This machine" if cluster.local else "The cluster"
    for kind, asked, word in (("CPU", cpus, "processors"), ("GPU", gpus, "GPUs")):
        if asked * workers > totals[kind]:
            raise UserError(
                f"{where} has {totals[kind]:g} {word}, and {asked * workers:g} are asked for: ask for fewer."
            )
    return Order(cpus=float(cpus), gpus=float(gpus), workers=workers, created=time.time(), address=cluster.address)


def _totals(cluster: Cluster, cpus: float, gpus: float) -> dict[str, float]:
    """How many ``CPU`` and ``GPU`` there are, with some patience where they seem too few."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        totals = cluster.totals()
        late = time.monotonic() > deadline
        if totals is not None and totals["CPU"] > 0:
            enough = totals["CPU"] >= cpus and totals["GPU"] >= gpus
            if enough or cluster.local or late:
                return totals
        if late:
            break
        time.sleep(0.5)
    if not cluster.local:
        raise UserError(f"The cluster at {cluster.address} does not say what it has: check that its machines run.")
    import torch

    return {"CPU": float(os.cpu_count() or 1), "GPU": float(torch.cuda.device_count())}
