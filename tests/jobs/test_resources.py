"""What a run asks for when nothing is said, and what it may not ask for."""

from __future__ import annotations

import pytest

from sat.config import TrainConfig
from sat.errors import UserError
from sat.jobs import resources
from sat.jobs.resources import order

from .conftest import PaperQueue


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(resources, "_PATIENCE", 0.0)


def ask(cpu: float, gpu: float, *, cpus=None, gpus=None, workers=1, local=True):
    queue = PaperQueue(has={"CPU": cpu, "GPU": gpu}, local=local, address=None if local else "http://far:8265")
    return order(queue, TrainConfig(batch_pictures=8), cpus=cpus, gpus=gpus, workers=workers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cpu", "gpu", "workers", "expected"),
    [
        (2, 0, 1, (2, 0)),  # a machine without GPUs: one run at a time
        (64, 0, 1, (16, 0)),
        (16, 4, 1, (4, 1)),  # four runs at a time
        (16, 4, 4, (4, 1)),
        (16, 1, 2, (8, 0)),  # not a GPU each: both on processors
        (4, 0, 2, (2, 0)),
        (1, 1, 1, (1, 1)),
    ],
)
def test_a_fair_part_of_the_machine(cpu, gpu, workers, expected):
    asked = ask(cpu, gpu, workers=workers)
    assert (asked.cpus, asked.gpus) == expected and asked.workers == workers and asked.job is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"cpus": 3}, "This machine has 2 processors, and 3 are asked for"),
        ({"cpus": 1.5, "workers": 2}, "and 3 are asked for"),
        ({"gpus": 1}, "has 0 GPUs, and 1 are asked for"),
        ({"gpus": 2}, "one GPU or none, not on 2"),
        ({"gpus": 0.5}, "one GPU or none"),
        ({"cpus": 0}, "cannot be reserved"),
        ({"cpus": -1}, "cannot be reserved"),
        ({"workers": 0}, "0 workers cannot train"),
        ({"workers": 9}, "share batches of 8 pictures"),
    ],
)
def test_what_will_never_be_there_is_refused(asked, message):
    with pytest.raises(UserError, match=message):
        ask(2, 0, **asked)


def test_a_cluster_says_what_it_has():
    assert ask(100, 8, local=False).address == "http://far:8265"
    with pytest.raises(UserError, match="The cluster has 8 GPUs, and 9 are"):
        order(
            PaperQueue(has={"CPU": 100.0, "GPU": 8.0}, local=False),  # type: ignore[arg-type]
            TrainConfig(),
            cpus=1,
            gpus=1,
            workers=9,
        )


def test_a_machine_that_just_joined_is_waited_for(monkeypatch):
    counts = iter([None, {"CPU": 0.0, "GPU": 0.0}, {"CPU": 1.0, "GPU": 0.0}, {"CPU": 2.0, "GPU": 0.0}])
    queue = PaperQueue(local=False)
    monkeypatch.setattr(queue, "totals", lambda: next(counts))
    monkeypatch.setattr(resources, "_PATIENCE", 60.0)
    monkeypatch.setattr(resources.time, "sleep", lambda seconds: None)
    assert order(queue, TrainConfig(), cpus=1, gpus=None, workers=2).cpus == 1.0  # type: ignore[arg-type]
