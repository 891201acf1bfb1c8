"""The thirteen chapters, in the order in which they are best read."""

from __future__ import annotations

from sat.lessons.chapter import Chapter
from sat.lessons.chapters import (
    after,
    attention,
    doubly,
    expectation,
    grid,
    hard,
    lstm,
    one_step,
    recurrent,
    scores,
    search,
    show_and_tell,
    trust,
)

CHAPTERS: tuple[Chapter, ...] = tuple(
    module.CHAPTER
    for module in (
        recurrent,
        lstm,
        attention,
        show_and_tell,
        grid,
        one_step,
        expectation,
        hard,
        doubly,
        search,
        scores,
        trust,
        after,
    )
)
