"""``figure strip``, ``focus`` and ``compare``: the files they write."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from PIL import Image

from sat.analysis.compare import compare

from .running import good, refused


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "gif"])
def test_a_strip_of_two_models(photo_file, suffix):
    out = good(
        "figure", "strip", photo_file, "--out", f"strip.{suffix}", "--model", "soft-tiny", "--model", "hard-tiny"
    )
    assert out == f"strip.{suffix}\n" and os.listdir() == [f"strip.{suffix}"]
    start = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "gif": b"GIF89a"}[suffix]
    assert Path(f"strip.{suffix}").read_bytes().startswith(start)


def test_focus_on_a_word_by_name_and_number(photo_file, tiny_captioners, photo):
    words = tiny_captioners["soft-tiny"].caption(photo).words
    for word in (words[2], str(words.index(words[2]) + 1)):
        good("figure", "focus", photo_file, "--out", f"{word}.svg", "--model", "soft-tiny", "--word", word)
    one, other = (path.read_text() for path in sorted(Path.cwd().iterdir()))
    assert one == other


def test_figures_of_several_pictures_are_numbered(photo_file):
    good(
        "figure", "strip", photo_file, photo_file, "--out", "new/strip.png", "--model", "soft-tiny", "--style", "cells"
    )
    assert sorted(os.listdir("new")) == ["strip-1.png", "strip-2.png"]


TWO = ("--model", "soft-tiny", "--model", "hard-tiny")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "gif"])
def test_a_comparison_of_two_models(photo_file, suffix):
    assert good("figure", "compare", photo_file, *TWO, "--out", f"c.{suffix}") == f"c.{suffix}\n"
    assert os.listdir() == [f"c.{suffix}"]
    start = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "gif": b"GIF89a"}[suffix]
    assert Path(f"c.{suffix}").read_bytes().startswith(start)


def test_a_comparison_prints_the_numbers_of_the_analysis(photo_file, tiny_captioners, photo):
    first, second = (tiny_captioners[name].caption(photo) for name in ("soft-tiny", "hard-tiny"))
    good("figure", "compare", photo_file, *TWO, "--out", "c.svg")
    text = Path("c.svg").read_text()
    pairs = compare(first, second).pairs
    assert any(pair.divergence is not None for pair in pairs)
    for pair in pairs:
        assert pair.divergence is None or f">{pair.divergence:.3f}</text>" in text
        assert all(h is None or f">{math.exp(h):.0f}</text>" in text for h in pair.entropies)


def test_the_second_model_reads_the_caption_of_the_first(photo_file):
    recipes = []
    for more in ([], ["--same-text"]):
        good("figure", "compare", photo_file, *TWO, "--beam", 2, "--out", "c.png", *more)
        with Image.open("c.png") as image:
            recipes.append(json.loads(image.text["Recipe"]))
    own, same = recipes
    assert (own["figure"], own["same_text"], same["same_text"]) == ("compare", False, True)
    assert own["models"][0]["caption"] != own["models"][1]["caption"]
    assert same["models"][0] == own["models"][0] and own["models"][0]["decoding"]["beam"] == 2
    assert same["models"][1]["caption"] == own["models"][0]["caption"]


def test_two_models_without_attention_have_nothing_to_compare(photo_file):
    arguments = ("figure", "compare", photo_file, "--model", "none-tiny", "--model", "none-tiny", "--out", "c.png")
    assert "Neither none-tiny nor none-tiny has attention" in refused(*arguments)


def test_a_word_that_is_not_there(photo_file):
    arguments = ("figure", "focus", photo_file, "--out", "x.png", "--model", "soft-tiny", "--word")
    for word in ("zebra", "0", "99", "-1", "²"):
        assert f"The caption has no word '{word}': it reads" in refused(*arguments, word)


def test_a_figure_that_does_not_fit_leaves_the_old_one(photo_file, full_disk):
    Path("x.png").write_text("old")
    with full_disk():
        line = refused("figure", "strip", photo_file, "--out", "x.png", "--model", "soft-tiny")
    assert "x.png could not be written (File too large)" in line
    assert Path("x.png").read_text() == "old"
