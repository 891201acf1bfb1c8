"""``train``: to the end, stopped by a signal, and where it cannot begin or go on."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from .running import good, refused, run

CONFIG = """
name: small
dataset: shapes
model: {name: small, embedding_dim: 8, hidden_dim: 8, attention_dim: 8}
epochs: 1
batch_pictures: 4
min_word_count: 1
precision: float32
"""


@pytest.mark.parametrize("runs", ["", "elsewhere"])
def test_train_to_the_end_and_use_the_model(shapes_root, cached, photo_file, monkeypatch, runs):
    monkeypatch.setenv("SAT_RUNS", runs)
    Path("small.yaml").write_text(CONFIG)
    out = good("train", "small.yaml", "--set", f"data={shapes_root}", "--set", "model.hidden_dim=6")
    run_folder = Path(runs or "runs") / "small"
    assert out.endswith(f"the model is in {run_folder / 'model'}\n")
    assert json.loads((run_folder / "model" / "config.json").read_text())["hidden_dim"] == 6
    assert good("caption", photo_file, "--model", run_folder / "model").strip()

    # Mistakes around a run that is there already.
    changed = ("--set", f"data={shapes_root}", "--set", "epochs=9")
    assert "already holds a run: resume it with --resume" in refused("train", "small.yaml", *changed)
    assert "another setting of model" in refused("train", "small.yaml", "--resume", run_folder, *changed[:2])
    assert "keeps its settings" in refused("train", "--resume", run_folder, "--set", "epochs=9")
    assert "stays in its folder" in refused("train", "--resume", run_folder, "--out", "other")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(shapes_root, cached, number):
    Path("long.yaml").write_text(CONFIG.replace("epochs: 1\n", "epochs: 10000\n"))
    before = signal.getsignal(number)

    def stop() -> None:
        deadline = time.monotonic() + 120
        while not Path("r/metrics.jsonl").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    result = run("train", "long.yaml", "--set", f"data={shapes_root}", "--out", "r")
    thread.join()
    assert result.exit_code == 128 + number
    assert "go on with 'python -m sat train --resume r'" in result.stderr
    assert json.loads(Path("r/status.json").read_text())["state"] == "stopped"
    assert Path("r/checkpoints/last.pt").is_file() and not Path("r/model").exists()
    assert signal.getsignal(number) == before


def test_a_run_that_could_not_begin_leaves_nothing(shapes_root, cached):
    Path("small.yaml").write_text(CONFIG)
    arguments = ("train", "small.yaml", "--set", f"data={shapes_root}")
    assert "There is no model 'nobody'" in refused(*arguments, "--set", "start_from=nobody", "--out", "r")
    assert "no encoder called 'nothing'" in refused(*arguments, "--set", "model.encoder=nothing", "--out", "r")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("kept")
    assert "There is no model" in refused(*arguments, "--set", "start_from=nobody", "--out", "mine")
    assert os.listdir("mine") == ["notes.txt"]


def test_a_disk_that_fills_up_in_training(shapes_root, cached, full_disk):
    Path("small.yaml").write_text(CONFIG)
    good("features", "--data", shapes_root, "--dataset", "shapes")
    with full_disk(400_000):  # room for everything but the whole state
        result = run("train", "small.yaml", "--set", f"data={shapes_root}", "--set", "samples=0", "--out", "r")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "r/checkpoints/last.pt could not be written" in result.stderr
    assert os.listdir("r/checkpoints") == ["best"]
    assert json.loads(Path("r/status.json").read_text())["state"] == "failed"
    Path("r/checkpoints/last.pt").write_bytes(b"PK\x03\x04 half")
    assert "r/checkpoints/last.pt is damaged" in run("train", "--resume", "r").stderr
