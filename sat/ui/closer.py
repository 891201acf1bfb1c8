"""A closer look at one word of a caption: why it was written, what the cells say, whether its map can be trusted."""

from __future__ import annotations

import math

import cv2
import numpy as np
import streamlit as st
from torch import Tensor

from sat.analysis.attribution import Attribution, attribute
from sat.analysis.cells import ask_cells
from sat.analysis.evidence import evidence
from sat.analysis.faithfulness import Curves, faithfulness, judge
from sat.analysis.necessity import necessity
from sat.drawing import charts, charts_analysis
from sat.drawing.overlay import View, overlay
from sat.drawing.signed import signed_overlay
from sat.drawing.words import describe
from sat.images import Picture
from sat.trace import Trace, entropy
from sat.ui.models import analysed

SIDE = 640  # pixels; the longer side of the pictures here
CHART = {"displayModeBar": False}


def why(model: str, picture: Picture, raw: Tensor, trace: Trace, step: int) -> None:
    """Evidence of every word, and what the word's logit is made of."""
    word = trace.words[step]
    left, right = st.columns(2, gap="large")
    with left:
        found = analysed(evidence, model, raw, trace)
        own = float(found.evidence[step])
        st.markdown(
            f"**What the picture adds to each word**: {signed(own)} nats for “{word}”",
            help="Evidence: log p(word given this picture) − log p(word given the mean picture), the words before it "
            "being the same. Above 0 the picture speaks for the word; near 0 language alone would have said it.",
        )
        st.plotly_chart(
            charts_analysis.evidence_bars(found.words, found.evidence, step),
            config=CHART,
            key="evidence",
            alt="Evidence of every word: "
            + ", ".join(f"{w} {v:+.1f}" for w, v in zip(found.words, found.evidence, strict=True)),
        )
        others = [w for w, _ in trace.steps[step].top if w != word]
        against = st.selectbox(
            f"Why “{word}” …",
            [None, *others],
            format_func=lambda other: "at all" if other is None else f"and not “{other}”",
            key="why_against",
            width=280,
        )
        parts = analysed(attribute, model, raw, trace, step, word, against if against in others else None)
        shares = {"the word before": parts.previous_word, "hidden state": parts.hidden_state}
        if parts.cells is not None:
            shares["this glimpse"] = parts.image
        shares["the word itself"] = parts.bias
        total = "logit" if parts.against is None else "difference of logits"
        st.markdown(
            f"**What its {total} of {signed(parts.total)} is made of**",
            help="The output layer is taken apart exactly: the parts add up. What the LSTM made of the picture, now "
            "or before, counts as hidden state; “this glimpse” is what goes straight to the output.",
        )
        st.plotly_chart(
            charts_analysis.logit_bars(shares),
            config=CHART,
            key="logit",
            alt="; ".join(f"{name} {value:+.2f}" for name, value in shares.items()),
        )
    with right:
        if parts.cells is not None:
            _places(picture, parts, word)


def _places(picture: Picture, parts: Attribution, word: str) -> None:
    assert parts.cells is not None, "the model has attention"
    most = float(np.abs(parts.cells).max())
    st.markdown(
        "**Which places spoke for it, and which against**",
        help="The glimpse's part, place by place. Signed: a place can speak for a word or against it.",
    )
    if np.count_nonzero(parts.cells) == 1:
        row, column = np.unravel_index(int(np.abs(parts.cells).argmax()), parts.cells.shape)
        st.caption(f"This model used one place, row {row + 1}, column {column + 1}: it gave {signed(parts.image)}.")
    st.image(
        signed_map(picture, parts.cells),
        caption=f"Blue speaks for “{word}”, orange against it; full colour is {most:.2g} of the logit.",
        alt=f"For {word}: {_said(parts.cells)}",
        width="stretch",
    )


def cells(model: str, picture: Picture, raw: Tensor, trace: Trace, step: int) -> None:
    """What the model would say at this step if it looked at one cell only, for every cell."""
    word = trace.words[step]
    asked = analysed(ask_cells, model, raw, trace, step)
    st.markdown(
        f"If the model put its whole attention into one cell at this word, what would it say instead of “{word}”?",
        help="One-hot attention is forced into each of the cells in one batch. A soft model has rarely seen so "
        "narrow an attention: its answers show what a place would say, not what it said.",
    )
    left, right = st.columns([0.56, 0.44], gap="large")
    with left:
        st.plotly_chart(
            charts_analysis.words_in_cells(small(picture), asked.top, asked.probability, picture.aspect),
            config=CHART,
            key="asked",
            alt=charts_analysis.said_by_most(asked.top, asked.probability),
        )
        st.caption(
            " · ".join(f"**{w}** in {n} cells" for w, n, _ in charts_analysis.word_legend(asked.top))
            + ". Stronger colour: surer. Point at a cell for its whole word."
        )
    with right:
        share = asked.word_probability
        st.image(
            overlay(small(picture), share[None], 0, View(style="heat", scale="own", sigma=6.0)),
            caption=f"p(“{asked.word}”) when only that place is seen: {charts.percent(float(share.min()))} to "
            f"{charts.percent(float(share.max()))}; as it was: {charts.percent(asked.usual)}.",
            width="stretch",
            alt=f"The places where {asked.word} would be said: {_said(share)}",
        )


def trust(model: str, picture: Picture, raw: Tensor, trace: Trace, step: int) -> None:
    """Whether the map of this word can be believed: necessity, occlusion, gradient, deletion and insertion."""
    word = trace.words[step]
    needed = analysed(necessity, model, raw, trace, step)
    found = analysed(faithfulness, model, raw, trace, step)
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "If flat, moved by",
            f"{needed.uniform:.3f}",
            help="Necessity: Jensen-Shannon divergence, in nats (at most 0.693), between the next-word distribution "
            "and that with attention to all places alike. "
            f"p(“{word}”) goes from {charts.percent(needed.word_probability)} to "
            f"{charts.percent(needed.uniform_probability)}. Near 0 the word did not need its attention.",
            width="content",
        )
        st.metric(
            "If shuffled, moved by",
            f"{needed.shuffled:.3f}",
            help=f"The same with the weights at other places, mean of {len(needed.shuffles)} shuffles; "
            f"p(“{word}”) is then {charts.percent(needed.shuffled_probability)} in the mean.",
            width="content",
        )
        for label, value, what in (
            ("Agrees with occlusion", found.rank_occlusion, "what each place does to the word"),
            ("Agrees with gradient", found.rank_gradient, "gradient × annotation"),
        ):
            st.metric(
                label,
                "none" if value is None else f"{value:+.2f}".replace("-", "−"),
                help=f"Spearman's rank correlation of attention with {what}: 1 is the same order, 0 no relation.",
                width="content",
            )
    st.caption(verdict(needed.uniform, found.deletion, found.insertion))
    maps = st.columns(3, gap="medium")
    view = View(style="heat", scale="own", sigma=10.0)
    with maps[0]:
        st.image(
            overlay(small(picture), found.alpha[None], 0, view),
            caption="Attention (own scale)",
            alt=f"Attention: {describe(found.alpha)}",
        )
    with maps[1]:
        st.image(
            signed_map(picture, found.occlusion),
            caption="Occlusion: blue places speak for the word; log p falls by up to "
            f"{max(float(found.occlusion.max()), 0.0):.2g} nats without one",
            alt=f"Occlusion: {_said(found.occlusion)}",
        )
    with maps[2]:
        st.image(
            signed_map(picture, found.gradient),
            caption="Gradient × annotation, blue for, orange against",
            alt=f"Gradient: {_said(found.gradient)}",
        )
    st.markdown(
        f"**p(“{word}”) as places are taken away, and given back**",
        help="Places are barred from attention in the order of attention (largest first), from the centre outwards, or "
        "at random. If attention is faithful, its line falls fastest on the left and rises fastest on the right.",
    )
    down, up = found.deletion, found.insertion
    st.plotly_chart(
        charts_analysis.curves(down.fractions, _orders(down), _orders(up), (down.random_std, up.random_std)),
        config=CHART,
        key="curves",
        alt=verdict(needed.uniform, down, up),
    )
    names = {"alpha": "attention's order", "centre": "from the centre", "random": "random orders"}
    spread = {"random": (f" ± {down.random_auc_std:.3f}", f" ± {up.random_auc_std:.3f}")}
    st.table(
        {
            "Area under the curve": list(names.values()),
            "taken away (small is faithful)": [f"{down.auc[n]:.3f}{spread.get(n, ('', ''))[0]}" for n in names],
            "given back (large is faithful)": [f"{up.auc[n]:.3f}{spread.get(n, ('', ''))[1]}" for n in names],
        },
        hide_index=True,
        width="content",
    )


def whole(picture: Picture, trace: Trace, step: int) -> None:
    """The caption as a whole: log-probability, places and gate of every word, and what has been covered so far."""
    end = "; it was cut before its end" if trace.end_log_prob is None else ", its ending included"
    st.caption(f"log p of the caption is {signed(trace.log_prob)}{end}.")
    left, right = st.columns([0.6, 0.4], gap="large")
    with left:
        st.plotly_chart(
            charts.over_words(trace, step),
            config=CHART,
            key="over_words",
            alt="Log-probability, effective number of places and gate of every word",
        )
    alphas = trace.alphas
    if alphas is None:
        return
    with right:
        coverage = alphas[: step + 1].mean(axis=0)
        st.image(
            overlay(small(picture), coverage[None], 0, View(style="heat", scale="own")),
            caption=f"Covered up to “{trace.words[step]}”: {covered(trace, step):.0f} of {coverage.size} places.",
            alt=f"Where the model has looked so far: {describe(coverage)}",
            width="stretch",
        )


def covered(trace: Trace, step: int) -> float:
    """Effective number of places that the words up to ``step`` have looked at: exp of the entropy of their mean map."""
    alphas = trace.alphas
    assert alphas is not None, "there is no attention"
    return math.exp(float(entropy(alphas[: step + 1].mean(axis=0))))


VERDICTS = {
    "idle": "The word hardly needed attention: looking everywhere alike gives nearly the same next words.",
    "holds": "The map holds: the places it marks matter more than the centre and than places drawn at random.",
    "part": "The map holds in part: it beats the centre and random places in one of the two tests only.",
    "not": "The map cannot be trusted here: the centre, or places drawn at random, matter as much as those it marks.",
}


def verdict(uniform: float, deletion: Curves, insertion: Curves) -> str:
    """What the numbers say of a map, in a sentence."""
    return VERDICTS[judge(uniform, deletion, insertion)]


def signed_map(picture: Picture, values: np.ndarray) -> np.ndarray:
    """A signed map (rows, columns) over the greyed picture, blue above 0 and orange below, uint8 (H, W, 3)."""
    return signed_overlay(small(picture), values, float(np.abs(values).max()), sigma=6.0)


def small(picture: Picture) -> np.ndarray:
    """The picture as it is shown here, uint8 (H, W, 3), longer side at most ``SIDE``."""
    height, width = picture.display.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture.display


def signed(value: float) -> str:
    """A number with a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


def _said(values: np.ndarray) -> str:
    """Where the positive part of a map (rows, columns) lies, in words."""
    positive = values.clip(0)
    return describe(positive / positive.sum()).removeprefix("looks ") if positive.any() else "no place speaks for it"


def _orders(curve: Curves) -> dict[str, np.ndarray]:
    return {"alpha": curve.alpha, "centre": curve.centre, "random": curve.random}
