"""The word player: a caption walked through word by word, with the place that the model looks at.

One Streamlit component (v2, no build step). It gets the picture and the raw maps and does the rest in the browser, so
that stepping and playing never wait for the server; what the person did comes back as ``Played``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st

from sat.drawing import overlay
from sat.drawing.charts import percent
from sat.drawing.overlay import View
from sat.drawing.words import describe
from sat.errors import UserError
from sat.images import Picture
from sat.models.encoder import Geometry
from sat.trace import Step, Trace
from sat.ui.untouched import untouched

SENT_SIDE = 800  # pixels; the longer side of the picture that goes to the browser
JPEG_QUALITY = 88

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_word_player",
    html=(_HERE / "player.html").read_text(encoding="utf-8"),
    css=(_HERE / "player.css").read_text(encoding="utf-8"),
    js=(_HERE / "player.js").read_text(encoding="utf-8"),
)


Frame = tuple[float, float, float, float]  # left, top, right and bottom, in parts of the picture's width and height


@dataclass(frozen=True)
class Box:
    """A box of cells, first and last row and column, both included."""

    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Played:
    """Where the person is: the word, how maps are drawn, and the chosen box of cells if there is one."""

    step: int
    view: View
    box: Box | None


def word_player(
    picture: Picture,
    trace: Trace,
    geometry: Geometry,
    *,
    key: str,
    start: int = 0,
    usual_start: int | None = None,
    view: View | None = None,
    reason: str | None = None,
    group: str | None = None,
    positions: Sequence[int] | None = None,
    changed_from: int | None = None,
    frames: Sequence[Sequence[Frame]] | None = None,
    on_paint: Callable[[int, np.ndarray], None] | None = None,
) -> Played:
    """Show the player and tell what was done with it.

    Args:
        picture: what was captioned.
        trace: its caption.
        geometry: of the model's annotation grid.
        key: of the component; keep it the same for one place in the page.
        start: the word to begin with; it counts when a new caption or picture is shown.
        usual_start: keep word and overlay in the page's address, this word being the one that goes without saying; None
            leaves the address alone.
        view: how to begin; afterwards the person's own choice stays.
        reason: a sentence in place of the maps, for a model without attention.
        group: players of the same group in a page follow each other in the browser: when one goes to a word,
        positions: one number a word, the others go to their word of the same number, where they have one.
        changed_from: words from this one on are marked as changed.
        frames: of every word, what is framed on the picture while the player stands at it.
        on_paint: let the person paint a map on the picture; called with the step and the map (rows, columns), from 0
            up, not all 0, before the page runs again.
    """
    view = view or View()
    data = player_data(picture, trace, geometry, start=start, usual_start=usual_start, view=view, reason=reason)
    data |= {"group": group, "positions": None if positions is None else list(positions), "paint": on_paint is not None}
    if changed_from is not None:
        data["id"] += f"/{changed_from}"
        for t, word in enumerate(data["words"]):
            word["changed"] = t >= changed_from
    if frames is not None:
        for word, of_word in zip(data["words"], frames, strict=True):
            word["frames"] = [list(frame) for frame in of_word]

    def painted() -> None:
        found = read_painting(st.session_state[key].painted, data["id"], trace)
        if on_paint is not None and found is not None:
            on_paint(*found)

    result = _component(
        key=key,
        data=untouched(data),
        on_at_change=_nothing,
        on_view_change=_nothing,
        on_box_change=_nothing,
        on_painted_change=painted,
        width="stretch",
    )
    return read_state(dict(result), data["id"], trace, start, view)


def player_data(
    picture: Picture,
    trace: Trace,
    geometry: Geometry,
    *,
    start: int = 0,
    usual_start: int | None = None,
    view: View | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Everything that the browser needs, JSON-ready."""
    jpeg, width, height = _jpeg(picture)
    alphas, glimpses = trace.alphas, trace.glimpses
    # A hard model's glimpses are maps of their own; where the expected context was used there is nothing to choose.
    taken = any(step.place is not None for step in trace.steps)
    return {
        "id": f"{picture.digest[:12]}/{trace.model}/{trace.identity[:12]}",
        "picture": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
        "width": width,
        "height": height,
        "alt": f"The picture that {trace.model} describes as: {trace.caption}",
        "rows": geometry.rows,
        "columns": geometry.columns,
        "field": geometry.receptive_field,
        "words": [_word(step) for step in trace.steps],
        "distribution": None if alphas is None else _base64(alphas),
        "glimpse": _base64(glimpses) if taken and glimpses is not None else None,
        "reason": reason,
        "start": start,
        "usual_start": usual_start,
        "view": asdict(view or View()),
        "usual": asdict(View()),
        "colours": base64.b64encode(overlay.heat_colours().tobytes()).decode("ascii"),
        "constants": {
            "contour_side": overlay.CONTOUR_SIDE,
            "heat_floor": overlay.HEAT_FLOOR,
            "contour": {
                "levels": list(overlay.CONTOUR_LEVELS),
                "line": overlay.LINE,
                "halo": overlay.HALO,
                "flat": overlay.FLAT,
            },
        },
    }


def read_state(state: dict[str, Any], identity: str, trace: Trace, start: int, view: View) -> Played:
    """What the browser reported, checked: a page must survive whatever it is sent."""
    at, box = state.get("at"), state.get("box")
    step, chosen = start, None
    last = max(len(trace.steps) - 1, 0)
    if isinstance(at, dict) and at.get("id") == identity and isinstance(at.get("step"), int):
        step = at["step"]
    if isinstance(box, dict) and box.get("id") == identity and trace.alphas is not None:
        chosen = _box(box, trace.alphas.shape[1:])
    return Played(min(max(step, 0), last), _view(state.get("view"), view), chosen)


def read_painting(painted: Any, identity: str, trace: Trace) -> tuple[int, np.ndarray] | None:
    """The step and the map (rows, columns) that the browser sent; None if it is not one for this caption."""
    if not isinstance(painted, dict) or painted.get("id") != identity or trace.alphas is None:
        return None
    step = painted.get("step")
    try:
        levels = np.asarray(painted.get("levels"), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if not isinstance(step, int) or not 0 <= step < len(trace.steps) or levels.shape != trace.alphas.shape[1:]:
        return None
    if not np.isfinite(levels).all() or levels.min() < 0 or levels.max() <= 0:
        return None
    return step, levels


def _view(reported: Any, fallback: View) -> View:
    names = [f.name for f in fields(View)]
    if not isinstance(reported, dict) or not all(name in reported for name in names):
        return fallback
    try:
        return View(**{name: reported[name] for name in names})
    except (UserError, TypeError):
        return fallback


def _box(reported: dict[str, Any], grid: tuple[int, ...]) -> Box | None:
    try:
        (top, bottom), (left, right) = (sorted(int(v) for v in reported[side]) for side in ("rows", "columns"))
    except (KeyError, TypeError, ValueError):
        return None
    if top < 0 or left < 0 or bottom >= grid[0] or right >= grid[1]:
        return None
    return Box((top, bottom), (left, right))


def _word(step: Step) -> dict[str, Any]:
    numbers = [percent(math.exp(step.log_prob))]
    if step.entropy is not None:
        places = f"{math.exp(step.entropy):.0f} places"
        numbers.append(places if step.place is None else f"one of about {places}")
    if step.beta is not None:
        numbers.append(f"gate {step.beta:.2f}")
    glimpse = step.glimpse
    return {
        "word": step.word,
        "text": "" if glimpse is None else describe(glimpse),
        "distribution_text": "" if step.alpha is None else describe(step.alpha),
        "numbers": " · ".join(numbers),
    }


def _jpeg(picture: Picture) -> tuple[bytes, int, int]:
    """The picture as JPEG with its width and height, longer side at most ``SENT_SIDE``."""
    height, width = picture.display.shape[:2]
    scale = min(1.0, SENT_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture.display
    done, data = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV could not encode a JPEG"
    return data.tobytes(), *size


def _base64(maps: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(maps, dtype="<f4").tobytes()).decode("ascii")


def _nothing() -> None:
    """A callback for every key, so that the result always has it."""
