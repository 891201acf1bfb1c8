"""What several chapters compute of a scene, each once."""

from __future__ import annotations

import numpy as np

from sat.lessons.averages import Averages, averages
from sat.lessons.numbers import Series
from sat.lessons.scene import Scene
from sat.lessons.steps import StepNumbers, step_numbers
from sat.trace import entropy


def current(scene: Scene) -> StepNumbers:
    """The numbers of the scene's step."""
    return scene.once(_current, each_step=True)


def averaged(scene: Scene) -> Averages:
    """The three averages of every word."""
    return scene.once(_averaged)


def averaged_here(scene: Scene) -> Averages:
    """The three averages of the scene's step alone, which is quick."""
    return scene.once(_averaged_here, each_step=True)


def attention(scene: Scene) -> np.ndarray:
    """The model's own alpha at the step, (L,), summing to one."""
    alpha = current(scene).alpha
    assert alpha is not None
    return alpha / alpha.sum()


def as_map(scene: Scene, values: np.ndarray) -> np.ndarray:
    """Values (L,) as (rows, columns)."""
    return np.asarray(values, dtype=np.float64).reshape(scene.captioner.config.rows, scene.captioner.config.columns)


def cell(scene: Scene, place: int) -> tuple[int, int]:
    """Row and column of a place, from 0."""
    return divmod(int(place), scene.captioner.config.columns)


def named(scene: Scene, place: int) -> str:
    """A place for a reader, who counts from 1."""
    row, column = cell(scene, place)
    return f"row {row + 1}, column {column + 1}"


def effective(p: np.ndarray) -> float:
    """exp(H), the number of places that attention (L,) is effectively spread over."""
    return float(np.exp(entropy(np.asarray(p)[None])))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two vectors; NaN where one has no length."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else float("nan")


def series(name: str, values: np.ndarray) -> Series:
    """Values (N,) over 0, 1, 2, ..."""
    y = np.asarray(values, dtype=np.float64)
    return Series(name, np.arange(len(y), dtype=np.float64), y)


def _current(scene: Scene) -> StepNumbers:
    return scene.look(step_numbers, scene.step)


def _averaged(scene: Scene) -> Averages:
    return scene.look(averages)


def _averaged_here(scene: Scene) -> Averages:
    return scene.look(averages, (scene.step,))
