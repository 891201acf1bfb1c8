"""Charts of what lies behind one word: its evidence, the parts of its logit, what the cells say, and the curves of
deletion and insertion. They take plain numbers; colours are those of ``charts``."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sat.drawing.charts import ACCENT, GUIDE, QUIET, calm, percent
from sat.drawing.overlay import blend

AGAINST = "#c2691c"  # what speaks against; told from ACCENT by the colour-blind too
WORD_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito's
OTHER = "#6b7280"
GRID = "rgba(128, 136, 144, 0.18)"
CELLS_HEIGHT = 520  # pixels; the most that the picture of the cells is high


def evidence_bars(words: Sequence[str], evidence: np.ndarray, step: int) -> go.Figure:
    """Evidence (T + 1,) of every word and of the end, in nats; the word at ``step`` in full colour."""
    for_it, against = "rgba(26, 154, 140, 0.45)", "rgba(194, 105, 28, 0.45)"
    colours = [
        (ACCENT if value >= 0 else AGAINST) if t == step else (for_it if value >= 0 else against)
        for t, value in enumerate(evidence)
    ]
    shown = [word.replace("<end>", "(end)") for word in words]
    bars = go.Bar(
        x=list(range(len(shown))),
        y=evidence,
        marker={"color": colours, "line_width": 0, "cornerradius": 3},
        customdata=shown,
        hovertemplate="%{customdata}: %{y:+.2f} nats<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1})
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(range(len(shown))),
        ticktext=shown,
        tickangle=-40,
        showgrid=False,
        fixedrange=True,
    )
    figure.update_yaxes(title_text="nats", nticks=5, gridcolor=GRID, zeroline=False, fixedrange=True)
    return calm(figure, 230)


def logit_bars(parts: Mapping[str, float]) -> go.Figure:
    """The signed parts of a logit, from top to bottom."""
    names, values = list(parts), list(parts.values())
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": [ACCENT if v >= 0 else AGAINST for v in values], "line_width": 0, "cornerradius": 3},
        text=[f"{v:+.2f}".replace("-", "−") for v in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    most = max(max(map(abs, values)), 1e-6)
    low, high = min(0.0, *values), max(0.0, *values)
    figure.add_vline(x=0, line={"color": GUIDE, "width": 1})
    figure.update_xaxes(visible=False, range=[low - 0.3 * most, high + 0.3 * most], fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)
    return calm(figure, 34 * len(parts) + 14)


def words_in_cells(
    picture: np.ndarray, words: Sequence[Sequence[str]], probability: np.ndarray, aspect: float
) -> go.Figure:
    """The picture, uint8 (H, W, 3), with the word that each cell says written into it.

    The most frequent words have colours of their own; the surer the cell, the stronger its colour.

    Args:
        words: by row and column; probability: of each, (rows, columns).
        aspect: the picture's width over its height.
    """
    rows, columns = probability.shape
    flat = [word for row in words for word in row]
    common = [word for word, _ in Counter(flat).most_common(len(WORD_COLOURS))]
    colours = np.array([_colour(word, common) for word in flat], np.float32).reshape(rows, columns, 3)
    opacity = (0.15 + 0.6 * probability)[..., None].astype(np.float32)  # (rows, columns, 1)
    coloured = blend(picture, np.concatenate([colours * opacity, opacity], axis=-1), nearest=True)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(coloured, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert done, "OpenCV could not encode a JPEG"
    source = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
    figure = go.Figure()
    figure.add_layout_image(
        source=source, x=-0.5, y=-0.5, sizex=columns, sizey=rows, xref="x", yref="y", sizing="stretch", layer="below"
    )
    figure.add_trace(
        go.Heatmap(  # invisible: it carries what is said when the pointer is on a cell
            z=probability,
            customdata=np.array(words, dtype=object),
            opacity=0,
            showscale=False,
            hovertemplate="row %{y}, column %{x}: %{customdata}, %{z:.1%}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[column for _ in range(rows) for column in range(columns)],
            y=[row for row in range(rows) for _ in range(columns)],
            mode="text",
            text=[word.replace("<end>", "·") if len(word) < 9 or word == "<end>" else word[:7] + "…" for word in flat],
            textfont={"color": "#ffffff", "size": 11, "shadow": "0 0 3px #000, 0 0 2px #000"},
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(visible=False, range=[-0.5, columns - 0.5], fixedrange=True, constrain="domain")
    figure.update_yaxes(visible=False, range=[rows - 0.5, -0.5], fixedrange=True)
    return calm(figure, round(min(CELLS_HEIGHT, 640 / min(max(aspect, 0.6), 2.5))))


def _colour(word: str, common: Sequence[str]) -> list[float]:
    """RGB in 0..1."""
    text = WORD_COLOURS[common.index(word)] if word in common else OTHER
    return [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def word_legend(words: Sequence[Sequence[str]]) -> list[tuple[str, int, str]]:
    """The most frequent words of the cells with their counts and colours."""
    counts = Counter(word for row in words for word in row)
    return [(w, n, c) for (w, n), c in zip(counts.most_common(len(WORD_COLOURS)), WORD_COLOURS, strict=False)]


def curves(
    fractions: np.ndarray,
    deletion: Mapping[str, np.ndarray],
    insertion: Mapping[str, np.ndarray],
    spread: tuple[np.ndarray, np.ndarray],
) -> go.Figure:
    """Probability of the word as places are taken away (left) and given back (right).

    Args:
        fractions: of the places, (C,).
        deletion, insertion: the curves (C,) by order: ``alpha``, ``centre`` and ``random``.
        spread: standard deviation of the random orders at every fraction, of deletion and of insertion.
    """
    figure = make_subplots(cols=2, subplot_titles=("Taken away", "Given back"), horizontal_spacing=0.12)
    styles = {"alpha": (ACCENT, 2.5, "solid"), "centre": (AGAINST, 1.75, "dash"), "random": ("#80888f", 1.75, "dot")}
    for column, (by_order, deviation) in enumerate(zip((deletion, insertion), spread, strict=True), start=1):
        band = np.concatenate([by_order["random"] + deviation, (by_order["random"] - deviation)[::-1]]).clip(0, 1)
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([fractions, fractions[::-1]]),
                y=band,
                fill="toself",
                fillcolor=QUIET.replace("0.45", "0.2"),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            ),
            row=1,
            col=column,
        )
        for name, (colour, width, dash) in styles.items():
            figure.add_trace(
                go.Scatter(
                    x=fractions,
                    y=by_order[name],
                    mode="lines",
                    name={"alpha": "attention's order", "centre": "from the centre", "random": "random orders"}[name],
                    line={"color": colour, "width": width, "dash": dash},
                    hovertemplate="%{x:.0%} of the places: %{y:.1%}<extra>" + name + "</extra>",
                    showlegend=column == 1,
                    legendgroup=name,
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(tickformat=".0%", nticks=4, showgrid=False, fixedrange=True)
    figure.update_yaxes(tickformat=".0%", nticks=4, gridcolor=GRID, zeroline=False, rangemode="tozero", fixedrange=True)
    figure = calm(figure, 260)
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": -0.18, "x": 0}, margin={"l": 4, "r": 10, "t": 26, "b": 6}
    )
    return figure


def said_by_most(words: Sequence[Sequence[str]], probability: np.ndarray) -> str:
    """In a sentence, for those who cannot see the picture: what most cells say."""
    counts = word_legend(words)
    cells = probability.size
    return "; ".join(f"{count} of {cells} cells say {word}" for word, count, _ in counts[:4]) + (
        f"; the surest is at {percent(float(probability.max()))}"
    )
