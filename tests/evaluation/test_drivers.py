"""Rank correlation of scores with measures, by hand and against scipy's ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.drivers import MEASURES, drivers, interval
from sat.evaluation.rows import SCORES
from sat.evaluation.store import write_store

from .stored import ABOUT, picture


def stored(folder: Path, changes: list[dict], *, attends: bool = True) -> EvaluationStore:
    rng = np.random.default_rng(0)
    rows = []
    for number, change in enumerate(changes):
        row, words = picture(number, rng, attends=attends)
        rows.append(({**row, **change}, words))
    write_store(folder, ABOUT, rows)
    return EvaluationStore.open(folder)


def test_worked_by_hand(tmp_path: Path) -> None:
    # Ranks 1 2 3 4 5 against 2 1 4 3 5: squared differences 1 1 1 1 0; rho = 1 - 6 * 4 / (5 * 24) = 0.8.
    entropy = [0.1, 0.7, 0.9, 3.0, 4.5]
    cider = [20.0, 10.0, 40.0, 30.0, 900.0]
    backwards = [5.0, 4.0, 3.0, 2.0, 1.0]
    changes = [
        {"entropy": e, "CIDEr": c, "METEOR": m, "beta": None if i == 0 else e, "length": 3, "box_mass": None}
        for i, (e, c, m) in enumerate(zip(entropy, cider, backwards, strict=True))
    ]
    found = {(one.score, one.measure): one for one in drivers(stored(tmp_path, changes))}
    cider_entropy = found["CIDEr", "entropy"]
    assert (cider_entropy.n, cider_entropy.rho) == (5, pytest.approx(0.8))
    # z = artanh 0.8 = 1.0986, its standard error sqrt((1 + 0.32) / 2) = 0.8124: tanh(1.0986 -+ 1.5923).
    assert (cider_entropy.low, cider_entropy.high) == (
        pytest.approx(-0.4571, abs=1e-3),
        pytest.approx(0.9908, abs=1e-3),
    )
    meteor = found["METEOR", "entropy"]
    assert [meteor.rho, meteor.low, meteor.high] == pytest.approx([-1] * 3)
    assert found["CIDEr", "beta"].n == 4 and found["CIDEr", "beta"].rho == pytest.approx(0.8)  # 1 3 2 4: 1 - 6 * 2 / 60
    assert not {measure for _, measure in found} & {"length", "box_mass", "necessity"}  # the same for all, or unknown


def test_against_ranks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    changes = [
        {"entropy": float(rng.integers(0, 6)), "length": int(rng.integers(3, 9)), "evidence": float(rng.normal())}
        for _ in range(60)
    ]
    store = stored(tmp_path, changes)
    columns = store.values([*SCORES, *MEASURES])
    found = drivers(store)
    order = [(score, measure) for score in SCORES for measure in MEASURES]
    assert [(one.score, one.measure) for one in found] == sorted(
        ((one.score, one.measure) for one in found), key=order.index
    )
    for one in found:
        there = ~np.isnan(columns[one.measure])
        ranks = [rankdata(columns[name][there]) for name in (one.score, one.measure)]
        assert one.rho == pytest.approx(np.corrcoef(*ranks)[0, 1]) and one.n == there.sum()
        assert one.low < one.rho < one.high


def test_too_little_to_tell(tmp_path: Path) -> None:
    assert drivers(stored(tmp_path / "few", [{}] * 3)) == []
    assert drivers(stored(tmp_path / "none", [])) == []
    plain = drivers(stored(tmp_path / "plain", [{"length": i} for i in range(9)], attends=False))
    assert {one.measure for one in plain} == {"length", "log_prob"}


def test_interval_covers_as_often_as_it_says() -> None:
    """Of samples of a normal pair with r = 0.5 (rho = 6 / pi * arcsin(r / 2)), about 95 % of the intervals have rho."""
    pairs = np.random.default_rng(2).multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], (4000, 50))
    ranks = pairs.argsort(1).argsort(1)  # (samples, pairs, 2)
    rhos = 1 - 6 * ((ranks[..., 0] - ranks[..., 1]) ** 2).sum(1) / (50 * (50**2 - 1))
    truth = 6 / np.pi * np.arcsin(0.25)
    assert 0.94 < np.mean([low < truth < high for low, high in (interval(float(rho), 50) for rho in rhos)]) < 0.97
