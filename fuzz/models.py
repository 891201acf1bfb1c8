"""Bad checkpoints: settings, words and weights that are damaged, lie, or belong to another model."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from fuzz import change
from fuzz.case import Make, Target, Use, Wrong
from sat import checkpoints
from sat.captioner import load
from sat.images import from_array, read_picture
from sat.ui.samples import read_sample, sample_names

SHIPPED = Path(__file__).parents[1] / "checkpoints"
NAMES = ("shapes-soft", "shapes-hard")
_FILES = ("config.json", "vocabulary.json", "model.safetensors", "training.json", "metrics.json", "README.md")
_DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "C64", "", "X", None, 5)


@lru_cache(maxsize=2)
def shipped(name: str) -> dict[str, bytes]:
    """The files of a shipped model."""
    folder = SHIPPED / name
    return {file: (folder / file).read_bytes() for file in _FILES}


def folder_with(folder: Path, files: dict[str, bytes]) -> Path:
    """A model folder of such files."""
    model = folder / "model"
    model.mkdir()
    for name, content in files.items():
        (model / name).write_bytes(content)
    return model


def use(folder: Path) -> None:
    """Load a model, and caption with it if it can be loaded."""
    decoder, vocabulary = checkpoints.load_model(folder)
    if len(vocabulary) != decoder.config.vocabulary_size:
        raise Wrong("a vocabulary of another size")
    checkpoints.read_metrics(folder)
    captioner = load(folder)
    picture = from_array(read_sample("shapes").display, size=captioner.config.image_size)
    trace = captioner.caption(picture)
    if not all(step.log_prob == step.log_prob for step in trace.steps):
        raise Wrong("a log-probability that is no number")


def _with(make: Callable[[dict[str, bytes], random.Random], None]) -> Make:
    """A case of a shipped model with some of its files changed by ``make``."""

    def made(rng: random.Random, folder: Path) -> Use:
        files = dict(shipped(rng.choice(NAMES)))
        make(files, rng)
        model = folder_with(folder, files)
        return lambda: use(model)

    return made


def _config(files: dict[str, bytes], rng: random.Random) -> None:
    files["config.json"] = change.as_json(change.values(json.loads(files["config.json"]), rng), rng)


def _sizes(files: dict[str, bytes], rng: random.Random) -> None:
    config = json.loads(files["config.json"])
    names = [key for key, value in config.items() if isinstance(value, int)]
    for _ in range(rng.randint(1, 3)):
        config[rng.choice(names)] = rng.choice((0, 1, 13, 15, 4096, 10**6, 10**9, 2**31, 2**62, 10**30))
    files["config.json"] = json.dumps(config).encode()


def _encoder(files: dict[str, bytes], rng: random.Random) -> None:
    config = json.loads(files["config.json"])
    config["encoder"] = rng.choice(
        (
            "",
            "+",
            "+".join(["tf_efficientnet_lite0@blocks.3"] * 3),
            "+".join(["tf_efficientnet_lite0"] * 5000),
            "tf_efficientnet_lite0@",
            "tf_efficientnet_lite0@blocks.99",
            "tf_efficientnet_lite0@__class__",
            "tf_efficientnet_lite0@body.forward",
            "tf_efficientnet_lite2",
            "hf_hub:somebody/something",
            "hf-hub:somebody/something",
            "local-dir:/etc",
            "local-dir:../..",
            "../../etc/passwd",
            "resnet18.",
            "no_such_network",
            *change.WORDS,
        )
    )
    if rng.random() < 0.5:
        config["encoder_fingerprint"] = ""
    files["config.json"] = json.dumps(config).encode()


def _words(files: dict[str, bytes], rng: random.Random) -> None:
    words = json.loads(files["vocabulary.json"])
    what = rng.randrange(5)
    if what == 0:
        rng.shuffle(words)
    elif what == 1:
        words[rng.randrange(len(words))] = rng.choice(change.WORDS)
    elif what == 2:
        words = [*words, *(str(i) for i in range(rng.choice((1, 1_000_000))))]
    elif what == 3:
        words = change.values(words, rng)
    files["vocabulary.json"] = change.as_json(words, rng)


def _strange_words(files: dict[str, bytes], rng: random.Random) -> None:
    """Words that a checkpoint may have, but no caption should be believed to have."""
    words = json.loads(files["vocabulary.json"])
    for i in range(4, len(words)):
        words[i] = f"{words[i]}{rng.choice(change.WORDS[:12])}{i}"
    files["vocabulary.json"] = json.dumps(words).encode()
    files["model.safetensors"] = _rewritten(files["model.safetensors"], lambda header: header.pop("__metadata__", None))


def _header(files: dict[str, bytes], rng: random.Random) -> None:
    def edit(header: dict[str, Any]) -> None:
        tensors = [key for key in header if key != "__metadata__"]
        for _ in range(rng.randint(1, 3)):
            name = rng.choice(tensors)
            if name not in header:
                continue
            what = rng.randrange(7)
            if what == 0:
                header[rng.choice(change.WORDS)] = header.pop(name)
            elif what == 1:
                header[name]["dtype"] = rng.choice(_DTYPES)
            elif what == 2:
                header[name]["shape"] = rng.choice(([], [0], [-1], [2**62, 4], [2**63], [1, 2, 3], None, [2.5], "x"))
            elif what == 3:
                header[name]["data_offsets"] = rng.choice(([0, 0], [0, 2**62], [5, 2], [-1, 4], None, [0], [2**70, 1]))
            elif what == 4:
                header[name] = rng.choice(change.VALUES)
            elif what == 5:
                header["__metadata__"] = rng.choice(
                    (None, {}, {"vocabulary": "x"}, {"vocabulary": 3}, [], {"a": "b" * 10**6})
                )
            else:
                del header[name]

    files["model.safetensors"] = _rewritten(files["model.safetensors"], edit, rng)


def _rewritten(data: bytes, edit: Callable[[dict[str, Any]], object], rng: random.Random | None = None) -> bytes:
    """A safetensors file with its header changed."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    edit(header)
    text = json.dumps(header).encode()
    told = len(text)
    if rng is not None and rng.random() < 0.2:
        told = rng.choice((0, 1, told - 1, told + 1, 2**27, 2**40, 2**64 - 1))
    return struct.pack("<Q", told) + text + data[8 + length :]


def _weights(files: dict[str, bytes], rng: random.Random) -> None:
    data = files["model.safetensors"]
    (length,) = struct.unpack("<Q", data[:8])
    what = rng.randrange(5)
    if what == 0:
        data = change.damage(data, rng)
    elif what == 1:
        data = data[: 8 + length] + rng.randbytes(len(data) - 8 - length)
    elif what == 2:
        data = data[: 8 + length] + rng.choice((b"\x00", b"\x7c", b"\xff", b"\x7b")) * (len(data) - 8 - length)
    elif what == 3:
        data = data + bytes(rng.choice((1, 1000)))
    else:
        data = rng.choice((b"", b"PK\x03\x04" + bytes(500), b"\x80\x04\x95" + bytes(500), data[:8], bytes(8)))
    files["model.safetensors"] = data


def _extra(files: dict[str, bytes], rng: random.Random) -> None:
    for name in rng.sample(("training.json", "metrics.json"), rng.choice((1, 2))):
        files[name] = change.as_json(change.values(json.loads(files[name]), rng), rng)
    files["README.md"] = rng.randbytes(50)
    if rng.random() < 0.5:
        files["encoder.safetensors"] = rng.choice((b"", files["model.safetensors"], rng.randbytes(1000)))


def _mixed(files: dict[str, bytes], rng: random.Random) -> None:
    other = shipped(NAMES[rng.randrange(2)])
    for name in rng.sample(_FILES, 3):
        files[name] = other[name]
    files.pop(rng.choice(_FILES))


def _no_files(rng: random.Random, folder: Path) -> Use:
    """Links in circles, folders instead of files, files that may not be read, names that are none."""
    model = folder_with(folder, dict(shipped(NAMES[0])))
    name = rng.choice(_FILES[:3])
    (model / name).unlink()
    what = rng.randrange(4)
    if what == 0:
        (model / name).mkdir()
    elif what == 1:
        os.symlink(name, model / name)
    elif what == 2:
        os.symlink("/dev/null", model / name)
    else:
        shutil.rmtree(model)
    asked = rng.choice((model, model / "..", "\x00", "x" * 5000, "../" * 100, "\ud800", "", "."))
    return lambda: use(checkpoints.find(asked))


def _warm() -> None:
    torch.set_num_threads(1)
    read_picture(b"P6 1 1 255 abc")
    assert sample_names()
    for name in NAMES:
        use(SHIPPED / name)


TARGET = Target(
    name="models",
    kinds={
        "config": _with(_config),
        "sizes": _with(_sizes),
        "encoder": _with(_encoder),
        "vocabulary": _with(_words),
        "strange words": _with(_strange_words),
        "header": _with(_header),
        "weights": _with(_weights),
        "extra files": _with(_extra),
        "mixed up": _with(_mixed),
        "no files": _no_files,
    },
    cases=250,
    seconds=5.0,
    megabytes=300.0,
    warm=_warm,
    heavy=frozenset({"vocabulary"}),
)
