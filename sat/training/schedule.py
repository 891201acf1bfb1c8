"""The learning rate over the steps of a run."""

from __future__ import annotations

import math

from sat.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Linear warm-up to ``learning_rate``, then half a cosine down to ``final_learning_rate`` at step ``total``."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(total - config.warmup_steps, 1)
    span = config.learning_rate - config.final_learning_rate
    return config.final_learning_rate + 0.5 * span * (1 + math.cos(math.pi * min(done, 1.0)))


def ramp(first: float, last: float, step: int, total: int) -> float:
    """A value that goes linearly from ``first`` at step 0 to ``last`` at the last step."""
    return first + (last - first) * step / max(total - 1, 1)
