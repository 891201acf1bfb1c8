"""One evaluation, opened: its rows, scores, pictures and review. Read once for all visitors."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from sat.data.entities import AlignedPicture
from sat.errors import UserError
from sat.evaluation import quadrants
from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.confusion import Confusion, confusion
from sat.evaluation.found import Found
from sat.evaluation.pictures import EvaluatedPictures
from sat.evaluation.quadrants import Quadrants
from sat.evaluation.store import ABOUT_FILE, FOLDER
from sat.evaluation.traces import stored_trace
from sat.evaluation.versus import Versus, Wrong, versus
from sat.evaluation.word_classes import WordClasses, word_classes
from sat.images import Picture
from sat.models.encoder import Geometry
from sat.public import is_public
from sat.review import NoBook, ReviewBook, default_path, evaluation_key
from sat.trace import Trace

THUMBNAIL = (144, 112)  # pixels, twice what is shown


@dataclass(frozen=True, eq=False)
class Opened:
    """An evaluation to look at.

    Attributes:
        found: where it is; key: what its review is kept under.
        metrics, hallucination: the content of the files of that name; empty where they are missing.
    """

    found: Found
    store: EvaluationStore
    pictures: EvaluatedPictures
    key: str
    metrics: dict[str, Any]
    hallucination: dict[str, Any]

    @property
    def classes(self) -> WordClasses:
        """What words name in this data set."""
        return word_classes(self.found.dataset)

    @property
    def attends(self) -> bool:
        """Whether the model has attention."""
        return self.found.decoding["context"] is not None

    @property
    def geometry(self) -> Geometry:
        """The grid of the maps; of deep encoders the whole picture can influence every cell."""
        rows, columns = int(self.store.about["rows"]), int(self.store.about["columns"])
        return Geometry(rows, columns, 224 // columns, 2 * 224)

    def row(self, image: str) -> dict[str, Any] | None:
        """The row of a picture; None where there is none of that name."""
        number = _numbers(self).get(image)
        return None if number is None else self.rows([image])[0]

    def rows(self, images: list[str]) -> list[dict[str, Any]]:
        """The rows of pictures, in the order of the split."""
        return self.store.page([Condition("image", "in", images)], count=len(images)).rows

    def picture(self, row: dict[str, Any]) -> Picture:
        """The picture of a row.

        Raises:
            UserError: it is not here any more.
        """
        return _picture(self.found.folder, self.key, row["image"], self, row["references"])

    def boxes(self, row: dict[str, Any]) -> AlignedPicture | None:
        """What people marked in it."""
        return self.pictures.boxes(row["image"], row["references"])

    def trace(self, row: dict[str, Any], picture: Picture) -> tuple[Trace, list[dict[str, Any]]]:
        """The caption as it was evaluated, and the rows of its words."""
        words = self.store.words(row["picture"], alphas=True)
        return stored_trace(self.store.about, row, words, picture), words

    def thumbnail(self, row: dict[str, Any]) -> str:
        """A small picture as a data URL; empty where the picture is not here."""
        return _thumbnail(self.found.folder, self.key, row["image"], self, row["references"])


def open_evaluation(found: Found) -> Opened:
    """Open it, again where it has been written anew.

    Raises:
        UserError: it is damaged.
    """
    about = found.folder / FOLDER / ABOUT_FILE
    try:
        stamp = about.stat().st_mtime_ns
    except OSError:
        raise UserError(f"The evaluation {found.name} is gone: choose another one.") from None
    return _open(found.folder, stamp, found)


def book() -> ReviewBook:
    """Where reviews are kept: nowhere in a public demo."""
    return NoBook() if is_public() else ReviewBook(default_path())


def objects(opened: Opened) -> Quadrants:
    """Looked right, said right: by object."""
    return _by_object(opened.found.folder, opened.key, opened)


def words(opened: Opened) -> Quadrants:
    """The same by word."""
    return _by_word(opened.found.folder, opened.key, opened)


def confusions(opened: Opened) -> list[Confusion]:
    """Nouns said in place of others."""
    return _confusions(opened.found.folder, opened.key, opened)


def against(first: Opened, second: Opened, wrong: Wrong) -> Versus:
    """Two evaluations set against each other, picture by picture.

    Raises:
        UserError: they have no picture in common.
    """
    return _against(first.found.folder, first.key, second.found.folder, second.key, wrong, first, second)


@st.cache_resource(max_entries=6, show_spinner="Opening the evaluation …")
def _open(folder: Path, stamp: int, _found: Found) -> Opened:
    store = EvaluationStore.open(folder)
    pictures = EvaluatedPictures(store.about)
    key = evaluation_key(store.about)
    return Opened(_found, store, pictures, key, _json(folder / "metrics.json"), _json(folder / "hallucination.json"))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _numbers(opened: Opened) -> dict[str, int]:
    return _numbered(opened.found.folder, opened.key, opened)


@st.cache_resource(max_entries=6, show_spinner=False)
def _numbered(folder: Path, key: str, _opened: Opened) -> dict[str, int]:
    columns = _opened.store.values(["image", "picture"])
    return {image: int(number) for image, number in zip(columns["image"], columns["picture"], strict=True)}


@st.cache_resource(max_entries=6, show_spinner=False)
def _by_object(folder: Path, key: str, _opened: Opened) -> Quadrants:
    return quadrants.by_object(_opened.store)


@st.cache_resource(max_entries=6, show_spinner=False)
def _by_word(folder: Path, key: str, _opened: Opened) -> Quadrants:
    return quadrants.by_word(_opened.store)


@st.cache_resource(max_entries=6, show_spinner=False)
def _confusions(folder: Path, key: str, _opened: Opened) -> list[Confusion]:
    return confusion(_opened.store)


@st.cache_resource(max_entries=8, show_spinner=False)
def _against(
    first: Path, first_key: str, second: Path, second_key: str, wrong: Wrong, _first: Opened, _second: Opened
) -> Versus:
    return versus(_first.store, _second.store, wrong)


@st.cache_resource(max_entries=32, show_spinner=False)
def _picture(folder: Path, key: str, image: str, _opened: Opened, _references: list[str]) -> Picture:
    return _opened.pictures.read(image, _references)


@st.cache_data(max_entries=2000, show_spinner=False)
def _thumbnail(folder: Path, key: str, image: str, _opened: Opened, _references: list[str]) -> str:
    try:
        pixels = _opened.pictures.read(image, _references).display
    except UserError:
        return ""
    return data_url(pixels, THUMBNAIL)


def data_url(pixels: np.ndarray, size: tuple[int, int]) -> str:
    """Pixels, uint8 (H, W, 3), as a JPEG of at most that width and height, to be put into a page."""
    small = Image.fromarray(pixels)
    small.thumbnail(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
