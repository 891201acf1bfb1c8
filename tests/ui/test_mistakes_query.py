"""What the address of the Mistakes page says."""

from __future__ import annotations

import pytest

from sat.evaluation.browse import Condition
from sat.ui.mistakes.query import MEASURES, Query, conditions, read, written

FULL = Query(
    sort="entropy",
    descending=True,
    words="a dog",
    refs="grass",
    wrong="any",
    object="ball",
    measure="length",
    low=3,
    high=7.5,
    tag="count",
    state="later",
    set="objects:looked-said",
    page=4,
)


@pytest.mark.parametrize("query", [Query(), FULL, Query(measure="beta", low=0.0), Query(sort="log_prob")])
def test_an_address_gives_the_query_back(query: Query):
    assert read(written(query)) == (query, [])


def test_the_usual_is_not_in_the_address():
    assert written(Query()) == {}
    assert Query().filters == 0 and FULL.filters == 8 and Query(measure="length").filters == 0


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ({"sort": "beauty"}, "sort"),
        ({"order": "sideways"}, "order"),
        ({"measure": "image"}, "measure"),
        ({"measure": "CIDEr", "from": "nan"}, "from"),
        ({"measure": "CIDEr", "to": "1e999"}, "to"),
        ({"measure": "CIDEr", "to": "9" * 5000}, "to"),
        ({"page": "0"}, "page"),
        ({"page": "²"}, "page"),
        ({"page": "9" * 50}, "page"),
        ({"words": "x" * 5000}, "words"),
    ],
)
def test_what_cannot_be_is_named_and_left_out(address: dict[str, str], wrong: str):
    query, names = read(address)
    assert names == [wrong]
    assert query in (Query(), Query(measure="CIDEr"))


def test_every_filter_is_a_condition():
    assert conditions(FULL, [("x.png",)]) == [
        Condition("words", "contains", "a"),
        Condition("words", "contains", "dog"),
        Condition("references", "mentions", "grass"),
        Condition("hallucinated", ">", 0),
        Condition("objects_in_references", "contains", "ball"),
        Condition("length", ">=", 3),
        Condition("length", "<=", 7.5),
        Condition("image", "in", ["x.png"]),
    ]
    assert conditions(Query(), []) == []


def test_every_measure_is_a_column():
    from sat.evaluation.rows import PICTURES

    assert set(MEASURES) <= set(PICTURES.names)
