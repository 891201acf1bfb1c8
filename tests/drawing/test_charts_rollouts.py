"""Charts of sampled glimpses against the places that they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from sat.drawing.charts_rollouts import LIKELIEST, glimpse_paths, places_taken
from sat.images import from_array

GRID = (6, 8)
PLACES = np.array([[[0, 0], [2, 3], [5, 7]], [[1, 1], [2, 3], [-1, -1]], [[1, 1], [4, 4], [-1, -1]]])


def drawn(figure) -> list[np.ndarray]:
    """The paths, (T, 2) each, row and column."""
    paths = []
    for line in (trace for trace in figure.data if trace.mode == "lines"):
        points = np.column_stack([line.y, line.x]).astype(float)
        ends = np.flatnonzero(np.isnan(points[:, 0]))
        paths += [part[~np.isnan(part[:, 0])] for part in np.split(points, ends)]
    return [path for path in paths if len(path)]


def test_a_path_goes_through_the_cells_of_its_glimpses(picture):
    paths = drawn(glimpse_paths(picture, PLACES, GRID, 0))
    expected = [path[path[:, 0] >= 0] for path in PLACES]
    assert sorted(map(len, paths)) == sorted(map(len, expected))
    found = sorted(np.floor(path).astype(int).tolist() for path in paths)
    assert found == sorted(path.tolist() for path in expected)


@pytest.mark.parametrize(
    ("step", "counts"), [(0, {(0, 0): 1, (1, 1): 2}), (1, {(2, 3): 2, (4, 4): 1}), (2, {(5, 7): 1})]
)
def test_discs_count_the_glimpses_of_one_word(picture, step, counts):
    discs = glimpse_paths(picture, PLACES, GRID, step).data[-1]
    places = zip(np.array(discs.y) - 0.5, np.array(discs.x) - 0.5, strict=True)
    assert dict(zip(((int(r), int(c)) for r, c in places), discs.marker.size, strict=True)) == counts
    assert [tuple(row) for row in discs.customdata] == [(r + 1, c + 1, n) for (r, c), n in sorted(counts.items())]


def test_some_of_the_paths_lie_where_they_lay_among_all(picture):
    every = {path.tobytes() for path in drawn(glimpse_paths(picture, PLACES, GRID, 0))}
    some = drawn(glimpse_paths(picture, PLACES, GRID, 0, members=[1, 2]))
    assert len(some) == 2 and {path.tobytes() for path in some} < every


def test_a_word_that_no_caption_has_leaves_the_paths(picture):
    figure = glimpse_paths(picture, PLACES, GRID, 9)
    assert len(drawn(figure)) == 3 and len(figure.data[-1].x) == 0
    empty = glimpse_paths(picture, PLACES[:, :0], GRID, 0)
    assert not drawn(empty) and len(empty.data[-1].x) == 0


def test_the_picture_keeps_its_shape(rng):
    wide = from_array(rng.integers(0, 255, (50, 200, 3), dtype=np.uint8))
    axis = glimpse_paths(wide, PLACES, GRID, 0).layout.yaxis
    # 6 rows and 8 columns over a picture four times as wide as high: a cell is three times as wide as high.
    assert axis.scaleratio == pytest.approx((50 / 6) / (200 / 8)) and axis.range == (6, 0)


def test_shares_beside_alpha_the_likeliest_place_first(rng):
    alpha = rng.dirichlet(np.ones(48)).reshape(GRID)
    histogram = rng.multinomial(200, alpha.ravel()).reshape(GRID)
    band, bars, line = places_taken(histogram, alpha).data
    order = np.argsort(-alpha.ravel())[:LIKELIEST]
    np.testing.assert_allclose(line.y, alpha.ravel()[order])
    np.testing.assert_allclose(bars.y, histogram.ravel()[order] / 200)
    rows, columns = np.unravel_index(order, GRID)
    np.testing.assert_array_equal(bars.customdata, np.column_stack([rows + 1, columns + 1, histogram.ravel()[order]]))
    upper, lower = np.split(np.asarray(band.y), 2)
    deviation = np.sqrt(alpha.ravel()[order] * (1 - alpha.ravel()[order]) / 200)
    np.testing.assert_allclose(upper, line.y + 2 * deviation)
    np.testing.assert_allclose(lower[::-1], np.maximum(line.y - 2 * deviation, 0))


def test_nothing_taken_is_no_error():
    band, bars, _ = places_taken(np.zeros(GRID, int), np.full(GRID, 1 / 48)).data
    assert not np.any(bars.y) and np.isfinite(band.y).all()
