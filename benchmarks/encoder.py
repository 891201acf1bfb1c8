"""Other ways to run the encoder on this machine: what each would gain, and whether the captions stay the same."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.harness import Report, Result, compare, interleave, main
from benchmarks.material import photographs
from sat.captioner import load
from sat.models.encoder import Encoder, pixels

Way = Callable[[Tensor], Tensor]  # uint8 pixels (B, 3, S, S) to annotations (B, L, D)


def run(quick: bool = False) -> Report:
    """The encoder of the shipped models on one photograph at a time, as the app runs it, and on 16 together."""
    number, rounds = (2, 1) if quick else (16, 6)
    captioner = load("soft-flickr8k")
    ways, left_out = variants(captioner.encoder, compiled=not quick)
    squares = pixels([picture.square for picture in photographs(number)])  # (number, 3, S, S)
    results: list[Result] = []
    for size, what in ((1, "one picture"), (min(16, number), f"{min(16, number)} pictures")):
        batch = squares[:size]
        with torch.inference_mode():
            seconds = interleave({name: partial(way, batch) for name, way in ways.items()}, rounds)
        results += [
            compare(f"{name}, {what}: times faster", seconds[name], seconds["as it is"], faster=True)
            for name in ways
            if name != "as it is"
        ]
    with torch.inference_mode():
        annotations = {
            name: torch.cat([way(squares[i : i + 8]) for i in range(0, number, 8)]) for name, way in ways.items()
        }
    usual = annotations.pop("as it is")
    captions = [trace.caption for trace in captioner.caption_annotations(usual)]
    rows: list[tuple[str, ...]] = [("", "largest difference of an annotation", "same captions")]
    for name, found in annotations.items():
        other = [trace.caption for trace in captioner.caption_annotations(found)]
        same = sum(a == b for a, b in zip(captions, other, strict=True))
        difference = ((found - usual).abs().max() / usual.abs().max()).item()
        rows.append((name, f"{difference:.1e} of the largest", f"{same} of {number}"))
    text = (
        "The encoder of the shipped models as it is (float32, channels-last memory) against other ways to run the same "
        f"weights; captions by soft-flickr8k, as tuned, of {number} photographs."
    )
    return Report("Encoder, other ways", text, tuple(results), tuple(left_out), tuple(rows))


def variants(encoder: Encoder, *, compiled: bool = True) -> tuple[dict[str, Way], list[str]]:
    """The ways by name, "as it is" among them, and a sentence for each that this machine cannot try."""
    plain = copy.deepcopy(encoder).to(memory_format=torch.contiguous_format)
    folded = fold(copy.deepcopy(encoder))

    def contiguous(x: Tensor) -> Tensor:
        planes = x.contiguous().float() / 255.0  # (B, 3, S, S); pixels come channels last
        grids = [backbone(planes) for backbone in plain.backbones]  # each (B, D_i, rows, columns)
        return torch.cat(grids, dim=1).flatten(2).transpose(1, 2).contiguous()

    def halved(x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return encoder(x)

    ways: dict[str, Way] = {
        "as it is": encoder,
        "contiguous memory": contiguous,
        "batch normalisation folded": folded,
        "bfloat16": halved,
    }
    left_out = []
    if compiled and (shutil.which("g++") or shutil.which("clang++")):
        ways["torch.compile"] = torch.compile(copy.deepcopy(encoder))
    else:
        left_out.append(
            "`torch.compile` was not tried: it takes minutes, and a C++ compiler, which not every machine has."
        )
    left_out.append(
        "int8 was not tried: PyTorch's own quantisation of convolutions on CPUs is no longer kept up, and ONNX Runtime "
        "would be another 50 MB for every user."
    )
    return ways, left_out


def fold(encoder: Encoder) -> Encoder:
    """Multiply the (constant) batch normalisations into the convolutions before them, in place."""
    for parent in encoder.modules():
        children = list(parent.named_children())
        for (name, layer), (after, norm) in pairwise(children):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                setattr(parent, after, getattr(norm, "act", nn.Identity()))  # timm's brings its activation along
    return encoder


if __name__ == "__main__":
    main(run)
