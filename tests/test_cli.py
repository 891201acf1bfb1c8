"""The command line: what it prints, and for every mistake one line on standard error and exit code 2."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from sat.cli import app
from sat.data import shapes
from sat.images import Picture

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """Every command runs in an empty folder, with the tiny models."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("SAT_DATA", raising=False)


@pytest.fixture(scope="session")
def photo_file(tmp_path_factory: pytest.TempPathFactory, photo: Picture) -> str:
    path = tmp_path_factory.mktemp("photos") / "astronaut.png"
    Image.fromarray(photo.display).save(path)
    return str(path)


@pytest.fixture(scope="session")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of drawn shapes."""
    root = tmp_path_factory.mktemp("data")
    shapes.generate(root / "shapes", count={"train": 8, "dev": 3, "test": 3})
    return root


@pytest.fixture
def cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One store of annotations for all these tests."""
    monkeypatch.setenv("SAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="python -m sat")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def good(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """The one line; nothing on standard output, nothing left in the folder."""
    before = sorted(Path.cwd().rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result.stderr
    assert sorted(Path.cwd().rglob("*")) == before
    return result.stderr


# What it prints.


def test_help_needs_neither_torch_nor_a_command():
    code = (
        "import sys, sat.cli\ntry:\n    sat.cli.main()\nexcept SystemExit as e:\n"
        "    heavy = {'torch', 'timm', 'numpy', 'PIL', 'streamlit'} & set(sys.modules)\n"
        "    print('code', e.code, heavy)"
    )
    for arguments in (["--help"], []):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.rstrip().endswith("code 0 set()") and done.stderr == ""
        assert all(f"\n  {name}" in done.stdout for name in ("caption", "evaluate", "features", "train", "models"))


@pytest.mark.parametrize("command", ["caption", "figure strip", "figure focus", "data check", "data prepare", "train"])
def test_every_command_explains_itself(command):
    assert f"Usage: python -m sat {command} " in good(*command.split(), "--help")


def test_the_version():
    import sat

    assert good("--version") == sat.__version__ + "\n"


def test_one_picture_gives_its_caption(photo_file, tiny_captioners, photo):
    expected = tiny_captioners["soft-tiny"].caption(photo).caption
    assert good("caption", photo_file, "--model", "soft-tiny") == expected + "\n"


def test_several_pictures_are_named(photo_file):
    lines = good("caption", photo_file, photo_file, "--model", "none-tiny").splitlines()
    assert len(lines) == 2 and all(line.startswith(photo_file + ": ") for line in lines)


@pytest.mark.parametrize(("name", "context"), [("soft-tiny", "expected"), ("hard-tiny", "argmax"), ("none-tiny", None)])
def test_json_is_one_object_a_line_as_specified(photo_file, name, context):
    lines = good("caption", photo_file, photo_file, "--model", name, "--json").splitlines()
    assert len(lines) == 2 and lines[0] == lines[1]
    record = json.loads(lines[0])
    assert record["image"] == photo_file and record["model"] == name and record["context"] == context
    assert record["caption"] == " ".join(record["words"]) and len(record["steps"]) == len(record["words"])
    assert record["log_prob"] == pytest.approx(
        sum(step["log_prob"] for step in record["steps"]) + record["end_log_prob"], abs=1e-9
    )
    for word, step in zip(record["words"], record["steps"], strict=True):
        assert step["word"] == word and step["top"][0][1] <= 1
        if name == "none-tiny":
            assert (step["alpha"], step["place"], step["beta"], step["entropy"]) == (None, None, None, None)
            continue
        alpha = np.array(step["alpha"])
        assert alpha.shape == (14, 14) and alpha.sum() == pytest.approx(1, abs=1e-5)
        if name == "hard-tiny":
            assert step["place"] == list(np.unravel_index(alpha.argmax(), (14, 14)))
        else:
            assert step["place"] is None


def test_beam_context_and_seed_are_passed_on(photo_file):
    arguments = ("caption", photo_file, "--model", "hard-tiny", "--json", "--beam", 2, "--context", "sample", "--seed")
    records = [json.loads(good(*arguments, seed)) for seed in (1, 1, 2)]
    assert records[0] == records[1] != records[2]
    assert records[0]["context"] == "sample" and records[0]["decoding"]["beam"] == 2


def test_models_are_listed_with_their_scores(tiny, tmp_path, monkeypatch):
    root = Path(shutil.copytree(tiny, tmp_path / "models"))
    monkeypatch.setenv("SAT_CHECKPOINTS", str(root))
    (root / "hard-tiny" / "metrics.json").write_text(json.dumps({"standard": {"BLEU-4": 22.04, "CIDEr": 53.31}}))
    (root / "none-tiny" / "metrics.json").write_text(json.dumps({"standard": ["damaged"]}))
    assert [line.split() for line in good("models").splitlines()] == [
        ["NAME", "ATTENTION", "ENCODER", "BLEU-4", "CIDEr"],
        ["soft-tiny", "soft", "tf_efficientnet_lite2", "-", "-"],
        ["hard-tiny", "hard", "tf_efficientnet_lite2", "22.0", "53.3"],
        ["none-tiny", "none", "tf_efficientnet_lite2", "-", "-"],
    ]
    (root / "soft-tiny" / "config.json").write_text("{")
    result = run("models")
    assert result.exit_code == 2 and "soft-tiny/config.json" in result.stderr and len(result.stdout.splitlines()) == 3


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


def test_shapes_are_prepared_and_checked():
    expected = "shapes in {}: 4 train (20 captions), 2 dev (10 captions), 1 test (5 captions); no problems\n"
    assert good("data", "prepare", "shapes", "--data", "d", "--count", 4, 2, 1) == expected.format(Path("d/shapes"))
    assert good("data", "check", "shapes", "--data", "d") == expected.format(Path("d/shapes"))
    picture = sorted(Path("d").rglob("*.png"))[0]
    picture.write_bytes(picture.read_bytes()[:50])
    result = run("data", "check", "shapes", "--data", "d")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 2 and str(picture) in lines[0] and lines[1].endswith("; 1 problem")


def test_annotations_are_computed_once(shapes_root, cached):
    first = good("features", "--data", shapes_root, "--dataset", "shapes")
    assert first.startswith("14 of 14 pictures have annotations in ")
    store = Path(first.strip().split(" in ")[1]) / "annotations.f16"
    written = store.stat().st_mtime_ns
    assert good("features", "--data", shapes_root, "--dataset", "shapes") == first
    assert store.stat().st_mtime_ns == written


@pytest.mark.slow
def test_evaluate_writes_its_two_files(shapes_root, cached):
    out = good(
        "evaluate",
        "--model",
        "soft-tiny",
        "--data",
        shapes_root,
        "--dataset",
        "shapes",
        "--split",
        "test",
        "--out",
        "ev",
    )
    assert out.startswith("standard: BLEU-1 ") and sorted(os.listdir("ev")) == ["captions.jsonl", "metrics.json"]
    metrics = json.loads(Path("ev/metrics.json").read_text())
    assert metrics["model"] == "soft-tiny" and metrics["split"] == "test" and set(metrics["decoding"]) >= {"beam"}
    assert len(Path("ev/captions.jsonl").read_text().splitlines()) == 3


CONFIG = """
name: small
dataset: shapes
model: {name: small, embedding_dim: 8, hidden_dim: 8, attention_dim: 8}
epochs: 1
batch_pictures: 4
min_word_count: 1
precision: float32
"""


def test_train_to_the_end_and_use_the_model(shapes_root, cached, photo_file):
    Path("small.yaml").write_text(CONFIG)
    out = good("train", "small.yaml", "--set", f"data={shapes_root}", "--set", "model.hidden_dim=6")
    run_folder = Path("runs/small")
    assert out.endswith(f"the model is in {run_folder / 'model'}\n")
    assert json.loads((run_folder / "model" / "config.json").read_text())["hidden_dim"] == 6
    assert good("caption", photo_file, "--model", run_folder / "model").strip()

    # Mistakes around a run that is there already.
    changed = ("--set", f"data={shapes_root}", "--set", "epochs=9")
    assert "already holds a run: resume it with --resume" in refused("train", "small.yaml", *changed)
    assert "another setting of model" in refused("train", "small.yaml", "--resume", run_folder, *changed[:2])
    assert "keeps its settings" in refused("train", "--resume", run_folder, "--set", "epochs=9")
    assert "stays in its folder" in refused("train", "--resume", run_folder, "--out", "other")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(shapes_root, cached, number):
    Path("long.yaml").write_text(CONFIG.replace("epochs: 1\n", "epochs: 10000\n"))

    def stop() -> None:
        deadline = time.monotonic() + 120
        while not Path("r/metrics.jsonl").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    result = run("train", "long.yaml", "--set", f"data={shapes_root}", "--out", "r")
    thread.join()
    assert result.exit_code == 128 + number
    assert "go on with 'python -m sat train --resume r'" in result.stderr
    assert json.loads(Path("r/status.json").read_text())["state"] == "stopped"
    assert Path("r/checkpoints/last.pt").is_file() and not Path("r/model").exists()
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)


# What it refuses.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("caption", "Missing argument 'IMAGE...': see 'python -m sat caption --help'."),
        ("capton x.jpg", "No such command 'capton'. Did you mean 'caption'?: see 'python -m sat --help'."),
        ("caption x.jpg --modell y", "No such option: --modell"),
        ("caption x.jpg --beam 0", "Invalid value for '--beam'"),
        ("caption x.jpg --beam 51", "Invalid value for '--beam'"),
        ("caption x.jpg --beam many", "Invalid value for '--beam'"),
        ("caption x.jpg --context middle", "Invalid value for '--context'"),
        ("caption x.jpg", "There is no model 'soft-flickr8k'. Models: soft-tiny, hard-tiny, none-tiny."),
        ("caption x.jpg --model soft-tiny", "x.jpg does not exist"),
        ("caption . --model soft-tiny", "is a folder"),
        ("caption x.jpg --model none-tiny --context argmax", "has no attention: leave --context out"),
        ("figure", "Missing command"),
        ("figure strip x.jpg", "Missing option '--out'"),
        ("figure strip x.jpg --out x.bmp --model soft-tiny", "x.bmp cannot be written: name a file that ends in .png"),
        ("figure strip x.jpg --out x.png --model soft-tiny", "x.jpg does not exist"),
        ("figure strip x.jpg --out x.png --model soft-tiny --style neon", "Invalid value for '--style'"),
        ("data check flickr8k", "data/flickr8k does not exist"),
        ("data check flickr9k", "There is no data set 'flickr9k': use flickr8k"),
        ("data prepare flickr9k", "There is no data set 'flickr9k': use flickr8k"),
        ("data check folder", "needs --data"),
        ("features --dataset shapes", "does not exist"),
        ("evaluate --model soft-tiny --split train --out o", "Invalid value for '--split'"),
        ("evaluate --model soft-tiny --split test --out o", "data/flickr8k does not exist"),
        ("evaluate --model soft-tinny --split test --out o", "There is no model 'soft-tinny'"),
        ("train", "Name what to train, one of hard-flickr8k, nic-flickr8k"),
        ("train soft-flickr9k", "There is no preset 'soft-flickr9k': use"),
        ("train mine.yaml", "mine.yaml does not exist"),
        ("train soft-flickr8k --set epochs", "write it as key=value"),
        ("train soft-flickr8k --set epochs=0", "epochs: input should be greater than or equal to 1"),
        ("train soft-flickr8k --set epoch=3", "epoch: there is no such setting"),
        ("train soft-flickr8k --set name.x=3", "name holds no settings of its own"),
        ("train soft-flickr8k --set epochs=[", "not valid YAML"),
        ("train soft-flickr8k", "data/flickr8k does not exist"),
        ("train soft-flickr8k --set start_from=nobody", "data/flickr8k does not exist"),
        ("train --resume nowhere", "is not a run"),
        ("publish nowhere --dataset shapes", "does not exist"),
    ],
)
def test_a_mistake_is_one_line(arguments, message):
    line = refused(*arguments.split())
    assert message in line


def test_a_word_that_is_not_there(photo_file):
    arguments = ("figure", "focus", photo_file, "--out", "x.png", "--model", "soft-tiny", "--word")
    for word in ("zebra", "0", "99", "-1", "²"):
        assert f"The caption has no word '{word}': it reads" in refused(*arguments, word)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"hello", "not a picture"), (b"half", "damaged or incomplete")]
)
def test_a_bad_picture_among_good_ones_stops_all(photo_file, content, message):
    data = Path(photo_file).read_bytes()
    Path("bad.jpg").write_bytes(data[: len(data) // 2] if content == b"half" else content)
    for command in (["caption"], ["caption", "--json"], ["figure", "strip", "--out", "x.png"]):
        assert message in refused(*command, "--model", "soft-tiny", photo_file, "bad.jpg")


def test_a_damaged_model(tiny, photo_file):
    folder = Path(shutil.copytree(tiny / "soft-tiny", "copy"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["E.weight"]
    save_file(tensors, folder / "model.safetensors")
    assert "the tensor E.weight is missing" in refused("caption", photo_file, "--model", "copy")


def test_a_file_name_of_several_lines_is_still_one_line():
    assert "does not exist" in refused("caption", "--model", "soft-tiny", "a\nb\r.jpg")


def test_a_run_that_could_not_begin_leaves_nothing(shapes_root, cached):
    Path("small.yaml").write_text(CONFIG)
    arguments = ("train", "small.yaml", "--set", f"data={shapes_root}")
    assert "There is no model 'nobody'" in refused(*arguments, "--set", "start_from=nobody", "--out", "r")
    assert "no encoder called 'nothing'" in refused(*arguments, "--set", "model.encoder=nothing", "--out", "r")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("kept")
    assert "There is no model" in refused(*arguments, "--set", "start_from=nobody", "--out", "mine")
    assert os.listdir("mine") == ["notes.txt"]


def test_a_figure_that_does_not_fit_leaves_the_old_one(photo_file, full_disk):
    Path("x.png").write_text("old")
    with full_disk():
        line = refused("figure", "strip", photo_file, "--out", "x.png", "--model", "soft-tiny")
    assert "x.png could not be written (File too large)" in line
    assert Path("x.png").read_text() == "old"


def test_a_disk_that_fills_up_in_training(shapes_root, cached, full_disk):
    Path("small.yaml").write_text(CONFIG)
    good("features", "--data", shapes_root, "--dataset", "shapes")
    with full_disk(400_000):  # room for everything but the whole state
        result = run("train", "small.yaml", "--set", f"data={shapes_root}", "--set", "samples=0", "--out", "r")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert "r/checkpoints/last.pt could not be written" in result.stderr
    assert os.listdir("r/checkpoints") == ["best"]
    assert json.loads(Path("r/status.json").read_text())["state"] == "failed"
    Path("r/checkpoints/last.pt").write_bytes(b"PK\x03\x04 half")
    assert "r/checkpoints/last.pt is damaged" in run("train", "--resume", "r").stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_standard_output_on_a_full_disk():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sat", "--version"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "Standard output cannot be written (No space left on device): free some space.\n"


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m sat --help | true"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert done.stderr == ""


@pytest.mark.slow
def test_the_real_program_says_the_same():
    """The whole way through ``python -m sat``: no warning of a library beside the one line."""
    done = subprocess.run(
        [sys.executable, "-m", "sat", "caption", "--model", "soft-tiny", "nowhere.jpg"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nowhere.jpg does not exist: check the path of the picture.\n"
