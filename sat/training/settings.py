"""The settings of a run by name: presets are YAML files, and any setting of theirs can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import yaml

from sat.config import TrainConfig, load_yaml, parse, parse_yaml
from sat.errors import UserError

_FOLDER = Path(__file__).parent / "presets"


def presets() -> list[str]:
    """The names of the presets that come with the program."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def described(preset: str) -> str:
    """What a preset is for: the comment that its file begins with."""
    lines = (_FOLDER / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))


def train_config(preset: str, changes: Sequence[str] = ()) -> TrainConfig:
    """The settings of a preset or file, with the changes ``key=value`` (nested keys with dots) applied.

    Raises:
        UserError: there is no such preset or file, or a change does not fit.
    """
    path = Path(preset)
    if preset in presets():
        path = _FOLDER / f"{preset}.yaml"
    elif path.suffix not in (".yaml", ".yml"):
        raise UserError(f"There is no preset {preset!r}: use {', '.join(presets())}, or a file that ends in .yaml.")
    values = load_yaml(path) or {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not all(key.split(".")):
            raise UserError(f"--set {change}: write it as key=value, for example --set epochs=3.")
        try:
            value = parse_yaml(text)
        except yaml.YAMLError:
            raise UserError(f"--set {change}: the value is not valid YAML: put it in quotes.") from None
        *parents, last = key.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise UserError(f"--set {change}: {'.'.join(parents) or str(path)} holds no settings of its own.")
        place[last] = value
    return parse(TrainConfig, values, str(path))
