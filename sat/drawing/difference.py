"""One map minus another, drawn over the greyed picture: blue where the first is larger, orange where the second is.

The two hues are Okabe and Ito's blue and vermilion, which the colour-blind tell apart and which are about equally
light, so that neither side looks heavier. Where the maps agree the picture is only washed with white.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from sat.drawing.figure import FAINT, Image, Text, pixels
from sat.drawing.layout import GAP, Mark, fitting
from sat.drawing.overlay import SIGMA, SQUARE, expand
from sat.errors import UserError

FIRST_HUE = (0, 114, 178)  # RGB
SECOND_HUE = (213, 94, 0)
FIRST_INK, SECOND_INK = "#005b8e", "#a94a00"  # the same hues, dark enough for small print on white (5:1 and more)
WASH, FULL = 0.4, 0.9  # opacity where the maps agree, and at the ends of the scale
SIZE, BAR_HEIGHT = 7.0, 7.0  # of the legend's type and its bar, in points


def difference_layer(a: np.ndarray, b: np.ndarray, top: float, sigma: float | None = SIGMA) -> np.ndarray:
    """What is laid over the greyed picture for two maps of one grid, as ``overlay.layers`` gives it for one.

    Blue where ``a`` is larger, white where they agree, orange where ``b`` is larger. Lay it on with
    ``overlay.blend(greyed(picture), layer)``.

    Args:
        a, b: (rows, columns), finite. Only b - a counts, so a signed map m is drawn by ``(zeros, m)``.
        top: the difference that the full colour stands for, in the maps' own units and the same for every pair that
            is shown together (``top_of_differences``); 0 or less only where all differences are 0.
        sigma: of the Gaussian, in pixels at 224; None leaves the cells as they are (blend with ``nearest``).

    Returns:
        premultiplied RGBA in 0..1, float32: (224, 224, 4), or (rows, columns, 4) where sigma is None.

    Raises:
        UserError: the maps are not finite or not of one shape.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape or not a.size or not np.isfinite(a - b).all():
        raise UserError("A difference needs two maps of finite numbers on the same grid.")
    return coloured(smoothed(b - a, sigma) / (top if top > 0 else 1.0))


def top_of_differences(differences: Iterable[np.ndarray], sigma: float | None = SIGMA) -> float:
    """The largest absolute value of signed maps (rows, columns) once smoothed: the end of one scale for them all."""
    return max((float(np.abs(smoothed(d, sigma)).max()) for d in differences), default=0.0)


def smoothed(difference: np.ndarray, sigma: float | None) -> np.ndarray:
    """A signed map (rows, columns) at (224, 224) as overlays smooth theirs; unchanged where sigma is None."""
    return difference if sigma is None else expand(difference[None], SQUARE, sigma)[0]


def coloured(share: np.ndarray) -> np.ndarray:
    """Premultiplied RGBA, float32 (H, W, 4), of a signed map (H, W) in -1..1; what lies beyond is cut."""
    share = np.clip(share, -1, 1)[..., None]  # (H, W, 1)
    hue = np.where(share < 0, np.array(FIRST_HUE), np.array(SECOND_HUE)) / 255  # (H, W, 3)
    strength = np.abs(share)
    opacity = WASH + (FULL - WASH) * strength
    colour = (1 - strength) + strength * hue  # from white
    return np.concatenate([opacity * colour, opacity], axis=-1).astype(np.float32)


def greyed(picture: np.ndarray) -> np.ndarray:
    """The picture without colour, uint8 (H, W, 3), so that the only colours are those of the difference."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def legend(names: tuple[str, str], top: float, x: float, y: float, width: float) -> tuple[list[Mark], float]:
    """The scale of the differences as marks of a figure, ``top`` in times uniform, and where it ends; in points."""
    first, second = (f"{name} looks more" for name in names)
    size = min(fitting(said, SIZE, width / 2 - GAP) for said in (first, second))
    most = f"{top:.2g} x uniform"
    bar = y + SIZE + GAP
    ends = bar + BAR_HEIGHT + SIZE + 1
    marks: list[Mark] = [
        Text(first, x, y + SIZE, size, "start", FIRST_INK),
        Text(second, x + width, y + SIZE, size, "end", SECOND_INK),
        Image(colour_bar(pixels(width), pixels(BAR_HEIGHT)), x, bar, width, BAR_HEIGHT),
        Text(most, x, ends, SIZE, "start", FAINT),
        Text("0", x + width / 2, ends, SIZE, "middle", FAINT),
        Text(most, x + width, ends, SIZE, "end", FAINT),
    ]
    return marks, ends


def colour_bar(width: int, height: int) -> np.ndarray:
    """The scale from -1 to 1 on white paper, uint8 (height, width, 3)."""
    layer = coloured(np.linspace(-1, 1, width)[None])  # (1, width, 4)
    row = 255 * (1 - layer[..., 3:]) + 255 * layer[..., :3]  # (1, width, 3)
    return np.repeat(np.rint(row).astype(np.uint8), height, axis=0)
