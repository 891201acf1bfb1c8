"""The Train page, without a cluster: the form, and run folders as they lie on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, components, player

from sat.captioner import load
from sat.config import Decoding
from sat.data import shapes
from sat.data.registry import load_dataset
from sat.images import read_picture
from sat.training.run import RunFolder
from sat.training.settings import train_config


@pytest.fixture(autouse=True)
def places(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs and data of this test alone."""
    monkeypatch.setenv("SAT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SAT_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SAT_PUBLIC", raising=False)
    monkeypatch.delenv("SAT_RAY_ADDRESS", raising=False)
    return tmp_path


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/train.py").run()
    assert not app.exception
    return app


def command(app: AppTest) -> str:
    return app.code[0].value


def test_the_form_shows_the_preset_and_its_command():
    app = run(preset="soft-flickr8k")
    assert command(app) == "python -m sat jobs submit soft-flickr8k"
    config = train_config("soft-flickr8k")
    assert app.number_input(key="train soft-flickr8k epochs").value == config.epochs
    assert app.number_input(key="train soft-flickr8k learning_rate").value == config.learning_rate
    assert any(m.value == "**As in the preset**" for m in app.markdown)
    assert not app.warning and not app.error


def test_changes_are_marked_and_are_in_the_command():
    app = run(preset="soft-flickr8k")
    app.number_input(key="train soft-flickr8k epochs").set_value(3)
    app.number_input(key="train soft-flickr8k model.hidden_dim").set_value(96)
    app.text_area(key="train soft-flickr8k others").set_value("weight_decay=0.5\n\n").run()
    app.text_input(key="train soft-flickr8k name").set_value("quick").run()
    assert command(app) == (
        "python -m sat jobs submit soft-flickr8k --set epochs=3 --set model.hidden_dim=96 --set weight_decay=0.5 "
        "--name quick"
    )
    assert "changed" in app.number_input(key="train soft-flickr8k epochs").label
    assert "changed" not in app.number_input(key="train soft-flickr8k seed").label
    changes = ["epochs=3", "model.hidden_dim=96", "weight_decay=0.5"]
    assert train_config("soft-flickr8k", changes).model.hidden_dim == 96  # what the command does


@pytest.mark.parametrize("others", ["nonsense", "weight_decay=-1", "model.colour=red", "batch_pictures=[1"])
def test_a_wrong_setting_is_one_sentence(others):
    app = run(preset="soft-flickr8k")
    app.text_area(key="train soft-flickr8k others").set_value(others).run()
    assert not app.exception
    (said,) = [e.value for e in app.error]
    assert others.split("=")[0].split(".")[-1] in said and len(said) < 200


def test_only_what_concerns_the_model_is_asked():
    hard = {n.key for n in run(preset="hard-flickr8k").number_input}
    none = {n.key for n in run(preset="nic-flickr8k").number_input}
    assert "train hard-flickr8k hard.reward_weight" in hard
    assert not any("hard." in key or "doubly" in key for key in none)
    last = {n.key for n in run(preset="log-bilinear-flickr8k").number_input}
    assert "train log-bilinear-flickr8k model.last_words" in last and not any("hidden_dim" in key for key in last)
    assert "train nic-flickr8k model.hidden_dim" in none and not any("last_words" in key for key in none)
    assert not any(key.endswith("_dim") for key in hard)  # it starts from a trained model, which has its sizes


def test_a_public_demo_explains_and_starts_nothing(monkeypatch):
    monkeypatch.setenv("SAT_PUBLIC", "1")
    app = run()
    assert "public demo" in app.markdown[0].value and not app.button and "sat jobs submit" in app.code[0].value


def logged_in(monkeypatch: pytest.MonkeyPatch, **user: object) -> None:
    """``st.login`` is configured, and this is known of the visitor."""
    from sat.ui.train import guard

    monkeypatch.setattr(guard, "who", lambda: {"is_logged_in": True} | user)


def test_where_login_is_configured_a_visitor_logs_in_first(monkeypatch):
    logged_in(monkeypatch, is_logged_in=False)
    app = AppTest.from_file(ENTRY, default_timeout=120)
    app.secrets["auth"] = {"redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "x", "google": {}}
    app.switch_page("pages/train.py").run()
    assert not app.exception and not app.code and [b.label for b in app.button] == ["Log in with Google"]
    app.button[0].click().run()  # whose settings are not complete
    assert not app.exception and "secrets.toml" in app.warning[0].value and not app.code


def test_with_a_login_the_list_decides(monkeypatch):
    monkeypatch.setenv("SAT_TRAINERS", "ann@lab.org")
    logged_in(monkeypatch, email="bob@lab.org")
    app = run()
    assert [b.label for b in app.button] == ["Log out"] and not app.code
    assert "bob@lab\\.org" in app.markdown[0].value and "SAT_TRAINERS" in app.markdown[0].value
    logged_in(monkeypatch, email="ann@lab.org")
    app = run()
    assert command(app) == "python -m sat jobs submit shapes-soft"
    monkeypatch.setenv("SAT_TRAINERS", "")  # taken off the list while the page is open
    app.button(key="start").click().run()
    assert not app.exception and not list(Path(os.environ["SAT_RUNS"]).glob("*/config.yaml"))


def test_a_bad_link_falls_back_with_a_note():
    assert "view=" in run(view="sideways").info[0].value
    assert "no run yet" in run(view="runs", run="none").info[0].value


@pytest.fixture
def finished(places: Path) -> RunFolder:
    """A run that was trained elsewhere, with two epochs and their pictures."""
    shapes.generate(places / "data" / "shapes", count={"train": 2, "dev": 2, "test": 2})
    config = train_config("soft-flickr8k", ["dataset=shapes", "epochs=2"])
    folder = RunFolder.create(places / "runs" / "mine", config)
    captioner = load("soft-tiny")
    dev = load_dataset("shapes").split("dev")
    for epoch in range(2):
        folder.record(
            kind="step", epoch=epoch, step=10 * (epoch + 1), nll=3.0 - epoch, entropy=4.0, lr=1e-3, grad_norm=0.5
        )
        folder.record(
            kind="epoch", epoch=epoch, step=10 * (epoch + 1), dev={"BLEU-4": 5.0 * epoch, "CIDEr": 9.0, "entropy": 4}
        )
        decoding = Decoding(method="greedy", max_words=3 + epoch)
        records = [captioner.caption(read_picture(e.path), decoding).to_dict(e.name) for e in dev]
        (folder.path / "samples" / f"epoch-{epoch:03d}.json").write_text(json.dumps(records))
    folder.log("all done")
    folder.status("finished", epoch=2, step=20, total=20, best=9.0)
    return folder


def test_a_run_is_shown_from_its_folder(finished: RunFolder):
    with finished.metrics_file.open("a") as file:
        file.write('{"kind": "step", "nll": 1')  # cut by a crash
    app = run(view="runs", run="mine")
    (table,) = [d.value for d in app.dataframe]
    assert list(table["run"]) == ["mine"] and list(table["state"]) == ["finished"] and table["progress"][0] == 1.0
    titles = [m.value for m in app.markdown]
    assert {"**Loss a word**", "**Dev CIDEr**", "**Dev BLEU-4 and METEOR**"} <= set(titles)
    assert "**Reward and baseline**" not in titles  # a soft run has none
    assert any("all done" in code.value for code in app.code)
    assert {b.label for b in app.button} >= {"Clone …", "Delete …"} and "Stop" not in {b.label for b in app.button}


def test_the_time_machine_goes_through_the_epochs(finished: RunFolder):
    app = run(view="runs", run="mine")
    records = [json.loads(p.read_text()) for p in sorted((finished.path / "samples").iterdir())]
    assert [w["word"] for w in player(app)["words"]] == records[1][0]["words"]
    app.slider(key="machine_epoch mine").set_value(1).run()
    assert [w["word"] for w in player(app)["words"]] == records[0][0]["words"]
    app.button_group(key="machine_picture").set_value(1).run()
    assert [w["word"] for w in player(app)["words"]] == records[0][1]["words"]


def test_the_time_machine_follows_a_run_unless_one_has_gone_back(finished: RunFolder):
    app = run(view="runs", run="mine")
    assert app.slider(key="machine_epoch mine").value == 2
    samples = finished.path / "samples"
    (samples / "epoch-002.json").write_text((samples / "epoch-001.json").read_text())
    assert app.run().slider(key="machine_epoch mine").value == 3
    app.slider(key="machine_epoch mine").set_value(1).run()
    (samples / "epoch-003.json").write_text((samples / "epoch-001.json").read_text())
    app.run()
    assert (app.slider(key="machine_epoch mine").value, app.slider(key="machine_epoch mine").max) == (1, 4)


def test_damaged_pictures_and_missing_data_are_said(finished: RunFolder, places: Path):
    (finished.path / "samples" / "epoch-001.json").write_text("{")
    app = run(view="runs", run="mine")
    assert any("cannot be read" in c.value for c in app.caption) and not components(app, "sat_word_player")
    (finished.path / "samples" / "epoch-001.json").unlink()
    (places / "data" / "shapes").rename(places / "data" / "gone")
    app = run(view="runs", run="mine")
    assert any("cannot be shown here" in i.value for i in app.info)


def test_two_runs_beside_each_other_and_filters(finished: RunFolder, places: Path):
    other = RunFolder.create(places / "runs" / "other", train_config("hard-flickr8k", ["dataset=shapes"]))
    other.record(kind="step", epoch=0, step=5, nll=2.0, reward=-1.0, baseline=-1.5)
    other.status("failed", error="The loss became nan at step 6.", hint="Clone the run with a smaller learning_rate.")
    app = run(view="runs", run="other")
    assert "The loss became nan at step 6. Clone the run with a smaller learning_rate." in [e.value for e in app.error]
    assert any(b.label == "Try again" for b in app.button)  # nothing was saved that could be lost
    app.multiselect(key="run_beside").set_value(["mine"]).run()
    assert not app.exception
    app.text_input(key="run_text").set_value("MIN").run()
    assert list(app.dataframe[0].value["run"]) == ["mine"]


def test_deleting_asks_first(finished: RunFolder):
    app = run(view="runs", run="mine")
    app.button(key="delete").click().run()
    assert finished.exists and app.button(key="really")
    app.button(key="really").click().run()
    assert not finished.path.exists() and not app.exception


def test_starting_again_asks_first_where_something_was_saved(finished: RunFolder):
    finished.status("failed", error="The loss became nan at step 6.")
    finished.state_file.write_bytes(b"weights")
    app = run(view="runs", run="mine")
    labels = [b.label for b in app.button]
    assert "Resume" in labels and "Start again …" in labels
    app.button(key="retry").click().run()
    assert app.button(key="really_retry") and finished.state_file.exists() and finished.metrics()


def test_a_clone_is_changed_before_it_starts(finished: RunFolder):
    app = run(view="runs", run="mine")
    app.button(key="clone").click().run()
    assert not app.exception and app.query_params["like"] in ("mine", ["mine"])
    assert command(app) == "python -m sat jobs clone mine" and "**As in mine**" in [m.value for m in app.markdown]
    assert app.number_input(key="train run:mine epochs").value == 2  # as in the run, not as in the preset
    app.number_input(key="train run:mine learning_rate").set_value(4e-4).run()
    assert command(app) == "python -m sat jobs clone mine --set learning_rate=0.0004"
    app.button(key="unlike").click().run()
    assert command(app) == "python -m sat jobs submit shapes-soft"
    app = run(view="new", like="../mine")
    assert "like=" in app.info[0].value and command(app) == "python -m sat jobs submit shapes-soft"


def test_a_run_may_start_from_any_model_of_its_kind(finished: RunFolder, tiny: Path):
    import shutil

    shutil.copytree(tiny / "soft-tiny", finished.path / "model")
    app = run(preset="hard-flickr8k")
    choice = app.selectbox(key="train hard-flickr8k start_from")
    assert choice.value == train_config("hard-flickr8k").start_from
    assert {"nothing: new weights", "soft-tiny", "hard-tiny", "the run mine"} <= set(choice.options)
    assert "none-tiny" not in choice.options  # without attention
    choice.set_value(choice.options[choice.options.index("the run mine")]).run()
    (change,) = [m.value for m in app.markdown if "Changed from" in m.value]
    assert "start_from=" in change and change.endswith("runs/mine/model**")
    source = command(app).split("start_from=")[1]
    assert (Path.cwd() / source).resolve() == (finished.path / "model").resolve()


def test_publishing_asks_for_a_name_and_replaces_nothing_unasked(finished: RunFolder, tiny: Path, monkeypatch):
    import shutil

    from sat.jobs import Jobs

    asked = []

    def publish(self, name, as_name, progress):
        progress("captions", 1, 2)
        asked.append((name, as_name))
        return Path("checkpoints") / as_name

    def script() -> None:
        from sat.jobs import Jobs
        from sat.ui.train.actions import publish_form

        publish_form(Jobs(), Jobs().get("mine"))

    shutil.copytree(tiny / "hard-tiny", finished.path / "model")
    app = run(view="runs", run="mine")
    app.button(key="publish").click().run()
    assert app.text_input(key="publish_name").value == "mine" and not asked
    form = AppTest.from_function(script).run()
    form.text_input(key="publish_name").set_value("../out").run()
    form.button(key="really_publish").click().run()
    assert "does not do" in form.warning[0].value
    monkeypatch.setattr(Jobs, "publish", publish)
    form.text_input(key="publish_name").set_value("hard-tiny").run()
    assert "will be replaced" in form.warning[0].value
    form.text_input(key="publish_name").set_value("mine").run()
    form.button(key="really_publish").click().run()
    assert not form.exception and not form.warning and "mine" in form.success[0].value and asked == [("mine", "mine")]


def test_a_runs_model_opens_in_explore(finished: RunFolder, tiny: Path):
    import shutil

    shutil.copytree(tiny / "hard-tiny", finished.path / "model")
    app = run(view="runs", run="mine")
    assert any(b.label == "Open in Explore" for b in app.button)
    explore = AppTest.from_file(ENTRY, default_timeout=120)
    explore.query_params["model"] = "run:mine"
    explore.run()
    assert not explore.exception and not explore.info
    assert player(explore)["glimpse"] is not None  # it is the hard model
