"""The annotations of picture files, as ``sat features`` computes and stores them, against the encoder alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness import Goal, Report, compare, duration, interleave, main
from benchmarks.material import files
from sat import checkpoints
from sat.captioner import shared_encoder
from sat.data.features import _BATCH as BATCH
from sat.data.features import extract, file_hash
from sat.images import read_picture
from sat.models.encoder import Encoder, pixels

GOAL = Goal("at least", 0.8)


def run(quick: bool = False) -> Report:
    """64 photographs of the size of Flickr8k's, with the encoder of the shipped models."""
    number, rounds = (2, 1) if quick else (64, 5)
    encoder = shared_encoder(checkpoints.read_config(checkpoints.find("soft-flickr8k")).encoder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = files(folder / "pictures", number)
        squares = [read_picture(path).square for path in paths]
        batches = [pixels(squares[first : first + BATCH]) for first in range(0, number, BATCH)]  # (n, 3, S, S) each
        caches = _empty(folder)
        seconds = interleave(
            {
                "features": lambda: extract(encoder, paths, cache=next(caches)),
                "encoder": lambda: forward(encoder, batches),
                "reading": lambda: [(file_hash(path), read_picture(path)) for path in paths],
            },
            rounds,
        )
    throughput = number / seconds["features"]
    results = (
        compare("throughput over the encoder's own", seconds["features"], seconds["encoder"], GOAL, faster=True),
    )
    text = (
        f"`sat.data.features.extract` on {number} JPEG files of 500 x 375 pixels into an empty store, from the files "
        f"to the half-precision rows on disk, against the encoder's forward passes of the same pictures in batches of "
        f"{BATCH}, already decoded."
    )
    notes = (
        f"{np.median(throughput):.1f} pictures a second; the encoder alone "
        f"{number / np.median(seconds['encoder']):.1f}.",
        f"Reading, hashing and squashing a file takes {duration(seconds['reading'] / number)}, in threads beside the "
        f"encoder: {100 * np.median(seconds['reading'] / seconds['encoder']):.0f} % of the encoder's own work.",
    )
    return Report("Feature extraction", text, results, notes)


def forward(encoder: Encoder, batches: list[torch.Tensor]) -> None:
    """The encoder on every batch."""
    with torch.inference_mode():
        for batch in batches:
            encoder(batch)


def _empty(folder: Path) -> Iterator[Path]:
    """A new empty folder every time; the one before is deleted."""
    for number in count():
        shutil.rmtree(folder / f"cache{number - 1}", ignore_errors=True)
        yield folder / f"cache{number}"


if __name__ == "__main__":
    main(run)
