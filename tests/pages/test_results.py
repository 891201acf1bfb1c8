"""The Results page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ENTRY = str(Path(__file__).parents[2] / "streamlit_app.py")


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/results.py").run()
    assert not app.exception
    return app


def test_the_papers_rows_stand_beside_ours():
    app = run()
    table = app.dataframe[0].value
    assert {"Google NIC", "Hard-Attention", "soft-flickr8k", "hard-flickr8k"} <= set(table["model"])
    assert any("What this means" in m.value and "soft-flickr8k is above" in m.value for m in app.markdown)
    assert len(app.code) >= 3 and all(code.value.startswith("python -m sat evaluate") for code in app.code)


@pytest.mark.parametrize(("dataset", "rows"), [("flickr30k", 4), ("coco", 7)])
def test_other_data_sets_show_what_was_published(dataset, rows):
    app = run(dataset=dataset)
    assert len(app.dataframe[0].value) == rows
    assert any("no model trained on" in m.value for m in app.markdown)


def test_every_curve_can_be_drawn():
    app = run(protocol="standard")
    for name in app.selectbox(key="curve").options:
        app.selectbox(key="curve").set_value(name).run()
        assert not app.exception


def test_a_bad_link_falls_back_with_a_note():
    assert "dataset=mars" in run(dataset="mars").info[0].value


def test_without_models_the_paper_is_still_there(monkeypatch, tmp_path):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    app = run()
    assert len(app.dataframe[0].value) == 4 and not any("soft-flickr8k" in str(t.value) for t in app.dataframe)
