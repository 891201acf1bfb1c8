"""Pictures of the data sets that are prepared on the server, found by the words of their captions."""

from __future__ import annotations

import base64
import io

import streamlit as st
from PIL import Image

from sat.data.dataset import SPLITS, Dataset, Example, data_root
from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.images import Picture, read_picture
from sat.public import is_public
from sat.ui import address, links
from sat.ui.gallery import gallery

KNOWN = {"flickr8k": "Flickr8k", "flickr30k": "Flickr30k", "coco": "COCO", "shapes": "Shapes"}
SHOWN = 10  # thumbnails at a time
THUMBNAIL = (168, 120)  # pixels, twice what is shown


def prepared() -> list[str]:
    """The data sets whose folders are there; none in a public demo, where only what may be passed on is shown."""
    if is_public():
        return []
    root = data_root()
    return [name for name in KNOWN if (root / name).is_dir()]


def asked_picture() -> tuple[str, str] | None:
    """The data set and the picture that the address asks for, if that data set is there."""
    dataset, _, picture = st.query_params.get(links.PICTURE, "").partition("/")
    return (dataset, picture) if dataset in prepared() and picture else None


def is_known(value: str) -> bool:
    """Whether the address names a picture that is there: ``flickr8k/NAME``."""
    dataset, _, name = value.partition("/")
    try:
        return dataset in prepared() and name in _by_name(dataset)
    except UserError:
        return False


def asked_captions() -> tuple[str, ...]:
    """What people wrote about the picture that the address asks for; nothing where there is none."""
    asked = asked_picture()
    example = _by_name(asked[0]).get(asked[1]) if asked else None
    return () if example is None else tuple(example.captions)


def pick_from_dataset() -> tuple[Picture, str] | None:
    """Draw the search and the thumbnails; the picture and a word for file names.

    Raises:
        UserError: the data set or the picture cannot be read.
    """
    names = prepared()
    asked = asked_picture()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = names[0]
        if len(names) > 1:
            name = st.selectbox(
                "Data set",
                names,
                index=names.index(asked[0]) if asked else 0,
                format_func=KNOWN.__getitem__,
                key="dataset",
                width=160,
            )
        dataset = _dataset(name, str(data_root()))
        splits = [s for s in ("test", "dev", "train") if s in {e.split for e in dataset.examples}]
        assert set(splits) <= set(SPLITS)
        split = st.segmented_control("Split", splits, default=splits[0], required=True, key=f"split_{name}")
        words = st.text_input("Words in its captions", key="dataset_words", placeholder="dog snow", width=220)
    wanted = words.lower().split()
    found = [e for e in dataset.examples if e.split == split and _matches(e, wanted)]
    if not found:
        st.caption(f"No {split} picture has captions with all of these words.")
    pages = -(-len(found) // SHOWN)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"page {name} {split} {words}", max_visible_pages=5)
    shown = found[(page - 1) * SHOWN : page * SHOWN]
    chosen = _by_name(name).get(asked[1]) if asked and asked[0] == name else None

    def choose(picture: str) -> None:
        links.forget_caption()
        address.forget(links.SAMPLE)
        address.put(links.PICTURE, f"{name}/{picture}")

    if shown:
        items = [(e.name, str((page - 1) * SHOWN + i), _thumbnail(str(e.path))) for i, e in enumerate(shown, start=1)]
        gallery(items, chosen.name if chosen else None, key="dataset_gallery", on_choose=choose)
    if chosen is None:
        return None
    with st.expander("What people wrote about it"):
        for caption in chosen.captions:
            st.markdown(f"- {links.plain(caption)}")
    return _read(str(chosen.path)), chosen.name.rsplit(".", 1)[0]


def _matches(example: Example, wanted: list[str]) -> bool:
    said = {word.strip(".,'\"").lower() for caption in example.captions for word in caption.split()}
    return all(word in said for word in wanted)


@st.cache_resource(max_entries=2, show_spinner="Reading the data set …")
def _dataset(name: str, root: str) -> Dataset:
    return load_dataset(name, root)


@st.cache_resource(max_entries=2, show_spinner=False)
def _names(name: str, root: str) -> dict[str, Example]:
    return {example.name: example for example in _dataset(name, root).examples}


def _by_name(name: str) -> dict[str, Example]:
    return _names(name, str(data_root()))


@st.cache_resource(max_entries=16, show_spinner=False)
def _read(path: str) -> Picture:
    return read_picture(path)


@st.cache_data(max_entries=400, show_spinner=False)
def _thumbnail(path: str) -> str:
    """A thumbnail as a data URL."""
    with Image.open(path) as image:
        image.draft("RGB", (max(THUMBNAIL) * 2, max(THUMBNAIL) * 2))
        small = image.convert("RGB")
    small.thumbnail((max(THUMBNAIL) * 2, max(THUMBNAIL)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
