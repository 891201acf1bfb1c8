"""Two workers on two machines of a cluster (as processes of this one), one of which is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.data.features import extract
from sat.data.registry import load_dataset
from sat.jobs.runs import State
from sat.jobs.service import Jobs
from sat.models.encoder import Encoder
from sat.training.run import RunFolder
from sat.training.trainer import train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SECONDS = 400


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[str]:
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
        node = {"num_cpus": 1, "object_store_memory": 80_000_000}
        head = {"include_dashboard": True, "dashboard_port": 0, **node}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            cluster.add_node(**node)
            patch.setenv("SAT_RAY_ADDRESS", f"http://{cluster.head_node.webui_url}")
            yield os.environ["SAT_RAY_ADDRESS"]
        finally:
            cluster.shutdown()


def test_a_team_loses_a_worker_and_goes_on(address, tmp_path):
    """Code and settings go out to the cluster, and the run is that of one worker, to rounding (nothing is drawn)."""
    jobs = Jobs()
    assert not jobs.cluster.local
    config = TrainConfig.model_validate(
        {
            "name": "team", "dataset": "shapes", "epochs": 6, "batch_pictures": 4, "min_word_count": 1, "samples": 1,
            "meteor": False, "precision": "float32", "learning_rate": 5e-3, "warmup_steps": 2, "model": ModelConfig(
                name="team", embedding_dim=16, hidden_dim=24, attention_dim=8, decoding={"beam": 2, "max_words": 6},
                dropout=0.0, context_dropout=0.0,
            ),
        }
    )  # fmt: skip
    run = jobs.submit(config, workers=2, cpus=1)
    folder = RunFolder(run.path)
    deadline = time.monotonic() + SECONDS
    killed: set[int] = set()
    while jobs.get("team").state.active:
        assert time.monotonic() < deadline, (jobs.get("team"), jobs.logs("team"))
        status = folder.read_status()
        if not killed and status.get("epoch", 0) >= 1 and status.get("phase") == "training":
            killed.add(int(status["pid"]))
            os.kill(int(status["pid"]), signal.SIGKILL)
        time.sleep(0.1)
    done = jobs.get("team")
    assert done.state is State.FINISHED, (done, jobs.logs("team"))
    assert killed and int(folder.read_status()["pid"]) not in killed
    log = (run.path / "log.txt").read_text()
    assert log.count("resumed at epoch") == 1 and "epoch 6/6" in log
    epochs = folder.metrics("epoch")
    assert [record["epoch"] for record in epochs] == list(range(6))
    assert [record["step"] for record in epochs] == [6 * (n + 1) for n in range(6)]  # 23 pictures, 4 a step
    assert train(config, tmp_path / "alone")
    alone = RunFolder.open(tmp_path / "alone").metrics("epoch")
    for ours, theirs in zip(epochs, alone, strict=True):
        assert ours["train"]["nll"] == pytest.approx(theirs["train"]["nll"], rel=1e-3)
        assert ours["train"]["penalty"] == pytest.approx(theirs["train"]["penalty"], rel=1e-3)
        assert ours["dev"]["entropy"] == pytest.approx(theirs["dev"]["entropy"], rel=1e-2)
    assert done.model is not None and done.order.workers == 2 and done.order.address == address
