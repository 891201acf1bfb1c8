"""From the settings of a model to its decoder."""

from __future__ import annotations

from sat.config import ModelConfig
from sat.models.decoder import Decoder
from sat.models.log_bilinear import LogBilinear
from sat.models.rnn import RecurrentGenerator

_DECODERS: dict[str, type[Decoder]] = {kind.recurrence: kind for kind in (Decoder, RecurrentGenerator, LogBilinear)}


def build(config: ModelConfig) -> Decoder:
    """A decoder with random weights."""
    return _DECODERS[config.recurrence](config)
