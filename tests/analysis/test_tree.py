"""The tree of branches: growing, naming, linking, and refusing what is no tree."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat.analysis.tree import MAX_LINK, MAX_NODES, ROOT, BranchTree, grow
from sat.decoding.interventions import PaintMap, edit
from sat.errors import UserError

WORD = edit({"kind": "word", "step": 1, "word": "sits"})
LOOK = edit({"kind": "cell", "step": 2, "row": 1, "column": 2})


def small() -> BranchTree:
    tree, first = BranchTree().add(ROOT, [WORD], "a name – with ünïcode")
    tree, second = tree.add(first, [LOOK, edit({"kind": "gate", "value": 0.25})])
    tree, _ = tree.add(ROOT, [edit({"kind": "shuffle", "seed": 9})])
    assert (first, second) == (1, 2)
    return tree


def test_a_tree_grows_is_named_and_pruned():
    tree = small()
    assert [n.id for n in tree.path(2)] == [1, 2] and tree.path(ROOT) == ()
    assert [n.id for n in tree.children(ROOT)] == [1, 3]
    assert tree.node(2).name == "branch 2"
    assert tree.rename(2, " looks away ").node(2).name == "looks away"
    assert [n.id for n in tree.remove(1).nodes] == [3]
    assert len(tree.nodes) == 3  # the old tree is as it was


def test_json_and_link_bring_it_back():
    tree = small()
    assert BranchTree.from_json(tree.to_json()) == tree
    link = tree.to_link()
    assert BranchTree.from_link(link) == tree
    assert set(link) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(link) < 300
    assert BranchTree.from_link(BranchTree().to_link()) == BranchTree()


def test_a_painted_map_fits_into_a_link_and_comes_back_exactly():
    painted = PaintMap.of(np.random.default_rng(0).random((14, 14)), 3)
    tree, _ = BranchTree().add(ROOT, [painted])
    assert BranchTree.from_link(tree.to_link()) == tree
    for _ in range(20):
        tree, _ = tree.add(ROOT, [PaintMap.of(np.random.default_rng(len(tree.nodes)).random((14, 14)), 3)])
    with pytest.raises(UserError, match="too much for a link"):
        tree.to_link()


@given(st.text(max_size=200))
def test_any_other_text_is_refused_in_one_sentence(text):
    for reader in (BranchTree.from_link, BranchTree.from_json):
        try:
            reader(text)
        except UserError as error:
            assert str(error).endswith(".") and "\n" not in str(error)
        else:
            assert text.strip() == "[]"


@given(st.data())
def test_a_damaged_link_is_refused_or_is_a_tree(data):
    link = small().to_link()
    at = data.draw(st.integers(0, len(link) - 1))
    damaged = link[:at] + data.draw(st.sampled_from("Aa0-_.!é")) + link[at + 1 :]
    try:
        tree = BranchTree.from_link(damaged)
    except UserError:
        return
    assert tree == small()  # the same letter, or bits that base64 does not use


def test_a_link_that_unpacks_to_a_flood_is_refused():
    bomb = zlib.compress(b"[" + b" " * 50_000_000 + b"]", 9)
    text = "1." + base64.urlsafe_b64encode(bomb).decode().rstrip("=")
    with pytest.raises(UserError):
        BranchTree.from_link(text)
    small_bomb = zlib.compress(b" " * 1_000_000 + b"[]", 9)
    text = "1." + base64.urlsafe_b64encode(small_bomb).decode().rstrip("=")
    assert len(text) < MAX_LINK
    with pytest.raises(UserError, match="cannot be read"):
        BranchTree.from_link(text)


@pytest.mark.parametrize(
    "records",
    [
        {},
        [1],
        [{"id": 1, "parent": 0, "name": "x"}],
        [{"id": 1, "parent": 0, "name": "x", "edits": []}],
        [{"id": 1, "parent": 0, "name": "", "edits": [{"kind": "uniform"}]}],
        [{"id": 1, "parent": 0, "name": "x" * 61, "edits": [{"kind": "uniform"}]}],
        [{"id": 1, "parent": 0, "name": "a\nb", "edits": [{"kind": "uniform"}]}],
        [{"id": 1, "parent": 2, "name": "x", "edits": [{"kind": "uniform"}]}],
        [{"id": 1, "parent": 1, "name": "x", "edits": [{"kind": "uniform"}]}],
        [{"id": 0, "parent": 0, "name": "x", "edits": [{"kind": "uniform"}]}],
        [{"id": True, "parent": 0, "name": "x", "edits": [{"kind": "uniform"}]}],
        [{"id": 1, "parent": 0, "name": "x", "edits": [{"kind": "uniform"}]}] * 2,
        [{"id": 1, "parent": 0, "name": "x", "edits": [{"kind": "uniform"}] * 33}],
        [{"id": 1, "parent": 0, "name": "x", "edits": [{"kind": "nonsense"}]}],
        [{"id": 1, "parent": 0, "name": "x", "edits": "uniform"}],
        [{"id": 1, "parent": 0, "name": "x", "edits": [{"kind": "gate", "value": float("nan")}]}],
        [{"id": 1, "parent": 0, "name": "x", "edits": [{"kind": "cell", "row": 1e300, "column": 0}]}],
        [{"id": i + 1, "parent": 0, "name": "x", "edits": [{"kind": "uniform"}]} for i in range(MAX_NODES + 1)],
    ],
)
def test_records_that_are_no_tree_are_refused(records):
    with pytest.raises(UserError):
        BranchTree.from_records(records)
    with pytest.raises(UserError):
        BranchTree.from_json(json.dumps(records))


def test_a_full_tree_takes_no_more():
    tree = BranchTree()
    for _ in range(MAX_NODES):
        tree, _ = tree.add(ROOT, [WORD])
    with pytest.raises(UserError, match="as many as it may"):
        tree.add(ROOT, [WORD])
    with pytest.raises(UserError, match="no branch 77"):
        tree.node(77)


def test_a_tree_is_decoded_again_the_same(attending):
    captioner, raw, trace = attending
    tree, first = BranchTree().add(ROOT, [WORD])
    tree, second = tree.add(first, [edit({"kind": "uniform", "step": 0})])
    tree, third = tree.add(ROOT, [edit({"kind": "shuffle", "seed": 2})])
    grown = grow(captioner, None, trace, tree, raw=raw)
    assert set(grown) == {first, second, third}
    assert grown[second].original is grown[first].trace
    again = grow(captioner, None, trace, BranchTree.from_link(tree.to_link()), raw=raw, only=second)
    assert set(again) == {first, second}
    assert again[second].trace.words == grown[second].trace.words
    assert again[second].trace.log_prob == grown[second].trace.log_prob
