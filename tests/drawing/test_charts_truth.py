"""The truth panel's chart holds the four answers and the error of the sampled one."""

from __future__ import annotations

import numpy as np
import pytest

from sat.drawing.charts_truth import precise, truth_chart

PROBABILITY = {"marginal": 0.2, "nwgm": 0.19, "soft": 0.25, "sampled": 0.21}
SAMPLES = np.array([1, 2, 5, 10])
ESTIMATE = np.array([0.1, 0.3, 0.22, 0.21])
ERROR = np.array([np.nan, 0.1, 0.04, 0.02])


def test_three_lines_and_the_sampled_estimate_with_two_standard_errors():
    marginal, nwgm, soft, sampled = truth_chart(PROBABILITY, SAMPLES, ESTIMATE, ERROR).data
    assert [list(line.y) for line in (marginal, nwgm, soft)] == [[0.2, 0.2], [0.19, 0.19], [0.25, 0.25]]
    assert [line.name for line in (marginal, nwgm, soft)] == ["Exact marginal 20 %", "NWGM 19 %", "Soft pass 25 %"]
    assert list(sampled.x) == list(SAMPLES) and list(sampled.y) == list(ESTIMATE)
    np.testing.assert_allclose(sampled.error_y.array, [0, 0.2, 0.08, 0.04])
    assert len({line.line.color for line in (marginal, nwgm, soft, sampled)}) == 4
    assert len({line.line.dash for line in (marginal, nwgm, soft)}) == 3  # not by colour alone


def test_everything_is_in_view():
    figure = truth_chart(PROBABILITY, SAMPLES, ESTIMATE, ERROR)
    low, high = figure.layout.yaxis.range
    assert low <= 0.1 and high >= 0.5 and low >= 0
    left, right = 10 ** np.array(figure.layout.xaxis.range, float)
    assert left < 1 and right > 10
    assert list(figure.layout.xaxis.tickvals) == [1, 10]


def test_equal_answers_and_one_draw_can_be_drawn():
    same = dict.fromkeys(PROBABILITY, 1.0)
    figure = truth_chart(same, np.array([1]), np.array([1.0]), np.array([np.nan]))
    low, high = figure.layout.yaxis.range
    assert low < high <= 1


@pytest.mark.parametrize(("p", "said"), [(0.40512, "40.5 %"), (1.0, "100 %"), (0.00123456, "0.123 %"), (0.0, "0 %")])
def test_precise(p, said):
    assert precise(p) == said
