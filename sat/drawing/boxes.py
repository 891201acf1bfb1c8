"""Boxes that people drew, laid over their picture with what they mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, told apart with every kind of colour vision; black left out.
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
SIDE = 480  # pixels; of the drawing's longer side, where the picture is smaller
MOST = 30  # boxes

Box = tuple[float, float, float, float]


def with_boxes(picture: np.ndarray, boxes: Sequence[tuple[str, Box]], size: tuple[float, float]) -> np.ndarray:
    """The picture with boxes, each with its name; those of the same name in the same colour, the largest beneath.

    Args:
        picture: uint8 (H, W, 3).
        boxes: names with boxes (x0, y0, x1, y1); size: width and height of what they are measured on.

    Returns:
        uint8 (H', W', 3), of the same shape.
    """
    image = Image.fromarray(picture)
    scale = max(1.0, SIDE / max(image.size))
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    across, down = image.width / max(size[0], 1), image.height / max(size[1], 1)
    font = ImageFont.load_default(max(11, max(image.size) // 32))
    names = list(dict.fromkeys(name for name, _ in boxes))
    line = max(2, max(image.size) // 200)
    ordered = sorted(boxes, key=lambda one: -(one[1][2] - one[1][0]) * (one[1][3] - one[1][1]))[:MOST]
    for name, (x0, y0, x1, y1) in ordered:
        colour = COLOURS[names.index(name) % len(COLOURS)]
        left, top = min(x0, x1) * across, min(y0, y1) * down
        right, bottom = max(x0, x1) * across, max(y0, y1) * down
        pen.rectangle((left, top, right, bottom), outline=(0, 0, 0), width=line + 2)
        pen.rectangle((left, top, right, bottom), outline=colour, width=line)
    for name, (x0, y0, _, _) in ordered:  # above all lines
        colour = COLOURS[names.index(name) % len(COLOURS)]
        left, top = min(x0 * across, image.width - 20), max(y0 * down, 0)
        x, y, right, bottom = pen.textbbox((left + 3, top + 2), name, font=font)
        pen.rectangle((x - 3, y - 2, right + 3, bottom + 2), fill=colour)
        pen.text((left + 3, top + 2), name, font=font, fill=(0, 0, 0))
    return np.asarray(image)
