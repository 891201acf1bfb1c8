"""The truth panel: what word comes next when attention is uncertain, worked out exactly and in three cheaper ways."""

from __future__ import annotations

import streamlit as st

from sat.analysis.marginal import NAMES, Truth, truth
from sat.drawing.charts import percent
from sat.drawing.charts_compare import shown
from sat.drawing.charts_truth import precise, truth_chart
from sat.ui.compare import Both
from sat.ui.compare_panels import CHART, signed
from sat.ui.models import analysed, get_annotations

SAMPLES = 1000
TOP = 5  # words of each way
WAYS = {
    "marginal": "Exact marginal",
    "nwgm": "NWGM",
    "soft": "Soft pass",
    "sampled": f"{SAMPLES:,} glimpses",
}
ALIKE = 0.02  # of the exact probability; less is called the same


def averages(both: Both, at: int) -> None:
    """Four ways to average over the places, for the word that a model wrote or read here."""
    sides = [side for side in (0, 1) if both.traces[side].attention != "none"]
    if not sides:
        st.info("Neither model has attention, so there are no places to average over.", icon=":material/info:")
        return
    side = sides[0]
    if len(sides) == 2:
        chosen = st.segmented_control(
            "Whose word", sides, format_func=lambda s: both.labels[s], default=side, required=True, key="whose_word"
        )
        side = side if chosen is None else chosen
    pair = both.pairs[at]
    step = (pair.first, pair.second)[side]
    if step is None:
        st.info(f"{both.labels[side]} has no word here: step to another.", icon=":material/info:")
        return
    name = both.names[side]
    with st.spinner("Looking at every place by itself …"):
        found = analysed(
            truth, name, get_annotations(name, both.picture), both.traces[side], step, samples=SAMPLES, top=TOP
        )
    alpha = both.traces[side].steps[step].alpha
    assert alpha is not None, "a model with attention has maps"
    left, right = st.columns([0.56, 0.44], gap="large")
    with left:
        st.markdown(
            f"**How likely is “{found.word}”, when attention does not know where to look?**",
            help="Bars: two standard errors of the sampled estimate.",
        )
        curve = found.monte_carlo
        st.plotly_chart(
            truth_chart(found.probability, curve.samples, curve.estimate, curve.error),
            config=CHART,
            key="truth",
            alt=f"Probability of {found.word}: "
            + ", ".join(f"{WAYS[way]} {precise(found.probability[way])}" for way in NAMES),
        )
    with right:
        st.markdown(explanation(found, alpha.size))
    _table(found)


def explanation(found: Truth, places: int) -> str:
    """What the four ways are, and what differs here and why, in Markdown."""
    exact, soft, nwgm = (found.probability[way] for way in ("marginal", "soft", "nwgm"))
    lines = [
        f"- **Exact marginal**: look at each of the {places} places alone, and average the {places} probabilities with "
        "the attention α as weights. This is what hard attention means.",
        f"- **NWGM**: average the {places} logits instead, then normalise: the paper's normalised weighted geometric "
        "mean (section 4.2).",
        "- **Soft pass**: average the places first, and look once. This is what soft attention does.",
        f"- **{WAYS['sampled']}**: draw places from α and average; what hard attention's training sees. The error "
        "falls with the square root of their number.",
    ]
    if abs(soft - exact) <= ALIKE * exact:
        verdict = f"Here the soft pass and the exact average agree: {precise(exact)}."
    else:
        more = "more" if soft > exact else "less"
        verdict = f"Here the soft pass says {precise(soft)}, {more} than the exact {precise(exact)}."
    if abs(nwgm - exact) > ALIKE * exact:
        verdict += f" NWGM says {precise(nwgm)}."
    return "\n".join(lines) + (
        f"\n\n{verdict} All would be equal if what is seen went straight into the probability; but it goes through "
        "the LSTM, a tanh and the softmax. From one place to another the probability strays by "
        f"{precise(found.spread)}."
    )


def _table(found: Truth) -> None:
    st.table(
        {
            "": [WAYS[way] for way in NAMES],
            f"“{found.word}”": [_unbroken(precise(found.probability[way])) for way in NAMES],
            "from exact": [
                "–" if way == "marginal" else f"{found.divergences[0, NAMES.index(way)]:.5f}" for way in NAMES
            ],
            "Likeliest words": [
                " · ".join(f"{shown(word)} {_unbroken(percent(p))}" for word, p in found.top[way]) for way in NAMES
            ],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "“From exact” is the Jensen-Shannon divergence of the whole next-word distribution, in nats. "
        f"This word's share of the lower bound (equation 10) is {signed(found.lower_bound)} nats, never above the "
        f"exact log p of {signed(found.log_marginal)}."
    )


def _unbroken(text: str) -> str:
    """A number that keeps its percent sign where a line breaks."""
    return text.replace(" ", "\u00a0")
