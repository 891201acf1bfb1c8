"""Small real models, and real data where the machine has it, for every test.

The tiny models are whole checkpoint folders with random weights: they write nonsense, but through the same files,
the same encoder and the same code as the trained ones.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from sat import checkpoints
from sat.captioner import Captioner, load, shared_encoder
from sat.config import Decoding, ModelConfig
from sat.images import Picture, from_array
from sat.models.build import build
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder, pixels
from sat.vocabulary import END, SPECIALS, Vocabulary

settings.register_profile(
    "sat", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no bug
settings.load_profile("sat")

TINY_WORDS = "a dog man woman ball red blue runs sits on in the grass water with two white black jumps field".split()
TINY_NAMES = ("soft-tiny", "hard-tiny", "none-tiny")
BASELINES = ("rnn-tiny", "log-bilinear-tiny")  # as ``none-tiny``, with another recurrence


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The default encoder with its ImageNet weights, shared by all tests: do not change it."""
    return shared_encoder("tf_efficientnet_lite2")


@pytest.fixture(scope="session")
def photo() -> Picture:
    """A photograph that comes with scikit-image."""
    from skimage import data

    return from_array(data.astronaut())


@pytest.fixture(scope="session")
def photos(photo: Picture) -> list[Picture]:
    """Three different photographs."""
    from skimage import data

    return [photo, from_array(data.chelsea()), from_array(data.coffee())]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, photo: Picture) -> Path:
    """A folder with the models soft-tiny, hard-tiny and none-tiny. Do not write into it: copy it."""
    return _written(tmp_path_factory.mktemp("checkpoints"), TINY_NAMES, encoder, photo)


@pytest.fixture(scope="session")
def baselines_folder(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, photo: Picture) -> Path:
    """The same with the models rnn-tiny and log-bilinear-tiny."""
    return _written(tmp_path_factory.mktemp("baselines"), BASELINES, encoder, photo)


def _written(root: Path, names: tuple[str, ...], encoder: Encoder, photo: Picture) -> Path:
    with torch.inference_mode():
        raw = encoder(pixels([photo.square]))[0]  # (L, D)
    for seed, name in enumerate(names):
        decoder, vocabulary = tiny_model(name, encoder, seed)
        with torch.no_grad():
            decoder.annotation_mean.copy_(raw.mean(0))
            decoder.annotation_std.copy_(raw.std(0) + 1e-3)
            decoder.mean_grid.copy_(raw)
        checkpoints.save_model(root / name, decoder, vocabulary)
    return root


@pytest.fixture
def tiny(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny models as the program's own: ``load("soft-tiny")`` finds them, in this process and its children."""
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tiny_folder))
    return tiny_folder


@pytest.fixture(scope="session")
def tiny_captioners(tiny_folder: Path, baselines_folder: Path) -> dict[str, Captioner]:
    """The tiny models, loaded, by name."""
    of_baselines = {name: load(baselines_folder / name) for name in BASELINES}
    return {name: load(tiny_folder / name) for name in TINY_NAMES} | of_baselines


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds ``flickr8k/``, named by SAT_DATA; tests that need it are skipped without."""
    root = os.environ.get("SAT_DATA")
    if not root:
        pytest.skip("SAT_DATA is not set: it names the folder that holds flickr8k/")
    return Path(root)


@pytest.fixture
def full_disk() -> Callable[..., AbstractContextManager[None]]:
    """A disk on which no file may grow beyond 1000 bytes, or as many as are given, while ``with full_disk():`` lasts.

    The system itself refuses the writing, whether Python or a library written in Rust asks for it.
    """

    @contextmanager
    def small_files(size: int = 1000) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return small_files


def tiny_model(name: str, encoder: Encoder, seed: int) -> tuple[Decoder, Vocabulary]:
    """A decoder with random weights, sharp enough that its words and maps differ from picture to picture."""
    vocabulary = Vocabulary([*SPECIALS, *TINY_WORDS])
    kind = name.removesuffix("-tiny")
    config = ModelConfig.model_validate(
        {
            "name": name,
            "attention": "none" if name in BASELINES else kind,
            "recurrence": kind if name in BASELINES else "lstm",
            "encoder": encoder.name,
            "encoder_fingerprint": encoder.fingerprint,
            "embedding_dim": 12,
            "hidden_dim": 16,
            "attention_dim": 10,
            "vocabulary_size": len(vocabulary),
            "decoding": Decoding(beam=3, max_words=8),
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = build(config).eval()
        with torch.no_grad():
            decoder.E.weight.mul_(8)
            if kind != "log-bilinear":  # whose vectors these are too
                decoder.L_o.weight.mul_(6)
            decoder.L_o.bias[END] = -4.0  # captions of several words
            if decoder.attends:
                decoder.score.v.mul_(4)
                decoder.score.W_h.weight.mul_(4)
    return decoder, vocabulary
