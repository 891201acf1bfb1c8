"""Curves of trainings, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from sat.drawing.charts import calm

COLOURS = ("#1a9a8c", "#c2691c", "#6f74c4", "#b8528a", "#6b9a2b", "#80888f")
DASHES = ("solid", "dash", "dot", "dashdot")
_LINE = 20  # pixels of a line of the legend


def epoch_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], unit: str, *, height: int = 320, markers: bool = True
) -> go.Figure:
    """One line a run, told apart by colour and by dashes.

    Args:
        curves: x (epochs) and y by name.
        unit: what stands at the y axis.
        height: in pixels. markers: also where there are many points; a line of one point always has its marker.
    """
    figure = go.Figure()
    for i, (name, (x, y)) in enumerate(curves.items()):
        figure.add_trace(
            go.Scatter(
                x=list(x),
                y=list(y),
                name=name,
                mode="lines+markers" if markers or len(x) < 3 else "lines",
                line={"color": COLOURS[i % len(COLOURS)], "width": 2, "dash": DASHES[i % len(DASHES)]},
                marker={"size": 5},
                hovertemplate="%{x:g}: %{y:.4g}<extra>" + name + "</extra>",
            )
        )
    figure.update_xaxes(title_text="epoch", showgrid=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(title_text=unit, gridcolor="rgba(128, 136, 144, 0.18)", zeroline=False, fixedrange=True)
    # On a phone every name takes a line of the legend, which stands on the chart and pushes it down.
    figure = calm(figure, height + _LINE * max(0, len(curves) - 3))
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    figure.update_layout(showlegend=len(curves) > 1, legend=legend)
    return figure
