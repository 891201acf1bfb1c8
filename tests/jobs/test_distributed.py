"""Two workers on two machines of a cluster (as processes of this one): one worker is killed, then one machine."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.data.features import extract
from sat.data.registry import load_dataset
from sat.jobs.runs import Run, State
from sat.jobs.service import Jobs
from sat.models.encoder import Encoder
from sat.training.run import RunFolder
from sat.training.train import train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SECONDS = 400
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
CONFIG = TrainConfig.model_validate(
    {
        "name": "team", "dataset": "shapes", "epochs": 6, "batch_pictures": 4, "min_word_count": 1, "samples": 1,
        "meteor": False, "precision": "float32", "learning_rate": 5e-3, "warmup_steps": 2, "model": ModelConfig(
            name="team", embedding_dim=16, hidden_dim=24, attention_dim=8, decoding={"beam": 2, "max_words": 6},
            dropout=0.0, context_dropout=0.0,
        ),
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[Any]:
    """A cluster of two machines with one processor each, whose jobs see this environment."""
    from ray.cluster_utils import Cluster

    root = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SAT_PUBLIC", "SAT_JOB", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
            patch.delenv(name, raising=False)
        for name in ("data", "cache", "runs"):
            patch.setenv(f"SAT_{name.upper()}", str(root / name))
        # A job's command is looked up on the machine that it lands on.
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        shapes.generate(root / "data" / "shapes", count={"train": 23, "dev": 4, "test": 4}, seed=3)
        extract(encoder, [e.path for e in load_dataset("shapes").examples])
        cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": True, "dashboard_port": 0, **NODE})
        try:
            cluster.add_node(**NODE)
            patch.setenv("SAT_RAY_ADDRESS", f"http://{cluster.head_node.webui_url}")
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def alone(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the same run records with one worker, without Ray."""
    path = tmp_path_factory.mktemp("alone") / "run"
    assert train(CONFIG, path)
    return RunFolder.open(path).metrics("epoch")


def test_a_team_loses_a_worker_and_goes_on(cluster, alone):
    killed: list[int] = []

    def strike(folder: RunFolder) -> None:
        killed.append(int(folder.read_status()["pid"]))
        os.kill(killed[0], signal.SIGKILL)

    done = finish("worker", strike)
    assert int(RunFolder(done.path).read_status()["pid"]) not in killed
    check(done, alone)


def test_a_team_loses_a_machine_and_goes_on_on_another(cluster, alone):
    def strike(folder: RunFolder) -> None:
        (other,) = cluster.worker_nodes
        cluster.remove_node(other, allow_graceful=False)  # its processes are killed, the worker on it with them
        cluster.add_node(**NODE)

    check(finish("machine", strike), alone)


def finish(name: str, strike: Callable[[RunFolder], None]) -> Run:
    """Train with two workers, strike once after the first epoch, and wait for the end."""
    jobs = Jobs()
    assert not jobs.cluster.local
    run = jobs.submit(CONFIG, name=name, workers=2, cpus=1)
    folder, deadline, struck = RunFolder(run.path), time.monotonic() + SECONDS, False
    while jobs.get(name).state.active:
        assert time.monotonic() < deadline, (jobs.get(name), jobs.logs(name))
        status = folder.read_status()
        if not struck and status.get("epoch", 0) >= 1 and status.get("phase") == "training":
            struck = True
            strike(folder)
        time.sleep(0.1)
    done = jobs.get(name)
    assert struck and done.state is State.FINISHED, (done, jobs.logs(name))
    return done


def check(done: Run, alone: list[dict[str, Any]]) -> None:
    """It was resumed once, nothing is lost or done twice, and its numbers are those of one worker, to rounding
    (nothing is drawn at random in this run)."""
    log = (done.path / "log.txt").read_text()
    assert log.count("resumed at epoch") == 1 and "epoch 6/6" in log
    epochs = RunFolder(done.path).metrics("epoch")
    assert [record["epoch"] for record in epochs] == list(range(6))
    assert [record["step"] for record in epochs] == [6 * (n + 1) for n in range(6)]  # 23 pictures, 4 a step
    for ours, theirs in zip(epochs, alone, strict=True):
        assert ours["train"]["nll"] == pytest.approx(theirs["train"]["nll"], rel=1e-3)
        assert ours["train"]["penalty"] == pytest.approx(theirs["train"]["penalty"], rel=1e-3)
        assert ours["dev"]["entropy"] == pytest.approx(theirs["dev"]["entropy"], rel=1e-2)
        assert ours["dev"]["BLEU-4"] == pytest.approx(theirs["dev"]["BLEU-4"], abs=5)  # of 100; ties may break
    assert done.model is not None and done.order.workers == 2 and done.order.address == os.environ["SAT_RAY_ADDRESS"]
