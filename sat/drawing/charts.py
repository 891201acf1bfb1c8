"""Charts of a trace, transparent and in colours that read on a light and on a dark page."""

from __future__ import annotations

import math

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sat.trace import Step, Trace

ACCENT = "#1a9a8c"  # the one colour that means "this"; 3:1 against both pages
QUIET = "rgba(128, 136, 144, 0.45)"  # everything else
GUIDE = "rgba(128, 136, 144, 0.6)"

BAR_HEIGHT = 27  # pixels
PANEL_HEIGHT = 88


def next_words(step: Step) -> go.Figure:
    """The best next words at a step as bars, the word that was written in colour.

    A word that was written without being among the best (sampling) is added below them.
    """
    rows = list(step.top)
    if step.word not in (word for word, _ in rows):
        rows.append((step.word, math.exp(step.log_prob)))
    words, shares = [word for word, _ in rows], [p for _, p in rows]
    bars = go.Bar(
        x=shares,
        y=list(range(len(rows))),
        orientation="h",
        marker={
            "color": [ACCENT if word == step.word else QUIET for word in words],
            "line_width": 0,
            "cornerradius": 3,
        },
        text=[percent(p) for p in shares],
        textposition="outside",
        cliponaxis=False,
        customdata=words,
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_yaxes(
        autorange="reversed", tickmode="array", tickvals=list(range(len(rows))), ticktext=words, showgrid=False
    )
    figure.update_xaxes(visible=False, range=[0, max(shares, default=1.0) * 1.18 or 1.0], fixedrange=True)
    figure.update_yaxes(fixedrange=True, zeroline=False)
    return calm(figure, BAR_HEIGHT * len(rows) + 12)


def over_words(trace: Trace, step: int) -> go.Figure:
    """Log-probability, effective number of places and gate of every word, the current word marked.

    Without attention only the log-probability is there.
    """
    words = trace.words
    panels: list[tuple[str, list[float | None]]] = [("log p", [s.log_prob for s in trace.steps])]
    if trace.attention != "none":
        panels.append(("places", [None if s.entropy is None else math.exp(s.entropy) for s in trace.steps]))
        panels.append(("β", [s.beta for s in trace.steps]))
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for row, (name, values) in enumerate(panels, start=1):
        sizes = [9 if t == step else 5 for t in range(len(words))]
        figure.add_trace(
            go.Scatter(
                x=list(range(len(words))),
                y=values,
                mode="lines+markers",
                line={"color": GUIDE, "width": 1.5},
                marker={"color": [ACCENT if t == step else "#80888f" for t in range(len(words))], "size": sizes},
                customdata=words,
                hovertemplate="%{customdata}: %{y:.3g}<extra>" + name + "</extra>",
            ),
            row=row,
            col=1,
        )
        figure.update_yaxes(title_text=name, row=row, col=1)
        if name == "places":
            alpha = next((s.alpha for s in trace.steps if s.alpha is not None), None)
            if alpha is not None:
                figure.update_yaxes(range=[0, alpha.size], row=row, col=1)
        elif name == "β":
            figure.update_yaxes(range=[0, 1], row=row, col=1)
    figure.update_yaxes(nticks=3, showgrid=True, gridcolor="rgba(128, 136, 144, 0.18)", zeroline=False, fixedrange=True)
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(range(len(words))),
        ticktext=words,
        tickangle=-40,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return calm(figure, PANEL_HEIGHT * len(panels) + 54)


def look_share(trace: Trace, rows: tuple[int, int], columns: tuple[int, int], step: int) -> go.Figure | None:
    """How much of every word's attention fell on a box of cells (both ends included); None without attention."""
    alphas = trace.alphas
    if alphas is None:
        return None
    shares = alphas[:, rows[0] : rows[1] + 1, columns[0] : columns[1] + 1].sum(axis=(1, 2))
    cells = (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1)
    figure = go.Figure(
        go.Bar(
            x=list(range(len(shares))),
            y=shares,
            marker={"color": [ACCENT if t == step else QUIET for t in range(len(shares))], "line_width": 0},
            customdata=trace.words,
            hovertemplate="%{customdata}: %{y:.1%}<extra></extra>",
        )
    )
    figure.add_hline(y=cells / alphas[0].size, line={"color": GUIDE, "dash": "dot", "width": 1.5})
    figure.update_xaxes(
        tickmode="array", tickvals=list(range(len(shares))), ticktext=trace.words, tickangle=-40, fixedrange=True
    )
    figure.update_yaxes(tickformat=".0%", nticks=4, gridcolor="rgba(128, 136, 144, 0.18)", fixedrange=True)
    return calm(figure, 190)


def percent(p: float) -> str:
    """A probability as a reader wants it: 62 %, 4.1 %, <0.1 %."""
    if p >= 0.0995:
        return f"{p:.0%}".replace("%", " %")
    return "<0.1 %" if p < 0.001 else f"{100 * p:.1f} %"


def calm(figure: go.Figure, height: int) -> go.Figure:
    """A figure without anything that distracts: transparent, nothing to drag, as high as asked, in pixels."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 10, "t": 6, "b": 6},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        bargap=0.28,
        dragmode=False,
        hoverlabel={"align": "left"},
    )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(automargin=True)
    return figure
