"""Words that looked at cells, and cells asked for words."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.cells import ask_cells, looks
from sat.errors import UserError

from .small import COLUMNS, ROWS, VOCABULARY, L, captioned, plain_steps


def test_how_much_each_word_looked_at_a_box(attending):
    _, _, trace = attending
    inside = np.array([[1, 0.5, 0], [0, 0, 1]])
    for glimpses in (False, True):
        found = looks(trace, inside, glimpses=glimpses)
        assert found.words == tuple(trace.words)
        for t, step in enumerate(trace.steps):
            weights = step.glimpse if glimpses else step.alpha
            mass = sum(weights[r, c] * inside[r, c] for r in range(ROWS) for c in range(COLUMNS))
            assert found.mass[t] == pytest.approx(mass, abs=1e-6)
            assert found.times_uniform[t] == pytest.approx(mass / (2.5 / 6), abs=1e-6)
    np.testing.assert_allclose(looks(trace, np.ones((2, 3), bool)).mass, 1, atol=1e-6)


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.ones((3, 2)), np.full((2, 3), 2.0), np.full((2, 3), np.nan)])
def test_cells_that_are_none_are_refused(attending, wrong):
    with pytest.raises(UserError):
        looks(attending[2], wrong)


def test_a_trace_without_maps_is_refused():
    with pytest.raises(UserError, match="has no attention"):
        looks(captioned("none")[2], np.ones((2, 3)))


def test_asking_every_cell_equals_looking_there_one_by_one(attending):
    captioner, raw, trace = attending
    for step in (0, 2, len(trace.words)):
        found = captioner.analyse(ask_cells, raw, trace, step, "red")
        for place in range(L):
            p = np.exp(plain_steps(captioner, raw, trace, {step: np.eye(L)[place]})[step])
            r, c = divmod(place, COLUMNS)
            writable = [i for i in range(len(p)) if i not in (0, 1, 3)]
            best = max(writable, key=lambda i: p[i])
            assert found.top[r][c] == VOCABULARY.words[best]
            assert found.probability[r, c] == pytest.approx(p[best], abs=1e-5)
            assert found.word_probability[r, c] == pytest.approx(p[VOCABULARY.encode(["red"])[0]], abs=1e-5)
        usual = np.exp(plain_steps(captioner, raw, trace)[step][VOCABULARY.encode(["red"])[0]])
        assert found.usual == pytest.approx(usual, abs=1e-5)
    assert captioner.analyse(ask_cells, raw, trace, 1).word == trace.words[1]
