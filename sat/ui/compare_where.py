"""Which word a visitor of the Compare page is at, in both captions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from sat.drawing.overlay import View
from sat.drawing.words import first_content_word
from sat.trace import Trace
from sat.ui import links
from sat.ui.compare import Both

PLAYERS = ("first_player", "second_player")  # keys of the components
_KEY = "_compare_where"


@dataclass
class Where:
    """The word that a visitor is at, kept in the session.

    Attributes:
        identities: of the two captions that this is about; same_text: whether they are one text read twice.
        starts: the words that the players begin with.
        steps: the words that they were at when the page last ran.
        at: the pair of words that is looked at.
        view: how maps are drawn.
    """

    identities: tuple[str, str] = ("", "")
    same_text: bool = False
    starts: tuple[int, int] = (0, 0)
    steps: tuple[int, int] = (0, 0)
    at: int = 0
    view: View = field(default_factory=View)

    def follow(self, both: Both, steps: tuple[int, int]) -> None:
        """Take over where the players are now: the one that has moved says which pair is looked at.

        If both have moved and do not agree, it is the one whose word stands alone: to any other word, the other player
        would have come along.
        """
        moved = [side for side in (0, 1) if steps[side] != self.steps[side] and both.positions[side]]
        pairs = [both.positions[side][steps[side]] for side in moved]
        alone = [at for at in pairs if None in (both.pairs[at].first, both.pairs[at].second)]
        if pairs:
            self.at = (alone or pairs)[0]
        self.steps = steps

    def begin(self, both: Both, reported: tuple[int | None, int | None], asked: int | None = None) -> None:
        """Begin with other captions.

        One that stays when the other changes keeps its word, and the other begins with its counterpart. If both are
        new, it is the word that was asked for, else the first that names something.

        Args:
            reported: what the players last said about these very captions. It stands until they say something else,
                even when a caption was away in between.
            asked: the first caption's word that a link asks for.
        """
        identities = (both.traces[0].identity, both.traces[1].identity)
        fixed = list(reported)
        for side in (0, 1):
            if fixed[side] is None and identities[side] == self.identities[side]:
                fixed[side] = self.starts[side]
        lead = 1 if not both.traces[0].words or (fixed[0] is None and fixed[1] is not None) else 0
        words = both.traces[lead].words
        step = fixed[lead]
        if step is None:
            step = first_content_word(words) if asked is None else asked
        starts = [0, 0]
        starts[lead] = min(step, max(len(words) - 1, 0))
        self.at = both.positions[lead][starts[lead]] if words else 0
        other = fixed[1 - lead]
        starts[1 - lead] = word_at(both.positions[1 - lead], self.at) if other is None else other
        self.identities, self.same_text = identities, both.same_text
        self.starts = self.steps = (starts[0], starts[1])


def where_in(both: Both) -> Where:
    """Where the visitor is in these two captions; on the first visit, where the address says."""
    where: Where | None = st.session_state.get(_KEY)
    asked = None
    if where is None:
        where = st.session_state[_KEY] = Where(view=links.view_from_address())
        asked = links.step_from_address()
    captions = (both.traces[0].identity, both.traces[1].identity)
    if (where.identities, where.same_text) != (captions, both.same_text):
        first, second = (_reported(key, trace) for key, trace in zip(PLAYERS, both.traces, strict=True))
        where.begin(both, (first, second), asked)
    return where


def _reported(key: str, trace: Trace) -> int | None:
    """The word that a player last reported, if it is one of this caption."""
    at = (st.session_state.get(key) or {}).get("at")
    if not isinstance(at, dict) or not str(at.get("id")).endswith(f"/{trace.identity[:12]}"):
        return None
    step = at.get("step")
    return min(max(step, 0), len(trace.words) - 1) if isinstance(step, int) and trace.words else None


def word_at(positions: Sequence[int], at: int) -> int:
    """The word that stands in a pair, else the one before it, else the first.

    Args:
        positions: of every word, its pair; growing.
    """
    return max(bisect_right(positions, at) - 1, 0)
