"""Several workers that train one model together: each has its part of every batch, and all make the same update.

The likelihood is a mean over the *tokens* of a batch and the doubly stochastic term one over its captions. Parts of a
batch differ in both, so a plain mean over workers (what ``DistributedDataParallel`` does) would be the gradient of
another loss. Here each worker's terms are weighted by its part, and gradients are summed: up to rounding, the update
is that of one worker with the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class TeamLost(RuntimeError):
    """Another worker, its machine or the connection to it is gone: no failure of the run, which can go on from its
    last saved state with a new team."""


@dataclass(frozen=True)
class Team:
    """This worker's place among all; with one worker every method leaves things as they are.

    Every exchange raises ``TeamLost`` where another worker is gone.

    Attributes:
        rank: of this worker, from 0; the first one alone writes and scores.
        size: how many there are.
        device: where numbers must lie to be exchanged (gloo: ``cpu``; nccl: the worker's own GPU).
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this worker writes the run folder and scores on dev."""
        return self.rank == 0

    @property
    def part(self) -> tuple[int, int]:
        """Which pictures of a batch are this worker's, for ``TrainingData.epoch``."""
        return self.rank, self.size

    def align(self, modules: Iterable[nn.Module]) -> None:
        """Give all workers the first one's weights and buffers."""
        if self.size == 1:
            return
        for module in modules:
            for tensor in module.state_dict().values():
                sent = tensor.to(self.device)
                _exchange(dist.broadcast, sent, src=0)
                tensor.copy_(sent)

    def shares(self, counts: Sequence[int]) -> list[float]:
        """This worker's part of the sum over all workers of each count, 0 to 1."""
        if self.size == 1:
            return [1.0] * len(counts)
        total = torch.tensor(counts, dtype=torch.float64, device=self.device)
        _exchange(dist.all_reduce, total)
        return [count / max(whole, 1.0) for count, whole in zip(counts, total.tolist(), strict=True)]

    def sums(self, values: dict[str, float]) -> dict[str, float]:
        """The sum over all workers of each value; all must have the same names in the same order."""
        if self.size == 1:
            return values
        total = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        _exchange(dist.all_reduce, total)
        return dict(zip(values, total.tolist(), strict=True))

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all workers; one that a worker lacks counts as zero."""
        if self.size == 1:
            return
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        there = torch.tensor([p.grad is not None for p in parameters], dtype=torch.uint8, device=self.device)
        _exchange(dist.all_reduce, there, op=dist.ReduceOp.MAX)
        sent = flat.to(self.device)
        _exchange(dist.all_reduce, sent)
        pieces = sent.to(flat.device).split([p.numel() for p in parameters])
        for parameter, piece, somewhere in zip(parameters, pieces, there.tolist(), strict=True):
            if somewhere:
                parameter.grad = piece.view_as(parameter)

    def known_mean(self, tensor: Tensor) -> Tensor:
        """The mean over those workers whose value is not NaN, element by element; NaN where none has one."""
        if self.size == 1:
            return tensor
        both = torch.stack([tensor.nan_to_num(), (~tensor.isnan()).to(tensor.dtype)]).to(self.device)  # (2, ...)
        _exchange(dist.all_reduce, both)
        return (both[0] / both[1]).to(tensor.device)  # 0 / 0 is NaN

    def agree(self, decision: bool) -> bool:
        """The first worker's decision, on all."""
        if self.size == 1:
            return decision
        flag = torch.tensor([decision], dtype=torch.uint8, device=self.device)
        _exchange(dist.broadcast, flag, src=0)
        return bool(flag.item())


def _exchange(operation: Callable[..., Any], tensor: Tensor, **how: Any) -> None:
    """One of torch's collective operations, in place."""
    try:
        operation(tensor, **how)
    except RuntimeError as error:  # gloo's and nccl's own, whatever went wrong
        raise TeamLost(str(error)) from error


ALONE = Team()
