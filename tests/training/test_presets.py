"""The presets are whole, and the shipped shapes models look at what they name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat import checkpoints
from sat.captioner import load
from sat.config import TrainConfig, parse
from sat.data import shapes
from sat.data.shapes_grammar import PLURALS
from sat.evaluation.grounding import boxed_phrases, caption_words, ground, points_at, teacher_forced_alphas
from sat.evaluation.publish import read_training
from sat.images import from_array
from sat.training.settings import presets, train_config

SHAPES = ("shapes-soft", "shapes-hard")


@pytest.fixture(autouse=True)
def _shipped(monkeypatch):
    """The models that come with the program."""
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)


@pytest.mark.parametrize("name", presets())
def test_a_preset_makes_the_model_of_its_name(name):
    config = train_config(name)
    assert config.name == config.model.name == name


def test_the_hard_shapes_preset_goes_on_from_the_soft_one():
    soft, hard = map(train_config, SHAPES)
    assert (soft.model.attention, hard.model.attention) == ("soft", "hard")
    assert soft.start_from is None and hard.start_from == soft.name
    assert soft.dataset == hard.dataset == "shapes"


@pytest.mark.parametrize("name", [*SHAPES, "shapes-soft-even"])
def test_a_shapes_model_is_what_its_preset_makes(name):
    """Attention was learnt from the captions alone, by the settings that stand in the preset."""
    # Settings that came later than the model have the value that they stood for.
    made = parse(TrainConfig, read_training(checkpoints.find(name))["settings"], name).model_dump()
    wanted = train_config(name).model_dump()
    assert made == wanted
    assert not (wanted.get("grounding") or {}).get("weight")


@pytest.mark.parametrize("name", SHAPES)
def test_a_shapes_model_looks_at_what_it_reads(name):
    """On pictures of another seed than that of the data set: the largest cell of a phrase's last word is in its box."""
    captioner = load(name)
    made = [shapes.picture(77, "test", number) for number in range(20)]
    records = [record for _, record, _ in made]
    annotations = captioner.decoder.annotate(captioner.annotate([from_array(pixels) for pixels, _, _ in made]))
    words = [[captioner.vocabulary.encode(caption) for caption in caption_words(record)] for record in records]
    maps = teacher_forced_alphas(captioner.decoder, annotations, words)
    alphas = {record.image: found for record, found in zip(records, maps, strict=True)}
    found = ground(boxed_phrases(records), alphas)
    assert found["pointing_0"] >= 0.8 and found["correctness_last"] >= 0.6
    assert found["centre_pointing"] < 0.3 and found["uniform"] < 0.2  # nothing that sees no picture comes near
    other = dict(zip(alphas, [*maps[1:], maps[0]], strict=True))  # each picture with the maps of another
    swapped = {k: [np.resize(m, (len(c), 14, 14)) for m, c in zip(other[k], alphas[k], strict=True)] for k in alphas}
    assert ground(boxed_phrases(records), swapped)["pointing_0"] < 0.4


@pytest.mark.parametrize("name", SHAPES)
def test_a_shapes_model_looks_at_what_it_names(name):
    """In captions of its own: while it writes the kind of a single shape of the picture, it looks at that shape."""
    captioner = load(name)
    hits = []
    for number in range(30):
        pixels, _, things = shapes.picture(78, "test", number)
        boxes = shapes.draw(things, np.zeros((shapes.SIZE, shapes.SIZE, 3), np.float32))[1]
        trace = captioner.caption(from_array(pixels))
        for step in trace.steps:
            meant = [box for thing, box in zip(things, boxes, strict=True) if thing.kind == step.word]
            if step.word in PLURALS and len(meant) == 1:
                row, column = np.unravel_index(int(step.alpha.argmax()), step.alpha.shape)
                hits.append(points_at(meant, (column + 0.5) * 16, (row + 0.5) * 16))
    assert len(hits) >= 20 and np.mean(hits) >= 0.8


@pytest.mark.parametrize("name", SHAPES)
def test_the_scores_of_a_shapes_model_and_its_card(name):
    folder = checkpoints.find(name)
    metrics = checkpoints.read_metrics(folder)
    for record in (metrics, metrics.get("expected", metrics)):
        assert record["split"] == "test" and record["grounding"]["pointing_0"] >= 0.8
        assert record["standard"]["BLEU-4"] > 30 and record["paper_like"] is None
        assert record["attention"]["effective_places"] < 40
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "generated shapes" in card and "Flickr" not in card and "(published)" not in card
    assert f"{metrics['grounding']['pointing_0']:.3f}" in card
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3e6
    assert torch.isfinite(checkpoints.load_model(folder)[0].score.v).all()
