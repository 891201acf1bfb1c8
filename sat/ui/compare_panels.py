"""What the Compare page shows below its players: the pair of words they are at, and the closer looks."""

from __future__ import annotations

import math

import cv2
import numpy as np
import streamlit as st

from sat.analysis.compare import Pair
from sat.drawing import charts_compare
from sat.drawing.charts import percent
from sat.drawing.charts_compare import PairNumbers, shown
from sat.drawing.difference import colour_bar, difference_layer, greyed, top_of_differences
from sat.drawing.overlay import View, blend
from sat.drawing.words import describe
from sat.images import Picture
from sat.trace import Step
from sat.ui.compare import Both

CHART = {"displayModeBar": False}
SIDE, BAR = 480, 320  # pixels; the longer side of the difference map, and the width of its scale
MOST = math.log(2)  # nats; two maps that share no place


def at_the_pair(both: Both, at: int, view: View) -> None:
    """The two words: the difference of their maps, how far these are apart, and how concentrated each is."""
    pair, steps = both.pairs[at], both.steps(at)
    st.subheader(heading(steps), anchor=False)
    _numbers(both, pair, steps)
    if pair.difference is None:
        st.info(_why_no_difference(both, pair), icon=":material/info:")
    else:
        _difference(both, pair.difference, view)


def heading(steps: tuple[Step | None, Step | None]) -> str:
    """The word of a pair, or both where they differ."""
    words = list(dict.fromkeys(step.word for step in steps if step is not None))
    return " against ".join(f"“{word}”" for word in words)


def _difference(both: Both, difference: np.ndarray, view: View) -> None:
    """One map minus the other over the greyed picture, on a scale that all words share."""
    cells = view.style == "cells"
    sigma = None if cells else view.sigma
    top = top_of_differences([pair.difference for pair in both.pairs if pair.difference is not None], sigma)
    layer = difference_layer(np.zeros_like(difference), difference, top, sigma)
    first, second = both.labels
    st.image(
        blend(greyed(_small(both.picture)), layer, nearest=cells),
        width="stretch",
        output_format="JPEG",
        alt=f"Where the maps differ: {_where(-difference)} {first} looks more, {_where(difference)} {second}",
    )
    st.image(colour_bar(BAR, 10), width="stretch", output_format="PNG", alt="From blue over white to orange")
    st.caption(
        f"Blue: {first} looks more. Orange: {second} looks more. Full colour is {top * difference.size:.1f} × uniform.",
        help="One attention distribution less the other, whatever the players show, on one scale for all words.",
    )


def _where(difference: np.ndarray) -> str:
    """Where a signed map (rows, columns) is above 0, in words."""
    above = np.maximum(difference, 0)
    total = above.sum()
    return "nowhere" if total <= 0 else describe(above / total).split(",")[0].removeprefix("looks ")


def _small(picture: Picture) -> np.ndarray:
    """The picture as it is shown here, uint8 (H, W, 3)."""
    height, width = picture.display.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture.display


def _why_no_difference(both: Both, pair: Pair) -> str:
    blind = [label for label, trace in zip(both.labels, both.traces, strict=True) if trace.attention == "none"]
    if len(blind) == 2:
        return "Neither model has attention: there are no maps, only words to compare."
    if blind:
        return f"“{blind[0]}” sees the whole picture once, before the first word: it has no map to compare."
    label = both.labels[0] if pair.second is None else both.labels[1]
    return f"Only {label} has a word here, so there are no two maps to set against each other."


def _numbers(both: Both, pair: Pair, steps: tuple[Step | None, Step | None]) -> None:
    if pair.divergence is not None:
        st.metric(
            "The maps are apart by",
            f"{pair.divergence:.3f} nats",
            help=f"The Jensen-Shannon divergence of the two maps: 0 is the same map, {MOST:.3f} (ln 2) is no place in "
            "common.",
        )
    with st.container(horizontal=True, gap="medium"):
        for label, step in zip(both.labels, steps, strict=True):
            if step is not None and step.entropy is not None and step.alpha is not None:
                st.metric(
                    label,
                    f"{math.exp(step.entropy):.0f} places",
                    help=f"How many places it {'looks at' if step.place is None else 'chose its glimpse among'}: the "
                    f"effective number exp(H), of {step.alpha.size}. The entropy H of the map is {step.entropy:.2f} "
                    f"nats; {math.log(step.alpha.size):.2f} would be looking everywhere alike.",
                    width="content",
                )


def next_words(both: Both, at: int) -> None:
    """The likeliest next words of both models, beside each other."""
    steps = both.steps(at)
    st.markdown(
        "**The next word could have been**",
        help="The likeliest words of each model, both on one scale; in colour the one that it wrote or read.",
    )
    figures = charts_compare.next_words_beside(*steps)
    for side, (column, figure, step) in enumerate(zip(st.columns(2, gap="medium"), figures, steps, strict=True)):
        with column:
            st.caption(both.labels[side])
            if figure is None or step is None:
                st.caption("No word here.")
                continue
            best = ", ".join(f"{word} {percent(p)}" for word, p in step.top[: charts_compare.NEXT_WORDS])
            st.plotly_chart(
                figure,
                config=CHART,
                key=f"next_words_{side}",
                alt=f"The likeliest words of {both.labels[side]} here: {best}",
            )


def over_the_caption(both: Both, at: int) -> None:
    """Divergence, places and log p of every pair."""
    pairs = []
    for number, pair in enumerate(both.pairs):
        one, two = both.steps(number)
        words = (None if one is None else shown(one.word), None if two is None else shown(two.word))
        pairs.append(PairNumbers(words, pair.divergence, _places(pair), pair.log_probs))
    sentences = []
    if both.comparison.divergence is not None:
        which = "every word" if both.same_text else "the words in common"
        sentences.append(f"The maps of {which} are {both.comparison.divergence:.3f} nats apart on the mean.")
    totals = [f"{signed(t.log_prob)} by {label}" for t, label in zip(both.traces, both.labels, strict=True)]
    if both.same_text:
        sentences.append(f"log p of the whole text, its end included: {' and '.join(totals)}.")
    else:
        sentences.append(f"log p of each model's own caption, its end included: {' and '.join(totals)}.")
    st.caption(" ".join(sentences))
    st.plotly_chart(
        charts_compare.over_pairs(pairs, both.labels, at),
        config=CHART,
        key="over_pairs",
        alt="Word by word: divergence of the two maps, effective number of places and log-probability of both models",
    )


def _places(pair: Pair) -> tuple[float | None, float | None]:
    first, second = (None if entropy is None else math.exp(entropy) for entropy in pair.entropies)
    return first, second


def signed(value: float, digits: int = 2) -> str:
    """A number with a real minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")
