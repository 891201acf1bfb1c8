"""A person's review of one caption: tags of words and of the whole, what is suggested, a note, and how far it is.

Keys: 1 to 7 give the tags of the taxonomy or take them back, Y confirms the first suggestion, D and L mark the caption
as reviewed or for later and go on; N and B turn to the next and the one before. The arrow keys are the player's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from sat.errors import UserError
from sat.evaluation.suggest import Suggestion, suggest
from sat.jobs import allowed
from sat.public import KEEPS_NOTHING
from sat.review import NOTE_LENGTH, TAG_LENGTH, TAXONOMY, State, Tag
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes.opened import Opened, book

WORD, CAPTION = "word", "caption"
_PROBLEM = "_review_problem"
KEYS = "123456789"
HELP = {
    "object": "It names the wrong thing, or one that is not there.",
    "attribute": "Wrong colour, size or the like.",
    "count": "Wrong number.",
    "action": "Wrong action.",
    "relation": "The things do not stand to each other as it says.",
    "repetition": "It says the same again.",
    "grammar": "It is no good English.",
}


def panel(
    opened: Opened,
    row: Mapping[str, Any],
    of_words: Sequence[Mapping[str, Any]],
    step: int,
    person: str,
    after: str | None,
) -> None:
    """Draw it.

    Args:
        step: the word that the player stands at.
        after: the picture to go on with.
    """
    if not allowed():
        st.caption(KEEPS_NOTHING)
        _suggested(opened, row, of_words, [], person, readonly=True)
        return
    image = str(row["image"])
    try:
        given = book().tags(opened.key, image=image)
        known = book().known_tags(opened.key)
        note = book().note(opened.key, image, person=person)
        state = book().states(opened.key, person=person).get(image, "new")
    except UserError as error:
        st.warning(links.literal(str(error)), icon=":material/warning:")
        return
    problem = st.session_state.pop(_PROBLEM, "")
    if problem:
        st.warning(problem, icon=":material/warning:")
    mine = [tag for tag in given if tag.person == person]
    with st.container(border=True):
        _tags(opened, image, str(of_words[step]["word"]), step, mine, known, person)
        _given(opened, row, mine, [tag for tag in given if tag.person != person], person)
        _suggested(opened, row, of_words, mine, person)
        _note(opened, image, note, person)
        _state(opened, image, state, person, after)


def _tags(
    opened: Opened, image: str, word: str, step: int, mine: Sequence[Tag], known: Sequence[str], person: str
) -> None:
    labels = {WORD: f"“{word}”", CAPTION: "the whole caption"}
    target = st.segmented_control(
        "What is wrong with", [WORD, CAPTION], format_func=labels.__getitem__, default=WORD, required=True, key="target"
    )
    place = step if target == WORD else None
    here = {tag.tag for tag in mine if tag.word == place}
    with st.container(horizontal=True, gap="small"):
        for i, tag in enumerate(known):
            chosen = tag in here
            st.button(
                tag,
                key=f"tag {tag}",
                icon=":material/check:" if chosen else None,
                help=HELP.get(tag, "A tag of your own.") + (" Again takes it back." if chosen else ""),
                on_click=_kept(_toggle, opened, image, tag, place, chosen, person),
                shortcut=KEYS[i] if i < len(TAXONOMY) else None,
            )
        key = "own_tag"

        def add() -> None:
            text = st.session_state[key].strip()
            st.session_state[key] = ""
            if text:
                _kept(_toggle, opened, image, text, place, False, person)()

        st.text_input(
            "A tag of your own",
            key=key,
            max_chars=TAG_LENGTH,
            placeholder="a tag of your own",
            label_visibility="collapsed",
            on_change=add,
            width=170,
        )


def _given(opened: Opened, row: Mapping[str, Any], mine: Sequence[Tag], others: Sequence[Tag], person: str) -> None:
    if mine:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption("You say:")
            for i, tag in enumerate(mine):
                st.button(
                    f"{tag.tag}: {_where(tag, row['words'])}",
                    key=f"given {i} {tag.tag} {tag.word}",
                    icon=":material/close:",
                    type="tertiary",
                    help="Take it back",
                    on_click=_kept(_toggle, opened, row["image"], tag.tag, tag.word, True, person),
                )
    if others:
        said = "; ".join(f"{tag.person}: {tag.tag} ({_where(tag, row['words'])})" for tag in others)
        st.caption(f"Others say: {links.plain(said)}.")


def _suggested(
    opened: Opened,
    row: Mapping[str, Any],
    of_words: Sequence[Mapping[str, Any]],
    mine: Sequence[Tag],
    person: str,
    readonly: bool = False,
) -> None:
    there = {(tag.tag, tag.word) for tag in mine}
    found = [one for one in suggest(row, of_words, opened.classes) if (one.tag, one.word) not in there]
    if not found:
        return
    st.caption("It may be, by the references:")
    for i, one in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{one.tag}** “{row['words'][one.word]}”. {links.plain(one.reason)}", width="stretch")
            if not readonly:
                st.button(
                    "Yes",
                    key=f"confirm {one.tag} {one.word}",
                    icon=":material/check:",
                    help="Tag the word so.",
                    on_click=_kept(_confirm, opened, row["image"], one, person),
                    shortcut="y" if i == 0 else None,
                )


def _note(opened: Opened, image: str, note: str, person: str) -> None:
    key = f"note {opened.key} {image} {person}"
    st.session_state.setdefault(key, note)

    def write() -> None:
        text = st.session_state[key]
        _kept(lambda: book().set_note(opened.key, image, text, person=person))()

    st.text_area(
        "Note",
        key=key,
        max_chars=NOTE_LENGTH,
        placeholder="Why is it so?",
        height=70,
        on_change=write,
    )


def _state(opened: Opened, image: str, state: str, person: str, after: str | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Reviewed, next",
            key="done",
            icon=":material/check:",
            on_click=_kept(_mark, opened, image, "reviewed", person, after),
            shortcut="d",
        )
        st.button(
            "Later, next",
            key="later",
            icon=":material/schedule:",
            on_click=_kept(_mark, opened, image, "later", person, after),
            shortcut="l",
        )
        if state != "new":
            st.badge(
                "reviewed" if state == "reviewed" else "for later", color="green" if state == "reviewed" else "gray"
            )
            st.button(
                "Undo",
                key="undo",
                type="tertiary",
                on_click=_kept(_mark, opened, image, "new", person, image),
            )
    st.caption("Keys: arrows walk through the words, 1 to 7 tag, Y confirms, D and L go on, N and B turn.")


def _toggle(opened: Opened, image: str, tag: str, word: int | None, given: bool, person: str) -> None:
    change = book().remove_tag if given else book().add_tag
    change(opened.key, image, tag, person=person, word=word)


def _confirm(opened: Opened, image: str, one: Suggestion, person: str) -> None:
    book().add_tag(opened.key, image, one.tag, person=person, word=one.word)


def _mark(opened: Opened, image: str, state: State, person: str, after: str | None) -> None:
    book().set_state(opened.key, image, state, person=person)
    if after is not None and after != image:
        nav.go(None, after)


def _kept(change: Callable[..., None], *args: Any) -> Callable[[], None]:
    """A change of the review for a button; what stands in its way is said on the page."""

    def do() -> None:
        try:
            change(*args)
        except UserError as error:
            st.session_state[_PROBLEM] = str(error)

    return do


def _where(tag: Tag, words: Sequence[str]) -> str:
    if tag.word is None:
        return "the caption"
    return f"“{words[tag.word]}”" if tag.word < len(words) else f"word {tag.word + 1}"
