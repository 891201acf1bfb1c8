"""What a batch holds of the stored annotations."""

from __future__ import annotations

import numpy as np
import torch

from sat.data.features import FeatureStore
from sat.training.batches import Rows, TrainingData

N, L, D = 70, 6, 5  # more rows than are averaged at a time


def store(folder, seed: int) -> FeatureStore:
    folder.mkdir()
    values = np.random.default_rng(seed).normal(size=(N, L, D)).astype(np.float16)
    (folder / "annotations.f16").write_bytes(values.tobytes())
    return FeatureStore(folder, (2, 3), D)


def test_pooled_rows_are_the_means_of_the_rows(tmp_path):
    plain = store(tmp_path / "plain", 1)
    rows = np.random.default_rng(0).permutation(N)
    whole, pooled = (Rows(plain.array(), rows, pooled=p) for p in (False, True))
    for chosen in ([3], [60, 2, 2], range(N)):
        want = whole[chosen].astype(np.float64).mean(1, keepdims=True)  # (n, 1, D)
        assert pooled[chosen].shape == (len(chosen), 1, D) and pooled[chosen].dtype == np.float32
        np.testing.assert_allclose(pooled[chosen], want, atol=1e-6)
        assert np.array_equal(whole[chosen], plain.array()[rows[list(chosen)]])


def test_pooled_batches_are_the_means_of_batches_mirrored_or_not(tmp_path):
    plain, mirrored = store(tmp_path / "plain", 1), store(tmp_path / "mirrored", 2)
    rows, turned = np.arange(8)[::-1].copy(), np.arange(20, 28)
    captions = [[[4] * (i % 3 + 1), [5] * (i % 2 + 1)] for i in range(8)]
    both = [TrainingData(plain, rows, captions, mirrored, turned, pooled=pooled) for pooled in (False, True)]
    seen = []
    for whole, pooled in zip(*(data.epoch(1, 0, 3, 9) for data in both), strict=True):
        assert torch.equal(whole.inputs, pooled.inputs) and torch.equal(whole.lengths, pooled.lengths)
        assert whole.annotations.dtype == torch.float16
        torch.testing.assert_close(pooled.annotations, whole.annotations.float().mean(1, keepdim=True))
        seen.append(whole.annotations)
    of_plain = [bool((plain.array()[rows] == a.numpy()).all((1, 2)).any()) for a in torch.cat(seen)]
    assert 0 < sum(of_plain) < 8  # some as they are, some mirrored
    for one, other in zip(both[0].statistics(), both[1].statistics(), strict=True):
        assert torch.equal(one, other) and one.shape[-1] == D
