"""Charts of two captions set against each other: the first always in one colour, the second in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sat.drawing.charts import ACCENT, GUIDE, PANEL_HEIGHT, QUIET, calm, next_words
from sat.trace import Step

FIRST, SECOND = "#1f7fc0", "#d55e00"  # the hues of the difference map, 3:1 and more against both pages
GRID = "rgba(128, 136, 144, 0.18)"
NEXT_WORDS = 6  # of each model


@dataclass(frozen=True)
class PairNumbers:
    """What the chart over a whole caption shows of one pair of words.

    Attributes:
        words: the first's and the second's; None where one has nothing to set against the other's.
        divergence: Jensen-Shannon, of the two maps, in nats; None without two maps.
        places: effective number of places, exp(H), of each map; None without a map.
        log_probs: of the two words, in nats.
    """

    words: tuple[str | None, str | None]
    divergence: float | None
    places: tuple[float | None, float | None]
    log_probs: tuple[float | None, float | None]

    @property
    def label(self) -> str:
        """One word where both are the same, else both with a stroke between them."""
        first, second = self.words
        return first if first is not None and first == second else f"{first or '–'} / {second or '–'}"


def next_words_beside(first: Step | None, second: Step | None) -> tuple[go.Figure | None, go.Figure | None]:
    """The best next words of both models on one scale, the word that each wrote in its colour."""
    figures: list[go.Figure | None] = []
    for step, colour in ((first, FIRST), (second, SECOND)):
        figure = None
        if step is not None:
            best = tuple((shown(word), p) for word, p in step.top[:NEXT_WORDS])
            figure = next_words(replace(step, word=shown(step.word), top=best))
            (bars,) = figure.data
            bars.marker.color = [colour if old == ACCENT else QUIET for old in bars.marker.color]
        figures.append(figure)
    top = max((max(f.data[0].x) for f in figures if f is not None and len(f.data[0].x)), default=1.0)
    for figure in figures:
        if figure is not None:
            figure.update_xaxes(range=[0, top * 1.22 or 1.0])
    return figures[0], figures[1]


def shown(word: str) -> str:
    """A word as a reader knows it."""
    return {"<end>": "(end)", "<unk>": "(unknown word)"}.get(word, word)


def over_pairs(pairs: Sequence[PairNumbers], names: tuple[str, str], at: int) -> go.Figure:
    """Divergence of the maps, effective number of places and log-probability, word by word.

    Args:
        pairs: in the order of the words.
        names: what the two models are called.
        at: the pair that is marked.

    Without two maps the divergence is left out, without any the places too.
    """
    panels: list[tuple[str, list[list[float | None]]]] = []
    if any(pair.divergence is not None for pair in pairs):
        panels.append(("divergence", [[pair.divergence for pair in pairs]]))
    if any(value is not None for pair in pairs for value in pair.places):
        panels.append(("places", [[pair.places[side] for pair in pairs] for side in (0, 1)]))
    panels.append(("log p", [[pair.log_probs[side] for pair in pairs] for side in (0, 1)]))
    x, labels = list(range(len(pairs))), [pair.label for pair in pairs]
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for row, (name, series) in enumerate(panels, start=1):
        for side, values in enumerate(series):
            if name == "divergence":
                mark = go.Bar(
                    x=x,
                    y=values,
                    marker={"color": ["#80888f" if t == at else QUIET for t in x], "line_width": 0, "cornerradius": 3},
                    showlegend=False,
                )
            else:
                colour = (FIRST, SECOND)[side]
                mark = go.Scatter(
                    x=x,
                    y=values,
                    mode="lines+markers",
                    name=names[side],
                    line={"color": colour, "width": 1.5},
                    marker={
                        "color": colour,
                        "size": [9 if t == at else 5 for t in x],
                        "symbol": ("circle", "diamond")[side],
                    },
                    legendgroup=str(side),
                    showlegend=row == len(panels),
                )
            whose = name if name == "divergence" else f"{name}, {names[side]}"
            mark.update(customdata=labels, hovertemplate="%{customdata}: %{y:.3g}<extra>" + whose + "</extra>")
            figure.add_trace(mark, row=row, col=1)
        figure.update_yaxes(title_text=name, rangemode="normal" if name == "log p" else "tozero", row=row, col=1)
    figure.add_vline(x=at, line={"color": GUIDE, "dash": "dot", "width": 1.5}, row="all", col=1)
    figure.update_yaxes(nticks=3, showgrid=True, gridcolor=GRID, zeroline=False, fixedrange=True)
    figure.update_xaxes(
        tickmode="array",
        tickvals=x,
        ticktext=labels,
        tickangle=-40,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        range=[-0.6, len(pairs) - 0.4],
    )
    calm(figure, PANEL_HEIGHT * len(panels) + 90)
    return with_legend(figure)


def with_legend(figure: go.Figure) -> go.Figure:
    """A legend in a row above the chart, whose entries do nothing when they are clicked."""
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        margin={"t": 34},
    )
    return figure
