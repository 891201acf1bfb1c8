"""The command line as a whole: help, version, and for every mistake one line on standard error and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .running import ROOT, good, refused


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


@pytest.mark.parametrize(
    "command",
    [
        *("caption", "models", "train", "evaluate", "publish", "features"),
        *("figure strip", "figure focus", "figure compare", "figure mistakes"),
        *("data check", "data prepare"),
    ],
)
def test_every_command_explains_itself(command):
    assert f"Usage: python -m sat {command} " in good(*command.split(), "--help")


def test_the_version():
    import sat

    assert good("--version") == sat.__version__ + "\n"


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
        ("figure compare x.jpg --out x.png", "There is no model 'soft-flickr8k'"),
        ("figure compare x.jpg --out x.png --model soft-tiny", "Two models are compared, not 1: give --model twice."),
        ("figure compare x.jpg --model soft-tiny --model hard-tiny", "Missing option '--out'"),
        ("figure compare x.jpg --out x.webp --model soft-tiny --model hard-tiny", "x.webp cannot be written"),
        ("figure compare x.jpg --out x.png --model soft-tiny --model hard-tiny", "x.jpg does not exist"),
        ("figure mistakes --out x.png", "Missing option '--eval'"),
        ("figure mistakes --eval . --out x", "x cannot be written: name a file that ends in .png"),
        ("figure mistakes --eval nowhere --out x.png", "nowhere/metrics.json does not exist"),
        ("figure mistakes --eval . --out x.png --count 0", "Invalid value for '--count'"),
        ("data check flickr8k", "data/flickr8k does not exist"),
        ("data check flickr9k", "There is no data set 'flickr9k': use flickr8k"),
        ("data prepare flickr9k", "There is no data set 'flickr9k': use flickr8k"),
        ("data check folder", "needs --data"),
        ("features --dataset shapes", "does not exist"),
        ("evaluate --model soft-tiny --split train --out o", "Invalid value for '--split'"),
        ("evaluate --model soft-tiny --split test --out o", "data/flickr8k does not exist"),
        ("evaluate --model soft-tinny --split test --out o", "There is no model 'soft-tinny'"),
        ("train", "Name what to train, one of brnn-flickr8k, hard-flickr8k"),
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


def test_a_file_name_of_several_lines_is_still_one_line():
    assert "does not exist" in refused("caption", "--model", "soft-tiny", "a\nb\r.jpg")


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
