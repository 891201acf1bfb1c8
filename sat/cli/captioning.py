"""``caption``, and the models and pictures that other commands begin with too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat.cli.console import say
from sat.cli.options import Beam, Context, Images, Model, Seed
from sat.errors import UserError

if TYPE_CHECKING:
    from sat.captioner import Captioner
    from sat.config import Decoding
    from sat.images import Picture

_BATCH = 16  # pictures captioned at once


def caption(
    images: Images,
    model: Model = "soft-flickr8k",
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every step.")] = False,
) -> None:
    """Caption pictures."""
    captioner, decoding = captioner_for(model, beam, context, seed)
    read_all(images, captioner)  # every picture is known to be good before the first line is printed
    for first in range(0, len(images), _BATCH):
        names = images[first : first + _BATCH]
        for name, trace in zip(names, captioner.caption_many(read_all(names, captioner), decoding), strict=True):
            if as_json:
                say(json.dumps(trace.to_dict(name)))
            else:
                say(trace.caption if len(images) == 1 else f"{name}: {trace.caption}")


def captioner_for(name: str, beam: int | None, context: str | None, seed: int) -> tuple[Captioner, Decoding]:
    """The model, and its own decoding with what was asked for changed."""
    from sat.captioner import load
    from sat.config import Decoding, parse

    captioner = load(name)
    if context is not None and captioner.attention == "none":
        raise UserError(f"The model {captioner.name} has no attention: leave --context out.")
    values: dict[str, Any] = {"seed": seed}
    if beam is not None:
        values |= {"method": "beam", "beam": beam}
    if context is not None:
        values["context"] = context
    return captioner, parse(Decoding, captioner.config.decoding.model_dump() | values, "--beam, --context, --seed")


def read_all(names: Sequence[str], captioner: Captioner) -> list[Picture]:
    from sat.images import read_picture

    return [read_picture(name, size=captioner.config.image_size) for name in names]
