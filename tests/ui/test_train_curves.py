"""From the records of runs to the lines of a chart."""

from __future__ import annotations

from sat.ui.train.curves import CHARTS, Line, curves_of

RECORDS = [
    {"kind": "step", "step": 5, "nll": 3.0, "cpu": 1.5},
    {"kind": "step", "step": 10, "nll": 2.0, "cpu": True},
    {"kind": "epoch", "step": 10, "dev": {"pointing_0": 0.5, "CIDEr": "high"}},
    {"kind": "epoch", "step": 20, "dev": "damaged"},
    {"kind": "meteor", "step": 10, "METEOR": 21.5},
    {"kind": "odd"},
]


def test_values_stand_at_their_epoch():
    assert curves_of({"a": (RECORDS, 10.0)}, CHARTS["Loss a word"]) == {"this run": ([0.5, 1.0], [3.0, 2.0])}
    assert curves_of({"a": (RECORDS, 10.0)}, CHARTS["Looks at what it names, %"]) == {
        "points into the box": ([1.0], [50.0])
    }
    assert curves_of({"a": (RECORDS, 10.0)}, CHARTS["Dev BLEU-4 and METEOR"]) == {"METEOR": ([1.0], [21.5])}


def test_what_is_no_number_is_left_out():
    assert curves_of({"a": (RECORDS, 10.0)}, CHARTS["Processors in use"]) == {"this run": ([0.5], [1.5])}
    assert curves_of({"a": (RECORDS, 10.0)}, CHARTS["Dev CIDEr"]) == {}


def test_several_runs_are_told_apart_by_their_names():
    both = {"a": (RECORDS, 10.0), "b": (RECORDS[:1], 5.0)}
    assert curves_of(both, CHARTS["Loss a word"]) == {"a": ([0.5, 1.0], [3.0, 2.0]), "b": ([1.0], [3.0])}
    assert list(curves_of(both, [Line("x", "step", "nll"), Line("y", "step", "cpu")])) == ["a x", "a y", "b x", "b y"]
