"""The review of an evaluation as CSV and JSON, one row a picture with its scores and what each person said of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sat.evaluation.rows import SCORES

if TYPE_CHECKING:
    from sat.review import ReviewBook, Tag

_COLUMNS = (
    "picture",
    "image",
    "caption",
    "log_prob",
    "length",
    "repetition",
    *SCORES,
    "objects_said",
    "objects_hallucinated",
    "objects_missed",
    "others_hallucinated",
    "entropy",
    "step_divergence",
    "beta",
    "evidence",
    "necessity",
    "box_mass",
)
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


class Exported(NamedTuple):
    """Both forms of a review, as text."""

    csv: str
    json: str


def export(book: ReviewBook, evaluation: str, rows: Iterable[Mapping[str, Any]]) -> Exported:
    """Write down a review.

    Args:
        evaluation: its key; rows: of pictures, as ``EvaluationStore.page`` gives them, in the order wanted.

    Returns:
        CSV: columns of the picture, then for every person ``state (NAME)``, ``tags (NAME)`` and ``note (NAME)``; a tag
        of a word stands as ``object [2 surfboard]``, words counted from 1, several tags with semicolons between.
        JSON: ``evaluation`` and ``pictures``, each with the same columns, ``references``, and ``reviews`` by person:
        ``state``, ``note`` and ``tags``, each with ``tag``, ``word`` (from 0, null for the caption), ``written`` (that
        word) and ``at``.
    """
    people = book.people(evaluation)
    tags: dict[tuple[str, str], list[Tag]] = {}
    for tag in book.tags(evaluation):
        tags.setdefault((tag.image, tag.person), []).append(tag)
    notes = {(note.image, note.person): note.text for note in book.notes(evaluation)}
    states = {person: book.states(evaluation, person=person) for person in people}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    of_people = [f"{what} ({person})" for person in people for what in ("state", "tags", "note")]
    writer.writerow([*_COLUMNS, *map(_cell, of_people)])
    pictures = []
    for row in rows:
        image, words = row["image"], row["words"]
        line = [_cell(row.get(column)) for column in _COLUMNS]
        reviews = {}
        for person in people:
            given = tags.get((image, person), [])
            state, note = states[person].get(image, "new"), notes.get((image, person), "")
            line += [state, _cell("; ".join(_labelled(tag, words) for tag in given)), _cell(note)]
            if given or note or state != "new":
                reviews[person] = {"state": state, "note": note, "tags": [_record(tag, words) for tag in given]}
        writer.writerow(line)
        record = {column: row.get(column) for column in (*_COLUMNS, "references")}
        pictures.append({**record, "reviews": reviews})
    text = json.dumps({"evaluation": evaluation, "pictures": pictures}, ensure_ascii=False, indent=1)
    return Exported(table.getvalue(), text + "\n")


def _labelled(tag: Tag, words: list[str]) -> str:
    if tag.word is None:
        return tag.tag
    written = _written(tag, words)
    return f"{tag.tag} [{tag.word + 1}{'' if written is None else f' {written}'}]"


def _record(tag: Tag, words: list[str]) -> dict[str, Any]:
    return {"tag": tag.tag, "word": tag.word, "written": _written(tag, words), "at": tag.at.isoformat()}


def _written(tag: Tag, words: list[str]) -> str | None:
    return words[tag.word] if tag.word is not None and tag.word < len(words) else None


def _cell(value: Any) -> Any:
    """A cell of the table: lists with semicolons, and no text that a spreadsheet would take for a formula."""
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_RUN_BY_SPREADSHEETS):
        return f"'{value}"
    return "" if value is None else value
