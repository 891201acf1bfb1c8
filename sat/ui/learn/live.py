"""The live part of a screen: values, the formula with the numbers in it, maps, charts, trees and tables."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
import streamlit as st

from sat.drawing import charts_lessons, lesson_tree
from sat.drawing.overlay import View, overlay
from sat.drawing.signed import signed_overlay
from sat.drawing.words import describe
from sat.images import Picture
from sat.lessons.numbers import Map, Numbers, Patch, Tree, Value
from sat.lessons.scene import Scene
from sat.ui.closer import small
from sat.ui.learn.gallery import gallery_picture
from sat.ui.svg import svg

CHART = {"displayModeBar": False}
PATCH, PATCH_WIDTH = 160, 112  # pixels; of a patch as it is sent, and as it is shown
_FACTS = """<style>
.facts {display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.9rem 1.25rem;
  margin: 0 !important; padding: 0 !important}
.facts div {display: flex; flex-direction: column; min-width: 0}
.facts dd {order: 1; margin: 0; font-weight: 600; font-size: 1.125rem; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums}
.facts dt {order: 2; font-size: 0.8125rem; line-height: 1.35; opacity: 0.72}
</style>"""


def numbers(found: Numbers, scene: Scene) -> None:
    """Draw it all."""
    if found.filled:
        st.latex(found.filled)
    facts(found.shown)
    if found.maps and scene.picture is not None:
        beside = [one.values for one in found.maps if one.shared]
        for column, one in zip(st.columns(max(len(found.maps), 2)), found.maps, strict=False):
            with column:
                drawn = _map(one, one.picture or scene.picture, beside)
                st.image(drawn, caption=one.title, alt=f"{one.title}: {_said(one)}", width="stretch")
    if found.patches and scene.picture is not None:
        _patches(found.patches, scene.picture)
    for i, chart in enumerate(found.charts):
        st.markdown(f"**{chart.title}**")
        st.plotly_chart(charts_lessons.chart(chart), config=CHART, key=f"lesson {i} {chart.title}", alt=chart.title)
    for i, grid in enumerate(found.grids):
        st.markdown(f"**{grid.title}**")
        st.plotly_chart(charts_lessons.grid(grid), config=CHART, key=f"grid {i} {grid.title}", alt=grid.title)
    for tree in found.trees:
        st.markdown(f"**{tree.title}**")
        _tree(tree, scene.picture)
    for table in found.tables:
        st.markdown(f"**{table.title}**")
        rows = [table.text(row) for row in range(len(table.rows))]
        st.table({name: [row[i] for row in rows] for i, name in enumerate(table.columns)}, hide_index=True)


def facts(values: Sequence[Value]) -> None:
    """Values in columns, each above its label, so that the numbers of a row stand on one line."""
    if not values:
        return
    listed = "".join(f"<div><dt>{escape(v.label)}</dt><dd>{escape(v.text)}</dd></div>" for v in values)
    st.html(f'{_FACTS}<dl class="facts">{listed}</dl>')


def _patches(patches: Sequence[Patch], own: Picture) -> None:
    with st.container(horizontal=True, gap="small"):
        for patch in patches:
            picture = own if not patch.picture else gallery_picture(patch.picture)
            if picture is not None:
                st.image(_cut(picture, patch), caption=patch.title, alt=f"Cell: {patch.title}", width=PATCH_WIDTH)


def _cut(picture: Picture, patch: Patch) -> np.ndarray:
    """A patch of a picture, uint8 (PATCH, PATCH, 3)."""
    height, width = picture.display.shape[:2]
    top, left, bottom, right = patch.box
    y, x = int(top * height), int(left * width)
    cut = picture.display[y : max(round(bottom * height), y + 1), x : max(round(right * width), x + 1)]
    return cv2.resize(cut, (PATCH, PATCH), interpolation=cv2.INTER_AREA if cut.shape[0] > PATCH else cv2.INTER_LINEAR)


def _tree(tree: Tree, picture: Picture | None) -> None:
    thumbs: list[str | None] = []
    aspect = 1.0
    if picture is not None and any(node.map is not None for node in tree.nodes):
        aspect = float(np.clip(picture.aspect, 0.5, 2.0))
        wide = round(2 * lesson_tree.THUMB)
        ground = cv2.resize(picture.display, (wide, max(1, round(wide / aspect))), interpolation=cv2.INTER_AREA)
        thumbs = [None if node.map is None else _thumb(ground, node.map) for node in tree.nodes]
    svg(lesson_tree.tree(tree, thumbs, aspect=aspect), key="lesson_tree", label=tree.title)


def _thumb(ground: np.ndarray, values: np.ndarray) -> str:
    """A small picture with a map over it, as a data URL."""
    drawn = overlay(ground, values[None], 0, View(style="paper", scale="own"))
    return jpeg_url(drawn)


def jpeg_url(rgb: np.ndarray) -> str:
    """A small picture, uint8 (H, W, 3), as a data URL."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done, "OpenCV could not encode a JPEG"
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _map(one: Map, picture: Picture, beside: Sequence[np.ndarray]) -> np.ndarray:
    """A map over its picture; ``beside`` are all maps that share a scale."""
    shown = small(picture)
    if one.signed:
        return signed_overlay(shown, one.values, float(np.abs(one.values).max()), sigma=8.0)
    if one.shared:
        at = next(i for i, values in enumerate(beside) if values is one.values)
        return overlay(shown, np.stack(beside), at, View(style="heat", scale="shared", sigma=8.0))
    return overlay(shown, one.values[None], 0, View(style="heat", scale="own", sigma=8.0))


def _said(one: Map) -> str:
    values = np.nan_to_num(one.values).clip(0)
    return describe(values / values.sum()).removeprefix("looks ") if values.any() else "nothing above 0"
