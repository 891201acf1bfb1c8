"""Where attention should look while a caption is written, and how that is laid out in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Region:
    """Where to look while one phrase of a training caption is written.

    Attributes:
        words: positions of the phrase's words in the caption, ascending.
        coverage: the fraction of every cell inside the union of the phrase's boxes, float32 (rows, columns).
    """

    words: tuple[int, ...]
    coverage: np.ndarray


@dataclass(frozen=True)
class RegionTargets:
    """The regions of a batch of B pictures, K captions each, T steps.

    Attributes:
        coverage: of every region of the batch, float32 (R, L).
        region: which of them the word of a step belongs to, (B, K, T); -1 where it belongs to none.
    """

    coverage: Tensor
    region: Tensor

    def to(self, device: torch.device) -> RegionTargets:
        return RegionTargets(self.coverage.to(device), self.region.to(device))


def collate_regions(
    regions: Sequence[Sequence[Sequence[Region]]], flip: Sequence[bool], lengths: Tensor, places: int
) -> RegionTargets:
    """The regions of a batch, laid out as the targets of ``collate``.

    Args:
        regions: of every caption of every picture, in the order of the batch.
        flip: for each picture, whether it is mirrored: its boxes are mirrored with it.
        lengths: targets of every caption, the end included, (B, K); words that were cut off have no region.
        places: L.
    """
    region = torch.full((*lengths.shape, int(lengths.max())), -1)
    table: list[np.ndarray] = []
    for b, picture in enumerate(regions):
        for k, caption in enumerate(picture):
            for found in caption:
                kept = [t for t in found.words if t < lengths[b, k] - 1]
                if kept:
                    region[b, k, kept] = len(table)
                    table.append((found.coverage[:, ::-1] if flip[b] else found.coverage).reshape(-1))
    coverage = np.stack(table) if table else np.zeros((0, places), np.float32)
    return RegionTargets(torch.from_numpy(coverage), region)
