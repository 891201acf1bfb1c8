"""Which words of a training caption belong to boxes, and where those lie on the grid of a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import sat
from sat.config import TrainConfig, parse
from sat.data import shapes
from sat.data.dataset import Dataset, Example
from sat.data.entities import ALIGNED_FILE, AlignedCaption, AlignedPicture, Phrase, read_aligned, write_aligned
from sat.data.features import FeatureStore
from sat.data.registry import load_dataset
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.evaluation.grounding import box_coverage, boxed_phrases, caption_words, ground, teacher_forced_alphas
from sat.training.batches import TrainingData
from sat.training.grounding import caption_regions, dev_grounding, matching_words, training_regions
from sat.training.regions import Region, collate_regions
from sat.training.run import RunFolder
from sat.training.trainer import Trainer

LEFT, UPPER_RIGHT = (0, 0, 50, 100), (50, 0, 100, 50)


def aligned(image: str = "one.jpg") -> AlignedPicture:
    """Two captions of a picture of 100 x 100 pixels: men in its left half, shirts in the upper right quarter."""
    tokens = ("Two", "men", ",", "in", "``", "T-shirts", "''", ".")
    phrases = (
        Phrase("1", ("people",), 0, ("Two", "men", ",")),
        Phrase("2", ("clothing",), 4, ("``", "T-shirts", "''")),
        Phrase("3", ("other",), 3, ("in",)),
    )
    return AlignedPicture(
        image=image,
        split="train",
        width=100,
        height=100,
        boxes={"1": (LEFT,), "2": (UPPER_RIGHT,), "outside": ((100, 0, 120, 100),)},
        captions=(
            AlignedCaption(0, ("Men", "."), (Phrase("1", ("people",), 0, ("Men",)),)),
            AlignedCaption(1, tokens, phrases),
        ),
    )


def test_the_words_of_boxed_phrases_and_where_they_are() -> None:
    first, second = caption_regions(aligned(), [["men"], ["two", "men", "in", "t-shirts"]], 2, 2)
    assert [region.words for region in first] == [(0,)]
    assert [region.words for region in second] == [(0, 1), (3,)]  # "in" has no box, the comma is no word
    left, upper_right = [[1, 0], [1, 0]], [[0, 1], [0, 0]]
    assert first[0].coverage.tolist() == second[0].coverage.tolist() == left
    assert second[1].coverage.tolist() == upper_right
    assert second[1].coverage.dtype == np.float32


def test_another_edition_of_the_caption_keeps_the_words_that_are_in_both() -> None:
    assert matching_words(["two", "men", "in"], ["the", "two", "old", "men", "out"]) == {0: 1, 1: 3}
    captions = [[], ["a", "picture", "of", "men", "wearing", "t-shirts"]]
    first, second = caption_regions(aligned(), captions, 2, 2)
    assert first == []
    assert [region.words for region in second] == [(3,), (5,)]
    assert caption_regions(aligned(), [["men"]], 2, 2)[0][0].words == (0,)  # the second caption is not trained on


def test_a_box_outside_the_picture_teaches_nothing() -> None:
    picture = aligned()
    caption = AlignedCaption(0, ("A", "man"), (Phrase("outside", ("people",), 0, ("A", "man")),))
    outside = AlignedPicture("one.jpg", "train", 100, 100, picture.boxes, (caption,))
    assert caption_regions(outside, [["a", "man"]], 2, 2) == [[]]


def test_regions_in_a_batch() -> None:
    left = Region((0, 1), np.array([[1, 0], [1, 0]], np.float32))
    corner = Region((2, 5), np.array([[0, 0.5], [0, 0]], np.float32))
    lengths = torch.tensor([[4, 2], [3, 0]])  # three words and the end, ...
    targets = collate_regions([[[left, corner], []], [[left]]], [False, True], lengths, 4)
    assert targets.coverage.tolist() == [[1, 0, 1, 0], [0, 0.5, 0, 0], [0, 1, 0, 1]]  # the last one is mirrored
    assert targets.region.tolist() == [
        [[0, 0, 1, -1], [-1, -1, -1, -1]],  # word 5 of the corner's phrase was cut off
        [[2, 2, -1, -1], [-1, -1, -1, -1]],
    ]
    nothing = collate_regions([[[]], [[]]], [False, False], torch.tensor([[2], [2]]), 4)
    assert nothing.coverage.shape == (0, 4)
    assert (nothing.region == -1).all()


def test_captions_and_regions_stay_together_when_a_batch_is_sorted(tmp_path: Path) -> None:
    """Every word here is the number of its region, so that the targets can be compared with the coverage."""
    store = FeatureStore(tmp_path, (1, 3), 2)
    mirrored = FeatureStore(tmp_path, (1, 3), 2)
    rows = np.arange(3)
    np.arange(18, dtype=np.float16).tofile(tmp_path / "annotations.f16")
    captions = [[[4], [5, 6]], [[], [7, 8, 9, 10], [4, 5, 6]], [[11, 4, 5]]]
    regions = [
        [[Region((t,), np.array([[word, 0, -word]], np.float32)) for t, word in enumerate(caption)] for caption in p]
        for p in captions
    ]
    data = TrainingData(store, rows, captions, mirrored, rows, regions=regions)
    flip = np.array([False, True, False])
    batch = data.batch(np.array([0, 1, 2]), flip, max_words=3)
    assert batch.targets[0, 0].tolist()[:3] == [7, 8, 9]  # the longest first, cut after three words
    assert batch.regions is not None
    seen = 0
    for b, turned in enumerate((True, False, False)):
        for k in range(2):
            for t in range(int(batch.lengths[b, k]) - 1):
                word = float(batch.targets[b, k, t])
                row = batch.regions.coverage[batch.regions.region[b, k, t]]
                assert row.tolist() == ([-word, 0, word] if turned else [word, 0, -word])
                seen += 1
    assert seen == 3 + 3 + 3 + 2 + 1
    assert (batch.regions.region >= 0).sum() == seen  # and no end of a caption has a region
    plain = TrainingData(store, rows, captions, regions=regions).batch(np.array([1]), flip[1:2], max_words=3)
    assert plain.regions is not None
    assert plain.regions.coverage[0].tolist() == [7, 0, -7]  # no mirrored annotations: nothing is mirrored
    assert TrainingData(store, rows, captions).batch(np.array([1]), flip[1:2], max_words=3).regions is None


def test_regions_of_a_data_set(tmp_path: Path) -> None:
    examples = [Example(name, tmp_path / name, "train", ("Men.", "Two men in T-shirts.")) for name in ("one", "two")]
    dataset = Dataset("flickr8k", tmp_path, tuple(examples))
    words = [[tokenize(caption) for caption in example.captions] for example in examples]
    with pytest.raises(UserError, match=r"data prepare.*grounding\.weight to 0"):
        training_regions(dataset, examples, words, 2, 2)
    write_aligned(tmp_path / ALIGNED_FILE, [aligned("two")])
    without, boxed = training_regions(dataset, examples, words, 2, 2)
    assert without == [[], []]
    assert [len(caption) for caption in boxed] == [1, 2]
    write_aligned(tmp_path / ALIGNED_FILE, [aligned("three")])
    with pytest.raises(UserError, match="no boxes for the training pictures"):
        training_regions(dataset, examples, words, 2, 2)


def test_regions_of_flickr8k(data_folder: Path) -> None:
    """The first training pictures: every word with a region is a word of the phrase whose boxes it has."""
    dataset = load_dataset("flickr8k", data_folder)
    examples = dataset.split("train")[:60]
    words = [[tokenize(caption) for caption in example.captions] for example in examples]
    regions = training_regions(dataset, examples, words, 14, 14)
    pictures = read_aligned(dataset.root / ALIGNED_FILE)
    found = 0
    for example, captions, by_caption in zip(examples, words, regions, strict=True):
        picture = pictures[example.name]
        assert picture.split == "train"
        for caption, text, marked in zip(picture.captions, captions, by_caption, strict=True):
            boxed = [p for p in caption.phrases if picture.boxes.get(p.id)]
            for region in marked:
                named = {text[t] for t in region.words}
                same = [p for p in boxed if named <= {w for token in p.words for w in tokenize(token)}]
                drawn = [box_coverage(picture.boxes[p.id], picture.width, picture.height, 14, 14) for p in same]
                assert any(np.allclose(region.coverage, coverage) for coverage in drawn)
            found += len(marked)
    assert found > 700  # about 13 phrases a picture have a box


@pytest.fixture(scope="module")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    shapes.generate(root / "shapes", count={"train": 8, "dev": 3, "test": 1}, seed=5)
    return root


def test_a_grounded_run_looks_where_the_boxes_are(
    shapes_root: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    values = {
        "name": "tiny", "dataset": "shapes", "data": str(shapes_root), "epochs": 6, "batch_pictures": 4,
        "min_word_count": 1, "precision": "float32", "learning_rate": 1e-2, "warmup_steps": 2, "samples": 0,
        "meteor": False, "grounding": {"weight": 1.0, "power": 0.5},
        "model": {
            "name": "tiny", "embedding_dim": 16, "hidden_dim": 24, "attention_dim": 16,
            "decoding": {"beam": 2, "max_words": 8},
        },
    }  # fmt: skip
    run = RunFolder.create(tmp_path / "run", TrainConfig.model_validate(values))
    trainer = Trainer(run.config, run)
    assert trainer.run()
    first, *_, last = run.metrics("epoch")
    assert last["train"]["grounding"] < first["train"]["grounding"]
    assert last["train"]["correctness"] > 1.5 * first["train"]["correctness"]

    pictures = read_aligned(shapes_root / "shapes" / ALIGNED_FILE)
    decoder, vocabulary, alphas = trainer.decoder.eval(), trainer.vocabulary, {}
    for example, row in zip(trainer.prepared.dev, trainer.prepared.dev_rows, strict=True):
        words = [vocabulary.encode(caption) for caption in caption_words(pictures[example.name])]
        raw = torch.from_numpy(trainer.prepared.store.array()[[row]])
        alphas[example.name] = teacher_forced_alphas(decoder, decoder.annotate(raw), [words])[0]
    found = ground(boxed_phrases(pictures[name] for name in alphas), alphas)
    for name in ("correctness_last", "pointing_0"):
        assert last["dev"][name] == pytest.approx(found[name], abs=1e-6)


def test_pictures_without_boxes_are_not_measured(shapes_root: Path, tiny_captioners: dict[str, sat.Captioner]) -> None:
    captioner = tiny_captioners["soft-tiny"]
    stranger = Example("stranger.png", shapes_root, "dev", ("a red circle",))
    batches = [([stranger], torch.zeros(1, 196, 352))]
    assert dev_grounding(captioner.decoder, captioner.vocabulary, load_dataset("shapes", shapes_root), batches) == {}


def test_without_attention_there_is_nothing_to_teach() -> None:
    with pytest.raises(UserError, match=r"grounding needs attention: set grounding\.weight to 0"):
        parse(TrainConfig, {"model": {"attention": "none"}, "grounding": {"weight": 1}}, "run.yaml")
    assert parse(TrainConfig, {"model": {"attention": "none"}}, "run.yaml").grounding.weight == 0
