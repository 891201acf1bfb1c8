"""A line before something that serves a few at a time: first come, first served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sat.errors import UserError


class Turn:
    """A place in a ``Line``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def before(self) -> int:
        """How many come first: those who are served and those who wait longer."""
        return self._line._before(self)

    def wait(self, seconds: float) -> bool:
        """Wait for at most that long; whether it is one's turn now."""
        return self._line._wait(self, seconds)


class Line:
    """Those who are served now, at most ``places``, and those who wait, at most ``longest``. Safe between threads."""

    def __init__(self, places: int = 1, longest: int = 100) -> None:
        self._places, self._longest = places, longest
        self._changed = threading.Condition()
        self._served: list[Turn] = []
        self._waiting: list[Turn] = []

    def try_turn(self) -> Turn | None:
        """A turn at once where nobody waits and there is a place; ``end`` gives it back."""
        with self._changed:
            if self._waiting or len(self._served) >= self._places:
                return None
            turn = Turn(self)
            self._served.append(turn)
            return turn

    @contextmanager
    def queued(self) -> Iterator[Turn]:
        """A place at the end of the line, given up (or given back) when the block ends.

        Raises:
            UserError: too many wait already.
        """
        turn = Turn(self)
        with self._changed:
            if len(self._waiting) >= self._longest:
                raise UserError(f"{self._longest} visitors wait already: try again in a minute.")
            self._waiting.append(turn)
        try:
            yield turn
        finally:
            self.end(turn)

    def end(self, turn: Turn) -> None:
        """Give a turn back, or the place in the line."""
        with self._changed:
            for those in (self._served, self._waiting):
                if turn in those:
                    those.remove(turn)
            self._changed.notify_all()

    def _before(self, turn: Turn) -> int:
        with self._changed:
            return len(self._served) + self._waiting.index(turn) if turn in self._waiting else 0

    def _wait(self, turn: Turn, seconds: float) -> bool:
        def next_one() -> bool:
            return turn in self._served or (
                len(self._served) < self._places and bool(self._waiting) and self._waiting[0] is turn
            )

        with self._changed:
            if not self._changed.wait_for(next_one, seconds):
                return False
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._served.append(turn)
                self._changed.notify_all()  # another place may be free for the next one
            return True
