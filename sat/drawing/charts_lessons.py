"""The charts of lessons. They take any object with the fields of ``sat.lessons.numbers``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from sat.drawing.charts import GUIDE, calm
from sat.drawing.charts_training import COLOURS, DASHES

GRID = "rgba(128, 136, 144, 0.18)"


class SeriesLike(Protocol):
    """Points of a chart."""

    @property
    def name(self) -> str: ...
    @property
    def x(self) -> np.ndarray: ...
    @property
    def y(self) -> np.ndarray: ...


class ChartLike(Protocol):
    """Lines or bars."""

    @property
    def x_label(self) -> str: ...
    @property
    def y_label(self) -> str: ...
    @property
    def series(self) -> Sequence[SeriesLike]: ...
    @property
    def kind(self) -> str: ...
    @property
    def ticks(self) -> Sequence[str]: ...
    @property
    def log_y(self) -> bool: ...

    @property
    def log_x(self) -> bool: ...


class GridLike(Protocol):
    """Numbers of rows over columns, with their names."""

    @property
    def values(self) -> np.ndarray: ...
    @property
    def rows(self) -> Sequence[str]: ...
    @property
    def columns(self) -> Sequence[str]: ...


def chart(given: ChartLike) -> go.Figure:
    """Lines told apart by colour and dashes, or bars."""
    figure = go.Figure()
    for i, series in enumerate(given.series):
        colour = COLOURS[i % len(COLOURS)]
        if given.kind == "bar":
            figure.add_trace(
                go.Bar(x=series.x, y=series.y, name=series.name, marker={"color": colour, "line_width": 0})
            )
        else:
            figure.add_trace(
                go.Scatter(
                    x=series.x,
                    y=series.y,
                    name=series.name,
                    mode="lines+markers" if len(series.x) < 30 else "lines",
                    line={"color": colour, "width": 2, "dash": DASHES[i % len(DASHES)]},
                    marker={"size": 5},
                )
            )
    axis: dict[str, Any] = {"title_text": given.x_label, "showgrid": False, "zeroline": False, "fixedrange": True}
    if given.ticks:
        axis |= {"tickmode": "array", "tickvals": list(range(len(given.ticks))), "ticktext": list(given.ticks)}
        axis["tickangle"] = -40 if len(given.ticks) > 6 else 0
    if given.log_x:
        axis |= {"type": "log", "dtick": 1}
    figure.update_xaxes(**axis)
    figure.update_yaxes(
        title_text=given.y_label,
        type="log" if given.log_y else "linear",
        gridcolor=GRID,
        zeroline=True,
        zerolinecolor=GUIDE,
        fixedrange=True,
    )
    if given.log_y:
        figure.update_yaxes(exponentformat="power", dtick=_decades(given))
    figure = calm(figure, 300)
    figure.update_layout(
        showlegend=len(given.series) > 1, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    )
    return figure


def _decades(given: ChartLike) -> int | None:
    """Powers of ten between two ticks, so that there are a handful; None within a single one."""
    y = np.concatenate([series.y for series in given.series])
    y = y[np.isfinite(y) & (y > 0)]
    if not len(y) or np.floor(np.log10(y.max())) <= np.floor(np.log10(y.min())):
        return None
    return max(1, round(float(np.log10(y.max() / y.min())) / 4))


def grid(given: GridLike) -> go.Figure:
    """Numbers as colours, light for little and dark for much, the names beside them; 0 is left empty."""
    rows, columns = list(given.rows), list(given.columns)
    values = np.where(given.values > 0, given.values, np.nan)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            colorscale=[[0, "rgba(26, 154, 140, 0.06)"], [1, "rgba(26, 154, 140, 1)"]],
            zmin=0,
            xgap=2,
            ygap=2,
            colorbar={"thickness": 8, "outlinewidth": 0, "nticks": 4},
            customdata=[[f"{r} → {c}" for c in columns] for r in rows],
            hovertemplate="%{customdata}: %{z:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(
        tickmode="array", tickvals=list(range(len(columns))), ticktext=columns, tickangle=-40, showgrid=False
    )
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(rows))), ticktext=rows, autorange="reversed", showgrid=False
    )
    figure.update_xaxes(fixedrange=True, zeroline=False)
    figure.update_yaxes(fixedrange=True, zeroline=False)
    return calm(figure, 26 * len(rows) + 90)
