"""Branches as a small tree that can be named, opened again, linked to and exported.

The tree holds what was asked for, not what came out: the edits of each node, on top of its parent's. Decoding is
deterministic under a seed, so ``grow`` brings the captions back.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from sat.analysis.branch import Branch, branch
from sat.config import Decoding
from sat.decoding.interventions import MAX_EDITS, Edit, edits_from, to_records
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner

ROOT = 0  # the caption as the model wrote it
MAX_NODES = 50  # without the root
MAX_NAME = 60
MAX_LINK = 4000  # characters: addresses much longer are cut by some programs
_MAX_TEXT = 200_000  # characters of a tree as JSON: what a link may unpack to
_MAX_ID = 1_000_000
_VERSION = "1"


@dataclass(frozen=True)
class Node:
    """A branch: ``edits`` made to the caption of ``parent`` (``ROOT`` or another node's id)."""

    id: int
    parent: int
    name: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class BranchTree:
    """The branches of one caption, parents before children. Changing it gives a new tree."""

    nodes: tuple[Node, ...] = ()

    def node(self, id: int) -> Node:
        """The node of that id.

        Raises:
            UserError: there is none.
        """
        for node in self.nodes:
            if node.id == id:
                return node
        raise UserError(f"There is no branch {id}: choose one of the tree.")

    def path(self, id: int) -> tuple[Node, ...]:
        """From the root's child down to a node; empty for the root."""
        found: list[Node] = []
        while id != ROOT:
            found.append(self.node(id))
            id = found[-1].parent
        return tuple(reversed(found))

    def children(self, id: int) -> tuple[Node, ...]:
        """The nodes whose parent it is."""
        return tuple(node for node in self.nodes if node.parent == id)

    def add(self, parent: int, edits: Sequence[Edit], name: str = "") -> tuple[BranchTree, int]:
        """The tree with one more node, and its id. Without a name it is called "branch" and its id.

        Raises:
            UserError: there is no such parent, no edit, or the tree is full.
        """
        id = max((node.id for node in self.nodes), default=ROOT) + 1
        return _checked((*self.nodes, Node(id, parent, name.strip() or f"branch {id}", tuple(edits)))), id

    def rename(self, id: int, name: str) -> BranchTree:
        """The tree with a node called otherwise."""
        node = replace(self.node(id), name=name.strip())
        return _checked(tuple(node if n.id == id else n for n in self.nodes))

    def remove(self, id: int) -> BranchTree:
        """The tree without a node and what hangs on it."""
        gone = {self.node(id).id}
        for node in self.nodes:  # parents come before children
            if node.parent in gone:
                gone.add(node.id)
        return BranchTree(tuple(node for node in self.nodes if node.id not in gone))

    def to_records(self) -> list[dict[str, Any]]:
        """JSON-ready records, one a node."""
        return [{"id": n.id, "parent": n.parent, "name": n.name, "edits": to_records(n.edits)} for n in self.nodes]

    @classmethod
    def from_records(cls, records: Any) -> BranchTree:
        """The inverse of ``to_records``.

        Raises:
            UserError: they are not those of a tree, or it is larger than one may be.
        """
        if not isinstance(records, list):
            raise UserError("This is not a tree of branches written by this program.")
        if len(records) > MAX_NODES:
            raise UserError(f"The tree has {len(records)} branches: keep at most {MAX_NODES}.")
        nodes = []
        for record in records:
            if not isinstance(record, dict) or set(record) != {"id", "parent", "name", "edits"}:
                raise UserError("This is not a tree of branches written by this program.")
            id, parent, name = record["id"], record["parent"], record["name"]
            if type(id) is not int or type(parent) is not int or not isinstance(name, str):
                raise UserError("This is not a tree of branches written by this program.")
            nodes.append(Node(id, parent, name, edits_from(record["edits"])))
        return _checked(tuple(nodes))

    def to_json(self) -> str:
        """As text."""
        return json.dumps(self.to_records(), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> BranchTree:
        """The inverse of ``to_json``.

        Raises:
            UserError: the text is not a tree.
        """
        if len(text) > _MAX_TEXT:
            raise UserError("This tree of branches is too large: remove some of them.")
        try:
            records = json.loads(text)
        except (ValueError, RecursionError):
            raise UserError("This is not a tree of branches written by this program.") from None
        return cls.from_records(records)

    def to_link(self) -> str:
        """As a short text that may stand in an address (letters, digits, ``-``, ``_`` and ``.``).

        Raises:
            UserError: it would be longer than ``MAX_LINK``.
        """
        packed = zlib.compress(self.to_json().encode("utf-8", "surrogatepass"), 9)
        text = f"{_VERSION}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"
        if len(text) > MAX_LINK:
            raise UserError("These branches are too much for a link: remove some, or export the tree as a file.")
        return text

    @classmethod
    def from_link(cls, text: str) -> BranchTree:
        """The inverse of ``to_link``.

        Raises:
            UserError: the text is cut, changed, or not a tree.
        """
        broken = "The branches in this link cannot be read: copy the whole link again."
        version, _, body = text.partition(".")
        if version != _VERSION or len(text) > MAX_LINK:
            raise UserError(broken)
        try:
            packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            unpacker = zlib.decompressobj()
            plain = unpacker.decompress(packed, _MAX_TEXT).decode("utf-8", "surrogatepass")
        except (ValueError, binascii.Error, zlib.error):
            raise UserError(broken) from None
        if not unpacker.eof or unpacker.unused_data:
            raise UserError(broken)
        return cls.from_json(plain)


def _checked(nodes: tuple[Node, ...]) -> BranchTree:
    """A tree of nodes that may stand in one.

    Raises:
        UserError: naming what may not.
    """
    if len(nodes) > MAX_NODES:
        raise UserError(f"The tree has {MAX_NODES} branches, as many as it may: remove one first.")
    known = {ROOT}
    for node in nodes:
        if node.id in known or not ROOT < node.id <= _MAX_ID:
            raise UserError(f"The tree has a wrong or double branch {node.id}: make the branch again.")
        if node.parent not in known:
            raise UserError(f"The branch {node.id} grows from {node.parent}, which is not there: choose another.")
        if not 0 < len(node.name) <= MAX_NAME or not node.name.isprintable():
            raise UserError(f"A branch has a name of 1 to {MAX_NAME} letters: choose another.")
        if not 0 < len(node.edits) <= MAX_EDITS:
            raise UserError(f"A branch makes 1 to {MAX_EDITS} changes, not {len(node.edits)}: make others.")
        known.add(node.id)
    return BranchTree(nodes)


def grow(
    captioner: Captioner,
    picture: Picture | None,
    trace: Trace,
    tree: BranchTree,
    *,
    only: int | None = None,
    raw: Tensor | None = None,
    decoding: Decoding | None = None,
) -> dict[int, Branch]:
    """Decode the branches of a tree again, by id.

    Args:
        trace: of the root.
        only: decode only the way to this node.
        raw: the picture's annotations (1, L, D), if they are known.
        decoding: see ``branch``.

    Raises:
        UserError: an edit does not fit the caption or the model.
    """
    grown: dict[int, Branch] = {}
    for node in tree.nodes if only is None else tree.path(only):
        parent = grown.get(node.parent, trace)
        grown[node.id] = branch(captioner, picture, parent, node.edits, raw=raw, decoding=decoding)
    return grown
