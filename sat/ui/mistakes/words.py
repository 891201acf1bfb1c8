"""What is known of a caption's words: a story of one, a table of all, and what people wrote and drew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sat.drawing.boxes import with_boxes
from sat.drawing.charts import percent
from sat.images import Picture
from sat.ui import links
from sat.ui.closer import signed
from sat.ui.mistakes.opened import Opened
from sat.ui.mistakes.query import HELP

LITTLE = 0.02  # nats of necessity, below which attention did not matter


def story(opened: Opened, row: Mapping[str, Any], of_words: Sequence[Mapping[str, Any]], step: int) -> None:
    """Why a word is there, in a few sentences."""
    word = of_words[step]
    st.subheader(f"“{word['word']}”", anchor=False)
    for sentence in sentences(row, word, opened.classes.kinds):
        st.markdown(sentence)


def sentences(row: Mapping[str, Any], word: Mapping[str, Any], kinds: Mapping[str, str]) -> list[str]:
    """What the numbers of a word say."""
    found = []
    if word["word_class"] is not None:
        if word["hallucinated"]:
            instead = [name for name in row["objects_missed"] if kinds.get(name) == word["kind"]]
            more = f"; of the same kind they name {_listed(instead)}, which the caption leaves out" if instead else ""
            found.append(f":orange-badge[made up] No reference bears out *{word['word_class']}*{more}.")
        else:
            found.append(f":green-badge[borne out] The references bear out *{word['word_class']}*.")
    p = percent(math.exp(word["log_prob"]))
    if word["evidence"] is not None:
        found.append(f"**p = {p}.** {_evidence(word['evidence'])}")
    else:
        found.append(f"**p = {p}.**")
    if word["box_mass"] is not None:
        mass, uniform = word["box_mass"], word["box_uniform"]
        times = f", {mass / uniform:.1f} times what looking everywhere alike has" if uniform else ""
        hit = "its largest cell lies in one" if word["box_hit"] else "its largest cell lies in none"
        found.append(f"{percent(mass)} of attention lies in the boxes of *{word['word_class']}*{times}; {hit}.")
    if word["necessity"] is not None:
        if word["necessity"] < LITTLE:
            found.append("Where it looked hardly mattered: with attention spread evenly the next word is as likely.")
        else:
            found.append(
                f"Where it looked mattered: spreading attention evenly changes the next word by "
                f"{word['necessity']:.2f} nats (at most 0.69)."
            )
    return found


def _evidence(nats: float) -> str:
    """What the picture adds to a word."""
    times = math.exp(min(abs(nats), 30.0))
    shown = f"{times:.0f}" if times >= 10 else f"{times:.1f}"
    if nats > 0.2:
        return f"This picture makes it {shown} times as likely as the mean picture does ({signed(nats)} nats)."
    if nats < -0.2:
        return (
            f"This picture speaks against it: the mean picture makes it {shown} times as likely ({signed(nats)} nats)."
        )
    return f"This picture adds nothing to it ({signed(nats)} nats): the words before lead there by themselves."


def table(opened: Opened, of_words: Sequence[Mapping[str, Any]], step: int | None) -> None:
    """Every word with its numbers."""
    st.markdown("**Every word**")
    columns: dict[str, list[Any]] = {
        "word": [("▸ " if word["step"] == step else "") + word["word"] for word in of_words],
        "p": [100 * math.exp(word["log_prob"]) for word in of_words],
        "evidence": [word["evidence"] for word in of_words],
        "places": [None if word["entropy"] is None else math.exp(word["entropy"]) for word in of_words],
        "gate": [word["beta"] for word in of_words],
        "necessity": [word["necessity"] for word in of_words],
        "in boxes": [None if word["box_mass"] is None else 100 * word["box_mass"] for word in of_words],
        "alike": [None if word["box_uniform"] is None else 100 * word["box_uniform"] for word in of_words],
        "names": [word["word_class"] or "" for word in of_words],
        "": ["made up" if word["hallucinated"] else "" for word in of_words],
    }
    shown = {name: values for name, values in columns.items() if any(value not in (None, "") for value in values)}
    number = st.column_config.NumberColumn
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config={
            "p": number(format="%.1f %%", help="Probability, given the words before it."),
            "evidence": number(format="%.2f", help=HELP["evidence"]),
            "places": number(format="%.0f", help="Effective number of places looked at, exp of the entropy."),
            "gate": number(format="%.2f", help=HELP["beta"]),
            "necessity": number(format="%.3f", help=HELP["necessity"]),
            "in boxes": number(format="%.0f %%", help="Part of attention inside the boxes of what the word names."),
            "alike": number(format="%.0f %%", help="What looking everywhere alike has in the same boxes."),
        },
    )
    if not opened.attends:
        st.caption("A model without attention has no places, gate or necessity.")


def people(opened: Opened, row: dict[str, Any], picture: Picture) -> None:
    """The references, and the boxes that people drew."""
    st.markdown("**What people wrote**")
    st.markdown("\n".join(f"- {links.plain(reference)}" for reference in row["references"]))
    if row["objects_missed"]:
        st.caption(f"Left out by the caption: {_listed(row['objects_missed'])}.")
    aligned = opened.boxes(row)
    boxes = [] if aligned is None else named_boxes(aligned)
    if aligned is None or not boxes:
        st.caption("Nobody drew boxes in this picture. They would be in `entities_aligned.jsonl.gz` of the data set.")
        return
    names = _listed(list(dict.fromkeys(name for name, _ in boxes)))
    with st.expander("The boxes that people drew", expanded=True):
        drawn = with_boxes(picture.display, boxes, (aligned.width, aligned.height))
        st.image(drawn, width="stretch", alt=f"The picture with boxes round {names}")


def named_boxes(aligned: Any) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Every box with the shortest phrase that means it."""
    phrases: dict[str, str] = {}
    for caption in aligned.captions:
        for phrase in caption.phrases:
            text = " ".join(phrase.words).lower()
            if phrase.id in aligned.boxes and len(text) < len(phrases.get(phrase.id, text + " ")):
                phrases[phrase.id] = text
    return [(phrases.get(key, key), box) for key, boxes in aligned.boxes.items() for box in boxes]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
