"""Charts of sampled glimpses: the paths over the picture, and how often each place was taken against alpha."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
import plotly.graph_objects as go

from sat.drawing.charts import ACCENT, QUIET, calm
from sat.drawing.charts_compare import GRID, with_legend
from sat.images import Picture

SENT_SIDE = 640  # pixels; the longer side of the picture behind the paths
DIMMED = 0.5  # brightness of the picture behind the paths
PATHS_HEIGHT, SHARES_HEIGHT = 400, 260
BUNDLES = 12  # paths of one bundle do not darken each other; those of different bundles do
LIKELIEST = 40  # places in the chart against alpha; the others have next to no bar


def glimpse_paths(
    picture: Picture, places: np.ndarray, grid: tuple[int, int], step: int, members: Sequence[int] | None = None
) -> go.Figure:
    """The way of the glimpse from word to word over the picture, and the places taken at one word as discs.

    Args:
        picture: what was captioned.
        places: int (N, T, 2), row and column of every glimpse, -1 after the end of a caption.
        grid: rows and columns of the map.
        step: the word whose glimpses are marked; an area says how many there are in a place.
        members: the paths to show; None means all.
    """
    chosen = places if members is None else places[list(members)]
    rows, columns = grid
    # A place holds many glimpses: each is drawn somewhere of its own in the cell, the same at every run.
    offsets = np.random.default_rng(0).uniform(0.2, 0.8, places.shape)
    offsets = offsets if members is None else offsets[list(members)]
    there = chosen[..., 0] >= 0  # (N, T)
    points = np.where(there[..., None], chosen + offsets, np.nan)  # (N, T, 2)
    figure = go.Figure()
    for bundle in np.array_split(points, min(BUNDLES, max(len(points), 1))):
        ended = np.concatenate([bundle, np.full((len(bundle), 1, 2), np.nan)], axis=1).reshape(-1, 2)  # gaps between
        figure.add_trace(
            go.Scatter(
                x=ended[:, 1],
                y=ended[:, 0],
                mode="lines",
                line={"color": f"rgba(255, 255, 255, {_opacity(len(points)):.2f})", "width": 1},
                hoverinfo="skip",
            )
        )
    now = chosen[:, step][there[:, step]] if step < chosen.shape[1] else np.zeros((0, 2), dtype=np.int64)
    cells, counts = np.unique(now, axis=0, return_counts=True)  # (C, 2), (C,)
    figure.add_trace(
        go.Scatter(
            x=cells[:, 1] + 0.5,
            y=cells[:, 0] + 0.5,
            mode="markers",
            marker={
                "color": ACCENT,
                "opacity": 0.9,
                "size": counts,
                "sizemode": "area",
                "sizeref": 2 * max(counts.max(initial=1) / 22**2, 1 / 12**2),
                "sizemin": 3,
                "line": {"color": "#ffffff", "width": 1},
            },
            customdata=np.column_stack([cells + 1, counts]),
            hovertemplate="row %{customdata[0]}, column %{customdata[1]}: %{customdata[2]}<extra></extra>",
        )
    )
    figure.add_layout_image(
        source=_behind(picture),
        xref="x",
        yref="y",
        x=0,
        y=0,
        sizex=columns,
        sizey=rows,
        sizing="stretch",
        layer="below",
    )
    aspect = float(np.clip(picture.aspect, 0.2, 5.0))
    figure.update_xaxes(visible=False, range=[0, columns], fixedrange=True, constrain="domain")
    figure.update_yaxes(
        visible=False,
        range=[rows, 0],
        fixedrange=True,
        scaleanchor="x",
        scaleratio=columns / rows / aspect,
        constrain="domain",
    )
    return calm(figure, PATHS_HEIGHT)


def places_taken(histogram: np.ndarray, alpha: np.ndarray) -> go.Figure:
    """How often each place was taken at a step, against the distribution that the glimpses were drawn from.

    The likeliest places come first. The line is alpha, its band the two standard deviations by which the share of so
    many draws strays from it.

    Args:
        histogram: int (rows, columns), glimpses.
        alpha: float (rows, columns), sums to one.
    """
    total = max(int(histogram.sum()), 1)
    order = np.argsort(alpha, axis=None, kind="stable")[::-1][:LIKELIEST]
    expected = alpha.ravel()[order].astype(np.float64)  # (P,)
    taken = histogram.ravel()[order]
    strays = 2 * np.sqrt(expected * (1 - expected) / total)
    where = np.column_stack([order // alpha.shape[1] + 1, order % alpha.shape[1] + 1, taken])
    x = np.arange(1, len(order) + 1)
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([expected + strays, np.maximum(expected - strays, 0)[::-1]]),
            fill="toself",
            fillcolor="rgba(26, 154, 140, 0.16)",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Bar(
            x=x,
            y=taken / total,
            name="taken",
            marker={"color": QUIET, "line_width": 0},
            customdata=where,
            hovertemplate="row %{customdata[0]}, column %{customdata[1]}: "
            "%{customdata[2]} times, %{y:.1%}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(x=x, y=expected, name="alpha", mode="lines", line={"color": ACCENT, "width": 2}, hoverinfo="skip")
    )
    figure.update_xaxes(title_text=f"the {len(order)} likeliest places", showticklabels=False, showgrid=False)
    figure.update_xaxes(zeroline=False, fixedrange=True)
    figure.update_yaxes(tickformat=".0%", nticks=4, rangemode="tozero", gridcolor=GRID, fixedrange=True)
    return with_legend(calm(figure, SHARES_HEIGHT))


def _opacity(paths: int) -> float:
    """Of a path's line: many paths must not become one white cloud."""
    return float(np.clip(4 / max(paths, 1) ** 0.7, 0.1, 0.8))


def _behind(picture: Picture) -> str:
    """The dimmed picture as a data URL."""
    height, width = picture.display.shape[:2]
    scale = min(1.0, SENT_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA)
    dimmed = cv2.cvtColor(np.rint(small * DIMMED).astype(np.uint8), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", dimmed, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done, "OpenCV could not encode a JPEG"
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
