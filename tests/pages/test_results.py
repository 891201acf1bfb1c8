"""The Results page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sat import checkpoints
from sat.checkpoints import read_config
from sat.lessons.measured import Kept, Measured, all_kept, keep

ROOT = Path(__file__).parents[2]
ENTRY, SHIPPED = str(ROOT / "streamlit_app.py"), ROOT / "checkpoints"


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
    commands = [code.value for code in app.code if code.value.startswith("python -m sat evaluate")]
    assert len(commands) >= 3


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
    of_models = [table.value for table in app.dataframe if "model" in table.value]  # speed was measured with one
    assert len(of_models[0]) == 4 and not any("soft-flickr8k" in str(table) for table in of_models)


def test_what_was_measured_is_shown_with_its_command(monkeypatch, tmp_path):
    shutil.copytree(SHIPPED / "shapes-soft", tmp_path / "shapes-soft")
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    numbers = Measured("shapes-soft", 7, 70, 0.001, 0.02, 0.003, 0.04, 0.5, 0.4, 0.6, 0.25, 0.0375, 0.03, 0.002)
    keep(
        tmp_path / "shapes-soft",
        Kept(numbers, "shapes", "dev", 64, 3, checkpoints.weights_digest(SHIPPED / "shapes-soft")),
    )
    app = run(dataset="shapes")
    averages, gradients = (table.value for table in app.dataframe if set(table.value) & {"NWGM", "variance, caption"})
    assert averages["NWGM"][0] == 0.001 and averages["soft pass, p(word)"][0] == 4.0 and averages["words"][0] == 70
    assert gradients["variance, caption"][0] == 0.0375 and gradients["bias of the mixture"][0] == 0.25
    assert any("7 dev pictures" in m.value for m in app.markdown)
    assert any("NWGM is nearer" in m.value and "3.8 % of" in m.value for m in app.markdown)
    assert any(code.value.endswith("--count 7 --paths 64 --seed 3 --save") for code in app.code)


def test_every_shipped_model_with_attention_was_measured():
    shipped = {name for name in checkpoints.available(SHIPPED) if read_config(SHIPPED / name).attention != "none"}
    assert {one.numbers.model for one in all_kept(SHIPPED)} == shipped
    assert all(one.split == "dev" and one.numbers.pictures == 200 for one in all_kept(SHIPPED))
