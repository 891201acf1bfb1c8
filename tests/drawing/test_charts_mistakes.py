"""The charts of an evaluation hold the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pytest

from sat.drawing.charts import ACCENT
from sat.drawing.charts_mistakes import AGAINST, bars, correlations, histogram, quadrants


def test_correlations_are_coloured_by_sign_where_they_are_sure():
    figure = correlations([("a", 0.5, 0.3, 0.7), ("b", -0.4, -0.6, -0.1), ("c", 0.1, -0.1, 0.3)])
    (points,) = figure.data
    assert list(points.x) == [0.5, -0.4, 0.1] and list(points.marker.color) == [ACCENT, AGAINST, "#80888f"]
    np.testing.assert_allclose(points.error_x.array, [0.2, 0.3, 0.2])
    np.testing.assert_allclose(points.error_x.arrayminus, [0.2, 0.2, 0.2])
    assert list(figure.layout.yaxis.ticktext) == ["a", "b", "c"]


def test_a_histogram_counts_every_value_once():
    values = np.array([0.0, 1.0, 1.0, 10.0, np.nan])
    figure, ends = histogram(values, "x", bins=10)
    assert sum(figure.data[0].y) == 4 and len(ends) == 10 and ends[0] == (0.0, 1.0) and ends[-1] == (9.0, 10.0)
    figure, ends = histogram(np.array([3.0, 3.0]), "x")
    assert len(ends) == 1 and list(figure.data[0].y) == [2]


def test_quadrants_show_number_and_share():
    fields = [("a", 6), ("b", 2), ("c", 0), ("d", 0)]
    figure = quadrants(fields, (("up", "down"), ("left", "right")))
    heat, points = figure.data
    assert np.array(heat.z).tolist() == [[6, 2], [0, 0]]
    assert points.text[0] == "<b>6</b><br>75 %" and [d[0] for d in points.customdata] == [0, 1, 2, 3]
    quadrants([("a", 0)] * 4, (("up", "down"), ("left", "right")))  # nothing to divide by


def test_bars_have_their_errors():
    figure = bars({"a": (10.0, 2.0), "b": (20.0, None)}, "CIDEr", 15.0)
    assert list(figure.data[0].x) == [10, 20] and list(figure.data[0].error_x.array) == [2, 0]
    assert figure.layout.shapes[0].x0 == pytest.approx(15)
