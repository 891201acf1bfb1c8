"""The truth panel's chart: a word's probability by the exact marginal, NWGM, the soft pass and sampled glimpses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sat.drawing.charts import ACCENT, calm
from sat.drawing.charts_compare import GRID, with_legend

HEIGHT = 330
SAMPLED = "#80888f"
# How each way is drawn, besides by its colour.
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "marginal": ("Exact marginal", {"color": ACCENT, "width": 3}),
    "nwgm": ("NWGM", {"color": "#b05aa0", "width": 2, "dash": "dash"}),
    "soft": ("Soft pass", {"color": "#c2691c", "width": 2, "dash": "dot"}),
}


def truth_chart(
    probability: Mapping[str, float], samples: np.ndarray, estimate: np.ndarray, error: np.ndarray
) -> go.Figure:
    """Three lines, and the sampled estimate with two standard errors as the number of glimpses grows.

    Args:
        probability: of the word, by way (the keys of ``LINES``).
        samples: numbers of glimpses (C,), growing.
        estimate: of the word's probability from so many glimpses (C,).
        error: its standard error (C,), NaN where there is none.
    """
    figure = go.Figure()
    edges = [float(samples[0]) * 0.8, float(samples[-1]) * 1.25]
    for way, (name, line) in LINES.items():
        p = probability[way]
        figure.add_trace(
            go.Scatter(
                x=edges,
                y=[p, p],
                mode="lines",
                name=f"{name} {precise(p)}",
                line=line,
                hovertemplate=f"{name}: {precise(p)}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=samples,
            y=estimate,
            mode="lines+markers",
            name=f"Sampled {precise(float(estimate[-1]))}",
            line={"color": SAMPLED, "width": 1},
            marker={"color": SAMPLED, "size": 7},
            error_y={"array": 2 * np.nan_to_num(error), "color": SAMPLED, "thickness": 1.2, "width": 4},
            customdata=[precise(float(p)) for p in estimate],
            hovertemplate="%{x} glimpses: %{customdata}<extra></extra>",
        )
    )
    spread = 2 * np.nan_to_num(error)
    highest = max([*probability.values(), *(estimate + spread)])
    lowest = min([*probability.values(), *(estimate - spread)])
    room = max(highest - lowest, 1e-4) * 0.06
    ticks = [n for n in samples if str(n).startswith("1")]
    figure.update_xaxes(
        type="log",
        title_text="glimpses sampled",
        tickmode="array",
        tickvals=ticks,
        ticktext=[f"{n:,}" for n in ticks],
        range=np.log10(edges),
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        range=[max(lowest - room, 0), min(highest + room, 1)],
        tickformat=".1~%",
        nticks=5,
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    return with_legend(calm(figure, HEIGHT))


def precise(p: float) -> str:
    """A probability to three digits, as small differences want it."""
    return f"{100 * p:.3g} %"
