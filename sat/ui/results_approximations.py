"""What soft attention and REINFORCE cost, measured on the shipped models, on the Results page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from sat.lessons import measured
from sat.lessons.measured import Kept

AVERAGES = ("NWGM", "soft pass", "NWGM, p(word)", "soft pass, p(word)", "words")
GRADIENTS = ("variance, caption", "variance, own word", "variance, one step", "bias of the mixture")
HELP = {
    "NWGM": "Mean Jensen-Shannon divergence, in nats, of NWGM from the exact one-step marginal, over all words.",
    "soft pass": "The same of the soft pass, which averages the places before it looks.",
    "NWGM, p(word)": "How far NWGM's probability of the word is from the exact one, mean over all words.",
    "soft pass, p(word)": "How far the soft pass's probability of the word is from the exact one, mean over all words.",
    "words": "Steps that were measured, the captions' ends included.",
    "variance, caption": "Variance of equation 11's gradient with the running mean as baseline, over that without one.",
    "variance, own word": "Each glimpse credited with its own word less its mean, over equation 11 without a baseline.",
    "variance, one step": "Of one step alone: variance with the running mean as the baseline, over that without one.",
    "bias of the mixture": "Half expected context: how far the gradient's mean is from the exact one, in its lengths.",
}


def approximations(dataset: str, root: Path | None = None) -> None:
    """The error of NWGM and the worth of a baseline, with the commands that measure them."""
    found = [one for one in measured.all_kept(root) if one.dataset == dataset]
    if not found:
        return
    table = measured.rows(found, dataset)
    st.subheader("What do the shortcuts cost?", anchor=False)
    st.markdown(
        "Soft attention averages the places before it looks; exact is looking from each of them and averaging what "
        "would be said. The paper bridges the two with NWGM. Over every word of the captions written for "
        f"{_pictures(found)}:"
    )
    _table(table, AVERAGES)
    st.markdown(
        "Hard attention is trained by sampling, and a baseline takes noise out of its gradient. Variance that is left "
        "of that without a baseline (1: no use), and the bias of mixing in the expected context:"
    )
    _table(table, GRADIENTS)
    st.markdown(_meaning(found))
    with st.expander("How to measure these numbers again"):
        for one in found:
            st.markdown(f"**{one.numbers.model}**: seed {one.seed}, weights `{one.weights}`")
            st.code(one.command, language="bash", wrap_lines=True)
        st.caption("The chapters 7 and 8 of Learn show the same numbers for one picture, word by word.")


def _table(table: Sequence[dict], columns: Sequence[str]) -> None:
    formats = {
        "words": "%d",
        "NWGM, p(word)": "%.1f %%",
        "soft pass, p(word)": "%.1f %%",
        "bias of the mixture": "%.2f",
    }
    st.dataframe(
        [{name: row[name] for name in ("model", *columns)} for row in table],
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config={
            name: st.column_config.NumberColumn(format=formats.get(name, "%.4f"), help=HELP[name]) for name in columns
        },
    )


def _pictures(found: Sequence[Kept]) -> str:
    told = {f"{one.numbers.pictures} {one.split} pictures" for one in found}
    return " or ".join(sorted(told))


def _meaning(found: Sequence[Kept]) -> str:
    """What the tables say, in two sentences."""
    nearer = [one.numbers.model for one in found if one.numbers.nwgm < one.numbers.soft]
    if len(nearer) == len(found):
        averages = "NWGM is nearer to the exact average than the soft pass for every model"
    elif nearer:
        averages = f"NWGM is nearer to the exact average than the soft pass for {', '.join(nearer)} only"
    else:
        averages = "the soft pass is nearer to the exact average than NWGM for every model"
    left = [one.numbers.caption_running for one in found]
    low, high = (f"{100 * share:.2g} %" for share in (min(left), max(left)))
    span = low if low == high else f"{low} to {high}"
    return f"**What this means:** {averages}. With the paper's baseline {span} of the gradient's variance is left."
