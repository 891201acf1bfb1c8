"""The charts and trees of lessons. They take any object with the fields of ``sat.lessons.numbers``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from sat.drawing.charts import ACCENT, GUIDE, calm
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


class TreeLike(Protocol):
    """Nodes with ``parent``, ``label``, ``value`` and ``chosen``, parents before children."""

    @property
    def nodes(self) -> Sequence[Any]: ...


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
        figure.update_yaxes(exponentformat="power", dtick=None, nticks=5)
    figure = calm(figure, 300)
    figure.update_layout(showlegend=len(given.series) > 1, legend={"orientation": "h", "y": 1.14, "x": 0})
    return figure


def tree(given: TreeLike) -> go.Figure:
    """A tree that grows to the right, each leaf in a row of its own, the chosen nodes strong."""
    nodes = given.nodes
    depth, row = _laid_out([node.parent for node in nodes])
    figure = go.Figure()
    for chosen, colour, width in ((False, GUIDE, 1.0), (True, ACCENT, 2.5)):
        x: list[float | None] = []
        y: list[float | None] = []
        for i, node in enumerate(nodes):
            if node.parent >= 0 and bool(node.chosen) is chosen:
                x += [depth[node.parent], depth[node.parent] + 0.35, depth[i], None]
                y += [row[node.parent], row[i], row[i], None]
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line={"color": colour, "width": width}, hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=depth,
            y=row,
            mode="markers+text",
            text=[f"<b>{node.label}</b>" if node.chosen else node.label for node in nodes],
            textposition="top center",
            marker={"size": 7, "color": [ACCENT if node.chosen else "#80888f" for node in nodes]},
            customdata=[node.value for node in nodes],
            hovertemplate="%{text}: %{customdata:.3f}<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True, autorange="reversed")
    leaves = max(row, default=0) + 1
    return calm(figure, int(min(max(38 * leaves + 30, 120), 640)))


def _laid_out(parents: Sequence[int]) -> tuple[list[float], list[float]]:
    """Depth and row of every node: leaves one below the other in the order of a walk, parents amid their children."""
    children: list[list[int]] = [[] for _ in parents]
    depth = [0.0] * len(parents)
    for i, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(i)
            depth[i] = depth[parent] + 1
    row = [0.0] * len(parents)
    order: list[int] = []
    stack = [i for i, parent in enumerate(parents) if parent < 0][::-1]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += children[node][::-1]
    leaf = 0
    for node in order:
        if not children[node]:
            row[node] = float(leaf)
            leaf += 1
    for node in reversed(order):
        if children[node]:
            row[node] = float(np.mean([row[child] for child in children[node]]))
    return depth, row
