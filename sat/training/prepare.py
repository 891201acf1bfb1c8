"""From a data set to what a run trains on and is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sat import checkpoints
from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.data.dataset import Dataset, Example, data_root
from sat.data.features import FeatureStore, extract
from sat.data.registry import load_dataset
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.models.build import build
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder
from sat.training.batches import Rows, TrainingData
from sat.training.grounding import training_regions
from sat.vocabulary import Vocabulary

Log = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs.

    Attributes:
        dev: dev pictures that are in the store; dev_rows: their rows.
    """

    dataset: Dataset
    encoder: Encoder
    decoder: Decoder
    vocabulary: Vocabulary
    training: TrainingData
    store: FeatureStore
    dev: list[Example]
    dev_rows: np.ndarray

    @cached_property
    def dev_annotations(self) -> Rows:
        """The stored annotations of the dev pictures, float16 (L, D) each; without attention their mean, (1, D)."""
        return Rows(self.store.array(), self.dev_rows, pooled=self.training.pooled)


def prepare(config: TrainConfig, log: Log) -> Prepared:
    """Load the data set (shapes that are not there are drawn), compute missing annotations, build the vocabulary and
    the decoder.

    Raises:
        UserError: the data set, the encoder's weights or the starting checkpoint is not there or does not fit.
    """
    if config.dataset == "shapes":
        _draw_shapes(data_root(config.data) / "shapes", log)
    dataset = load_dataset(config.dataset, config.data)
    for problem in dataset.problems[:20]:
        log(f"passed over: {problem}")
    train = dataset.split("train")
    train = train[: config.limit] if config.limit else train
    dev = dataset.split("dev")
    start = None if config.start_from is None else checkpoints.find(config.start_from)
    tuned = config.encoder_learning_rate > 0
    if start is None:
        encoder = Encoder(config.model.encoder)
    else:
        encoder = checkpoints.load_encoder(start, name=checkpoints.read_config(start).encoder)
    size = config.model.image_size
    store, problems = extract(encoder, [e.path for e in [*train, *dev]], size=size, progress=_every_tenth(log))
    for problem in problems[:20]:
        log(f"passed over: {problem}")
    train, rows = _found(store, train)
    dev, dev_rows = _found(store, dev)
    mirrored, mirrored_rows = None, None
    if config.mirror and not tuned:
        mirrored, _ = extract(
            encoder, [e.path for e in train], size=size, mirror=True, autocast=True, progress=_every_tenth(log)
        )
        mirrored_rows = mirrored.find([e.path for e in train])
    words = [[tokenize(caption) for caption in example.captions] for example in train]
    if start is None:
        vocabulary = Vocabulary.build((c for example in words for c in example), config.min_word_count)
        model = config.model.model_copy(
            update={
                "encoder_fingerprint": encoder.fingerprint,
                "rows": store.grid[0],
                "columns": store.grid[1],
                "annotation_dim": store.dimension,
                "vocabulary_size": len(vocabulary),
            }
        )
        decoder = build(model)
    else:
        decoder, vocabulary = _start_from(start, config.model)
    ids = [[vocabulary.encode(c) for c in example] for example in words]
    regions = None
    if config.grounding.weight:
        regions = training_regions(dataset, train, words, *store.grid)
        log(f"{sum(len(caption) for picture in regions for caption in picture)} phrases with boxes")
    paths = [e.path for e in train] if tuned else None
    training = TrainingData(
        store, rows, ids, mirrored, mirrored_rows, paths, size, config.mirror, regions, pooled=not decoder.attends
    )
    if start is None:
        mean, std, grid = training.statistics()
        decoder.annotation_mean.copy_(mean)
        decoder.annotation_std.copy_(std)
        decoder.mean_grid.copy_(grid)
    log(
        f"{len(train)} training and {len(dev)} dev pictures, {sum(map(len, ids))} captions, {len(vocabulary)} words, "
        f"{sum(p.numel() for p in decoder.parameters()) / 1e6:.1f} million weights"
    )
    return Prepared(dataset, encoder, decoder, vocabulary, training, store, dev, dev_rows)


def _draw_shapes(folder: Path, log: Log) -> None:
    """The shapes need no download, so that a first run can begin without preparing anything."""
    if not folder.exists():
        log(f"drawing {sum(shapes.DEFAULT_COUNT.values())} pictures of shapes into {folder}")
        shapes.generate(folder)


def _start_from(folder: Path, wanted: ModelConfig) -> tuple[Decoder, Vocabulary]:
    """The weights of a trained model under the attention and dropout that are wanted (soft becomes hard)."""
    trained, vocabulary = checkpoints.load_model(folder)
    if "none" in (trained.config.attention, wanted.attention) and trained.config.attention != wanted.attention:
        raise UserError(
            f"{folder} has attention {trained.config.attention!r} and cannot start a {wanted.attention!r} model."
        )
    if trained.config.recurrence != wanted.recurrence:
        raise UserError(
            f"{folder} has recurrence {trained.config.recurrence!r} and cannot start a {wanted.recurrence!r} model."
        )
    model = trained.config.model_copy(
        update={
            "name": wanted.name,
            "attention": wanted.attention,
            "dropout": wanted.dropout,
            "context_dropout": wanted.context_dropout,
            "decoding": wanted.decoding,
        }
    )
    decoder = build(model)
    decoder.load_state_dict(trained.state_dict())
    return decoder, vocabulary


def _found(store: FeatureStore, examples: list[Example]) -> tuple[list[Example], np.ndarray]:
    """Those examples whose annotations are in the store, and their rows."""
    rows = store.find([e.path for e in examples])
    kept = [e for e, row in zip(examples, rows, strict=True) if row >= 0]
    return kept, rows[rows >= 0]


def _every_tenth(log: Log) -> Callable[[int, int], None]:
    said = 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        if total and done * 10 // total > said:
            said = done * 10 // total
            log(f"annotations: {done} of {total} pictures")

    return progress
