"""What is said before a run is started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.errors import UserError
from sat.jobs import preflight as module
from sat.jobs.preflight import Measured, judge, preflight
from sat.training.dev_meteor import MEMORY

GIB = 2**30
MEASURED = Measured(
    pictures=100, captions=500, dev=10, draw=0.0, missing=110, device="cpu", free=8 * GIB, peak=2 * GIB,
    step=0.5, annotate=0.1, caption=0.05, search=0.2, steps=40, row=1000, weights=1_000_000,
)  # fmt: skip


def test_time_memory_and_disk_are_added_up():
    report = judge(TrainConfig(epochs=4, average_last=2), MEASURED, disk_free=100 * GIB)
    assert report.ok and report.preparing == pytest.approx(11.0)
    # annotations 11, updates 40 x 0.5, scoring 4 x 10 x 0.05, choosing (2 candidates + 8 decodings) x 10 x 0.2
    assert report.seconds == pytest.approx(11 + 20 + 2 + 20)
    assert report.memory == int(2.2 * GIB) + MEMORY and report.memory_free == 8 * GIB
    assert judge(TrainConfig(meteor=False), MEASURED, 100 * GIB).memory == int(2.2 * GIB)
    # annotations; the old and the new state (12 bytes a weight each), the sum for the mean, three models of 2 bytes
    assert report.disk == 110 * 1000 + 1_000_000 * (24 + 4 + 6)


def test_mirrored_pictures_are_annotated_too():
    plain, mirrored = (judge(TrainConfig(mirror=m), MEASURED, 100 * GIB) for m in (False, True))
    assert mirrored.preparing == 2 * plain.preparing and mirrored.disk == plain.disk + 110_000
    tuned = judge(TrainConfig(mirror=True, encoder_learning_rate=1e-4), MEASURED, 100 * GIB)
    assert tuned.preparing == plain.preparing


@pytest.mark.parametrize(
    ("changes", "disk", "gpus", "problem"),
    [
        ({}, 400 * 2**20, 0, "400 MiB are free: free some space"),
        ({"peak": 8 * GIB}, 100 * GIB, 0, r"needs about 9.4 GiB of memory and 8.0 GiB are free: make batch_pictures"),
        ({}, 100 * GIB, 1, "there is none on this machine"),
        ({"dev": 0}, 100 * GIB, 0, "no dev pictures"),
    ],
)
def test_what_stands_in_the_way(changes, disk, gpus, problem):
    report = judge(TrainConfig(), replace(MEASURED, **changes), disk, gpus)
    assert not report.ok
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(" ".join(report.problems))


def test_missing_data_is_a_problem_not_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    report = preflight(TrainConfig(dataset="flickr8k", data=str(tmp_path)), runs=tmp_path / "runs")
    assert report.measured is None and report.disk_free > 0
    (problem,) = report.problems
    assert problem.startswith(f"{tmp_path / 'flickr8k'} does not exist")
    assert not (tmp_path / "runs").exists() and not (tmp_path / "cache").exists()


def test_shapes_that_the_run_will_draw_are_not_missing(tmp_path, monkeypatch):
    from sat.jobs import measure as measure_module

    monkeypatch.setattr(shapes, "DEFAULT_COUNT", {"train": 9, "dev": 3, "test": 2})
    monkeypatch.setattr(measure_module, "_DRAWN", 2)
    dataset, train, dev, draw = measure_module._data(
        TrainConfig(dataset="shapes", data=str(tmp_path)), tmp_path / "here"
    )
    assert (len(train), len(dev)) == (9, 3) and len({e.path for e in train}) == 2 and draw > 0
    assert dataset.root == tmp_path / "here" / "shapes" and not (tmp_path / "shapes").exists()
    report = judge(TrainConfig(), replace(MEASURED, draw=30.0), 100 * GIB)
    assert report.preparing == pytest.approx(30 + 11)


def test_twenty_steps_are_timed_unless_they_take_minutes(monkeypatch):
    from sat.jobs import measure as measure_module

    class Slow:
        """Updates that take so many seconds, by a clock that this test sets."""

        def __init__(self, seconds):
            self.seconds, self.made, self.now = seconds, 0, 0.0
            self.prepared = self.training = self.decoder = self
            monkeypatch.setattr(measure_module.time, "perf_counter", lambda: self.now)

        def train(self):
            pass

        def epoch(self, *_):
            return iter([None])

        def train_step(self, _batch):
            self.now += self.seconds + 5.0 * (self.made < 2)
            self.made += 1

    for seconds, made in ((1.0, 22), (100.0, 7)):
        slow = Slow(seconds)
        assert measure_module._steps(slow, TrainConfig()) == seconds and slow.made == made


def test_a_trial_that_dies_says_why():
    assert "signal" not in module._why(-9, "") and "batch_pictures" in module._why(-9, "")
    assert module._why(2, "log\nThe data are gone: get them.\n") == "The data are gone: get them."
    assert "batch_pictures" in module._why(1, "torch.OutOfMemoryError: CUDA out of memory.")
    with pytest.raises(UserError, match="said nothing"):
        module._parse('{"pictures": 3}\nhello\n')


def test_no_trial_in_a_public_demo(monkeypatch):
    monkeypatch.setenv("SAT_PUBLIC", "1")
    with pytest.raises(UserError, match="public demo"):
        preflight(TrainConfig())


def test_some_steps_are_really_measured(tmp_path, monkeypatch, encoder):
    from sat.data.features import extract
    from sat.data.registry import load_dataset
    from sat.jobs import measure as measure_module

    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(measure_module, "_STEPS", 3)
    shapes.generate(tmp_path / "shapes", count={"train": 9, "dev": 3}, seed=3)
    config = TrainConfig(
        dataset="shapes", data=str(tmp_path), epochs=5, batch_pictures=4, min_word_count=1, precision="float32",
        model=ModelConfig(embedding_dim=16, hidden_dim=24, attention_dim=8),
    )  # fmt: skip
    (tmp_path / "scratch").mkdir()
    found = measure_module.measure(config, tmp_path / "scratch")
    assert (found.pictures, found.captions, found.dev, found.missing) == (9, 45, 3, 12)
    assert found.steps == 5 * 3 and found.row == 196 * 352 * 2
    assert min(found.step, found.annotate, found.caption, found.search, found.peak, found.free) > 0
    paths = [e.path for e in load_dataset("shapes", tmp_path).split("train")]
    extract(encoder, paths[:5])
    assert measure_module._missing(encoder, config, load_dataset("shapes", tmp_path).examples) == 12 - 5
