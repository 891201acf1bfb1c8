"""The what-ifs of a caption in one visitor's session: a small tree, kept in the session and in the address."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st
from torch import Tensor

from sat.analysis.branch import Branch
from sat.analysis.tree import MAX_NAME, ROOT, BranchTree
from sat.config import Decoding
from sat.decoding.interventions import Edit, to_records
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace
from sat.ui import links
from sat.ui.models import get_annotations, get_branch

CAPTIONS = 8  # whose trees a session keeps
_TREES = "_branches"


@dataclass
class _Kept:
    """What is kept of one caption: the tree, the branch that is changed further (``base``), the one that is open."""

    tree: BranchTree = field(default_factory=BranchTree)
    base: int = ROOT
    open: int | None = None
    problem: str = ""


class Branches:
    """The branches of one caption. Every change of them is computed first, so that none that fails is kept."""

    def __init__(self, model: str, picture: Picture, decoding: Decoding, trace: Trace) -> None:
        self.model, self.picture, self.decoding, self.trace = model, picture, decoding, trace
        trees: OrderedDict[str, _Kept] = st.session_state.setdefault(_TREES, OrderedDict())
        fresh = trace.identity not in trees
        self._kept = trees.setdefault(trace.identity, _Kept())
        trees.move_to_end(trace.identity)
        while len(trees) > CAPTIONS:
            trees.popitem(last=False)
        if fresh and links.first_run():
            self._from_address()

    @property
    def tree(self) -> BranchTree:
        return self._kept.tree

    @property
    def base(self) -> int:
        """The branch whose caption is changed, or ``ROOT``."""
        return self._kept.base

    @property
    def open(self) -> int | None:
        """The branch that is shown beside the base; its child."""
        return self._kept.open

    @property
    def base_trace(self) -> Trace:
        return self.trace if self.base == ROOT else self.branch(self.base).trace

    @property
    def base_picture(self) -> Picture:
        """What the base's caption is of: the picture, or what erasing has left of it."""
        return self.picture if self.base == ROOT else self.branch(self.base).picture or self.picture

    @property
    def base_annotations(self) -> Tensor:
        """What the base's caption was written from, (1, L, D)."""
        return get_annotations(self.model, self.picture) if self.base == ROOT else self.branch(self.base).raw

    def branch(self, id: int, tree: BranchTree | None = None) -> Branch:
        """A branch, computed if need be.

        Raises:
            UserError: there is none, or its edits do not fit the caption.
        """
        path = tuple(json.dumps(to_records(node.edits)) for node in (tree or self.tree).path(id))
        return get_branch(self.model, self.picture, self.decoding, path)

    def opened(self) -> Branch | None:
        """The branch that is shown."""
        return None if self.open is None else self.branch(self.open)

    def name(self, id: int) -> str:
        """What a branch is called."""
        return "Original" if id == ROOT else self.tree.node(id).name

    def problem(self) -> str:
        """What went wrong with the last change, once."""
        said, self._kept.problem = self._kept.problem, ""
        return said

    def add(self, edits: Sequence[Edit], name: str) -> None:
        """Make a branch of the base and open it; what cannot be made is said by ``problem``."""
        try:
            tree, id = self.tree.add(self.base, edits, name[:MAX_NAME])
            self.branch(id, tree)
        except UserError as error:
            self._kept.problem = str(error)
            return
        self._keep(tree, self.base, id)

    def show(self, id: int | None) -> None:
        """Open a branch beside its parent; ``ROOT`` or None shows the original alone."""
        if id is None or id == ROOT:
            self._keep(self.tree, ROOT, None)
        else:
            self._keep(self.tree, self.tree.node(id).parent, id)

    def build_on(self, id: int) -> None:
        """Change a branch further: it becomes the base."""
        self._keep(self.tree, id, None)

    def rename(self, id: int, name: str) -> None:
        """Call a branch otherwise."""
        try:
            self._keep(self.tree.rename(id, name), self.base, self.open)
        except UserError as error:
            self._kept.problem = str(error)

    def remove(self, id: int) -> None:
        """Forget a branch and what hangs on it."""
        self._keep(self.tree.remove(id), ROOT, None)

    def to_json(self) -> str:
        """The tree with everything that its branches changed."""
        record = {
            "model": self.model,
            "picture": self.picture.digest,
            "decoding": self.decoding.model_dump(mode="json"),
            "original": self.trace.to_dict(),
            "branches": [{**record, **self.branch(record["id"]).to_dict()} for record in self.tree.to_records()],
        }
        return json.dumps(record)

    def _keep(self, tree: BranchTree, base: int, open_: int | None) -> None:
        kept = self._kept
        kept.tree, kept.base, kept.open, kept.problem = tree, base, open_, ""
        self._to_address()

    def _to_address(self) -> None:
        shown = self.open if self.open is not None else self.base
        if not self.tree.nodes:
            links.forget(links.BRANCHES)
            links.forget(links.OPEN)
            return
        try:
            st.query_params[links.BRANCHES] = self.tree.to_link()
        except UserError as error:
            self._kept.problem = str(error)
            links.forget(links.BRANCHES)
            links.forget(links.OPEN)
            return
        if shown == ROOT:
            links.forget(links.OPEN)
        else:
            st.query_params[links.OPEN] = str(shown)

    def _from_address(self) -> None:
        text = st.query_params.get(links.BRANCHES)
        if text is None:
            return
        try:
            tree = BranchTree.from_link(text)
            for node in tree.nodes:
                self.branch(node.id, tree)
            asked = st.query_params.get(links.OPEN, "")
            id = int(asked) if links.whole(1, 10**6)(asked) else tree.nodes[-1].id
            self._kept.tree, self._kept.base, self._kept.open = tree, tree.node(id).parent, id
        except (UserError, IndexError) as error:
            self._kept.tree, self._kept.base, self._kept.open = BranchTree(), ROOT, None
            reason = str(error) or "it holds no branch."
            self._kept.problem = f"The branches of this link cannot be shown: {reason}"
            links.forget(links.BRANCHES)
            links.forget(links.OPEN)
