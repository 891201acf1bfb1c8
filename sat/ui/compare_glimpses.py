"""Many sampled glimpse paths of a hard model: where it could have looked, and what it would have said then."""

from __future__ import annotations

import streamlit as st

from sat.analysis.rollouts import Rollouts
from sat.drawing import charts_rollouts
from sat.ui.compare import Both
from sat.ui.compare_panels import CHART, signed
from sat.ui.compare_where import word_at
from sat.ui.models import get_rollouts

COUNTS = (100, 200, 500)
LISTED = 6  # captions that can be chosen; the table has them all
_ASKED = "_rollouts_asked"


def glimpses(both: Both, at: int) -> None:
    """The button, and once it was pressed the paths, the histogram of places and the captions."""
    hard = [side for side in (0, 1) if both.traces[side].attention == "hard"]
    if not hard:
        st.info(
            "Glimpses are sampled from a model with hard attention: choose one as the first or the second model.",
            icon=":material/info:",
        )
        return
    side = hard[0]
    if len({both.names[s] for s in hard}) > 1:
        side = st.segmented_control(
            "Whose glimpses",
            hard,
            format_func=lambda s: both.labels[s],
            default=side,
            required=True,
            key="whose_glimpses",
        )
    st.markdown(
        f"For every word {both.labels[side].lower()} looks at one place, and here that place is drawn by chance from "
        "its attention α. The likeliest word is taken every time, so the captions differ only by where it looked.",
        width=760,
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        count = st.segmented_control("Captions", COUNTS, default=COUNTS[0], required=True, key="rollouts_count")
        pressed = st.button(f"Sample {count} captions", icon=":material/casino:", key="rollouts_sample")
    asked: dict[tuple[str, str], int] = st.session_state.setdefault(_ASKED, {})
    key = (both.names[side], both.picture.digest)
    if pressed:
        asked[key] = count
    if key not in asked:
        return
    with st.spinner(f"Sampling {asked[key]} captions …", show_time=True):
        found = get_rollouts(both.names[side], both.picture, asked[key])
    _show(both, found, word_at(both.positions[side], at))


def _show(both: Both, found: Rollouts, step: int) -> None:
    total = len(found.places)
    left, right = st.columns(2, gap="large")
    with right:
        cluster = _captions(found)
    members = None if cluster is None else found.clusters[cluster].members
    with left:
        st.markdown(
            f"**Where they looked for word {step + 1}**",
            help="Discs: the places taken for this word; the larger, the more often. Lines: the way of each glimpse "
            "from word to word.",
        )
        st.plotly_chart(
            charts_rollouts.glimpse_paths(both.picture, found.places, found.alpha.shape[1:], step, members),
            config=CHART,
            key="glimpse_paths",
            alt=f"The paths of {total if members is None else len(members)} sampled glimpses over the picture",
        )
    with right:
        if step >= len(found.alive) or not found.alive[step]:
            st.caption(f"None of the {total} captions has a word {step + 1}.")
            return
        st.markdown(
            f"**Places taken for word {step + 1}, against α**",
            help="Bars: the share of the captions that looked at the place; line: the attention α that they drew from "
            "(its mean over the captions); band: two standard deviations of so many draws around it. The likeliest "
            "places come first.",
        )
        st.plotly_chart(
            charts_rollouts.places_taken(found.histogram[step], found.alpha[step]),
            config=CHART,
            key="places_taken",
            alt=f"Shares of {found.alive[step]} glimpses that fell on the likeliest places, beside the attention",
        )


def _captions(found: Rollouts) -> int | None:
    """The captions with their counts; the number of the one whose paths are asked for, None for all."""
    total, different = len(found.places), len(found.clusters)
    most = min(different, LISTED)

    def name(number: int | None) -> str:
        if number is None:
            return f"All {total} captions, {different} of them different"
        cluster = found.clusters[number]
        return f"{cluster.count} × {' '.join(cluster.words) or '(no words)'}"

    chosen = st.radio("What they said", [None, *range(most)], format_func=name, key="rollouts_cluster")
    if different > most and st.toggle(f"List all {different}", key="rollouts_all"):
        st.dataframe(
            {
                "times": [cluster.count for cluster in found.clusters],
                "caption": [" ".join(cluster.words) for cluster in found.clusters],
                "mean log p": [signed(cluster.log_prob) for cluster in found.clusters],
            },
            hide_index=True,
            placeholder="–",
            height=280,
            alt=f"All {different} captions with how often they came",
        )
    return chosen
