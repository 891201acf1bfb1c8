"""Every chapter on every model and on strange pictures; its references; what may be imported."""

from __future__ import annotations

import ast
import json
from collections.abc import Set
from pathlib import Path

import numpy as np
import pytest

import sat.lessons
from sat import checkpoints
from sat.captioner import Captioner, load
from sat.errors import UserError
from sat.images import Picture, from_array
from sat.lessons.chapters import CHAPTERS
from sat.lessons.engine import fill, fill_chapter, find, source_line, source_text, test_line, test_text
from sat.lessons.scene import Scene, set_scene
from sat.lessons.typeset.layout import typeset
from sat.lessons.typeset.linear import linear
from tests.conftest import BASELINES, TINY_NAMES

from .slow import scene_of

test_line.__test__ = test_text.__test__ = False  # they are no tests, but say where one stands
SCREENS = [(chapter, screen) for chapter in CHAPTERS for screen in chapter.screens]
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"


def pictures() -> dict[str, Picture]:
    rng = np.random.default_rng(0)
    return {
        "blank": from_array(np.full((50, 80, 3), 255, np.uint8)),
        "one pixel": from_array(np.zeros((1, 1, 3), np.uint8)),
        "noise": from_array(rng.integers(0, 256, (120, 90, 3), dtype=np.uint8)),
    }


def check(scene: Scene, skip: Set[str] = frozenset()) -> set[str]:
    """Fill every screen but some; the slugs of those that have numbers."""
    found = set()
    for chapter, screen in SCREENS:
        # METEOR is tried in a file of its own: Java takes seconds to start
        if screen.slug == "meteor" or f"{chapter.slug}/{screen.slug}" in skip:
            continue
        filled = fill(screen, scene)
        record = json.loads(json.dumps(filled.to_dict(), allow_nan=False))
        assert record["formula_text"].isascii() and record["text"]
        if filled.numbers is None:
            assert filled.missing.endswith(".") and "\n" not in filled.missing and filled.question is None
            continue
        found.add(f"{chapter.slug}/{screen.slug}")
        assert filled.missing == ""
        names = [value.name for value in filled.numbers.values]
        assert len(names) == len(set(names)) and filled.numbers.shown
        assert typeset(filled.numbers.filled, 10).width > 0 and linear(filled.numbers.filled).isascii()
        for shown in filled.numbers.maps:
            assert shown.values.ndim == 2 and np.isfinite(shown.values).all()
        for table in filled.numbers.tables:
            assert all(len(row) == len(table.columns) for row in table.rows)
            assert len(set(table.columns)) == len(table.columns)  # the page draws a column a name
        for grid in filled.numbers.grids:
            assert grid.values.shape == (len(grid.rows), len(grid.columns))
        for patch in filled.numbers.patches:
            top, left, bottom, right = patch.box
            assert 0 <= top < bottom <= 1 and 0 <= left < right <= 1
        for tree in filled.numbers.trees:
            assert all(node.parent < i for i, node in enumerate(tree.nodes))
        for chart in filled.numbers.charts:
            assert all(len(s.x) == len(s.y) for s in chart.series)
        if screen.question is not None:
            assert filled.question is not None
            assert 0 <= filled.question.answer < len(filled.question.options)
            assert "{" not in filled.question.prompt + filled.question.reveal + "".join(filled.question.options)
    return found


ALL = {f"{chapter.slug}/{screen.slug}" for chapter, screen in SCREENS if screen.slug != "meteor"}
RECORDED = {"show-and-tell/scores", "show-and-tell/wrong", "trust/people"}  # need metrics of trained models
SLOW = {f"{chapter.slug}/{screen.slug}" for chapter, screen in SCREENS if screen.slow}
FOR_ATTENTION = {f"{chapter.slug}/{screen.slug}" for chapter, screen in SCREENS if screen.attention}


FOR_LSTM = {"recurrent/unroll", "one-step/recurrence", "one-step/output", "after/glimpse", "after/words"}
FOR_LSTM |= {f"lstm/{screen}" for screen in ("gates", "keep", "memory")}


@pytest.mark.parametrize("name", TINY_NAMES)
@pytest.mark.parametrize("kind", ["blank", "one pixel", "noise"])
def test_every_chapter_loads_for_every_model_and_strange_pictures(name, kind, tiny, tiny_captioners):
    beside = [tiny_captioners[other] for other in TINY_NAMES if other != name]
    captioner = tiny_captioners[name]
    picture = pictures()[kind]
    gallery = [("noise", captioner.annotate([pictures()["noise"]]))] if kind == "one pixel" else []
    scene = set_scene(captioner, picture, beside=beside, gallery=gallery, step=0)
    skip = SLOW if kind == "noise" else set()  # where all places are alike there is most that could go wrong
    want = ALL - RECORDED - (FOR_ATTENTION if name == "none-tiny" else set()) - skip
    assert check(scene, skip) == want
    assert check(scene.at(len(scene.trace.words)), skip) == want  # the step that ends the caption


@pytest.mark.parametrize("name", BASELINES)
def test_chapters_for_a_model_without_an_lstm_say_what_they_need(name, tiny, tiny_captioners):
    beside = [tiny_captioners[other] for other in TINY_NAMES]
    scene = set_scene(tiny_captioners[name], pictures()["noise"], beside=beside, step=0)
    assert check(scene) == ALL - RECORDED - FOR_ATTENTION - FOR_LSTM
    said = fill(find("lstm").screens[0], scene).missing
    assert said == f"The model {name} has no LSTM: choose another model."


def test_a_caption_without_words_has_its_end(any_scene):
    trace = any_scene.captioner.read(any_scene.raw, [])
    scene = Scene(any_scene.captioner, any_scene.raw, trace, 0)
    found = check(scene)
    assert found and scene.word == "<end>"


@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoints.available(SHIPPED))
@pytest.mark.parametrize("kind", ["blank", "one pixel", "noise"])
def test_every_chapter_loads_for_the_shipped_models(name, kind, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(SHIPPED))
    beside = [shipped(other) for other in checkpoints.available(SHIPPED) if other != name]
    scene = set_scene(shipped(name), pictures()[kind], beside=beside)
    want = ALL - RECORDED
    if shipped(name).attention == "none":
        want -= FOR_ATTENTION
    if shipped(name).config.recurrence != "lstm":
        want -= FOR_LSTM
    assert check(scene) >= want


_shipped: dict[str, Captioner] = {}


def shipped(name: str) -> Captioner:
    if name not in _shipped:
        _shipped[name] = load(SHIPPED / name)
    return _shipped[name]


def test_there_are_thirteen_chapters_with_names_of_their_own():
    assert len(CHAPTERS) == 13 and len({c.slug for c in CHAPTERS}) == 13
    for chapter in CHAPTERS:
        assert len({s.slug for s in chapter.screens}) == len(chapter.screens) >= 3
        assert find(chapter.slug) is chapter and chapter.purpose.endswith((".", "?"))
    with pytest.raises(UserError, match="no chapter 'nonsense'"):
        find("nonsense")


@pytest.mark.parametrize(("chapter", "screen"), SCREENS, ids=[f"{c.slug}/{s.slug}" for c, s in SCREENS])
def test_texts_are_short_and_formulas_can_be_set(chapter, screen):
    words = screen.text.split()
    assert 25 <= len(words) <= 130
    assert linear(screen.formula).isascii() and typeset(screen.formula, 10).marks
    assert all(" - " not in part and "\n" not in part for part in screen.text.split("\n\n"))


@pytest.mark.parametrize(("chapter", "screen"), SCREENS, ids=[f"{c.slug}/{s.slug}" for c, s in SCREENS])
def test_how_we_know_can_be_looked_up(chapter, screen):
    file, line = source_line(screen.known)
    name = screen.known.code.split(":")[1].split(".")[-1]
    text = (Path(sat.lessons.__file__).parents[2] / file).read_text(encoding="utf-8").splitlines()[line - 1 :]
    head = next(row for row in text if row.lstrip().startswith(("def ", "class ")))  # decorators come before
    assert f" {name}" in head
    assert f" {name}" in source_text(screen.known) and not source_text(screen.known).startswith(" ")
    name = screen.known.test.split("::")[1]
    assert f"def {name}(" in test_text(screen.known) and "assert" in test_text(screen.known)
    path, at = test_line(screen.known)
    assert f"def {screen.known.test.split('::')[1]}" in Path(path).read_text(encoding="utf-8").splitlines()[at - 1]


def test_a_test_that_is_not_there_is_noticed():
    from sat.lessons.chapter import Known

    for wrong in ("tests/lessons/test_engine.py::test_nothing", "tests/nowhere.py::test_x"):
        with pytest.raises(LookupError):
            test_line(Known("sat.trace:entropy", wrong))


def test_what_is_missing_is_said():
    scene = scene_of("none")
    filled = fill(find("hard").screens[0], scene)
    assert filled.numbers is None and "has no attention" in filled.missing
    (once, *_) = fill_chapter(find("show-and-tell"), scene_of("soft"))
    assert "no model without attention beside" in once.missing


def test_lessons_import_neither_streamlit_nor_torch():
    root = Path(sat.lessons.__file__).parent
    files = sorted(root.rglob("*.py"))
    assert len(files) > 30
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        typing_only = {
            child
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for child in ast.walk(node)
        }
        for node in ast.walk(tree):
            if node in typing_only or not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not any(m.split(".")[0] in ("torch", "streamlit") or m.startswith("sat.ui") for m in modules), file
