"""Attention drawn over the picture (figures 2, 3 and 5 of the paper).

The authors' notebook shows a map with ``skimage.transform.pyramid_expand(alpha, upscale=16, sigma=20)``: bilinear
interpolation, then a Gaussian. Both are linear and work on rows and columns apart, so the whole of it is
``R alpha R^T`` with one small matrix (``expansion``), the same numbers some hundred times faster. The word player does
the same sums in the browser (``sat/ui/player/player.js``), and a test compares the two: change both or neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import cv2
import numpy as np

from sat.errors import UserError
from sat.trace import Trace

Style = Literal["paper", "heat", "contour", "cells"]
Scale = Literal["shared", "own"]
Show = Literal["glimpse", "distribution"]
STYLES: tuple[Style, ...] = get_args(Style)
SCALES: tuple[Scale, ...] = get_args(Scale)
SHOWS: tuple[Show, ...] = get_args(Show)

SQUARE = 224  # pixels; sigma is measured on a square of this side, whatever the picture's own shape
SIGMA = 20.0  # pixels at 224, as in the authors' notebook
STRENGTH = 0.7  # opacity; the authors' notebook has 0.8, which hides the attended object itself
CONTOUR_LEVELS = (0.25, 0.5, 0.75)  # of the scale's top
CONTOUR_SIDE = 448  # lines want a finer layer than smooth maps
LINE, HALO = 1.2, 2.8  # half widths of a contour line and of its dark surround, in pixels of that layer
FLAT = 1e-4  # a slope below this is a plateau, on which no line can be placed
HEAT_FLOOR = 0.25  # opacity of the heat map where attention is least, as a part of the strength


@dataclass(frozen=True)
class View:
    """How attention is drawn.

    Attributes:
        style: ``paper`` (white where it looks, the rest dimmed), ``heat`` (colour-blind safe colours), ``contour``
            (lines at a quarter, half and three quarters of the scale) or ``cells`` (the raw grid, unsmoothed).
        scale: ``shared`` runs from 0 to the largest value of the whole caption, so that a flat map looks flat beside a
            sharp one; ``own`` stretches every map from its least to its largest value, as in the paper. Glimpses of
            hard attention are all alike in weight, and each is drawn from 0 to its largest value.
        sigma: of the Gaussian, in pixels at 224.
        strength: opacity, 0 to 1.
        show: of a hard model the ``glimpse`` that made the context, or the ``distribution`` it was taken from.
    """

    style: Style = "paper"
    scale: Scale = "shared"
    sigma: float = SIGMA
    strength: float = STRENGTH
    show: Show = "glimpse"

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise UserError(f"There is no overlay style {self.style!r}: use {', '.join(STYLES)}.")
        if self.scale not in SCALES:
            raise UserError(f"There is no overlay scale {self.scale!r}: use {' or '.join(SCALES)}.")
        if self.show not in SHOWS:
            raise UserError(f"There is nothing called {self.show!r} to show: use {' or '.join(SHOWS)}.")
        if not (0 <= self.sigma <= SQUARE and 0 <= self.strength <= 1):
            raise UserError(f"An overlay needs a sigma from 0 to {SQUARE} and a strength from 0 to 1.")


def maps_of(trace: Trace, view: View) -> np.ndarray | None:
    """The maps (T, rows, columns) of a caption that the view asks for; None without attention."""
    return trace.glimpses if view.show == "glimpse" else trace.alphas


def upsample(alpha: np.ndarray, shape: tuple[int, int], sigma: float = SIGMA) -> np.ndarray:
    """A map (rows, columns) at the picture's own shape (height, width), float32, in the map's own units.

    Upsampled to 224 x 224, smoothed there, then stretched; at (224, 224) it equals ``pyramid_expand``.
    """
    square = expand(np.asarray(alpha)[None], SQUARE, sigma)[0].astype(np.float32)  # (224, 224)
    height, width = shape
    return cv2.resize(square, (width, height), interpolation=cv2.INTER_LINEAR)


def overlay(picture: np.ndarray, alphas: np.ndarray, step: int, view: View | None = None) -> np.ndarray:
    """The picture, uint8 (H, W, 3), with the map of one word drawn over it.

    Args:
        picture: uint8 (H, W, 3).
        alphas: (T, rows, columns), the maps of the whole caption (they set the shared scale).
        step: which of them to draw.
        view: how.
    """
    return blend(picture, layers(alphas, view or View())[step], nearest=view is not None and view.style == "cells")


def layers(alphas: np.ndarray, view: View) -> np.ndarray:
    """What is laid over the picture for every word: premultiplied RGBA in 0..1, float32 (T, side, side, 4)."""
    maps = levels(alphas, view)  # (T, side, side)
    if view.style == "paper":
        opacity = np.full_like(maps, view.strength)
        return np.stack([opacity * maps] * 3 + [opacity], axis=-1)
    if view.style == "contour":
        return np.stack([_contours(m, view.strength) for m in maps])
    opacity = view.strength * (HEAT_FLOOR + (1 - HEAT_FLOOR) * maps)  # (T, side, side)
    colours = heat_colours()[np.rint(maps * 255).astype(np.int64)].astype(np.float32) / 255  # (T, side, side, 3)
    return np.concatenate([colours * opacity[..., None], opacity[..., None]], axis=-1)


def levels(alphas: np.ndarray, view: View) -> np.ndarray:
    """Every map in 0..1 on the view's scale, float32 (T, side, side); the side is the grid's own for ``cells``."""
    alphas = np.asarray(alphas, dtype=np.float64)
    if alphas.ndim != 3 or not alphas.size or not np.isfinite(alphas).all():
        raise UserError("Attention maps must be finite numbers of shape (words, rows, columns), at least one word.")
    maps = alphas if view.style == "cells" else expand(alphas, side(view.style), view.sigma)
    if is_glimpse(alphas):
        # Each is the whole attention in one place; the mirrored Gaussian alone makes those near an edge brighter.
        bottom, top = np.float64(0), maps.max(axis=(1, 2), keepdims=True)
    elif view.scale == "shared":
        bottom, top = np.float64(0), maps.max()
    else:
        bottom, top = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    spread = np.where(top - bottom > 1e-12, top - bottom, 1.0)
    return np.clip((maps - bottom) / spread, 0, 1).astype(np.float32)


def is_glimpse(alphas: np.ndarray) -> bool:
    """Whether all maps (T, rows, columns) are one-hot: glimpses of hard attention."""
    return bool((np.count_nonzero(alphas, axis=(1, 2)) == 1).all())


def side(style: Style) -> int:
    """Side in pixels of the layer that a smoothed style is computed on."""
    return CONTOUR_SIDE if style == "contour" else SQUARE


def top_of_scale(alphas: np.ndarray, view: View) -> float:
    """What the brightest point of a shared scale stands for, in times uniform attention (1/L)."""
    alphas = np.asarray(alphas, dtype=np.float64)
    maps = alphas if view.style == "cells" else expand(alphas, side(view.style), view.sigma)
    return float(maps.max() * alphas[0].size)


def blend(picture: np.ndarray, layer: np.ndarray, *, nearest: bool = False) -> np.ndarray:
    """Lay a premultiplied RGBA layer, stretched to the picture's shape, over it; uint8 (H, W, 3)."""
    height, width = picture.shape[:2]
    shrinks = layer.shape[1] > width and layer.shape[0] > height  # fine lines would break up
    how = cv2.INTER_NEAREST_EXACT if nearest else cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    stretched = cv2.resize(layer, (width, height), interpolation=how)  # (H, W, 4)
    blended = picture * (1 - stretched[..., 3:]) + 255 * stretched[..., :3]
    return np.clip(np.rint(blended), 0, 255).astype(np.uint8)


def expand(maps: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """Maps (T, rows, columns) upsampled to (T, size, size) and smoothed, float64; sigma in pixels at 224."""
    rows = expansion(maps.shape[1], size, sigma)  # (size, rows)
    columns = expansion(maps.shape[2], size, sigma)  # (size, columns)
    return rows @ np.asarray(maps, dtype=np.float64) @ columns.T


@lru_cache(maxsize=64)
def expansion(cells: int, size: int, sigma: float) -> np.ndarray:
    """The matrix (size, cells) that interpolates a row of cells to ``size`` pixels and smooths it.

    As ``pyramid_expand`` does: centres of cells at half-cell offsets, mirrored about the outer *centres* by the
    interpolation and about the outer *edges* by the Gaussian, which is cut at four sigma.
    """
    interpolate = np.zeros((size, cells))
    for i in range(size):
        at = (i + 0.5) * cells / size - 0.5
        low = math.floor(at)
        for cell, weight in ((low, 1 - (at - low)), (low + 1, at - low)):
            mirrored = -cell if cell < 0 else 2 * (cells - 1) - cell if cell >= cells else cell
            interpolate[i, min(max(mirrored, 0), cells - 1)] += weight
    pixels = sigma * size / SQUARE
    if pixels <= 0:
        return interpolate
    radius = int(4 * pixels + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / pixels) ** 2)
    kernel /= kernel.sum()
    blur = np.zeros((size, size))
    for offset, weight in zip(range(-radius, radius + 1), kernel, strict=True):
        source = np.arange(size) + offset
        source = np.where((source // size) % 2 == 0, source % size, size - 1 - source % size)
        np.add.at(blur, (np.arange(size), source), weight)
    return blur @ interpolate


@lru_cache(maxsize=1)
def heat_colours() -> np.ndarray:
    """256 RGB colours, uint8 (256, 3): inferno, which rises in lightness and reads the same to the colour-blind."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.cvtColor(cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)[:, 0]


def _contours(level: np.ndarray, strength: float) -> np.ndarray:
    """White lines with a dark halo where a map (S, S) in 0..1 crosses the levels; premultiplied RGBA (S, S, 4)."""
    padded = np.pad(level, 1, mode="edge")
    down = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    right = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    slope = np.hypot(down, right)  # change a pixel
    away = np.min([np.abs(level - c) for c in CONTOUR_LEVELS], axis=0) / np.maximum(slope, FLAT)  # pixels to the line
    there = slope > FLAT
    line = np.where(there, np.clip(LINE + 0.5 - away, 0, 1), 0)
    halo = np.where(there, np.clip(HALO + 0.5 - away, 0, 1), 0) * 0.6
    white = strength * line
    opacity = strength * np.maximum(line, halo)
    return np.stack([white, white, white, opacity], axis=-1).astype(np.float32)
