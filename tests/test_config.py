"""Settings: what is accepted, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import sat
from sat.config import Decoding, ModelConfig, TrainConfig, load_yaml, parse
from sat.errors import UserError

PRESETS = sorted((Path(sat.__file__).parent / "training" / "presets").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_every_preset_is_valid_and_carries_its_name(path: Path):
    config = parse(TrainConfig, load_yaml(path), str(path))
    assert config.name == config.model.name == path.stem


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
def test_a_model_survives_its_file(attention):
    config = ModelConfig(attention=attention, vocabulary_size=9, decoding=Decoding(beam=7, context="sample"))
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_a_run_survives_its_file():
    config = TrainConfig(epochs=3, model=ModelConfig(attention="hard"), start_from="soft-flickr8k")
    assert parse(TrainConfig, yaml.safe_load(yaml.safe_dump(config.model_dump())), "config.yaml") == config


@pytest.mark.parametrize(
    ("attention", "context", "expected"),
    [("soft", None, "expected"), ("hard", None, "argmax"), ("hard", "expected", "expected"), ("none", None, None)],
)
def test_the_context_that_a_model_decodes_with(attention, context, expected):
    assert ModelConfig(attention=attention, decoding=Decoding(context=context)).default_context == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "epoch: there is no such setting"),
        ({"model": {"hidden": 3}}, "model.hidden: there is no such setting"),
        ({"epochs": 0}, "epochs: input should be greater than or equal to 1"),
        ({"epochs": "many"}, "epochs: input should be a valid integer"),
        ({"model": {"attention": "medium"}}, "model.attention: input should be 'soft', 'hard' or 'none'"),
        ({"model": {"decoding": {"beam": 99}}}, "model.decoding.beam: input should be less than or equal to 50"),
        ({"model": {"recurrence": "rnn"}}, "only the LSTM has attention: set attention to none for recurrence rnn"),
        (
            {"model": {"recurrence": "log-bilinear", "attention": "hard"}},
            "only the LSTM has attention: set attention to none for recurrence log-bilinear",
        ),
        ({"model": {"recurrence": "gru"}}, "model.recurrence: input should be 'lstm', 'rnn' or 'log-bilinear'"),
        ({"model": {"last_words": 0}}, "model.last_words: input should be greater than or equal to 1"),
        ({"learning_rate": 1e-6, "final_learning_rate": 1e-3}, "final_learning_rate is larger than learning_rate"),
        (["epochs"], "the settings: input should be a valid dictionary"),
        (None, "the settings: input should be a valid dictionary"),
    ],
)
def test_the_first_wrong_setting_is_named(values, message):
    with pytest.raises(UserError) as caught:
        parse(TrainConfig, values, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ") and message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_cannot_be_changed_behind_a_models_back():
    with pytest.raises(ValueError, match="frozen"):
        ModelConfig().hidden_dim = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1\nb: 2\n", "my.yaml:2: not valid YAML"),
        (b"a: \xff", "my.yaml"),
        (b"a: !!python/object/apply:os.system ['true']", "not valid YAML"),
        (b"\x00", "not valid YAML"),
    ],
)
def test_files_that_are_not_yaml(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_yaml(tmp_path / "my.yaml")
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_files_that_are_not_there(tmp_path: Path):
    with pytest.raises(UserError, match="does not exist"):
        load_yaml(tmp_path / "my.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        load_yaml(tmp_path)
