"""Charts show the trace's own numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from handmade import make_trace

from sat.drawing.charts import ACCENT, look_share, next_words, over_words, percent

CAPTION = "a dog runs on grass"


def test_next_words_shows_the_trace_best_first():
    step = make_trace(CAPTION).steps[2]
    (bars,) = next_words(step).data
    assert list(bars.customdata) == [word for word, _ in step.top]
    assert list(bars.x) == [p for _, p in step.top]
    assert [c == ACCENT for c in bars.marker.color] == [word == step.word for word, _ in step.top]


def test_a_word_from_outside_the_best_is_added():
    step = replace(make_trace(CAPTION).steps[2], word="zebra", log_prob=math.log(1e-4))
    (bars,) = next_words(step).data
    assert bars.customdata[-1] == "zebra" and bars.x[-1] == pytest.approx(1e-4)
    assert list(bars.marker.color).count(ACCENT) == 1


def test_over_words_has_a_panel_a_quantity():
    trace = make_trace(CAPTION)
    logs, places, gates = over_words(trace, 1).data
    assert list(logs.y) == [s.log_prob for s in trace.steps]
    assert list(places.y) == pytest.approx([math.exp(s.entropy) for s in trace.steps])
    assert list(gates.y) == [s.beta for s in trace.steps]
    assert logs.marker.color[1] == ACCENT and logs.marker.color[0] != ACCENT


def test_without_attention_only_log_probabilities_are_left():
    trace = make_trace(CAPTION, attention="none")
    (logs,) = over_words(trace, 0).data
    assert len(logs.y) == 5
    assert look_share(trace, (0, 3), (0, 3), 0) is None


def test_look_share_sums_the_box():
    trace = make_trace(CAPTION)
    (bars,) = look_share(trace, (2, 4), (9, 11), 0).data
    for share, step in zip(bars.y, trace.steps, strict=True):
        assert share == pytest.approx(step.alpha[2:5, 9:12].sum(), abs=1e-6)


@pytest.mark.parametrize(
    ("p", "said"), [(0.624, "62 %"), (1.0, "100 %"), (0.0412, "4.1 %"), (0.0999, "10 %"), (1e-6, "<0.1 %")]
)
def test_percent(p, said):
    assert percent(p) == said
