"""One training step of the trainer against the plain loop over captions, in time and in memory."""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from benchmarks.harness import Goal, Report, Result, compare, interleave, main
from benchmarks.plain_loop import plain_step
from sat import checkpoints
from sat.config import ModelConfig, TrainConfig
from sat.data.dataset import Dataset
from sat.data.features import FeatureStore
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder
from sat.training.batches import Batch, TrainingData, collate
from sat.training.prepare import Prepared
from sat.training.run import RunFolder
from sat.training.settings import train_config
from sat.training.trainer import Trainer
from sat.vocabulary import SPECIALS, Vocabulary

FASTER, MEMORY = Goal("at least", 3.0), Goal("at most", 0.5)
SIDES = ("trainer", "plain")
CAPTIONS = 5  # a picture
MEAN_WORDS, SPREAD_WORDS = 10.8, 3.8  # of the training captions of Flickr8k, without punctuation


@dataclass(frozen=True)
class Size:
    """Of the model and of the batch."""

    pictures: int = 32
    model: ModelConfig | None = None  # None: the shipped soft model's


def run(quick: bool = False) -> Report:
    """The preset of the soft model, 32 pictures with five captions each."""
    size = Size(pictures=4, model=TINY) if quick else Size()
    config = settings(size)
    with tempfile.TemporaryDirectory() as folder:
        tasks = steps(config, size, Path(folder))
        seconds = interleave(tasks, 1 if quick else 5)
    peaks = [{side: child(side, quick) for side in SIDES} for _ in range(1 if quick else 3)]
    batch = made_up(config, size.pictures)
    words = batch.lengths.sum().item()
    before = np.median([peak["trainer"]["before"] for peak in peaks])
    results = [
        compare("times faster", seconds["trainer"], seconds["plain"], FASTER, faster=True),
        compare(
            "times faster than with W_a a_i at every step", seconds["trainer"], seconds["plain, keys"], faster=True
        ),
    ]
    for what, key, goal in (("peak memory of a step", "step", MEMORY), ("peak memory of the process", "peak", None)):
        ours, plain = ([peak[side][key] for peak in peaks] for side in SIDES)
        values = tuple(a / max(b, 1) for a, b in zip(ours, plain, strict=True))  # a tiny batch grows by nothing
        results.append(Result(what, values, goal, f"{np.median(ours):.0f} MB", f"{np.median(plain):.0f} MB"))
    text = (
        f"`Trainer.train_step` with the preset soft-flickr8k ({config.precision}) on {size.pictures} pictures with "
        f"{CAPTIONS} captions each, {words} words in all, against the plain loop over the "
        f"{size.pictures * CAPTIONS} captions (`benchmarks/plain_loop.py`) at the same settings. The annotations are "
        "made up."
    )
    notes = (
        "Memory is the largest resident size of a process that does nothing but two steps. Of a step: beyond the "
        f"{before:.0f} MB of libraries, weights and data that are there before the first one on both sides.",
    )
    return Report("Training step", text, tuple(results), notes)


TINY = ModelConfig(embedding_dim=16, hidden_dim=16, attention_dim=16, annotation_dim=32, vocabulary_size=40)


def settings(size: Size) -> TrainConfig:
    """The preset, with the shape of the shipped soft model."""
    preset = train_config("soft-flickr8k")
    shape = size.model or checkpoints.read_config(checkpoints.find("soft-flickr8k"))
    kept = {
        name: getattr(shape, name)
        for name in ("rows", "columns", "annotation_dim", "embedding_dim", "hidden_dim", "attention_dim")
    }
    model = preset.model.model_copy(update={**kept, "vocabulary_size": shape.vocabulary_size})
    return preset.model_copy(update={"model": model, "batch_pictures": size.pictures})


def made_up(config: TrainConfig, pictures: int) -> Batch:
    """Random words in captions as long as Flickr8k's; half-precision annotations, not negative and half of them 0."""
    generator = np.random.default_rng(0)
    model = config.model
    lengths = generator.normal(MEAN_WORDS, SPREAD_WORDS, (pictures, CAPTIONS)).round().clip(3, config.max_words)
    captions = [
        sorted(
            (generator.integers(len(SPECIALS), model.vocabulary_size, int(n)).tolist() for n in row),
            key=lambda c: -len(c),
        )
        for row in lengths
    ]
    captions.sort(key=lambda picture: -len(picture[0]))
    values = torch.from_numpy(generator.normal(size=(pictures, model.places, model.annotation_dim)).astype(np.float16))
    return Batch(values.relu(), *collate(captions))


def steps(config: TrainConfig, size: Size, folder: Path) -> dict[str, Callable[[], Any]]:
    """One update by the trainer and by the plain loop, each with a model of its own."""
    batch = made_up(config, size.pictures)
    trainer = new_trainer(config, folder)
    trainer.decoder.train()
    decoder = new_decoder(config).train()
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=config.learning_rate, betas=(0.9, 0.98))
    return {
        "trainer": lambda: trainer.train_step(batch),
        "plain": lambda: plain_step(decoder, optimizer, config, batch),
        "plain, keys": lambda: plain_step(decoder, optimizer, config, batch, keys_once=False),
    }


def new_decoder(config: TrainConfig) -> Decoder:
    """A decoder with the same random weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Decoder(config.model)


def new_trainer(config: TrainConfig, folder: Path) -> Trainer:
    """A trainer without a data set: only its steps are wanted."""
    model = config.model
    words = [*SPECIALS, *(f"w{i}" for i in range(model.vocabulary_size - len(SPECIALS)))]
    store = FeatureStore(folder, (model.rows, model.columns), model.annotation_dim)
    captions: list[list[list[int]]] = [[[]]] * 6000  # as many pictures as Flickr8k trains on
    prepared = Prepared(
        dataset=Dataset("made up", folder, ()),
        encoder=cast(Encoder, nn.Identity()),
        decoder=new_decoder(config),
        vocabulary=Vocabulary(words),
        training=TrainingData(store, np.arange(len(captions)), captions),
        store=store,
        dev=[],
        dev_rows=np.zeros(0, np.int64),
    )
    return Trainer(config, RunFolder(folder), device="cpu", prepared=prepared)


def child(side: str, quick: bool) -> dict[str, float]:
    """Megabytes of a process of its own that does two steps of one side: before, at its peak, and the difference."""
    command = [sys.executable, "-m", "benchmarks.training", "--memory", side, *(["--quick"] if quick else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def memory(side: str, quick: bool) -> dict[str, float]:
    """What ``child`` asks for, measured in this process."""
    size = Size(pictures=4, model=TINY) if quick else Size()
    config = settings(size)
    with tempfile.TemporaryDirectory() as folder:
        task = steps(config, size, Path(folder))[side]
        before = largest_size()
        for _ in range(2):
            task()
    peak = largest_size()
    return {"before": before, "peak": peak, "step": peak - before}


def largest_size() -> float:
    """The largest resident size of this process so far, in megabytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux ru_maxrss begins with the size of the process that started this one
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii"))[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--memory", choices=SIDES)
    asked, others = parser.parse_known_args()
    if asked.memory is None:
        main(run, others)
    else:
        print(json.dumps(memory(asked.memory, "--quick" in others)))
