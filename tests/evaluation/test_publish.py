"""From a model folder to a shipped model."""

from __future__ import annotations

import datetime
import json
import shutil

import pytest

from sat import checkpoints
from sat.data import shapes
from sat.errors import UserError
from sat.evaluation import publish as module
from sat.evaluation.evaluate import evaluate
from sat.evaluation.publish import publish, read_training, write_card


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    return shapes.generate(tmp_path / "shapes", count={"train": 1, "dev": 1, "test": 3}, seed=1)


def test_a_published_model_has_scores_and_a_card(tiny_folder, dataset, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(module, "evaluate", lambda *args, **kwargs: made.append(evaluate(*args, **kwargs)) or made[0])
    run = tmp_path / "run"
    shutil.copytree(tiny_folder / "hard-tiny", run / "model")
    story = {
        "settings": {"dataset": "shapes", "epochs": 1},
        "epochs": [{"kind": "epoch", "epoch": 0, "train": {"loss": 4.5}}],
    }
    (run / "model" / "training.json").write_text(json.dumps(story))
    folder = publish(run, dataset, root=tmp_path / "shipped")
    assert folder == tmp_path / "shipped" / "hard-tiny"
    metrics = checkpoints.read_metrics(folder)
    assert metrics["model"] == "hard-tiny" and metrics["split"] == "test"
    assert datetime.date.fromisoformat(metrics["date"]) <= datetime.date.today()
    assert metrics["decoding"]["context"] == "argmax" and metrics["expected"]["decoding"]["context"] == "expected"
    told = checkpoints.read_hallucination(folder)
    assert told["model"] == "hard-tiny" and told["objects"]["model"]["captions"] == 3
    assert (run / "evaluation" / "store" / "words.parquet").is_file() and not (run / "evaluation" / "parts").exists()
    card = (folder / "README.md").read_text()
    assert f"{metrics['standard']['METEOR']:.1f}" in card or f"{metrics['standard']['METEOR']:.2f}" in card
    assert checkpoints.load_model(folder)[0].config.name == "hard-tiny"
    assert read_training(folder)["epochs"][0]["train"]["loss"] == 4.5

    monkeypatch.setattr(module, "evaluate", lambda *args, **kwargs: made[0])
    folder = publish(run, dataset, root=tmp_path / "shipped", name="mine")
    assert folder == tmp_path / "shipped" / "mine" and checkpoints.read_config(folder).name == "mine"
    metrics = checkpoints.read_metrics(folder)
    assert metrics["model"] == metrics["expected"]["model"] == checkpoints.read_hallucination(folder)["model"] == "mine"
    assert "hard-tiny" not in (folder / "README.md").read_text()
    assert checkpoints.read_config(run / "model").name == "hard-tiny"  # the run's own is left alone


def test_a_run_without_a_model_is_refused(dataset, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="holds no finished model"):
        publish(tmp_path / "run", dataset, root=tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()


def test_a_card_needs_scores(tiny_folder):
    with pytest.raises(UserError, match="has no metrics.json"):
        write_card(tiny_folder / "soft-tiny")
