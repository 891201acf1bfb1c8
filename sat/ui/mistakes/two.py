"""Two models' mistakes on the same pictures: fixed, broken, both."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.evaluation.found import Found, labels
from sat.evaluation.rows import SCORES
from sat.evaluation.versus import Pair, Versus, Wrong
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes.nav import OTHER
from sat.ui.mistakes.opened import Opened, against, open_evaluation
from sat.ui.mistakes.query import Query
from sat.ui.mistakes.sets import versus_set

BY, BELOW, SIDE = "by", "below", "side"  # in the address
CRITERIA = {"made-up": "names a made-up object", **{score: f"{score} below" for score in SCORES}}
USUAL_BELOW = {"CIDEr": 50.0, "METEOR": 20.0, "BLEU-4": 15.0, "ROUGE-L": 40.0}
PAGE = 12  # pairs


def two(opened: Opened, found: Sequence[Found]) -> None:
    """Draw it."""
    others = alike(opened, found)
    if not others:
        st.info(
            f"There is no other evaluation of {opened.found.dataset} {opened.found.split} to set this one against: "
            "evaluate another model on it.",
            icon=":material/compare_arrows:",
        )
        return
    said = labels(list(found))
    usual = next((one for one in others if one.model != opened.found.model), others[0])
    with st.container():  # so that on a phone the choices go on below
        names = [one.name for one in others]
        name = links.select("Set against", names, said, name=OTHER, default=usual.name, new_caption=False)
        by = links.select(
            "A caption is wrong if it", list(CRITERIA), CRITERIA, name=BY, default="CIDEr", new_caption=False
        )
        below = _below(by) if by != "made-up" else 0.0
    wrong = Wrong() if by == "made-up" else Wrong(by, below)
    other = open_evaluation(next(one for one in others if one.name == name))
    both = against(opened, other, wrong)
    _counts(both, opened, other)
    sides = {"fixed": both.fixed, "broken": both.broken, "both": both.both_wrong, "neither": both.both_right}
    titles = {
        "fixed": f"Fixed by {other.found.model}",
        "broken": f"Broken by {other.found.model}",
        "both": "Wrong in both",
        "neither": "Right in both",
    }
    usual_side = next((side for side, pairs in sides.items() if pairs), "neither")
    side = links.select(
        "Show",
        list(sides),
        {s: f"{titles[s]} ({len(pairs)})" for s, pairs in sides.items()},
        name=SIDE,
        default=usual_side,
        new_caption=False,
    )
    _pairs(opened, other, sides[side], versus_set(side, wrong, other.found.name), by if by in SCORES else "CIDEr")


def alike(opened: Opened, found: Sequence[Found]) -> list[Found]:
    """The evaluations of the same data set and split."""
    mine = opened.found
    return [one for one in found if one.name != mine.name and (one.dataset, one.split) == (mine.dataset, mine.split)]


def _below(by: str) -> float:
    key = f"{BELOW} {by}"
    usual = USUAL_BELOW[by]
    asked = st.query_params.get(BELOW, "")
    st.session_state[key] = float(asked) if links.within(0, 1000)(asked) else usual

    def changed() -> None:
        value = st.session_state[key]
        if value is None or value == usual:
            links.forget(BELOW)
        else:
            st.query_params[BELOW] = f"{value:g}"

    return float(
        st.number_input("The limit", 0.0, 1000.0, step=5.0, format="%g", key=key, on_change=changed, width=120)
    )


def _counts(both: Versus, opened: Opened, other: Opened) -> None:
    with st.container(horizontal=True, gap="medium"):
        st.metric("Fixed", len(both.fixed), help=f"Wrong by {opened.found.model} only.", width="content")
        st.metric("Broken", len(both.broken), help=f"Wrong by {other.found.model} only.", width="content")
        st.metric("Wrong in both", len(both.both_wrong), width="content")
        st.metric("Right in both", len(both.both_right), width="content")
        for score in ("CIDEr", "METEOR"):
            st.metric(
                f"{score}, mean difference",
                f"{both.difference[score]:+.1f}".replace("-", "−"),
                help="The second's less the first's, over the pictures that both have.",
                width="content",
            )
    fixed, broken = len(both.fixed), len(both.broken)
    more = "as many as" if fixed == broken else "more than" if fixed > broken else "fewer than"
    st.markdown(
        f"**What this means:** {other.found.model} gets {fixed} captions right that {opened.found.model} gets wrong, "
        f"{more} the {broken} it breaks; {len(both.both_wrong)} are wrong in both, which no choice between them mends."
    )
    if both.left_out:
        st.caption(f"{both.left_out} pictures are in one of the two only and are left out.")


def _pairs(opened: Opened, other: Opened, pairs: Sequence[Pair], name: str, score: str) -> None:
    if not pairs:
        st.caption("There is none.")
        return
    ordered = sorted(pairs, key=lambda pair: -abs(pair.difference[score]))
    st.caption(f"The largest differences in {score} first.")
    rows = {row["image"]: row for row in opened.rows([pair.image for pair in ordered[:PAGE]])}
    for pair in ordered[:PAGE]:
        row = rows[pair.image]
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            thumbnail = opened.thumbnail(row)
            if thumbnail:
                st.image(thumbnail, width=72, alt=f"The picture {pair.image}")
            difference = f"{pair.difference[score]:+.0f}".replace("-", "−")
            st.markdown(
                f"{opened.found.model}: {links.plain(pair.captions[0])}  \n{other.found.model}: "
                f"{links.plain(pair.captions[1])}  \n:small[{score} {difference}]",
                width="stretch",
            )
            for which, one in (("first", opened), ("second", other)):
                st.button(
                    f"Open {one.found.model}",
                    key=f"open {which} {pair.image}",
                    on_click=_open,
                    args=(one.found.name, pair.image, name if which == "first" else None),
                )
    if len(pairs) > 1:
        st.button(
            f"Browse all {len(pairs)}",
            icon=":material/list:",
            key="all pairs",
            on_click=nav.show,
            args=(Query(set=name),),
        )


def _open(evaluation: str, image: str, of_set: str | None) -> None:
    nav.go("browse", image, set=of_set, **{nav.EVAL: evaluation})
