"""Traces: what they say of a caption, and that files keep every bit of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sat.errors import UserError
from sat.trace import BeamNode, Step, Trace, entropy

finite = st.floats(-100, 0)
words = st.text(max_size=8)
alphas = hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32))


@st.composite
def traces(draw) -> Trace:
    """Any trace: soft, hard or without attention, ended or cut, with or without its tree, even without words."""
    attention, context = draw(
        st.sampled_from([("soft", "expected"), ("hard", "argmax"), ("hard", "sample"), ("none", None)])
    )
    attends, glimpses = attention != "none", context in ("argmax", "sample")
    step = st.builds(
        Step,
        word=words,
        log_prob=finite,
        alpha=alphas if attends else st.none(),
        place=st.tuples(st.integers(0, 2), st.integers(0, 3)) if glimpses else st.none(),
        beta=st.floats(0, 1) if attends else st.none(),
        entropy=st.floats(0, 6) if attends else st.none(),
        top=st.lists(st.tuples(words, st.floats(0, 1)), max_size=3).map(tuple),
    )
    node = st.builds(
        BeamNode, st.integers(-1, 5), st.integers(0, 5), words, finite, finite, st.one_of(st.none(), finite)
    )
    return Trace(
        model=draw(words),
        attention=attention,
        context=context,
        decoding={"method": "beam", "beam": draw(st.integers(1, 9)), "context": context},
        picture=draw(words),
        steps=tuple(draw(st.lists(step, max_size=4))),
        end_log_prob=draw(st.one_of(st.none(), finite)),
        tree=tuple(draw(st.lists(node, max_size=3))),
    )


def assert_same(one: Trace, other: Trace) -> None:
    """Equal to the last bit, types included."""
    assert one.to_dict("x") == other.to_dict("x")
    assert (one.tree, one.decoding, one.words) == (other.tree, other.decoding, other.words)
    for a, b in zip(one.steps, other.steps, strict=True):
        assert (a.place, a.top) == (b.place, b.top)
        assert (a.alpha is None) == (b.alpha is None)
        if a.alpha is not None and b.alpha is not None:
            assert a.alpha.dtype == b.alpha.dtype == np.float32
            np.testing.assert_array_equal(a.alpha, b.alpha)


@settings(max_examples=40)
@given(trace=traces())
def test_files_keep_every_bit(trace, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    trace.save_json(folder / "trace.json")
    assert_same(Trace.load_json(folder / "trace.json"), trace)
    trace.save_npz(folder / "trace.npz")
    assert_same(Trace.load_npz(folder / "trace.npz"), trace)
    assert_same(Trace.from_dict(json.loads(json.dumps(trace.to_dict()))), trace)


@pytest.fixture
def trace() -> Trace:
    top = (("dog", 0.5), ("cat", 0.25))
    alpha = np.array([[0.5, 0.25], [0.25, 0.0]], np.float32)
    flat = np.full((2, 2), 0.25, np.float32)
    steps = (Step("a", -0.5, alpha, (1, 0), 0.75, 1.04, top), Step("dog", -0.25, flat, (0, 1), 0.5, 1.386, top))
    return Trace("hard-x", "hard", "sample", {"method": "greedy"}, "abc", steps, -0.125)


def test_what_it_says(trace: Trace):
    assert trace.caption == "a dog" and trace.words == ["a", "dog"]
    assert trace.log_prob == -0.875
    assert trace.alphas is not None and trace.alphas.shape == (2, 2, 2)
    np.testing.assert_array_equal(trace.glimpses, [[[0, 0], [1, 0]], [[0, 1], [0, 0]]])


def test_the_arrays_of_an_npz_can_be_read_without_this_program(trace: Trace, tmp_path: Path):
    trace.save_npz(tmp_path / "trace")  # the name is kept as it is
    assert os.listdir(tmp_path) == ["trace"]
    with np.load(tmp_path / "trace") as arrays:
        np.testing.assert_array_equal(arrays["alphas"], trace.alphas)
        np.testing.assert_array_equal(arrays["log_probs"], [-0.5, -0.25])
        np.testing.assert_array_equal(arrays["betas"], [0.75, 0.5])
        np.testing.assert_array_equal(arrays["places"], [[1, 0], [0, 1]])


def test_the_schema_of_the_command_line(trace: Trace):
    record = trace.to_dict("photo.jpg")
    promised = ["image", "model", "context", "caption", "words", "log_prob", "end_log_prob", "steps"]
    assert set(promised) <= set(record) and record["image"] == "photo.jpg"
    step = record["steps"][0]
    assert list(step) == ["word", "log_prob", "alpha", "place", "beta", "entropy", "top"]
    assert step["alpha"] == [[0.5, 0.25], [0.25, 0.0]] and step["place"] == [1, 0]
    assert step["top"] == [["dog", 0.5], ["cat", 0.25]]


def test_entropy():
    assert entropy(np.full((14, 14), 1 / 196)) == pytest.approx(np.log(196))
    assert entropy(np.eye(14)[:1]) == 0
    assert entropy(np.full((3, 2, 2), 0.25)).shape == (3,)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'"x"', b"null", b"[" * 100_000, b'{"steps": [{"word": 1}]}']
)
def test_a_damaged_json_is_one_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        Trace.load_json(tmp_path / "t.json")
    assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=40)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.one_of(st.none(), st.integers(0, 2000)))
def test_a_damaged_npz_is_one_sentence_or_a_trace(position, value, cut, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    alpha = np.full((3, 4), 1 / 12, np.float32)
    Trace("m", "soft", "expected", {}, "p", (Step("a", -1.0, alpha, None, 0.5, 2.5, ()),), -1.0).save_npz(path)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data[:cut])
    try:
        Trace.load_npz(path)
    except UserError as error:
        assert len(str(error).splitlines()) == 1


def test_an_npz_with_too_few_maps(trace: Trace, tmp_path: Path):
    record = trace.to_dict()
    np.savez(tmp_path / "t.npz", record=np.array(json.dumps(record)), alphas=np.zeros((1, 2, 2), np.float32))
    with pytest.raises(UserError, match="not a trace"):
        Trace.load_npz(tmp_path / "t.npz")


def test_a_full_disk_leaves_the_old_files(trace: Trace, tmp_path: Path, full_disk):
    trace.save_json(tmp_path / "t.json")
    trace.save_npz(tmp_path / "t.npz")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    larger = Trace("m", "hard", "sample", {}, "p", trace.steps * 50, None)
    for save in (larger.save_json, larger.save_npz):
        with pytest.raises(UserError, match="File too large"), full_disk():
            save(tmp_path / ("t.json" if save == larger.save_json else "t.npz"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
