"""A model is a folder: config.json, vocabulary.json, model.safetensors, training.json, metrics.json,
hallucination.json, approximations.json, seeds.json, README.md, and encoder.safetensors where the encoder was
fine-tuned.

Only safetensors are read: a checkpoint from a stranger can be wrong, but it cannot run code.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from sat.config import ModelConfig, parse
from sat.errors import UserError
from sat.files import atomic_folder, write_text
from sat.models.build import build
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder
from sat.models.light import shapes_only
from sat.vocabulary import Vocabulary

ENCODER_FILE, SEEDS_FILE = "encoder.safetensors", "seeds.json"
_BUNDLED = Path(__file__).resolve().parent.parent / "checkpoints"


def checkpoints_root() -> Path:
    """The folder of the shipped models: ``$SAT_CHECKPOINTS``, else ``checkpoints`` beside the package."""
    return Path(os.environ.get("SAT_CHECKPOINTS") or _BUNDLED)


def available(root: Path | None = None) -> list[str]:
    """Names of the models in a folder: soft, then hard, then the rest, each in alphabetical order."""
    folder = root or checkpoints_root()
    names = [p.parent.name for p in folder.glob("*/config.json")] if folder.is_dir() else []
    order = {"soft": 0, "hard": 1}
    return sorted(names, key=lambda name: (order.get(name.split("-")[0], 2), name))


def find(name: str | Path) -> Path:
    """The folder of a model given by name or path.

    Raises:
        UserError: there is no such model.
    """
    for folder in (checkpoints_root() / name, Path(name)):
        if os.path.isfile(folder / "config.json"):  # unlike Path.is_file, never raises on impossible names
            return folder
    known = ", ".join(available()) or "none yet: train one with 'python -m sat train soft-flickr8k'"
    raise UserError(f"There is no model {str(name)!r}. Models: {known}.")


def read_config(folder: Path) -> ModelConfig:
    """The settings of the model in ``folder``."""
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / 'config.json'} cannot be read ({error}): copy the folder again.") from None
    return parse(ModelConfig, values, str(folder / "config.json"))


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """The scores of the model in ``folder``; None when it was never evaluated or the file is damaged."""
    return read_record(folder / "metrics.json")


def read_hallucination(folder: Path) -> dict[str, Any] | None:
    """What the model in ``folder`` names that is not there; None when that was not measured or the file is damaged."""
    return read_record(folder / "hallucination.json")


def read_seeds(folder: Path) -> list[dict[str, Any]]:
    """Scores of runs that differ from the model in ``folder`` by their seed only, each as in ``metrics.json``."""
    runs = (read_record(folder / SEEDS_FILE) or {}).get("runs")
    return [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []


def read_record(path: Path) -> dict[str, Any] | None:
    """A JSON object; None when the file is not there or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def weights_digest(folder: Path) -> str:
    """The first twelve digits of the SHA-256 of a model's weights; empty where there are none."""
    path = folder / "model.safetensors"
    try:
        return _digest(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=64)
def _digest(path: Path, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def load_model(folder: Path) -> tuple[Decoder, Vocabulary]:
    """The decoder, float32 in evaluation mode, and its vocabulary.

    Raises:
        UserError: the folder is not a whole and consistent model.
    """
    config = read_config(folder)
    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    if len(vocabulary) != config.vocabulary_size:
        raise UserError(
            f"{folder}: the vocabulary has {len(vocabulary)} words but the model was trained with "
            f"{config.vocabulary_size}: these files are not of one model."
        )
    path = folder / "model.safetensors"
    tensors, written_with = _read_tensors(path)
    if written_with not in ("", vocabulary.digest):
        raise UserError(
            f"{folder}: vocabulary.json holds other words than the model was trained with: copy the folder again."
        )
    with shapes_only():  # a wrong config.json must not ask for all the memory there is
        decoder = build(config)
    expected = decoder.state_dict()
    for name in expected:
        if name not in tensors:
            raise UserError(
                f"{path}: the tensor {name} is missing, which a model with attention {config.attention} and recurrence "
                f"{config.recurrence} has: these files are not of one model."
            )
        if tensors[name].shape != expected[name].shape:
            raise UserError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, but config.json asks for "
                f"{tuple(expected[name].shape)}: these files are not of one model."
            )
        tensors[name] = tensors[name].float()
        if not _finite(tensors[name]):
            raise UserError(f"{path}: {name} holds NaN or infinite values: use an earlier checkpoint.")
    extra = sorted(set(tensors) - set(expected))
    if extra:
        raise UserError(
            f"{path}: the tensor {extra[0]} belongs to no part of this model: these files are not of one model."
        )
    decoder.load_state_dict(tensors, assign=True)
    return decoder.eval().requires_grad_(False), vocabulary


def _finite(values: torch.Tensor) -> bool:
    """Whether no value is NaN or infinite; of either, the least or the greatest value is one too."""
    return not values.numel() or bool(torch.isfinite(torch.stack(values.aminmax())).all())


def _read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """The tensors of a safetensors file, and the digest of the vocabulary they were trained with, if it is there."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
            return tensors, (file.metadata() or {}).get("vocabulary", "")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: copy the whole checkpoint folder.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is not a safetensors file ({error}): copy the checkpoint folder again.") from None


def load_encoder(folder: Path, *, name: str) -> Encoder:
    """The encoder of the model in ``folder``: the published weights, or its own where it was fine-tuned.

    Raises:
        UserError: the weights cannot be had or do not fit.
    """
    path = folder / ENCODER_FILE
    if not path.is_file():
        return Encoder(name)
    encoder = Encoder(name, pretrained=False)
    try:
        encoder.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} does not hold the weights of {name} ({reason}): copy the folder again.") from None
    return encoder


def save_model(
    folder: Path,
    decoder: Decoder,
    vocabulary: Vocabulary,
    *,
    encoder: Encoder | None = None,
    config: ModelConfig | None = None,
    training: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    card: str | None = None,
) -> None:
    """Write a model folder in half precision, replacing what was there only when all of it is written."""
    config = config or decoder.config
    with atomic_folder(folder) as temporary:
        (temporary / "config.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        vocabulary.save(temporary / "vocabulary.json")
        if encoder is not None:
            half = {k: _half(v) for k, v in encoder.state_dict().items()}
            save_file(half, temporary / ENCODER_FILE)
            (temporary / ENCODER_FILE).chmod(0o644)
            stored = load_encoder(temporary, name=encoder.name)  # the fingerprint is that of the rounded weights
            config = config.model_copy(update={"encoder_fingerprint": stored.fingerprint})
            (temporary / "config.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        tensors = {name: t.detach().cpu().half().contiguous() for name, t in decoder.state_dict().items()}
        try:
            save_file(tensors, temporary / "model.safetensors", metadata={"vocabulary": vocabulary.digest})
            (temporary / "model.safetensors").chmod(0o644)  # safetensors writes for the owner alone
        except SafetensorError as error:
            raise UserError(f"{folder} could not be written ({error}): free some space.") from error
        if training is not None:
            (temporary / "training.json").write_text(json.dumps(training, indent=1) + "\n", encoding="utf-8")
        if metrics is not None:
            (temporary / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        if card is not None:
            (temporary / "README.md").write_text(card, encoding="utf-8")


def update(
    folder: Path,
    *,
    config: ModelConfig | None = None,
    metrics: dict[str, Any] | None = None,
    hallucination: dict[str, Any] | None = None,
    seeds: list[dict[str, Any]] | None = None,
    card: str | None = None,
) -> None:
    """Replace single files of a model folder, each in one go."""
    if config is not None:
        write_text(folder / "config.json", config.model_dump_json(indent=2) + "\n")
    if metrics is not None:
        write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    if hallucination is not None:
        write_text(folder / "hallucination.json", json.dumps(hallucination, indent=2) + "\n")
    if seeds is not None:
        write_text(folder / SEEDS_FILE, json.dumps({"runs": seeds}, indent=2) + "\n")
    if card is not None:
        write_text(folder / "README.md", card)


def _half(tensor: torch.Tensor) -> torch.Tensor:
    """Half precision for weights; counters stay whole numbers."""
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if tensor.is_floating_point() else tensor
