"""The Mistakes page on the evaluations that ship, without any data set."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, components

from sat import checkpoints
from sat.evaluation.browse import Condition, EvaluationStore
from sat.review import ReviewBook, default_path, evaluation_key
from sat.ui.mistakes.nav import VIEWS


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh clone: no data set, no run, no review."""
    for name in ("SAT_CHECKPOINTS", "SAT_PUBLIC", "SAT_EVALUATIONS", "SAT_REVIEW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SAT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="module")
def store() -> EvaluationStore:
    return EvaluationStore.open(checkpoints.find("shapes-soft") / "evaluation")


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/mistakes.py").run()
    assert not app.exception
    return app


def rows(app: AppTest) -> dict:
    (proto,) = components(app, "sat_mistake_rows")
    return json.loads(proto.json)[0]


def images(app: AppTest) -> list[str]:
    return [row["image"] for row in rows(app)["rows"]]


def player(app: AppTest) -> dict:
    (proto,) = components(app, "sat_word_player")
    return json.loads(proto.json)[0]


def said(app: AppTest) -> str:
    return "\n".join(m.value for m in (*app.markdown, *app.caption))


def test_the_overview_says_how_good_what_is_made_up_and_shows_the_worst(store):
    app = run()
    metrics = {m.label: m.value for m in app.metric}
    assert metrics["CIDEr"] == "314.6" and metrics["Objects made up"] == "0.5 %"
    assert images(app) == [r["image"] for r in store.page(sort="CIDEr", count=5, columns=["image"]).rows]
    assert all(row["thumbnail"].startswith("data:image/jpeg;base64,") for row in rows(app)["rows"])
    assert "What this means:** it goes wrong most with counts: 41.9 %" in said(app)
    assert not app.info and not app.warning


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_every_shipped_evaluation_has_something(view: str):
    for name in ("shapes-soft", "shapes-hard"):
        app = run(view=view, eval=name)
        assert not app.warning and not app.error and app.button


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ({"words": "two stars"}, [Condition("words", "contains", "two"), Condition("words", "contains", "stars")]),
        ({"refs": "Three"}, [Condition("references", "mentions", "three")]),
        ({"wrong": "any"}, [Condition("hallucinated", ">", 0)]),
        ({"wrong": "two"}, [Condition("others_hallucinated", "contains", "two")]),
        ({"object": "ring"}, [Condition("objects_in_references", "contains", "ring")]),
        ({"measure": "length", "from": "3", "to": "4"}, [Condition("length", "<=", 4)]),
    ],
)
def test_filters_and_order_are_those_of_the_store(store, address, condition):
    app = run(view="browse", sort="METEOR", order="down", **address)
    page = store.page(condition, sort="METEOR", descending=True, count=20, columns=["image"])
    assert page.total and images(app) == [row["image"] for row in page.rows]
    assert f"{page.total} of 200 captions" in said(app)


def test_pages_turn(store):
    app = run(view="browse", page="10")
    assert images(app) == [r["image"] for r in store.page(sort="CIDEr", first=180, count=20, columns=["image"]).rows]
    assert images(run(view="browse", page="999")) == images(app)


def test_choosing_an_order_writes_the_address():
    app = run(view="browse", words="two")
    app.selectbox(key="filter Sort by").set_value("entropy").run()
    assert not app.exception
    assert app.query_params["sort"] == "entropy" and app.query_params["order"] == "down"
    assert app.query_params["words"] == "two"
    app.button(key="clear").click().run()
    assert "words" not in app.query_params and app.query_params["sort"] == "entropy"


def test_one_caption_is_the_stored_one(store):
    image = store.page(sort="CIDEr", count=1).rows[0]
    app = run(view="browse", image=image["image"])
    data = player(app)
    assert [w["word"] for w in data["words"]] == image["words"]
    words = store.words(image["picture"], alphas=True)
    framed = [len(w["frames"]) for w in data["words"]]
    assert all((n > 0) == (w["box_mass"] is not None) for n, w in zip(framed, words, strict=True))
    left, top, right, bottom = next(w["frames"][0] for w in data["words"] if w["frames"])
    assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["evidence"], [w["evidence"] for w in words])
    for reference in image["references"]:
        assert reference.split()[1] in said(app)
    assert "1 of 200" in said(app) and app.button(key="before").disabled


def test_next_and_before_follow_the_list(store):
    names = [r["image"] for r in store.page(sort="CIDEr", count=3, columns=["image"]).rows]
    app = run(view="browse", image=names[1])
    app.button(key="next").click().run()
    assert app.query_params["image"] == names[2]
    app.button(key="before").click().run()
    assert app.query_params["image"] == names[1]
    app.button(key="close").click().run()
    assert "image" not in app.query_params and images(app)[:3] == names


def test_tags_notes_and_states_are_kept(store):
    key, book = evaluation_key(store.about), ReviewBook(default_path())
    names = [r["image"] for r in store.page(sort="CIDEr", count=2, columns=["image"]).rows]
    app = run(view="browse", image=names[0])
    at = player(app)["start"]
    app.button(key="tag count").click().run()
    assert [(t.tag, t.word, t.person) for t in book.tags(key)] == [("count", at, "me")]
    app.button_group(key="target").set_value("caption").run()
    app.text_input(key="own_tag").set_value("My own Tag").run()
    assert ("my own tag", None) in [(t.tag, t.word) for t in book.tags(key)]
    app.text_area[0].set_value("It cannot count.").run()
    assert book.note(key, names[0], person="me") == "It cannot count."
    app.button(key="done").click().run()
    assert book.states(key, person="me") == {names[0]: "reviewed"} and app.query_params["image"] == names[1]
    assert not app.exception
    app = run(view="browse", tag="my own tag")
    assert images(app) == [names[0]] and "✓ reviewed" in rows(app)["rows"][0]["tags"]
    assert names[0] not in images(run(view="browse", state="new"))
    app = run(view="browse", image=names[0])
    app.button(key="tag my own tag").click().run()  # of the word this time
    app.button(key=f"given 1 count {at}").click().run()
    assert ("count", at) not in [(t.tag, t.word) for t in book.tags(key)]


def test_a_suggestion_counts_once_it_is_confirmed(store):
    key, book = evaluation_key(store.about), ReviewBook(default_path())
    row = store.page([Condition("others_hallucinated", "contains", "two")], count=1).rows[0]
    app = run(view="browse", image=row["image"])
    at = row["words"].index("two")
    assert player(app)["start"] == at and not book.tags(key)
    app.button(key=f"confirm count {at}").click().run()
    assert [(t.tag, t.word) for t in book.tags(key)] == [("count", at)]
    assert f"confirm count {at}" not in [b.key for b in app.button]


def test_two_people_and_their_agreement(store):
    key, book = evaluation_key(store.about), ReviewBook(default_path())
    names = [r["image"] for r in store.page(sort="CIDEr", count=4, columns=["image"]).rows]
    for person, tagged in (("ann", names[:2]), ("bob", names[1:3])):
        for image in names:
            book.set_state(key, image, "reviewed", person=person)
        for image in tagged:
            book.add_tag(key, image, "count", person=person)
    app = run(view="review")
    table = app.dataframe[0].value
    assert list(table["tag"]) == ["count", "all tags together"]
    assert table.iloc[0][["both", "only ann", "only bob", "neither"]].tolist() == [1, 1, 1, 1]
    assert table["kappa"][0] == pytest.approx(0)
    app = run(view="browse", image=names[1])
    assert "Others say: ann: count" in said(app).replace("\\", "")


def test_patterns_lead_to_their_pictures(store):
    app = run(view="patterns")
    app.button(key="quadrant objects 3").click().run()
    assert app.query_params["set"] == "objects:unlooked-unsaid" and len(images(app)) == 8
    app = run(view="patterns", pattern="nouns", eval="shapes-hard")
    app.button(key="confused square cross").click().run()
    assert images(app) == ["test-00183.png"]
    app = run(view="browse", eval="shapes-soft", set="fixed:CIDEr<50:shapes-hard")
    assert 0 < len(images(app)) < 20


def test_the_public_demo_shows_all_and_keeps_nothing(monkeypatch):
    monkeypatch.setenv("SAT_PUBLIC", "1")
    app = run(view="browse", image="test-00002.png")
    assert "tag count" not in [b.key for b in app.button] and "public demo" in said(app)
    app = run(view="evaluate")
    assert "public demo" in said(app) and not [b for b in app.button if b.key == "evaluate"]


MAD = "../../etc/passwd", "<script>", "x" * 3000, "²", "-1", "nan", "\x00", "a>b", "fixed:CIDEr<nan:shapes-hard"


@pytest.mark.parametrize("value", MAD)
def test_no_mad_address_breaks_it(value: str):
    mad = dict.fromkeys(("eval", "set", "sort", "wrong", "tag", "state", "page", "from", "refs"), value)
    for address in (
        {"view": "browse", **mad},
        {"view": "browse", **mad, "image": value},
        {"view": "two", "other": value, "side": value, "by": value, "below": value},
        {"view": "patterns" if value == "nan" else value, "pattern": value, "of": value, "first": value},
    ):
        app = run(**address)
        assert not app.error
        assert all(len(i.value) < 600 for i in app.info)


def test_damaged_rows_are_one_sentence(places: Path, monkeypatch):
    folder = places / "models" / "shapes-soft"
    shutil.copytree(checkpoints.find("shapes-soft"), folder)
    (folder / "evaluation" / "store" / "words.parquet").write_bytes(b"no rows")
    monkeypatch.setenv("SAT_CHECKPOINTS", str(places / "models"))
    app = run()
    assert "damaged" in app.warning[0].value and len(app.warning) == 1


def test_without_an_evaluation_the_page_says_how_to_make_one(tiny):
    app = run()
    assert any(b.key == "evaluate" for b in app.button)
    assert "python -m sat evaluate" in run(view="overview").info[0].value


@pytest.fixture
def without(places: Path) -> Path:
    """An evaluation of a folder without boxes, by a model without attention; the first picture is there."""
    from PIL import Image

    from sat.evaluation.store import write_store
    from tests.evaluation.stored import ABOUT, picture

    mine = places / "mine"
    mine.mkdir()
    Image.new("RGB", (60, 40), (90, 120, 40)).save(mine / "00001.jpg")
    lines = ["image,caption,split", "00001.jpg,A dog .,test", "00001.jpg,Reference 1 .,test"]
    (mine / "captions.csv").write_text("\n".join(lines))
    rng = np.random.default_rng(0)
    made = [picture(i, rng, attends=False) for i in range(30)]
    decoding = {"context": None, "beam": 3, "length_norm": 0.7}
    about = {**ABOUT, "model": "none-tiny", "decoding": decoding, "root": str(mine)}
    write_store(places / "runs" / "evaluations" / "mine", about, made)
    return mine


@pytest.mark.parametrize("view", VIEWS)
def test_without_boxes_and_attention_views_say_what_they_would_need(without: Path, view: str):
    app = run(view=view, eval="runs/evaluations/mine")
    assert not app.warning and not app.error
    if view == "patterns":
        assert "no attention" in app.info[0].value
        assert "tag" in run(view=view, eval="runs/evaluations/mine", pattern="slices", slice="tag").info[0].value
    if view == "two":
        assert "no other evaluation" in app.info[0].value


def test_a_folder_of_ones_own_is_shown_with_what_there_is(without: Path):
    app = run(view="browse", eval="runs/evaluations/mine", image="00001.jpg")
    data = player(app)
    assert (
        "no attention" in data["reason"]
        and data["distribution"] is None
        and (data["width"], data["height"]) == (60, 40)
    )
    assert "Nobody drew boxes in this picture" in said(app)
    app = run(view="browse", eval="runs/evaluations/mine", image="00002.jpg")  # the file is not there
    assert "is not here any more" in app.warning[0].value and not components(app, "sat_word_player")
    assert any("Reference 2" in m.value for m in app.markdown)
    app = run(view="browse", eval="runs/evaluations/mine", sort="entropy")
    assert len(images(app)) == 20
    app.selectbox(key="filter Sort by").set_value("beta").run()
    assert not app.exception
