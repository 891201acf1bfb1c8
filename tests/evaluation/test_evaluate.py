"""A split of three photographs, scored from pictures to files by tiny models and the real scorers."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sat.captioner import Captioner
from sat.config import Decoding
from sat.data.dataset import Dataset, Example
from sat.data.entities import ALIGNED_FILE, AlignedCaption, AlignedPicture, Phrase, write_aligned
from sat.data.features import extract
from sat.errors import UserError
from sat.evaluation.captions import Meteor
from sat.evaluation.evaluate import evaluate
from sat.images import Picture

SCHEMA = {
    "decoding": ["context", "beam", "length_norm"],
    "standard": ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "length_ratio"],
    "paper_like": ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "length_ratio"],
    "attention": ["entropy", "uniform_entropy", "effective_places", "step_divergence"],
    "grounding": [
        "phrases", "correctness_last", "correctness_best", "pointing_0", "pointing_15", "uniform", "centre",
        "centre_pointing", "by_type",
    ],
}  # fmt: skip
KEYS = ["model", "split", "seed", "decoding", "standard", "paper_like", "attention", "grounding"]


@pytest.fixture
def dataset(tmp_path: Path, photos: list[Picture], monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Three photographs with captions, of both editions, and a box for a phrase of the first."""
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    examples = []
    for name, picture in zip(("astronaut", "cat", "coffee"), photos, strict=True):
        path = tmp_path / f"{name}.png"
        Image.fromarray(picture.square).save(path)
        examples.append(Example(path.name, path, "test", (f"A {name} on the grass .", "A red ball in water .")))
    phrase = Phrase("1", ("people",), 0, ("A", "woman"))
    caption = AlignedCaption(0, ("A", "woman", "smiles", "."), (phrase,))
    boxes = {"1": ((10, 20, 200, 400),)}
    write_aligned(tmp_path / ALIGNED_FILE, [AlignedPicture("astronaut.png", "test", 300, 500, boxes, (caption,))])
    paper = {e.name: tuple(text.lower() for text in e.captions) for e in examples}
    return Dataset("folder", tmp_path, tuple(examples), (), paper)


@pytest.fixture(autouse=True)
def one_meteor(meteor: Meteor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The METEOR of all tests in place of one for each evaluation."""
    monkeypatch.setattr("sat.evaluation.evaluate.Meteor", lambda: nullcontext(meteor))


def test_hard_model_is_scored_by_both_contexts(
    dataset: Dataset, tiny_captioners: dict[str, Captioner], tmp_path: Path
) -> None:
    captioner, stages = tiny_captioners["hard-tiny"], []
    out = tmp_path / "new" / "folder"
    found = evaluate(captioner, dataset, "test", seed=7, out=out, progress=lambda *progress: stages.append(progress))
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == found.metrics
    assert list(metrics) == [*KEYS, "expected"]
    assert list(metrics["expected"]) == KEYS
    for record in (metrics, metrics["expected"]):
        assert {key: list(record[key]) for key in SCHEMA} == SCHEMA
    assert (metrics["model"], metrics["split"], metrics["seed"]) == ("hard-tiny", "test", 7)
    assert metrics["decoding"] == {"context": "argmax", "beam": 3, "length_norm": 0.7}
    assert metrics["expected"]["decoding"]["context"] == "expected"
    assert metrics["expected"]["attention"] != metrics["attention"]
    assert metrics["grounding"]["phrases"] == 1
    assert metrics["attention"]["uniform_entropy"] == pytest.approx(np.log(196), abs=1e-4)
    assert {stage for stage, _, _ in stages} == {"annotations", "captions", "grounding"}
    assert stages[-1] == ("grounding", 3, 3)
    assert sorted(path.name for path in out.iterdir()) == ["captions.jsonl", "metrics.json"]

    records = [json.loads(line) for line in (out / "captions.jsonl").read_text().splitlines()]
    assert records == found.records
    assert [record["image"] for record in records] == ["astronaut.png", "cat.png", "coffee.png"]
    store, _ = extract(captioner.encoder, [e.path for e in dataset.examples])
    row = store.find([dataset.examples[1].path])
    trace = captioner.caption_annotations(torch.from_numpy(np.array(store.array()[row])))[0]
    assert records[1]["caption"] == trace.caption == " ".join(records[1]["words"])
    assert records[1]["log_prob"] == pytest.approx(trace.log_prob, abs=1e-4)
    assert records[1]["entropy"] == pytest.approx([step.entropy for step in trace.steps], abs=1e-4)
    assert records[1]["beta"] == pytest.approx([step.beta for step in trace.steps], abs=1e-4)
    assert records[1]["references"] == list(dataset.examples[1].captions)


def test_what_cannot_be_measured_is_null(
    dataset: Dataset, tiny_captioners: dict[str, Captioner], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ALIGNED_FILE).unlink()
    bare = Dataset("folder", tmp_path, dataset.examples)
    with caplog.at_level(logging.WARNING):
        soft = evaluate(tiny_captioners["soft-tiny"], bare, "test", decoding=Decoding(method="greedy", max_words=6))
    assert list(soft.metrics) == KEYS
    assert soft.metrics["paper_like"] is None
    assert soft.metrics["grounding"] is None
    assert soft.metrics["attention"] is not None
    assert soft.metrics["decoding"] == {"context": "expected", "beam": 1, "length_norm": 0.0}
    assert "paper_like is null" in caplog.text
    assert "grounding is null" in caplog.text

    none = evaluate(tiny_captioners["none-tiny"], dataset, "test")
    assert none.metrics["attention"] is None
    assert none.metrics["grounding"] is None
    assert none.metrics["decoding"]["context"] is None
    assert none.metrics["paper_like"] is not None
    assert {record["entropy"] for record in none.records} == {None}
    assert {record["beta"] for record in none.records} == {None}


def test_damaged_pictures_are_left_out_and_said(
    dataset: Dataset, tiny_captioners: dict[str, Captioner], caplog: pytest.LogCaptureFixture
) -> None:
    dataset.examples[1].path.write_bytes(b"no picture")
    found = evaluate(tiny_captioners["soft-tiny"], dataset, "test")
    assert [record["image"] for record in found.records] == ["astronaut.png", "coffee.png"]
    assert str(dataset.examples[1].path) in caplog.text
    assert "1 of 3 test pictures" in caplog.text


def test_bad_input(dataset: Dataset, tiny_captioners: dict[str, Captioner], tmp_path: Path) -> None:
    soft = tiny_captioners["soft-tiny"]
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(UserError, match="is a file: name a folder"):
        evaluate(soft, dataset, "test", out=file)
    assert file.read_text() == "kept"
    with pytest.raises(UserError, match="no dev pictures"):
        evaluate(soft, dataset, "dev", out=tmp_path / "out")
    with pytest.raises(UserError, match="Sampled captions are not scored"):
        evaluate(soft, dataset, "test", decoding=Decoding(method="sample"))
    store, _ = extract(soft.encoder, [])
    with pytest.raises(UserError, match="None of the test pictures of folder has annotations"):
        evaluate(soft, dataset, "test", feature_store=store)
    store.dimension = 8
    with pytest.raises(UserError, match=r"are 196 x 8, but soft-tiny reads 196 x 352"):
        evaluate(soft, dataset, "test", feature_store=store)
    assert not (tmp_path / "out").exists()
