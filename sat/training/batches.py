"""Batches of pictures with all their captions, laid out for ``losses.rollout``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sat.data.features import FeatureStore
from sat.images import MODEL_SIZE, read_picture
from sat.models.encoder import pixels
from sat.training.regions import Region, RegionTargets, collate_regions
from sat.vocabulary import END, PAD, START


@dataclass(frozen=True)
class Batch:
    """B pictures, K captions each, T steps.

    Attributes:
        annotations: float16 (B, L, D), as the encoder gave them; float32 (B, 1, D), their mean, for a decoder without
            attention; or, where the encoder is trained too, the pictures themselves, uint8 (B, 3, S, S).
        inputs: <start> and the words, (B, K, T); targets: the words and <end>, (B, K, T); padded with <pad>.
        lengths: targets of every caption, (B, K), 0 for a missing caption.
        regions: where attention should look while boxed phrases are written; None without boxes.
    """

    annotations: Tensor
    inputs: Tensor
    targets: Tensor
    lengths: Tensor
    regions: RegionTargets | None = None


class Rows:
    """Some rows of a store's annotations, read when they are asked for; or, ``pooled``, their means, kept.

    A decoder without attention reads the mean of a picture's annotations only: 4 KB for some 400, so that all of a data
    set's fit in memory and no epoch reads the store.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray, *, pooled: bool) -> None:
        self._array, self._rows = array, rows
        if pooled:
            self._array, self._rows = _means(array, rows), np.arange(len(rows))

    def __getitem__(self, chosen: Sequence[int]) -> np.ndarray:
        """Those of the pictures ``chosen``, by their number: (n, L, D) as stored, or float32 (n, 1, D)."""
        return self._array[self._rows[np.asarray(chosen)]]


def _means(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean annotation of every row, float32 (n, 1, D)."""
    found = np.empty((len(rows), 1, array.shape[2]), np.float32)
    order = np.argsort(rows, kind="stable")  # as they lie in the file
    for first in range(0, len(rows), 64):
        some = order[first : first + 64]
        found[some] = torch.from_numpy(array[rows[some]]).float().mean(1, keepdim=True).numpy()
    return found


@dataclass(frozen=True)
class TrainingData:
    """The training pictures: where their annotations are, and their captions as ids.

    Attributes:
        store: annotations; mirrored: those of the mirrored pictures, or None.
        rows: row of every picture in ``store``, (N,); mirrored_rows likewise.
        captions: ids of the words of every caption of every picture, without start and end.
        paths: the picture files, given only where batches are to hold pixels; ``size`` is the side of the square
            and ``mirror`` flips half of them.
        regions: of every caption, where attention should look; None where it is not taught.
        pooled: give the mean annotation alone, all that a decoder without attention reads.
    """

    store: FeatureStore
    rows: np.ndarray
    captions: Sequence[Sequence[Sequence[int]]]
    mirrored: FeatureStore | None = None
    mirrored_rows: np.ndarray | None = None
    paths: Sequence[Path] | None = None
    size: int = MODEL_SIZE
    mirror: bool = False
    regions: Sequence[Sequence[Sequence[Region]]] | None = None
    pooled: bool = False

    def __len__(self) -> int:
        return len(self.captions)

    @cached_property
    def _plain(self) -> Rows:
        return Rows(self.store.array(), self.rows, pooled=self.pooled)

    @cached_property
    def _mirrored(self) -> Rows | None:
        if self.mirrored is None or self.mirrored_rows is None:
            return None
        return Rows(self.mirrored.array(), self.mirrored_rows, pooled=self.pooled)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The order of the pictures in an epoch, the same whenever that epoch is run."""
        return np.random.default_rng([seed, epoch]).permutation(len(self))

    def epoch(
        self, seed: int, epoch: int, size: int, max_words: int, skip: int = 0, part: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The batches of an epoch, from number ``skip`` on.

        Args:
            part: (r, n): of every batch only each n-th picture, from the r-th on. A last batch of fewer than n
                pictures gives its first one to those who would have none.
        """
        order = self.order(seed, epoch)
        flip = np.random.default_rng([seed, epoch, 1]).random(len(self)) < 0.5
        for first in range(skip * size, len(order), size):
            chosen = order[first : first + size]
            chosen = chosen[part[0] :: part[1]] if part[0] < len(chosen) else chosen[:1]
            yield self.batch(chosen, flip[chosen], max_words)

    def batch(self, chosen: np.ndarray, flip: np.ndarray, max_words: int) -> Batch:
        """The batch of the pictures ``chosen``, mirrored where ``flip``, sorted as ``rollout`` wants it."""
        cut = [[c[:max_words] for c in self.captions[i]] for i in chosen]
        longest = [sorted((k for k, c in enumerate(p) if c), key=lambda k: -len(p[k])) for p in cut]  # first
        order = sorted(range(len(chosen)), key=lambda i: -len(cut[i][longest[i][0]]) if longest[i] else 0)
        inputs, targets, lengths = collate([[cut[i][k] for k in longest[i]] for i in order])
        regions = None
        if self.regions is not None:
            found = [[self.regions[chosen[i]][k] for k in longest[i]] for i in order]
            turn = self.mirrored is not None if self.paths is None else self.mirror
            regions = collate_regions(found, [turn and bool(flip[i]) for i in order], lengths, self.store.places)
        if self.paths is not None:
            squares = [read_picture(self.paths[chosen[i]], size=self.size).square for i in order]
            turned = [s[:, ::-1] if flip[i] and self.mirror else s for i, s in zip(order, squares, strict=True)]
            return Batch(pixels(turned), inputs, targets, lengths, regions)
        plain, mirrored = self._plain, self._mirrored
        rows = [(plain if mirrored is None or not flip[i] else mirrored)[[chosen[i]]] for i in order]
        return Batch(torch.from_numpy(np.concatenate(rows)), inputs, targets, lengths, regions)

    def statistics(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (D,) and standard deviation (D,) of the channels, and the mean grid (L, D), over the pictures."""
        array = self.store.array()
        rows = np.sort(self.rows)
        total = np.zeros(array.shape[1:], np.float64)
        squares = np.zeros(array.shape[2], np.float64)
        for first in range(0, len(rows), 64):
            block = array[rows[first : first + 64]].astype(np.float32)  # (n, L, D)
            total += block.sum(0)
            squares += np.square(block).sum((0, 1), dtype=np.float64)
        grid = total / len(rows)  # (L, D)
        mean = grid.mean(0)
        std = np.sqrt(np.maximum(squares / (len(rows) * grid.shape[0]) - mean**2, 1e-8))
        mean_, std_, grid_ = (torch.from_numpy(a.astype(np.float32)) for a in (mean, std, grid))
        return mean_, std_, grid_


def collate(captions: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (B, K, T), targets (B, K, T) and lengths (B, K) of captions given as word ids."""
    B = len(captions)
    K = max((len(c) for c in captions), default=1)
    T = 1 + max((len(words) for c in captions for words in c), default=0)
    inputs = torch.full((B, K, T), PAD)
    targets = torch.full((B, K, T), PAD)
    lengths = torch.zeros(B, K, dtype=torch.long)
    for b, picture in enumerate(captions):
        for k, words in enumerate(picture):
            n = len(words)
            inputs[b, k, : n + 1] = torch.tensor([START, *words])
            targets[b, k, : n + 1] = torch.tensor([*words, END])
            lengths[b, k] = n + 1
    return inputs, targets, lengths
