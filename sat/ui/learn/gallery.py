"""Other pictures, to look for cells that are alike: the samples, and some of a data set that is prepared here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
import torch
from torch import Tensor

from sat.data.dataset import data_root
from sat.data.features import open_store
from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.images import Picture, read_picture
from sat.ui.datasets import KNOWN, prepared
from sat.ui.models import get_annotations, get_captioner
from sat.ui.samples import samples

MOST = 32  # pictures of a data set; each is held in memory
_PHOTOGRAPHS = ("flickr8k", "flickr30k", "coco")


def gallery(model: str, but: str) -> list[tuple[str, Tensor]]:
    """Names of pictures and their annotations (1, L, D), all but the picture with the digest ``but``."""
    found = []
    for sample in samples():
        picture = sample.read()
        if picture.digest != but:
            found.append((sample.label, get_annotations(model, picture)))
    return found + _of_dataset(model)


def gallery_picture(name: str) -> Picture | None:
    """The picture of a name in a gallery; None where it is gone."""
    for sample in samples():
        if sample.label == name:
            return sample.read()
    dataset, _, file = name.partition("/")
    path = _paths(str(data_root())).get(dataset, {}).get(file)
    try:
        return None if path is None else read_picture(path)
    except UserError:
        return None


@st.cache_resource(max_entries=4, show_spinner="Looking at other pictures …")
def _of_dataset(model: str) -> list[tuple[str, Tensor]]:
    """Development pictures whose annotations are on disk already; none where nothing is prepared."""
    encoder, size = get_captioner(model).encoder, get_captioner(model).config.image_size
    for dataset, files in _paths(str(data_root())).items():
        paths = list(files.values())
        try:
            store = open_store(encoder, size=size)
            rows = store.find(paths)
            if (rows < 0).any():
                continue
            matrix = store.array()
        except (UserError, OSError):
            continue
        return [
            (f"{dataset}/{name}", torch.from_numpy(matrix[row].astype("float32"))[None])
            for name, row in zip(files, rows, strict=True)
        ]
    return []


@st.cache_data(max_entries=2, show_spinner=False)
def _paths(root: str) -> dict[str, dict[str, Path]]:
    """By data set that is prepared: names and files of the first of its development pictures."""
    found: dict[str, dict[str, Path]] = {}
    for name in prepared():
        if name not in _PHOTOGRAPHS:
            continue
        try:
            examples = load_dataset(name, root).split("dev")[:MOST]
        except UserError:
            continue
        found[KNOWN[name]] = {e.name: e.path for e in examples}
    return found
