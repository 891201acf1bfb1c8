"""Workers that share a batch make the update of one worker with the whole batch, to rounding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sat.config import HardConfig, ModelConfig, TrainConfig
from sat.data.features import FeatureStore
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder
from sat.training.batches import TrainingData
from sat.training.prepare import Prepared
from sat.training.run import RunFolder
from sat.training.team import ALONE, Team
from sat.training.trainer import Trainer
from sat.vocabulary import SPECIALS, Vocabulary

L, D, V = 9, 5, 14
SETTINGS = {
    "epochs": 2, "batch_pictures": 5, "max_words": 6, "precision": "float32", "doubly_stochastic": 3.0, "samples": 0,
    "meteor": False, "clip_norm": 1e9, "label_smoothing": 0.1, "warmup_steps": 0,
}  # fmt: skip


class InTurn(Team):
    """Two workers in one process, one after the other: the first time round they only count."""

    def __new__(cls, rank: int, totals: dict):
        return object.__new__(cls)

    def __init__(self, rank: int, totals: dict) -> None:
        super().__init__(rank, 2)
        object.__setattr__(self, "totals", totals)

    def align(self, modules) -> None:
        pass

    def shares(self, counts):
        self.totals["counts"].append(counts)
        whole = self.totals.get("whole") or [1] * len(counts)
        return [count / n for count, n in zip(counts, whole, strict=True)]

    def sums(self, values):
        self.totals["values"].append(values)
        return values

    def known_mean(self, tensor):
        return tensor

    def add_gradients(self, parameters) -> None:
        self.totals["gradients"].append([p.grad.clone() for p in parameters])


def trainer(folder: Path, encoder: Encoder, team: Team = ALONE, **changes) -> Trainer:
    """A real trainer on 11 random pictures, so that the last batch of an epoch holds a single one."""
    generator = torch.Generator().manual_seed(0)
    annotations = torch.rand(11, L, D, generator=generator).half()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotations.f16").write_bytes(annotations.numpy().tobytes())
    store = FeatureStore(folder, (3, 3), D)
    lengths = torch.randint(1, 7, (11, 3), generator=generator).tolist()
    ids = [[torch.randint(4, V, (n,), generator=generator).tolist() for n in three] for three in lengths]
    attention = changes.pop("attention", "soft")
    model = ModelConfig(
        attention=attention, rows=3, columns=3, annotation_dim=D, embedding_dim=6, hidden_dim=7, attention_dim=4,
        vocabulary_size=V, dropout=0.0, context_dropout=0.0,
    )  # fmt: skip
    config = TrainConfig.model_validate({**SETTINGS, "model": model, **changes})
    torch.manual_seed(1)
    vocabulary = Vocabulary([*SPECIALS, *(f"w{i}" for i in range(V - len(SPECIALS)))])
    training = TrainingData(store, torch.arange(11).numpy(), ids)
    prepared = Prepared(None, encoder, Decoder(model), vocabulary, training, store, [], torch.arange(0).numpy())  # type: ignore[arg-type]
    return Trainer(config, RunFolder(folder), device="cpu", team=team, prepared=prepared)


def gradients(one: Trainer, number: int) -> tuple[list[torch.Tensor], dict[str, float]]:
    batch = list(one.prepared.training.epoch(1, 0, 5, 6, part=one.team.part))[number]
    values = one.train_step(batch)
    return [p.grad.clone() for p in one.decoder.parameters()], values


@pytest.mark.parametrize("attention", ["soft", "none", "hard"])
def test_the_sum_of_the_parts_is_the_gradient_of_the_whole(tmp_path, encoder, attention):
    """Exact where nothing is drawn: hard attention takes its expected context here, whose glimpses cost nothing."""
    changes = {"attention": attention, "hard": HardConfig(expected_probability=1.0, entropy_weight=0.1)}
    whole, values = gradients(trainer(tmp_path / "whole", encoder, **changes), 0)
    totals: dict = {"counts": [], "values": [], "gradients": []}
    for _ in ("count", "train"):
        totals |= {"counts": [], "values": [], "gradients": []}
        for rank in (0, 1):
            gradients(trainer(tmp_path / f"part-{rank}", encoder, InTurn(rank, totals), **changes), 0)
        totals["whole"] = [sum(pair) for pair in zip(*totals["counts"], strict=True)]
    parts = totals["gradients"]
    assert totals["counts"][0] != totals["counts"][1]  # or a plain mean would do
    for name, both in zip(values, zip(*(v.values() for v in totals["values"]), strict=True), strict=False):
        if name not in ("baseline", "advantage_std"):
            assert sum(both) == pytest.approx(values[name], rel=1e-4), name
    for expected, first, second in zip(whole, *parts, strict=True):
        torch.testing.assert_close(first + second, expected, rtol=1e-4, atol=1e-6)
    assert any(
        not torch.allclose((first + second) / 2, e, rtol=1e-3) for e, first, second in zip(whole, *parts, strict=True)
    )


def test_every_picture_is_somebodys(tmp_path, encoder):
    data = trainer(tmp_path, encoder).prepared.training
    whole = list(data.epoch(1, 0, 5, 6))
    parts = [list(data.epoch(1, 0, 5, 6, part=(rank, 2))) for rank in (0, 1)]
    assert [len(p) for p in parts] == [len(whole)] * 2
    for all_, first, second in zip(whole[:-1], *(p[:-1] for p in parts), strict=True):
        assert sorted(int(b.lengths.sum()) for b in (first, second)) and (
            first.lengths.sum() + second.lengths.sum() == all_.lengths.sum()
        )
    assert len(whole[-1].lengths) == 1  # one picture for two: both take it, and neither waits for the other in vain
    assert torch.equal(parts[0][-1].targets, parts[1][-1].targets)
    skipped = list(data.epoch(1, 0, 5, 6, skip=2, part=(1, 2)))
    assert len(skipped) == 1 and torch.equal(skipped[0].targets, parts[1][2].targets)


def test_alone_nothing_is_changed(tmp_path, encoder):
    value = torch.tensor([1.0, float("nan")])
    assert ALONE.shares([3, 4]) == [1.0, 1.0] and ALONE.sums({"a": 2.0}) == {"a": 2.0}
    assert ALONE.known_mean(value) is value and ALONE.agree(True) and not ALONE.agree(False) and ALONE.leads


SCRIPT = """
import sys, torch, torch.distributed as dist
from sat.training.team import Team
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
team, nan = Team(rank, 2), float("nan")
layer = torch.nn.Linear(2, 1)
torch.nn.init.constant_(layer.weight, rank + 5.0)
team.align([layer])
assert layer.weight.tolist() == [[5.0, 5.0]], layer.weight
assert team.shares([1 + 2 * rank, 4]) == [(1 + 2 * rank) / 4, 0.5]
assert team.sums({"a": 1.0 + rank, "b": 2.0}) == {"a": 3.0, "b": 4.0}
assert team.agree(rank == 0) is True and team.agree(rank == 1) is False
mean = team.known_mean(torch.tensor([[1.0, nan, nan], [3.0, 4.0, nan]][rank]))
assert mean[:2].tolist() == [2.0, 4.0] and mean[2].isnan()
a, b, c = (torch.nn.Parameter(torch.zeros(n)) for n in (2, 1, 1))
a.grad = torch.tensor([1.0, 2.0]) * (rank + 1)
if rank:
    b.grad = torch.tensor([7.0])
team.add_gradients([a, b, c])
assert a.grad.tolist() == [3.0, 6.0] and b.grad.tolist() == [7.0] and c.grad is None
print("good", flush=True)
dist.barrier()  # a process that leaves while its neighbour still talks, or with the group alive, aborts now and then
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_exchange_over_gloo(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and "good" in said.splitlines(), said
