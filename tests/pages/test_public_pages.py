"""Every page of a public demo: what it shows, what it refuses, and that it writes nothing."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, player, run, upload

from sat.public import KEEPS_NOTHING
from sat.ui import limits, turns

PAGES = ("explore", "compare", "mistakes", "results", "learn", "train")


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A public demo on a server that has data sets, runs and reviews of its own."""
    monkeypatch.setenv("SAT_PUBLIC", "1")
    for name in ("runs", "data", "cache"):
        monkeypatch.setenv(f"SAT_{name.upper()}", str(tmp_path / name))
    (tmp_path / "data" / "shapes").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "model").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "model" / "config.json").write_text("{}")


@pytest.mark.slow
def test_every_page_shows_something_and_writes_nothing(tmp_path, monkeypatch):
    """The walk itself is in ``audited.py``: no file can grow there, and an audit hook tells of every try."""
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("audited.py"))], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert [one for one in told["tried"] if not _harmless(one)] == []
    for where, shown in told["shown"].items():
        assert len(shown) > 1, where
        assert not [line for line in shown if line.startswith(("exception", "error", "warning"))], where
        assert not [line for line in shown if str(tmp_path) in line or re.search(r"/(home|root|srv|tmp|usr)/", line)]
    assert any(line.endswith("upload") for line in told["shown"]["explore, uploaded"])
    assert sorted(tmp_path.rglob("*")) == [tmp_path / part for part in _PREPARED]


_PREPARED = ("data", "data/shapes", "runs", "runs/mine", "runs/mine/model", "runs/mine/model/config.json")


def _harmless(tried: str) -> bool:
    """An empty folder that torch makes for its compiler among temporary files, and a look for libraries."""
    return tried.startswith(f"os.mkdir {tempfile.gettempdir()}/torchinductor") or tried.endswith("/ldconfig")


def test_no_page_offers_what_lies_on_the_server(tiny):
    app = run()
    assert app.segmented_control(key="source").options == ["Samples", "Upload", "Camera"]
    assert [option for box in app.selectbox for option in box.options if "mine" in option] == []
    app = run(picture="shapes/test-00001.png", model="run:mine")
    assert "not to be had here" in app.info[0].value and player(app)["words"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_with_small_models(tiny, page):
    app = AppTest.from_file(ENTRY, default_timeout=120)
    (app.switch_page(f"pages/{page}.py") if page != "explore" else app).run()
    assert not app.exception and not app.error
    assert not [box for box in app.text_input if "folder" in box.label.lower()]


def test_reviews_and_evaluations_are_not_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    (tmp_path / "runs" / "review.sqlite").write_bytes(b"not to be read")
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for view, said in (("review", KEEPS_NOTHING), ("evaluate", "public demo"), ("browse", "captions")):
        app.query_params["view"] = view
        app.switch_page("pages/mistakes.py").run()
        assert not app.exception and not app.warning
        assert said in "\n".join(e.value for e in (*app.info, *app.markdown, *app.caption))


def test_a_visitor_who_asks_for_too_much_is_told_when_to_go_on(tiny, monkeypatch):
    monkeypatch.setattr(limits, "COMPUTATIONS", limits.Share("looked at as much", 2, 1.0))
    st.cache_data.clear()  # what was computed for somebody else costs nothing
    app = run(decoding="beam", beam="2", model="none-tiny")
    for beam in (3, 4):  # at the control: an address that changes under a page does not move it
        app.slider(key="beam").set_value(beam).run()
    assert re.search(r"You have looked at as much .*: try again in \d+ s", app.warning[0].value)
    assert not app.exception


def test_uploads_are_counted_once_each(tiny, photos, monkeypatch):
    monkeypatch.setattr(limits, "UPLOADS", limits.Share("uploaded as many pictures", 2, 1.0))
    app = run()
    for number, photo in enumerate(photos):
        out = io.BytesIO()
        Image.fromarray(photo.display).save(out, "PNG")
        upload(app, f"{number}.png", out.getvalue(), "image/png")
        app.run()  # the same picture again costs nothing
        if number < 2:
            assert player(app)["words"] and not app.warning
    assert "You have uploaded as many pictures" in app.warning[0].value


def test_who_waits_is_told_how_many_come_first(tiny, monkeypatch):
    """Somebody else has the models; the line goes away when they are done."""
    line = turns.Line(places=1)
    monkeypatch.setattr(turns, "_line", line)
    other = line.try_turn()
    assert other is not None
    said: list[int] = []

    def say(before: int) -> str:
        said.append(before)
        line.end(other)
        return ""

    monkeypatch.setattr(turns, "_said", say)
    app = run(model="none-tiny", decoding="sample", seed="77")
    assert said == [1] and player(app)["words"]
    assert not app.info and line.try_turn() is not None


@pytest.mark.parametrize(
    ("before", "said"), [(3, "3 visitors before you …"), (1, "1 visitor before you …"), (0, "Your turn …")]
)
def test_the_line_is_a_sentence(before, said):
    assert turns._said(before) == said


def test_uploads_on_their_way_in_stay_in_memory(tiny):
    from starlette.formparsers import MultiPartParser

    run()
    assert MultiPartParser.spool_max_size > 10 * 2**20


def test_the_server_is_told_to_be_careful(monkeypatch):
    from sat.cli.serving import ROOT, serve_command

    monkeypatch.setenv("SAT_HOSTS", "demo.example.org,*.lab.org")
    command = serve_command("127.0.0.1", 8599, public=True)
    assert command[:5] == [sys.executable, "-m", "sat.ui.preload", "run", "streamlit_app.py"]
    assert os.path.isfile(ROOT / command[4])
    pairs = list(zip(command[5::2], command[6::2], strict=True))
    assert ("--server.allowedHosts", "demo.example.org") in pairs and ("--server.allowedHosts", "*.lab.org") in pairs
    assert ("--client.showErrorDetails", "none") in pairs and ("--server.address", "127.0.0.1") in pairs
