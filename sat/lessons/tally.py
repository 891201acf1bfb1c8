"""What a class answered, kept in the server's memory until somebody resets it."""

from __future__ import annotations

import threading
from collections import OrderedDict

from sat.errors import UserError

MAX_QUESTIONS = 500  # remembered; the longest untouched is forgotten first
MAX_VOTERS = 2000  # of one question


class Tally:
    """Answers to questions, one a voter; a second answer replaces the first. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._votes: OrderedDict[str, dict[str, int]] = OrderedDict()

    def vote(self, question: str, voter: str, option: int, options: int) -> tuple[int, ...]:
        """Note an answer, and say how often each option was chosen so far.

        Args:
            question: names it, for example chapter, screen and the class's own word.
            voter: one browser; any text that stays the same.
            option: from 0; options: how many there are.

        Raises:
            UserError: there is no such option, or too many have answered.
        """
        if not 0 <= option < options:
            raise UserError(f"The question has {options} answers: choose one of them.")
        with self._lock:
            votes = self._votes.setdefault(question, {})
            self._votes.move_to_end(question)
            while len(self._votes) > MAX_QUESTIONS:
                self._votes.popitem(last=False)
            if voter not in votes and len(votes) >= MAX_VOTERS:
                raise UserError(f"{MAX_VOTERS} people have answered, as many as are counted: reset the question.")
            votes[voter] = option
            return _count(votes, options)

    def counts(self, question: str, options: int) -> tuple[int, ...]:
        """How often each option was chosen."""
        with self._lock:
            return _count(self._votes.get(question, {}), options)

    def answer(self, question: str, voter: str) -> int | None:
        """What a voter chose; None if nothing yet."""
        with self._lock:
            return self._votes.get(question, {}).get(voter)

    def reset(self, question: str | None = None) -> None:
        """Forget the answers to a question, or to all."""
        with self._lock:
            if question is None:
                self._votes.clear()
            else:
                self._votes.pop(question, None)

    def forget(self, beginning: str) -> None:
        """Forget the answers to every question whose name begins so."""
        with self._lock:
            for question in [q for q in self._votes if q.startswith(beginning)]:
                del self._votes[question]


def _count(votes: dict[str, int], options: int) -> tuple[int, ...]:
    found = [0] * options
    for option in votes.values():
        if option < options:  # the question may have had more answers on another picture
            found[option] += 1
    return tuple(found)
