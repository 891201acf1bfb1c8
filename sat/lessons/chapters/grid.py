"""Chapter 5: what the encoder gives the decoder: a grid of annotations, each of which sees a part of the picture."""

from __future__ import annotations

import numpy as np

from sat.analysis.reading import Reading
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import as_map, attention, cell
from sat.lessons.neighbours import cosines, nearest, patch
from sat.lessons.numbers import Map, Numbers, Patch, Table, Value, latex
from sat.lessons.scene import Scene
from sat.lessons.steps import array

_TEST = "tests/lessons/test_neighbours.py"


def grid(scene: Scene) -> Numbers:
    """The annotations: how many, how long, and where they are strong."""
    values, config = scene.once(_values), scene.captioner.config
    lengths = np.linalg.norm(values, axis=1)
    numbers, pixels = values.size, 3 * config.image_size**2
    return Numbers(
        values=(
            Value("rows", config.rows, "Rows"),
            Value("columns", config.columns, "Columns"),
            Value("places", config.places, "Annotations, L"),
            Value("size", config.annotation_dim, "Numbers in each, D"),
            Value("numbers", numbers, "Numbers in all"),
            Value("pixels", pixels, "The picture itself has"),
            Value("strongest", float(lengths.max()), "Longest annotation", digits=1),
            Value("weakest", float(lengths.min()), "Shortest annotation", digits=1),
        ),
        filled=rf"L = {config.rows} \times {config.columns} = {config.places}, \quad D = {config.annotation_dim}",
        maps=(Map("How far each annotation is from the training set's mean", as_map(scene, lengths)),),
    )


def field(scene: Scene) -> Numbers:
    """Where one cell lies and what it can see."""
    place = focus(scene)
    row, column = cell(scene, place)
    geometry = scene.captioner.geometry
    found = patch(geometry, row, column)
    own = 1 / (geometry.rows * geometry.columns)
    side = geometry.receptive_field
    return Numbers(
        values=(
            Value("row", row + 1, "Row"),
            Value("column", column + 1, "Column"),
            Value("stride", geometry.stride, "From one cell to the next", "pixels"),
            Value("side", side, "Side of the square that a cell can see", "pixels"),
            Value("share", found.share, "Part of the picture that this cell can see", "%"),
            Value("own", own, "Part of the picture that it stands for", "%", 3),
            *(Value(f"field_{name}", edge) for name, edge in zip(_EDGES, found.field, strict=True)),
            *(Value(f"cell_{name}", edge) for name, edge in zip(_EDGES, found.cell, strict=True)),
        ),
        filled=rf"\text{{field}} = 1 + \sum_l (k_l - 1) d_l s_l = {side}",
    )


def neighbours(scene: Scene) -> Numbers:
    """The cells that one cell is most like, here and in other pictures."""
    place, values = focus(scene), scene.once(_values)
    row, column = cell(scene, place)
    here = as_map(scene, cosines(values, values[place]))
    beside = [
        float(here[r, c])
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        if 0 <= r < here.shape[0] and 0 <= c < here.shape[1]
    ]
    gallery = scene.once(_gallery)
    found = nearest(values[place], gallery, here.shape[1])
    return Numbers(
        values=(
            Value("row", row + 1, "Row"),
            Value("column", column + 1, "Column"),
            Value("beside", float(np.mean(beside)) if beside else 0.0, "Cosine with the cells beside it, mean"),
            Value("all", float(here.mean()), "Cosine with all cells of the picture, mean"),
            Value("pictures", len(gallery), "Other pictures searched"),
            Value("best", found[0].cosine if found else 0.0),
        ),
        filled=rf"\cos = {latex(found[0].cosine if found else float(np.mean(beside or [0.0])))}",
        tables=(
            Table(
                "The cells of other pictures that are most like it",
                ("picture", "row", "column", "cosine"),
                tuple((n.picture, n.row + 1, n.column + 1, n.cosine) for n in found),
            ),
        ),
        maps=(Map("Cosine of every cell with this one", here, signed=True),),
        patches=(
            Patch("this cell", "", _around(here.shape, row, column)),
            *(
                Patch(f"{n.picture.split('/')[0]}, {n.cosine:.2f}", n.picture, _around(here.shape, n.row, n.column))
                for n in found
            ),
        ),
    )


def _around(grid: tuple[int, ...], row: int, column: int) -> tuple[float, float, float, float]:
    """A cell with its neighbours, in fractions of the picture: a cell alone is too little to know a thing by."""
    rows, columns = grid
    return (
        max(row - _BESIDE, 0) / rows,
        max(column - _BESIDE, 0) / columns,
        min(row + 1 + _BESIDE, rows) / rows,
        min(column + 1 + _BESIDE, columns) / columns,
    )


_BESIDE = 1  # cells shown around one
_EDGES = ("top", "left", "bottom", "right")


def focus(scene: Scene) -> int:
    """The place that the screens look at: where the word looks most, or the middle without attention."""
    config = scene.captioner.config
    if scene.attends:
        return int(attention(scene).argmax())
    return (config.rows // 2) * config.columns + config.columns // 2


def _values(scene: Scene) -> np.ndarray:
    def values(reading: Reading) -> np.ndarray:
        return array(reading.annotations.values[0])

    return scene.look(values)


def _gallery(scene: Scene) -> list[tuple[str, np.ndarray]]:
    with scene.captioner.turn() as decoder:
        device = decoder.mean_grid.device
        return [(name, array(decoder.annotate(raw.to(device)).values[0])) for name, raw in scene.gallery]


CHAPTER = Chapter(
    "annotations",
    "Annotations",
    "See the picture as the decoder gets it: a grid of vectors, each of which saw a part.",
    (
        Screen(
            "grid",
            "A grid of annotations",
            "The encoder is a network that was trained to name objects, a convolutional one (CNN): layer upon layer "
            "of small windows. Before its last layers it has seen all there is to see and has not yet put it into "
            "one answer. Show, Attend and Tell stops there and keeps the grid: one vector a place, the "
            "annotations.\n\nThey are not pixels any more. Each holds hundreds of numbers, each of which answers to "
            "something: fur, wheels, grass, a face.",
            r"a = \{a_1, \ldots, a_L\}, \quad a_i \in R^D",
            grid,
            Known(
                "sat.models.encoder:Encoder.forward", "tests/models/test_encoder.py::test_rows_of_the_grid_come_first"
            ),
            Question(
                "Which are more: the numbers in the annotations or those in the picture?",
                ("Those in the annotations", "Those in the picture"),
                lambda n: 0 if n.number("numbers") > n.number("pixels") else 1,
                "{numbers} numbers in the annotations, {pixels} in the picture (three colours a pixel).",
            ),
        ),
        Screen(
            "field",
            "What one cell can see",
            "Each layer looks at a small window of the layer below. Stack many and the windows add up: a cell can "
            "be influenced by a square of pixels much larger than the cell itself, its receptive field. So a "
            "highlighted cell is the middle of what was looked at, not its border. In the formula k is the side of "
            "a layer's window, d the gap between its points, s the pixels from one cell of that layer to the "
            "next.\n\nThat a pixel can influence a cell does not mean that it does much: in practice those in the "
            "middle count most.",
            r"\mathrm{field} = 1 + \sum_l (k_l - 1) d_l s_l",
            field,
            Known(
                "sat.models.encoder:receptive_field",
                "tests/models/test_encoder.py::test_receptive_field_of_known_stacks",
            ),
            Question(
                "How much of the picture can the cell in row {row}, column {column} see?",
                ("Only its own part, a two-hundredth", "About a tenth", "More than half"),
                lambda n: 0 if n.number("share") < 0.02 else 1 if n.number("share") < 0.5 else 2,
                "Up to {share:.0%} of it, in a square of {side} pixels (the picture has 224 on a side).",
            ),
        ),
        Screen(
            "neighbours",
            "What one cell sees",
            "To learn what a vector stands for, look for others that point the same way. The cosine is 1 for vectors "
            "of the same direction, 0 for unrelated ones. The annotations are standardised first, so that 0 is the "
            "usual and only what is special counts.\n\nBelow: the cells of other pictures that are most like "
            "the one this word looks at, with what is around them. Do they show the same thing?",
            r"\cos(a_i, a_j) = \frac{a_i \cdot a_j}{|a_i| \, |a_j|}",
            neighbours,
            Known("sat.lessons.neighbours:nearest", f"{_TEST}::test_the_nearest_cells_by_a_loop"),
            Question(
                "Is a cell more like the cells beside it than like the rest of the picture?",
                ("Yes", "No"),
                lambda n: 0 if n.number("beside") > n.number("all") else 1,
                "Cosine {beside:.2f} with the cells beside it, {all:.2f} with all: they share most of what they see.",
            ),
        ),
    ),
)
