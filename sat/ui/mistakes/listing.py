"""Captions found by a query: their rows on the screen, and which come before and after one of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sat.errors import UserError
from sat.evaluation.browse import Condition
from sat.evaluation.found import Found
from sat.ui.mistakes import nav
from sat.ui.mistakes.opened import Opened, book
from sat.ui.mistakes.query import ANY, HELP, MEASURES, Query, conditions, descending_first
from sat.ui.mistakes.rows import Column, Row, show_rows
from sat.ui.mistakes.sets import named_set

PAGE = 20  # captions
LABELS = {
    "CIDEr": "CIDEr",
    "METEOR": "METEOR",
    "BLEU-4": "BLEU-4",
    "length": "words",
    "entropy": "places",
    "beta": "gate β",
    "evidence": "evidence",
    "box_mass": "in boxes",
}
COLUMNS = [Column(name, label, HELP[name]) for name, label in LABELS.items()]


def chosen(opened: Opened, asked: Query, others: Sequence[Found], person: str) -> tuple[list[Condition], str]:
    """What the rows of a query must fulfil, and a sentence about parts of it that cannot be; those are left out."""
    among: list[Sequence[str]] = []
    problems = []
    if asked.set:
        named = named_set(asked.set, opened, others)
        if named is None:
            problems.append(f"“{asked.set}”")
        else:
            among.append(named.images)
    found = conditions(asked, list(among))
    if asked.wrong and asked.wrong != ANY:
        kinds = opened.classes.kinds
        if asked.wrong in kinds:
            images = _made_up(opened, asked.wrong)
            found.append(Condition("image", "in", images))
        else:
            problems.append(f"“{asked.wrong}”")
    if asked.tag:
        images = sorted({tag.image for tag in book().tags(opened.key) if tag.tag == asked.tag})
        found.append(Condition("image", "in", images))
    if asked.state:
        states = book().states(opened.key, person=person)
        if asked.state == "new":
            known = set(states)
            every = opened.store.values(["image"])["image"]
            found.append(Condition("image", "in", [image for image in every if image not in known]))
        else:
            found.append(Condition("image", "in", [image for image, s in states.items() if s == asked.state]))
    note = f"The link asks for {', '.join(problems)}, which is not to be had here." if problems else ""
    return found, note


def ordered(opened: Opened, asked: Query, wanted: Sequence[Condition]) -> list[str]:
    """The names of all pictures of a query, in its order."""
    every = opened.store.count()
    rows = opened.store.page(wanted, sort=asked.sort, descending=asked.descending, count=every, columns=["image"]).rows
    return [row["image"] for row in rows]


def list_rows(opened: Opened, asked: Query, rows: Sequence[dict[str, Any]], *, key: str, person: str) -> None:
    """Draw rows of pictures; a click on one opens it, one on a heading sorts."""

    def sort(name: str) -> None:
        down = not asked.descending if asked.sort == name else descending_first(name)
        nav.show(replace(asked, sort=name, descending=down, page=1), view="browse")

    columns = [c for c in COLUMNS if any(row[c.name] is not None for row in rows)]
    if asked.sort not in LABELS:
        columns = [*columns, Column(asked.sort, MEASURES[asked.sort], HELP[asked.sort])]
    show_rows(
        _shown(opened, rows, columns, person),
        columns,
        sort=asked.sort,
        descending=asked.descending,
        key=key,
        on_open=lambda image: nav.open_image(image, asked),
        on_sort=sort,
    )


def _made_up(opened: Opened, name: str) -> list[str]:
    """The pictures whose caption makes up a class, object or other."""
    store = opened.store
    images: list[str] = []
    for column in ("objects_hallucinated", "others_hallucinated"):
        images += store.values(["image"], [Condition(column, "contains", name)])["image"].tolist()
    return images


def _shown(opened: Opened, rows: Sequence[dict[str, Any]], columns: Sequence[Column], person: str) -> list[Row]:
    tags: defaultdict[str, list[str]] = defaultdict(list)
    states: dict[str, Any] = {}
    try:
        for tag in book().tags(opened.key):
            if tag.tag not in tags[tag.image]:
                tags[tag.image].append(tag.tag)
        states = dict(book().states(opened.key, person=person))
    except UserError:
        pass  # the review cannot be read; the page says so where it is written
    shown = []
    for row in rows:
        bad = {word["step"] for word in opened.store.words(row["picture"]) if word["hallucinated"]}
        marks = [
            *tags[row["image"]],
            *({"reviewed": ["✓ reviewed"], "later": ["later"]}.get(states.get(row["image"], ""), [])),
        ]
        missed = row["objects_missed"]
        shown.append(
            Row(
                image=row["image"],
                thumbnail=opened.thumbnail(row),
                words=[(word, t in bad) for t, word in enumerate(row["words"])] or [("(no words)", False)],
                note=f"not said: {', '.join(missed[:4])}{' …' if len(missed) > 4 else ''}" if missed else "",
                tags=marks,
                cells=[_cell(column.name, row[column.name]) for column in columns],
            )
        )
    return shown


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("length", "hallucinated", "missed"):
        return f"{value:.0f}"
    if name == "entropy":
        return f"{math.exp(value):.0f}"
    if name == "box_mass":
        return f"{value:.0%}".replace("%", " %")
    if name in ("CIDEr", "METEOR", "BLEU-4", "ROUGE-L"):
        return f"{value:.1f}"
    return f"{value:.2f}".replace("-", "−")
