"""First come, first served."""

from __future__ import annotations

import threading
import time

import pytest

from sat.errors import UserError
from sat.turns import Line


def test_one_after_the_other_in_the_order_of_coming():
    line = Line(places=1)
    first = line.try_turn()
    assert first is not None and line.try_turn() is None
    order: list[int] = []

    def visit(number: int) -> None:
        with line.queued() as turn:
            while not turn.wait(0.01):
                pass
            order.append(number)

    visitors = []
    for number in range(5):
        visitors.append(threading.Thread(target=visit, args=(number,)))
        visitors[-1].start()
        while len(line._waiting) <= number:
            time.sleep(0.001)
    assert order == [] and [turn.before for turn in line._waiting] == [1, 2, 3, 4, 5]
    line.end(first)
    for visitor in visitors:
        visitor.join(10)
    assert order == [0, 1, 2, 3, 4]
    assert line.try_turn() is not None


def test_who_leaves_is_not_waited_for():
    line = Line(places=1)
    first = line.try_turn()
    assert first is not None
    with line.queued() as patient:
        with pytest.raises(KeyboardInterrupt), line.queued():
            raise KeyboardInterrupt
        assert not patient.wait(0) and patient.before == 1
        line.end(first)
        assert patient.wait(0) and patient.before == 0
        assert line.try_turn() is None
    assert line.try_turn() is not None


def test_nobody_overtakes_those_who_wait():
    line = Line(places=2)
    first, second = line.try_turn(), line.try_turn()
    assert first is not None and second is not None
    with line.queued() as third:
        line.end(first)
        assert line.try_turn() is None  # though a place is free
        assert third.wait(0)


def test_a_line_has_an_end():
    line = Line(places=1, longest=2)
    line.try_turn()
    with line.queued(), line.queued(), pytest.raises(UserError, match="2 visitors wait already"), line.queued():
        pass
