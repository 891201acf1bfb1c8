"""``python -m sat.jobs.measure CONFIG.yaml``: train some steps on some pictures and print what that took, as JSON.

The pictures, captions, encoder, decoder, batches and updates are the run's own; only the annotations of a few pictures
stand for those of all, because computing them all is half the work.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import torch

from sat import checkpoints
from sat.config import Decoding, TrainConfig, load_yaml, parse
from sat.data import shapes
from sat.data.dataset import Dataset, Example, data_root
from sat.data.features import FeatureStore, open_store
from sat.data.registry import load_dataset
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.images import read_picture
from sat.jobs.preflight import Measured
from sat.models.build import build
from sat.models.encoder import Encoder, pixels
from sat.training.batches import TrainingData
from sat.training.dev import GREEDY, caption_dev
from sat.training.prepare import Prepared
from sat.training.run import RunFolder
from sat.training.trainer import Trainer
from sat.vocabulary import Vocabulary

T = TypeVar("T")

_PICTURES = 8  # whose annotations stand for all
_WARM_UP, _STEPS = 2, 20  # updates; only the latter are timed
_LEAST_STEPS, _ENOUGH = 5, 120.0  # where updates take many seconds fewer of them do, so that the answer comes
_DRAWN = 64  # shapes of a split that stand for all, where they are not drawn yet


def measure(config: TrainConfig, folder: Path) -> Measured:
    """Measure a run of these settings; ``folder`` is a place for what is thrown away.

    Raises:
        UserError: the data set, the encoder's weights or the starting checkpoint is not there or does not fit.
    """
    dataset, train, dev, draw = _data(config, folder)
    start = None if config.start_from is None else checkpoints.find(config.start_from)
    if start is None:
        encoder = Encoder(config.model.encoder)
    else:
        encoder = checkpoints.load_encoder(start, name=checkpoints.read_config(start).encoder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    missing = _missing(encoder, config, [*train, *dev])
    encoder = encoder.to(device)
    store, annotate = _annotate(encoder, config, train, folder)
    prepared = _prepared(config, dataset, encoder, store, train, dev, start)
    trainer = Trainer(config, RunFolder(folder), device=str(device), prepared=prepared)
    step = _steps(trainer, config)
    caption, search = (_captions(trainer, d) for d in (GREEDY, Decoding(method="beam", beam=4)))
    name, free, peak = _memory(device)
    return Measured(
        pictures=len(train),
        captions=sum(len(example.captions) for example in train),
        dev=len(dev),
        draw=draw,
        missing=missing,
        device=name,
        free=free,
        peak=peak,
        step=step,
        annotate=annotate,
        caption=caption,
        search=search,
        steps=trainer.total,
        row=store.places * store.dimension * 2,
        weights=sum(p.numel() for group in trainer.optimizer.param_groups for p in group["params"]),
    )


def _data(config: TrainConfig, folder: Path) -> tuple[Dataset, list[Example], list[Example], float]:
    """The data set with its training and dev pictures, and the seconds that it will take to draw it.

    Shapes that are not there yet will be drawn by the run itself: some of them, drawn into ``folder``, stand for all.
    """
    draw = 0.0
    if config.dataset != "shapes" or (data_root(config.data) / "shapes").exists():
        dataset = load_dataset(config.dataset, config.data)
        train, dev = dataset.split("train"), dataset.split("dev")
    else:
        few = {split: min(_DRAWN, number) for split, number in shapes.DEFAULT_COUNT.items()}
        took, dataset = _timed(lambda: shapes.generate(folder / "shapes", count=few))
        draw = took / sum(few.values()) * sum(shapes.DEFAULT_COUNT.values())
        train, dev = (
            [examples[i % len(examples)] for i in range(shapes.DEFAULT_COUNT[split])]
            for split, examples in ((split, dataset.split(split)) for split in ("train", "dev"))
        )
    return dataset, train[: config.limit or None], dev, draw


def _missing(encoder: Encoder, config: TrainConfig, examples: list[Example]) -> int:
    """How many pictures have no annotations yet."""
    known = open_store(encoder, size=config.model.image_size)
    return int((known.find([e.path for e in examples]) < 0).sum()) if known.rows else len(examples)


def _annotate(encoder: Encoder, config: TrainConfig, train: list[Example], folder: Path) -> tuple[FeatureStore, float]:
    """A store with the annotations of the first pictures, and the seconds that one took."""
    size = config.model.image_size
    paths = [e.path for e in train[:_PICTURES]]
    device = next(encoder.parameters()).device

    def compute() -> torch.Tensor:
        squares = [read_picture(path, size=size).square for path in paths]
        with torch.inference_mode():
            return encoder(pixels(squares).to(device)).cpu()  # (n, L, D)

    compute()
    took, annotations = _timed(compute)
    (folder / "annotations.f16").write_bytes(annotations.half().numpy().tobytes())
    geometry = encoder.geometry
    grid = (geometry.rows * size // 224, geometry.columns * size // 224)
    return FeatureStore(folder, grid, int(annotations.shape[2])), took / len(paths)


def _prepared(
    config: TrainConfig,
    dataset: Dataset,
    encoder: Encoder,
    store: FeatureStore,
    train: list[Example],
    dev: list[Example],
    start: Path | None,
) -> Prepared:
    """What ``training.prepare`` makes, on the annotations of a few pictures."""
    words = [[tokenize(caption) for caption in example.captions] for example in train]
    if start is None:
        vocabulary = Vocabulary.build((c for example in words for c in example), config.min_word_count)
        model = config.model
        shape: dict[str, Any] = {"rows": store.grid[0], "columns": store.grid[1], "annotation_dim": store.dimension}
    else:
        trained, vocabulary = checkpoints.load_model(start)
        model, shape = trained.config, {"attention": config.model.attention}
    decoder = build(model.model_copy(update={**shape, "vocabulary_size": len(vocabulary)}))
    if start is None:
        raw = torch.from_numpy(store.array().astype(np.float32))  # (n, L, D)
        decoder.annotation_mean.copy_(raw.mean((0, 1)))
        decoder.annotation_std.copy_(raw.std((0, 1)) + 1e-3)
        decoder.mean_grid.copy_(raw.mean(0))
    ids = [[vocabulary.encode(c) for c in example if c] for example in words]
    rows = np.arange(len(train)) % len(store.array())
    tuned = config.encoder_learning_rate > 0
    training = TrainingData(
        store,
        rows,
        ids,
        paths=[e.path for e in train] if tuned else None,
        size=config.model.image_size,
        mirror=config.mirror and tuned,
        pooled=not decoder.attends,
    )
    few = dev[:_PICTURES]
    return Prepared(dataset, encoder, decoder, vocabulary, training, store, few, rows[: len(few)])


def _steps(trainer: Trainer, config: TrainConfig) -> float:
    """Seconds an update, the median of some."""
    data = trainer.prepared.training
    trainer.decoder.train()
    took: list[float] = []
    for number in range(_WARM_UP + _STEPS):
        if len(took) >= _WARM_UP + _LEAST_STEPS and sum(took) > _ENOUGH:
            break
        # Reading the batch is part of a step.
        seconds, _ = _timed(
            lambda first=number: trainer.train_step(  # type: ignore[misc]
                next(data.epoch(config.seed, first, config.batch_pictures, config.max_words))
            )
        )
        took.append(seconds)
    return median(took[_WARM_UP:])


def _captions(trainer: Trainer, decoding: Decoding) -> float:
    """Seconds a dev picture."""
    prepared = trainer.prepared
    encoder = trainer.encoder if trainer.tuned else None
    decoder = trainer.decoder.eval()
    seconds, _ = _timed(lambda: caption_dev(decoder, trainer.vocabulary, prepared, decoding, encoder))
    return seconds / max(len(prepared.dev), 1)


def _memory(device: torch.device) -> tuple[str, int, int]:
    """Name of the device, bytes free for a process like this one, bytes that this one took at most."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device)
        return torch.cuda.get_device_name(device), free + held, torch.cuda.max_memory_reserved(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return "cpu", _free_memory() + peak, peak


def _free_memory() -> int:
    """Bytes that the system could still give away."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (available,) = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
        return int(available) * 1024
    except (OSError, ValueError):
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


def main(path: Path) -> None:
    """Measure the settings of a file, and print what was found on one line."""
    config = parse(TrainConfig, load_yaml(path), str(path))
    with tempfile.TemporaryDirectory(prefix="sat-measure-") as folder:
        print(json.dumps(asdict(measure(config, Path(folder)))), flush=True)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(2)
