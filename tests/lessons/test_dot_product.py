"""Dot-product attention against loops."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from sat.errors import UserError
from sat.lessons.chapters.after import glimpse, heads, started, words
from sat.lessons.dot_product import over_places, over_words, softmax

from .slow import L, places, scene_of, slow_steps, weights_of


def slow_softmax(scores):
    top = max(scores)
    raised = [exp(s - top) for s in scores]
    return [r / sum(raised) for r in raised]


def query_and_keys(scene, step):
    p, a = weights_of(scene.captioner), places(scene.captioner, scene.raw)
    keys = np.array([p["score.W_a.weight"] @ row + p["score.W_a.bias"] for row in a])
    return p["score.W_h.weight"] @ slow_steps(scene)[step]["h_before"], keys


def test_over_places_by_loops(attending):
    query, keys = query_and_keys(attending, 1)
    found = attending.look(over_places, 1, 2)
    np.testing.assert_allclose(found.query, query, atol=1e-5)
    np.testing.assert_allclose(found.keys, keys, atol=1e-5)
    np.testing.assert_allclose(found.additive, slow_steps(attending)[1]["alpha"], atol=1e-5)
    d = len(query)
    scores = [sum(q * k for q, k in zip(query, key, strict=True)) / sqrt(d) for key in keys]
    np.testing.assert_allclose(found.dot, slow_softmax(scores), atol=1e-4)
    for head, part in zip(found.heads, (slice(0, 2), slice(2, 3)), strict=True):  # three numbers in two parts
        scores = [query[part] @ key[part] / sqrt(len(query[part])) for key in keys]
        np.testing.assert_allclose(head, slow_softmax(scores), atol=1e-4)


def test_over_words_by_loops(any_scene):
    h = [step["h"] for step in slow_steps(any_scene)]
    found = any_scene.look(over_words)
    for t, query in enumerate(h):
        for scaled, rows in ((True, found.scaled), (False, found.unscaled)):
            scores = [query @ key / (sqrt(len(query)) if scaled else 1) for key in h[: t + 1]]
            np.testing.assert_allclose(rows[t, : t + 1], slow_softmax(scores), atol=1e-4)
            assert not rows[t, t + 1 :].any()  # nothing is seen of what comes later


def test_softmax_of_large_and_of_barred_scores():
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0, -np.inf])), [0.5, 0.5, 0])


def test_looks_are_counted(any_scene):
    steps = len(any_scene.words)
    found = glimpse(any_scene)
    assert found.number("looks") == steps
    assert found.number("looks_after") == sum(t + 1 for t in range(steps))
    assert found.number("way") == any_scene.step and found.number("way_after") == 1


def test_what_each_step_looks_over(any_scene):
    found, so_far = started(any_scene), any_scene.step + 1  # the start, and the words before this one
    assert found.number("cells") == L and found.number("both") == L + so_far
    years = [row[0] for row in found.tables[0].rows]
    assert years == sorted(years) and found.number("years") == years[-1] - years[0]
    here = {row[3]: row[4] for row in found.tables[0].rows}
    assert here == {
        "words before": so_far,
        "the picture's cells": L,
        "objects found first": 36,
        "cells and words": L + so_far,
    }


def test_the_screens_show_these_numbers(attending):
    rows = attending.look(over_words).scaled
    found = words(attending)
    row = rows[attending.step, : attending.step + 1]
    assert found.facts["top"] == attending.words[int(row.argmax())]
    assert found.number("spread") == pytest.approx(exp(-sum(p * np.log(p) for p in row)))
    several = heads(attending)
    maps = attending.look(over_places, attending.step, 3).heads  # three numbers: as many heads at most
    assert several.number("different") == len({int(m.argmax()) for m in maps})
    np.testing.assert_allclose([m.values.ravel() for m in several.maps], maps, atol=1e-9)


def test_heads_that_cannot_be_are_refused(attending):
    for number in (0, 4):
        with pytest.raises(UserError, match="heads"):
            attending.look(over_places, 1, number)
    with pytest.raises(UserError, match="has no attention"):
        scene_of("none").look(over_places, 1)
    assert L == 6
