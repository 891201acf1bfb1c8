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
from sat.evaluation.publish import add_seed, publish, read_training, write_card
from sat.evaluation.results import PAPER_LIKE, STANDARD, seed_rows, shipped


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


def _trained(tiny_folder, where, seed, **settings):
    """A finished run on shapes."""
    shutil.copytree(tiny_folder / "hard-tiny", where / "model")
    config = json.loads((where / "model" / "config.json").read_text())
    (where / "model" / "config.json").write_text(json.dumps({**config, "name": "hard-tiny", "seed": seed}))
    story = {"settings": {"dataset": "shapes", "seed": seed, **settings}, "epochs": []}
    (where / "model" / "training.json").write_text(json.dumps(story))
    return where


def test_scores_of_another_seed_are_kept_beside_the_model_s_own(tiny_folder, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path / "shipped"))
    folder = publish(_trained(tiny_folder, tmp_path / "one", 1), dataset, root=tmp_path / "shipped")
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "README.md"}
    two = _trained(tiny_folder, tmp_path / "two", 2, name="again", samples=0)
    for _ in range(2):  # the second time it replaces the first
        assert add_seed(two, dataset, "hard-tiny") == folder
    assert {name: (folder / name).read_bytes() for name in before} == before
    (other,) = checkpoints.read_seeds(folder)
    own = checkpoints.read_metrics(folder)
    assert other["seed"] == 2 and own["seed"] == 1
    assert other["standard"] == own["standard"] and other["expected"]["standard"] == own["expected"]["standard"]
    assert "2 runs that differ by their seed (1, 2)" in (folder / "README.md").read_text()
    (found,) = [result for result in shipped(tmp_path / "shipped") if result.context == "argmax"]
    rows = seed_rows([found], "shapes", STANDARD)
    assert [(row["seed"], row["CIDEr"]) for row in rows] == [(seed, own["standard"]["CIDEr"]) for seed in (1, 2)]
    assert seed_rows([found], "shapes", PAPER_LIKE) == seed_rows([found], "flickr8k", STANDARD) == []


def test_what_differs_by_more_than_its_seed_is_refused(tiny_folder, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path / "shipped"))
    folder = publish(_trained(tiny_folder, tmp_path / "one", 1), dataset, root=tmp_path / "shipped")
    for number, (seed, settings, said) in enumerate(
        [
            (2, {"epochs": 3, "hard": {"baseline": "none"}}, "epochs, hard.baseline differ too"),
            (1, {}, "has the seed of hard-tiny itself"),
        ]
    ):
        with pytest.raises(UserError, match=said):
            add_seed(_trained(tiny_folder, tmp_path / f"run{number}", seed, **settings), dataset, "hard-tiny")
    two = _trained(tiny_folder, tmp_path / "two", 2)
    (two / "model" / "training.json").unlink()
    with pytest.raises(UserError, match="does not say how it was trained"):
        add_seed(two, dataset, "hard-tiny")
    assert not (folder / checkpoints.SEEDS_FILE).exists()
    (folder / checkpoints.SEEDS_FILE).write_text('{"runs": 3}')
    assert checkpoints.read_seeds(folder) == []


def test_a_card_needs_scores(tiny_folder):
    with pytest.raises(UserError, match="has no metrics.json"):
        write_card(tiny_folder / "soft-tiny")
