"""One caption: walked through in the word player, beside its review; below, what people wrote and every word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from sat.errors import UserError
from sat.evaluation.found import Found
from sat.evaluation.suggest import suggest
from sat.evaluation.word_boxes import PictureBoxes
from sat.evaluation.worst import word_to_show
from sat.images import Picture
from sat.trace import Trace
from sat.ui import links
from sat.ui.mistakes import nav, tagging, words
from sat.ui.mistakes.listing import chosen, ordered
from sat.ui.mistakes.opened import Opened
from sat.ui.mistakes.query import Query
from sat.ui.models import model_names
from sat.ui.player import Frame, word_player

NO_ATTENTION = "This model has no attention: it sees the whole picture once, before the first word."


def one(opened: Opened, image: str, asked: Query, others: Sequence[Found], person: str) -> None:
    """Draw it; nothing but a sentence where there is no such picture."""
    row = opened.row(image)
    if row is None:
        st.info(f"This evaluation has no picture {links.plain(image[:60])}.", icon=":material/link_off:")
        st.button("All captions", icon=":material/list:", on_click=nav.show, args=(asked,))
        return
    wanted, _ = chosen(opened, asked, others, person)
    names = ordered(opened, asked, wanted)
    at = names.index(image) if image in names else None
    before = names[at - 1] if at else None
    after = next(iter(names), None) if at is None else names[at + 1] if at + 1 < len(names) else None
    _bar(opened, image, asked, at, len(names), before, after)
    try:
        picture = opened.picture(row)
    except UserError as error:
        st.warning(links.literal(str(error)), icon=":material/image_not_supported:")
        _without_picture(opened, row)
        return
    trace, of_words = opened.trace(row, picture)
    if not trace.words:
        st.info("The model wrote nothing for this picture.", icon=":material/info:")
        words.people(opened, row, picture)
        return
    _look(opened, row, picture, trace, of_words, person, after)


def _bar(
    opened: Opened, image: str, asked: Query, at: int | None, total: int, before: str | None, after: str | None
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Back to the list", icon=":material/list:", key="close", on_click=nav.close_image)
        st.button(
            "Before",
            icon=":material/arrow_back:",
            key="before",
            disabled=before is None,
            on_click=nav.go,
            args=(None, before),
            shortcut="b",
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            key="next",
            disabled=after is None,
            on_click=nav.go,
            args=(None, after),
            shortcut="n",
        )
        where = f"{at + 1} of {total}" if at is not None else f"not among the {total} of the list"
        st.caption(f"{image} · {where}" + (", filtered" if asked.filters else ""), width="stretch")


@st.fragment
def _look(
    opened: Opened,
    row: dict[str, Any],
    picture: Picture,
    trace: Trace,
    of_words: list[dict[str, Any]],
    person: str,
    after: str | None,
) -> None:
    """The player with what follows its step; runs alone when the step changes or a tag is given."""
    if not nav.holds(row["image"]):
        st.rerun()  # the whole page: this fragment was given another picture
    left, right = st.columns([0.56, 0.44], gap="large")
    bad = [word["step"] for word in of_words if word["hallucinated"]]
    doubtful = [found.word for found in suggest(row, of_words, opened.classes)]
    usual = next(iter([*bad, *doubtful]), word_to_show(trace, row["references"]))
    asked = links.step_from_address()
    with left:
        played = word_player(
            picture,
            trace,
            opened.geometry,
            key="mistake_player",
            start=usual if asked is None else min(asked, len(trace.words) - 1),
            usual_start=usual,
            reason=None if opened.attends else NO_ATTENTION,
            frames=frames(opened, row, of_words),
        )
        _scores(opened, row, played.step)
    with right:
        words.story(opened, row, of_words, played.step)
        tagging.panel(opened, row, of_words, played.step, person, after)
    left, right = st.columns([0.44, 0.56], gap="large")
    with left:
        words.people(opened, row, picture)
    with right:
        words.table(opened, of_words, played.step)


def _scores(opened: Opened, row: dict[str, Any], step: int) -> None:
    scores = " · ".join(f"{name} {row[name]:.1f}" for name in ("CIDEr", "METEOR", "BLEU-4", "ROUGE-L"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{scores} · log p {row['log_prob']:.1f}".replace("-", "−")
            .replace("BLEU−4", "BLEU-4")
            .replace("ROUGE−L", "ROUGE-L")
        )
        explore = in_explore(opened, row)
        if explore is not None:
            st.page_link(
                "pages/explore.py",
                label="Ask what if, in Explore",
                icon=":material/visibility:",
                query_params={**explore, links.STEP: str(step + 1)},
            )


def in_explore(opened: Opened, row: dict[str, Any]) -> dict[str, str] | None:
    """The address of the same picture and model in Explore; None where it cannot be shown there."""
    from sat.ui import datasets
    from sat.ui.samples import is_sample

    name = f"{opened.found.dataset}/{row['image']}"
    if opened.found.model not in model_names():
        return None
    model = {links.MODEL: opened.found.model}
    if datasets.is_known(name):
        return {links.PICTURE: name, **model}
    drawn = row["image"].removesuffix(".png")
    if opened.found.dataset == "shapes" and is_sample(drawn):
        return {links.SAMPLE: drawn, **model}
    return None


def frames(opened: Opened, row: dict[str, Any], of_words: Sequence[dict[str, Any]]) -> list[list[Frame]]:
    """Of every word, the boxes that people drew round what it names."""
    aligned = opened.boxes(row)
    if aligned is None:
        return [[] for _ in of_words]
    boxes = PictureBoxes(opened.classes, aligned)
    width, height = max(aligned.width, 1), max(aligned.height, 1)
    return [
        []
        if word["word_class"] is None
        else [(x0 / width, y0 / height, x1 / width, y1 / height) for x0, y0, x1, y1 in boxes.of(word["word_class"])]
        for word in of_words
    ]


def _without_picture(opened: Opened, row: dict[str, Any]) -> None:
    st.markdown(f"**{links.plain(row['caption'])}**")
    for reference in row["references"]:
        st.markdown(f"- {links.plain(reference)}")
    words.table(opened, opened.store.words(row["picture"]), None)
