"""The review as a whole: how far it is, what was tagged, and how far two people agree."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from sat.evaluation.agreement import Agreement
from sat.public import KEEPS_NOTHING, is_public
from sat.review import TAXONOMY
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes.opened import Opened, book
from sat.ui.mistakes.query import Query

FIRST, SECOND = "first", "second"  # people, in the address


def review(opened: Opened, person: str) -> None:
    """Draw it."""
    if is_public():
        st.info(KEEPS_NOTHING, icon=":material/sell:")
        return
    people = book().people(opened.key)
    states = Counter(book().states(opened.key, person=person).values())
    total = opened.store.count()
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        st.metric("Reviewed by me", f"{states['reviewed']} of {total}", width="content")
        st.metric("For later", states["later"], width="content")
        if states["later"]:
            st.button("Go on with those for later", on_click=nav.show, args=(Query(state="later"),), key="go later")
        if states["reviewed"] < total:
            st.button(
                "Go on with the worst that is not reviewed",
                key="go on",
                icon=":material/play_arrow:",
                on_click=_go_on,
                args=(opened, person),
            )
    if not people:
        st.info(
            "Nobody has tagged a caption yet. Open one: keys 1 to 7 tag the word that the player stands at, D marks "
            "the caption as reviewed and goes on to the next.",
            icon=":material/sell:",
        )
        return
    _tags(opened)
    st.subheader("Do two people agree?", anchor=False)
    if len(people) < 2:
        st.caption(
            f"So far only {links.plain(people[0])} has reviewed. When somebody else does, under another name, their "
            "agreement stands here."
        )
        return
    names = {name: name for name in people}
    first_usual = person if person in people else people[0]
    with st.container(horizontal=True, gap="large"):
        first = links.select("One", people, names, name=FIRST, default=first_usual, new_caption=False)
        rest = [name for name in people if name != first]
        second = links.select("The other", rest, names, name=SECOND, default=rest[0], new_caption=False)
    _agreement(book().agreement(opened.key, first, second))


def _go_on(opened: Opened, person: str) -> None:
    """Open the worst caption that the person has said nothing of."""
    known = book().states(opened.key, person=person)
    rows = opened.store.page(sort="CIDEr", count=opened.store.count(), columns=["image"]).rows
    image = next((row["image"] for row in rows if row["image"] not in known), None)
    nav.go("browse", image, state="new")


def _tags(opened: Opened) -> None:
    tags = book().tags(opened.key)
    if not tags:
        return
    images: dict[str, set[str]] = {}
    for tag in tags:
        images.setdefault(tag.tag, set()).add(tag.image)
    order = {tag: i for i, tag in enumerate(TAXONOMY)}
    st.subheader("What was tagged", anchor=False)
    with st.container(horizontal=True):
        for name in sorted(images, key=lambda name: (order.get(name, len(order)), name)):
            count = len(images[name])
            st.button(f"{name} ({count})", key=f"tagged {name}", on_click=nav.show, args=(Query(tag=name),))
    notes = book().notes(opened.key)
    if notes:
        with st.expander(f"Notes ({len(notes)})"):
            for note in notes[:50]:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{links.plain(note.person)}**: {links.plain(note.text)}", width="stretch")
                    st.button(
                        note.image,
                        key=f"note of {note.image} {note.person}",
                        type="tertiary",
                        on_click=nav.go,
                        args=("browse", note.image),
                    )


def _agreement(found: Agreement) -> None:
    if not found.items:
        st.info(
            f"{links.plain(found.first)} and {links.plain(found.second)} have not marked the same caption as reviewed "
            "yet, so there is nothing to compare.",
            icon=":material/group:",
        )
        return
    st.markdown(f"On the {found.items} captions that both have marked as reviewed:")
    st.dataframe(
        [
            {
                "tag": one.tag or "all tags together",
                "both": one.both,
                f"only {found.first}": one.first_only,
                f"only {found.second}": one.second_only,
                "neither": one.neither,
                "kappa": one.kappa,
            }
            for one in (*found.tags, found.overall)
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config={"kappa": st.column_config.NumberColumn(format="%.2f")},
    )
    kappa = found.overall.kappa
    if kappa is None:
        st.markdown("**What this means:** both said the same to everything, so that kappa cannot tell it from chance.")
    else:
        said = (
            "well"
            if kappa > 0.6
            else "moderately"
            if kappa > 0.4
            else "little"
            if kappa > 0
            else "no more than by chance"
        )
        st.markdown(
            f"**What this means:** Cohen's kappa is {kappa:.2f}: they agree {said}. 1 would be in everything, 0 is "
            "what chance gives. A caption has a tag if it, or any of its words, was given it."
        )
