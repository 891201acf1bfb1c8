"""Model folders: what is written is what is read, and what does not fit together is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sat import checkpoints
from sat.errors import UserError
from sat.vocabulary import SPECIALS, Vocabulary
from tests.conftest import BASELINES


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of soft-tiny to be damaged."""
    return Path(shutil.copytree(tiny_folder / "soft-tiny", tmp_path / "soft-tiny"))


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        checkpoints.load_model(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["soft-tiny", "hard-tiny", "none-tiny", "rnn-tiny", "log-bilinear-tiny"])
def test_what_is_written_is_what_is_read(tiny_folder: Path, baselines_folder: Path, tmp_path: Path, name: str):
    source = (baselines_folder if name in BASELINES else tiny_folder) / name
    decoder, vocabulary = checkpoints.load_model(source)
    checkpoints.save_model(tmp_path / name, decoder, vocabulary)
    again, words = checkpoints.load_model(tmp_path / name)
    assert again.config == decoder.config and words.words == vocabulary.words
    for key, tensor in decoder.state_dict().items():  # already rounded to half precision: exact from here on
        assert again.state_dict()[key].dtype == torch.float32
        assert torch.equal(again.state_dict()[key], tensor)
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    assert contents(tmp_path / name) == contents(source)


def test_a_model_from_before_there_were_recurrences_is_an_lstm(folder: Path):
    before, _ = checkpoints.load_model(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["recurrence"], config["last_words"]
    (folder / "config.json").write_text(json.dumps(config))
    decoder, _ = checkpoints.load_model(folder)
    assert decoder.config == before.config and decoder.config.recurrence == "lstm"


def test_the_weights_of_another_recurrence(baselines_folder: Path, tmp_path: Path):
    damaged = Path(shutil.copytree(baselines_folder / "log-bilinear-tiny", tmp_path / "m"))
    shutil.copy(baselines_folder / "rnn-tiny" / "model.safetensors", damaged)
    assert "which a model with attention none and recurrence log-bilinear has" in refused(damaged)


def test_word_vectors_that_are_read_and_written_by_are_stored_once(baselines_folder: Path):
    tensors = load_file(baselines_folder / "log-bilinear-tiny" / "model.safetensors")
    assert "E.weight" in tensors and "L_o.weight" not in tensors


def test_files_are_in_half_precision(tiny_folder: Path):
    tensors = load_file(tiny_folder / "soft-tiny" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}


def test_names_order_and_places(tiny: Path, tmp_path: Path):
    assert checkpoints.available() == ["soft-tiny", "hard-tiny", "none-tiny"]
    assert checkpoints.find("hard-tiny") == tiny / "hard-tiny"
    assert checkpoints.find(tiny / "hard-tiny") == checkpoints.find(str(tiny / "hard-tiny")) == tiny / "hard-tiny"
    assert checkpoints.available(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["nobody", "", "..", "a" * 5000, "soft-tiny/config.json", "a\nb"])
def test_an_unknown_model(tiny: Path, name: str):
    with pytest.raises(UserError, match="There is no model .* Models: soft-tiny, hard-tiny, none-tiny") as caught:
        checkpoints.find(name)
    assert len(str(caught.value).splitlines()) == 1


def test_no_models_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    with pytest.raises(UserError, match="none yet: train one with"):
        checkpoints.find("soft-flickr8k")


def test_a_missing_tensor(folder: Path):
    tensors = load_file(folder / "model.safetensors")
    del tensors["f_beta.weight"]
    save_file(tensors, folder / "model.safetensors")
    assert "the tensor f_beta.weight is missing" in refused(folder)


def test_a_tensor_too_many(folder: Path):
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "surplus": torch.zeros(1)}, folder / "model.safetensors")
    assert "surplus belongs to no part" in refused(folder)


def test_a_wrong_shape(folder: Path):
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "L_h.weight": tensors["L_h.weight"].T.contiguous()}, folder / "model.safetensors")
    assert "L_h.weight has shape (16, 12), but config.json asks for (12, 16)" in refused(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers(folder: Path, value: float):
    tensors = load_file(folder / "model.safetensors")
    tensors["L_o.weight"][3, 2] = value
    save_file(tensors, folder / "model.safetensors")
    assert "L_o.weight holds NaN or infinite values" in refused(folder)


def test_a_vocabulary_of_another_length(folder: Path):
    Vocabulary([*SPECIALS, "a", "dog"]).save(folder / "vocabulary.json")
    assert "the vocabulary has 6 words but the model was trained with 24" in refused(folder)


def test_a_vocabulary_of_the_same_length_but_other_words(folder: Path):
    words = json.loads((folder / "vocabulary.json").read_text())
    Vocabulary([*SPECIALS, *reversed(words[4:])]).save(folder / "vocabulary.json")
    assert "holds other words than the model was trained with" in refused(folder)


def test_the_weights_of_another_kind_of_model(folder: Path, tiny_folder: Path):
    shutil.copy(tiny_folder / "none-tiny" / "model.safetensors", folder)
    assert "these files are not of one model" in refused(folder)


def test_an_impossibly_large_model_is_refused_before_it_is_built(folder: Path):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_dim": 60_000}))
    assert "config.json asks for" in refused(folder)
    (folder / "config.json").write_text(json.dumps({**config, "hidden_dim": 10_000_000}))
    assert "hidden_dim: input should be less" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"[:9]])
def test_what_is_not_safetensors(folder: Path, content: bytes):
    (folder / "model.safetensors").write_bytes(content)
    assert "is not a safetensors file" in refused(folder)


def test_a_truncated_file(folder: Path):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "is not a safetensors file" in refused(folder)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "model.safetensors"])
def test_a_missing_file(folder: Path, name: str):
    (folder / name).unlink()
    refused(folder)
    (folder / name).mkdir()
    refused(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"attention": "medium"}', b'{"hiden_dim": 3}', b"[" * 100_000]
)
def test_a_damaged_config(folder: Path, content: bytes):
    (folder / "config.json").write_bytes(content)
    assert "config.json" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_damaged_metrics_are_as_good_as_none(folder: Path, content: bytes):
    assert checkpoints.read_metrics(folder) is None
    (folder / "metrics.json").write_bytes(content)
    assert checkpoints.read_metrics(folder) is None
    checkpoints.update(folder, metrics={"standard": {"BLEU-4": 25.0}}, card="# A model\n")
    assert checkpoints.read_metrics(folder) == {"standard": {"BLEU-4": 25.0}}
    assert (folder / "README.md").read_text() == "# A model\n"


def test_a_full_disk_leaves_the_old_model_whole(folder: Path, full_disk):
    before = contents(folder)
    decoder, vocabulary = checkpoints.load_model(folder)
    with pytest.raises(UserError, match="could not be written"), full_disk():
        checkpoints.save_model(folder, decoder, vocabulary)
    with pytest.raises(UserError, match="could not be written"), full_disk():
        checkpoints.update(folder, card="x" * 5000)
    assert contents(folder) == before and os.listdir(folder.parent) == ["soft-tiny"]


def test_a_rename_that_fails_leaves_the_old_model_whole(folder: Path, monkeypatch: pytest.MonkeyPatch):
    before = contents(folder)
    decoder, vocabulary = checkpoints.load_model(folder)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left on device"):
        checkpoints.save_model(folder, decoder, vocabulary)
    with pytest.raises(UserError, match="No space left on device"):
        checkpoints.update(folder, metrics={"standard": {}})
    assert contents(folder) == before and os.listdir(folder.parent) == ["soft-tiny"]
