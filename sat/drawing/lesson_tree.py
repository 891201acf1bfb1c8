"""The tree of a beam search as SVG: at every word a small picture of where the model looked for it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

COLUMN, THUMB, LABEL, GAP = 66.0, 50.0, 16.0, 8.0  # pixels; of a word, its picture, its text, and between rows
ACCENT = "#1a9a8c"
GREY = "#80888f"


class TreeLike(Protocol):
    """Nodes with ``parent``, ``label``, ``value``, ``chosen`` and ``final``, parents before children."""

    @property
    def nodes(self) -> Sequence[Any]: ...
    @property
    def title(self) -> str: ...


def tree(given: TreeLike, pictures: Sequence[str | None] = (), *, aspect: float = 1.0) -> str:
    """A tree that grows to the right, the chosen nodes strong; a ring stands where a sentence may end.

    Args:
        pictures: of every node a data URL, None for none; without any a dot stands for each word.
        aspect: width over height of the pictures.

    Returns:
        an ``svg`` element, its text in the colour of what is around it.
    """
    nodes = given.nodes
    kept = [i for i, node in enumerate(nodes) if not node.final]
    ends = {node.parent: node for node in nodes if node.final and node.parent >= 0}
    number = {i: k for k, i in enumerate(kept)}
    depth, row = laid_out([number.get(nodes[i].parent, -1) for i in kept], [nodes[i].chosen for i in kept])
    shown = any(pictures)
    high = min(max(THUMB / aspect, THUMB / 2), THUMB) if shown else 10.0
    step = high + LABEL + GAP
    width = (max(depth, default=0) + 1) * COLUMN + 8
    height = (max(row, default=0) + 1) * step + 4
    centre = [(8 + d * COLUMN + THUMB / 2, 4 + r * step + high / 2) for d, r in zip(depth, row, strict=True)]
    lines, marks = [], []
    for k, i in enumerate(kept):
        node, (x, y) = nodes[i], centre[k]
        colour, thick = (ACCENT, 2.5) if node.chosen else (GREY, 1.0)
        parent = number.get(node.parent)
        if parent is not None:
            px, py = centre[parent]
            way = f"M{px:.1f} {py:.1f} C{px + COLUMN / 2:.1f} {py:.1f} {px + COLUMN / 2:.1f} {y:.1f} {x:.1f} {y:.1f}"
            lines.append((node.chosen, f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'))
        said = f"<title>{escape(str(node.label))}: log p so far {node.value:.2f}</title>"
        picture = pictures[i] if shown else None
        if picture:
            box = f'x="{x - THUMB / 2:.1f}" y="{y - high / 2:.1f}" width="{THUMB:g}" height="{high:.1f}"'
            mark = f'<image {box} href="{picture}" preserveAspectRatio="none"/>'
            mark += f'<rect {box} rx="3" fill="none" stroke="{colour}" stroke-width="{thick}"/>'
        else:
            mark = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
        if i in ends:
            end = ends[i]
            ring = ACCENT if end.chosen else GREY
            away = THUMB / 2 if picture else 10.0
            mark += (
                f'<circle cx="{x + away:.1f}" cy="{y:.1f}" r="4.5" fill="var(--background, #fff)" stroke="{ring}" '
                f'stroke-width="2"><title>may end here: log p {end.value:.2f}</title></circle>'
            )
        weight = ' font-weight="600"' if node.chosen else ""
        mark += f'<text x="{x:.1f}" y="{y + high / 2 + 13:.1f}"{weight}>{escape(str(node.label)[:12])}</text>'
        marks.append(f"<g>{said}{mark}</g>")
    drawn = "".join(line for _, line in sorted(lines, key=lambda pair: pair[0])) + "".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(given.title)}" font-size="12" text-anchor="middle" '
        f'fill="currentColor">{drawn}</svg>'
    )


def laid_out(parents: Sequence[int], chosen: Sequence[bool] = ()) -> tuple[list[int], list[int]]:
    """Depth and row of every node: a first child goes on in its parent's row, another begins in the next row with room.

    Args:
        chosen: these come first among their siblings, so that the way through them is straight.
    """
    children: list[list[int]] = [[] for _ in parents]
    depth = [0] * len(parents)
    for i, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(i)
            depth[i] = depth[parent] + 1
    for several in children:
        several.sort(key=lambda i: not (chosen and chosen[i]))
    row = [0] * len(parents)
    taken: list[set[int]] = []  # columns of every row
    stack = [i for i, parent in enumerate(parents) if parent < 0]
    stack.sort(key=lambda i: not (chosen and chosen[i]), reverse=True)
    while stack:
        chain = [stack.pop()]
        while children[chain[-1]]:
            chain.append(children[chain[-1]][0])
        parent = parents[chain[0]]
        columns = set(range(depth[chain[0]] - 1, depth[chain[-1]] + 2))  # a column is left free to either side
        at = 0 if parent < 0 else row[parent] + 1
        while at < len(taken) and columns & taken[at]:
            at += 1
        taken += [set() for _ in range(at + 1 - len(taken))]
        taken[at] |= columns
        for node in chain:
            row[node] = at
        stack += [other for node in chain for other in children[node][1:]]
    return depth, row
