"""Charts of an evaluation: what goes with its scores, how they lie, and what was looked at and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from sat.drawing.charts import ACCENT, GUIDE, QUIET, calm

AGAINST = "#c2691c"  # the opposite of ACCENT, told apart by those who see few colours
GRID = "rgba(128, 136, 144, 0.18)"
ROW_HEIGHT = 34  # pixels


def correlations(rows: Sequence[tuple[str, float, float, float]]) -> go.Figure:
    """Rank correlations as points with their intervals; those whose interval holds 0 are quiet.

    Args:
        rows: label, correlation (-1 to 1), and the ends of its interval, from the top.
    """
    colours = ["#80888f" if low <= 0 <= high else ACCENT if rho > 0 else AGAINST for _, rho, low, high in rows]
    figure = go.Figure(
        go.Scatter(
            x=[rho for _, rho, _, _ in rows],
            y=list(range(len(rows))),
            mode="markers",
            marker={
                "color": colours,
                "size": 10,
                "symbol": ["circle" if rho > 0 else "diamond" for _, rho, *_ in rows],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - rho for _, rho, _, high in rows],
                "arrayminus": [rho - low for _, rho, low, _ in rows],
                "color": GUIDE,
                "thickness": 2,
                "width": 0,
            },
            customdata=[[label, low, high] for label, _, low, high in rows],
            hovertemplate="%{customdata[0]}: %{x:.2f} (%{customdata[1]:.2f} to %{customdata[2]:.2f})<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": GUIDE, "width": 1.5})
    labels = [label for label, *_ in rows]
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(rows))), ticktext=labels, showgrid=False
    )
    furthest = max((abs(v) for _, *values in rows for v in values), default=1.0)
    edge = min(1.0, furthest + 0.08)
    figure.update_xaxes(range=[-edge, edge], nticks=7, gridcolor=GRID, zeroline=False, fixedrange=True)
    figure.update_yaxes(fixedrange=True, zeroline=False)
    return calm(figure, ROW_HEIGHT * len(rows) + 40)


def histogram(values: np.ndarray, unit: str, bins: int = 20) -> tuple[go.Figure, list[tuple[float, float]]]:
    """How a number lies over the captions, and the ends of its bars (both included in the last).

    Args:
        values: float (N,), NaN where there is none.
    """
    known = values[~np.isnan(values)]
    counts, edges = np.histogram(known, bins=bins if np.ptp(known) > 0 else 1)
    ends = [(float(low), float(high)) for low, high in pairwise(edges)]
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges) * 0.92,
            marker={"color": ACCENT, "line_width": 0, "cornerradius": 2},
            customdata=[[low, high] for low, high in ends],
            hovertemplate="%{y} captions from %{customdata[0]:.3g} to %{customdata[1]:.3g}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=unit, showgrid=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(title_text="captions", nticks=4, gridcolor=GRID, zeroline=False, fixedrange=True)
    figure = calm(figure, 220)
    figure.update_layout(bargap=0, clickmode="event+select")
    return figure, ends


def quadrants(
    counts: Sequence[tuple[str, int]], names: tuple[tuple[str, str], tuple[str, str]], *, dark: bool = False
) -> go.Figure:
    """Four fields that are the darker the more lies in them, each with its number.

    Args:
        counts: what stands in a field, and how many; row by row from the upper left.
        names: of the two rows, and of the two columns.
        dark: whether it is drawn on a dark page.
    """
    ink = "#e6e8e6" if dark else "#12181b"
    total = sum(count for _, count in counts) or 1
    x, y = [0, 1, 0, 1], [0, 0, 1, 1]
    figure = go.Figure(
        go.Heatmap(
            x=[0, 1],
            y=[0, 1],
            z=[[counts[0][1], counts[1][1]], [counts[2][1], counts[3][1]]],
            colorscale=[[0, "rgba(26, 154, 140, 0.06)"], [1, "rgba(26, 154, 140, 0.3)"]],
            zmin=0,
            showscale=False,
            hoverinfo="skip",
            xgap=4,
            ygap=4,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="markers+text",
            text=[f"<b>{n}</b><br>{n / total:.0%}".replace("%", " %") for _, n in counts],
            textfont={"size": 20, "color": ink},
            marker={"size": 120, "symbol": "square", "color": "rgba(0,0,0,0.001)"},  # a heat map hears no clicks
            selected={"marker": {"color": "rgba(0,0,0,0.001)"}},
            unselected={"marker": {"color": "rgba(0,0,0,0.001)"}, "textfont": {"color": ink}},
            customdata=[[i, said] for i, (said, _) in enumerate(counts)],
            hovertemplate="%{customdata[1]}<extra></extra>",
        )
    )
    rows, columns = names
    figure.update_xaxes(
        tickvals=[0, 1],
        ticktext=columns,
        range=[-0.5, 1.5],
        side="top",
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=[0, 1], ticktext=rows, range=[1.5, -0.5], showgrid=False, zeroline=False, fixedrange=True
    )
    figure = calm(figure, 320)
    figure.update_layout(clickmode="event+select")
    return figure


def bars(rows: Mapping[str, tuple[float, float | None]], unit: str, whole: float | None = None) -> go.Figure:
    """A number of every slice with its standard error, and of all pictures as a line.

    Args:
        rows: by label, the number and its error (None: unknown), from the top.
        whole: of all pictures.
    """
    labels = list(rows)
    figure = go.Figure(
        go.Bar(
            x=[value for value, _ in rows.values()],
            y=list(range(len(labels))),
            orientation="h",
            marker={"color": QUIET, "line_width": 0, "cornerradius": 3},
            error_x={"type": "data", "array": [error or 0 for _, error in rows.values()], "color": GUIDE, "width": 3},
            customdata=labels,
            hovertemplate="%{customdata}: %{x:.1f}<extra></extra>",
        )
    )
    if whole is not None:
        figure.add_vline(x=whole, line={"color": ACCENT, "dash": "dot", "width": 2})
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(labels))), ticktext=labels, fixedrange=True
    )
    figure.update_xaxes(title_text=unit, gridcolor=GRID, zeroline=False, rangemode="tozero", fixedrange=True)
    figure = calm(figure, 26 * len(labels) + 60)
    figure.update_layout(clickmode="event+select")
    return figure
