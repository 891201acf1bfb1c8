"""Write a ``Figure``: PNG at print resolution, SVG and PDF with real text, GIF of the words one after the other.

Every file carries the figure's recipe (models, picture, settings) where its format keeps such things: PNG text chunks,
``<metadata>`` in SVG, the document information of a PDF, the comment of a GIF.
"""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, PngImagePlugin

import sat
from sat.drawing.figure import DPI, PAPER, Figure, Image, Line, Text, fold, font
from sat.drawing.pdf import font_file, pdf_bytes
from sat.errors import UserError
from sat.files import atomic_file

PROGRAM = f"sat {sat.__version__}"
FORMATS = {".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf", ".gif": "image/gif"}
GIF_DPI = 108
WORD_MS, LAST_WORD_MS = 900, 2400  # how long a frame of the animation stands


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure in the format that the suffix names.

    Raises:
        UserError: the suffix is none of .png, .svg, .pdf and .gif, or the file cannot be written.
    """
    path = Path(path)
    data = figure_bytes(figure, path.suffix)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    return path


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """The content of the file of that suffix (``.png``, ``.svg``, ``.pdf`` or ``.gif``)."""
    writers = {".png": _png, ".svg": _svg, ".pdf": lambda f: pdf_bytes(f, PROGRAM), ".gif": _gif}
    if suffix.lower() not in writers:
        raise UserError(
            f"A figure cannot be saved as {suffix or 'a file without a suffix'!r}: use .png, .svg, .pdf or .gif."
        )
    return writers[suffix.lower()](figure)


def draw(figure: Figure, dpi: float = DPI) -> Pillow.Image:
    """The figure as an RGB picture."""
    scale = dpi / 72  # pixels a point
    canvas = Pillow.new("RGB", (max(1, round(figure.width * scale)), max(1, round(figure.height * scale))), PAPER)
    pen = ImageDraw.Draw(canvas)
    for mark in figure.marks:
        if isinstance(mark, Image):
            left, top = round(mark.x * scale), round(mark.y * scale)
            right, bottom = round((mark.x + mark.width) * scale), round((mark.y + mark.height) * scale)
            canvas.paste(
                Pillow.fromarray(_resize(mark.pixels, max(1, right - left), max(1, bottom - top))), (left, top)
            )
        elif isinstance(mark, Text):
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
            at = (mark.x * scale, mark.y * scale)
            pen.text(at, fold(mark.string), font=font(mark.size * scale), fill=mark.colour, anchor=anchor)
        elif isinstance(mark, Line):
            ends = [(mark.x0 * scale, mark.y0 * scale), (mark.x1 * scale, mark.y1 * scale)]
            pen.line(ends, fill=mark.colour, width=max(1, round(mark.width * scale)))
    return canvas


def _resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = width < pixels.shape[1]
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _png(figure: Figure) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Title", figure.title)
    info.add_itxt("Software", PROGRAM)
    info.add_itxt("Recipe", json.dumps(figure.recipe))
    out = io.BytesIO()
    draw(figure).save(out, "PNG", pnginfo=info, dpi=(DPI, DPI), optimize=False)
    return out.getvalue()


def _svg(figure: Figure) -> bytes:
    face = base64.b64encode(font_file()).decode("ascii")
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{figure.width:.2f}pt" height="{figure.height:.2f}pt" '
            f'viewBox="0 0 {figure.width:.2f} {figure.height:.2f}" role="img">'
        ),
        f"<title>{escape(figure.title)}</title>",
        f"<metadata>{escape(json.dumps({'program': PROGRAM, 'recipe': figure.recipe}))}</metadata>",
        (
            f"<style>@font-face{{font-family:Aileron;src:url(data:font/ttf;base64,{face})}}"
            "text{font-family:Aileron,Helvetica,Arial,sans-serif}</style>"
        ),
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
    ]
    for mark in figure.marks:
        if isinstance(mark, Image):
            parts.append(
                f'<image x="{mark.x:.3f}" y="{mark.y:.3f}" width="{mark.width:.3f}" height="{mark.height:.3f}" '
                f'preserveAspectRatio="none" href="data:image/png;base64,{_png_text(mark.pixels)}"/>'
            )
        elif isinstance(mark, Text):
            parts.append(
                f'<text x="{mark.x:.3f}" y="{mark.y:.3f}" font-size="{mark.size:.2f}" text-anchor="{mark.anchor}" '
                f'fill="{mark.colour}">{escape(mark.string)}</text>'
            )
        elif isinstance(mark, Line):
            parts.append(
                f'<line x1="{mark.x0:.3f}" y1="{mark.y0:.3f}" x2="{mark.x1:.3f}" y2="{mark.y1:.3f}" '
                f'stroke="{mark.colour}" stroke-width="{mark.width:.2f}"/>'
            )
    return "\n".join([*parts, "</svg>", ""]).encode("utf-8")


def _png_text(pixels: np.ndarray) -> str:
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode("ascii")


def _gif(figure: Figure) -> bytes:
    stills = figure.frames() if figure.frames is not None else (figure,)
    frames = [draw(still, GIF_DPI).quantize(256, dither=Pillow.Dither.FLOYDSTEINBERG) for still in stills]
    durations = [WORD_MS] * (len(frames) - 1) + [LAST_WORD_MS]
    comment = json.dumps({"program": PROGRAM, "title": figure.title, "recipe": figure.recipe}).encode("ascii")
    out = io.BytesIO()
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, comment=comment, optimize=False
    )
    return out.getvalue()
