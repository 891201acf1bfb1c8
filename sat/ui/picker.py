"""Where the picture comes from: a sample, an upload or the camera."""

from __future__ import annotations

import base64
import hashlib
import io

import streamlit as st
from PIL import Image

from sat.errors import UserError
from sat.images import Picture, read_picture
from sat.public import UPLOAD_MB
from sat.ui import address, datasets, links
from sat.ui.gallery import gallery
from sat.ui.limits import spend_upload
from sat.ui.paste import pasting
from sat.ui.samples import is_sample, read_sample, sample_names, samples

TYPES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif"]
DATASET = "Data set"
SOURCES = {
    "Samples": ":material/photo_library:",
    "Upload": ":material/upload:",
    "Camera": ":material/photo_camera:",
    DATASET: ":material/folder_open:",
}
_PASTED, _GIVEN = "_pasted", "_given"
THUMBNAIL = (168, 120)  # pixels, twice what is shown


def pick_picture() -> tuple[Picture, str] | None:
    """Draw the picker; the picture and a word for file names, or None while there is none.

    Raises:
        UserError: what was given is not a picture that can be read.
    """
    pasting(key="paste", on_paste=_keep_pasted)
    sources = [name for name in SOURCES if name != DATASET or datasets.prepared()]
    if "source" not in st.session_state or st.session_state["source"] not in sources:
        st.session_state["source"] = DATASET if datasets.asked_picture() else "Samples"
    source = st.segmented_control(
        "Picture",
        sources,
        required=True,
        format_func=lambda name: f"{SOURCES[name]} {name}",
        key="source",
        label_visibility="collapsed",
        persist_state="session",
    )
    if source == "Upload":
        upload = st.file_uploader(
            "A picture of your own",
            type=TYPES,
            max_upload_size=UPLOAD_MB,
            key="upload",
            on_change=_forget_pasted,
            help="JPEG, PNG, WebP, GIF (first frame), BMP, TIFF or HEIC. It stays in memory and is not kept.",
        )
        pasted: bytes | None = st.session_state.get(_PASTED)
        if pasted is not None:
            st.caption("This is the picture that you pasted.")
            return _given(pasted), "pasted"
        st.caption("Or paste one: copy a picture anywhere and press Ctrl+V (⌘V) on this page.")
        return None if upload is None else (_given(upload.getvalue()), "upload")
    if source == "Camera":
        shot = st.camera_input("A picture from the camera", key="camera", width=480)
        return None if shot is None else (_given(shot.getvalue()), "camera")
    if source == DATASET:
        return datasets.pick_from_dataset()
    name = chosen_sample()
    gallery(_thumbnails(), name, key="gallery", on_choose=_choose)
    return _sample(name), name


def pick_or_problem() -> tuple[tuple[Picture, str] | None, str]:
    """``pick_picture``, with what is wrong as a sentence, empty where nothing is, instead of an error."""
    try:
        return pick_picture(), ""
    except UserError as error:
        return None, str(error)


def is_from_dataset() -> bool:
    """Whether the picture is one of a data set."""
    return st.session_state.get("source") == DATASET


def _keep_pasted(data: bytes) -> None:
    st.session_state[_PASTED] = data
    st.session_state["source"] = "Upload"


def _forget_pasted() -> None:
    st.session_state.pop(_PASTED, None)


def chosen_sample() -> str:
    """The sample that the address asks for, or the first."""
    asked = st.query_params.get(links.SAMPLE)
    return asked if asked is not None and is_sample(asked) else sample_names()[0]


def _choose(name: str) -> None:
    """Put a sample into the address, which is the one place that says which sample is shown."""
    links.forget_caption()
    address.forget(links.PICTURE)
    if name == sample_names()[0]:
        address.forget(links.SAMPLE)
    else:
        address.put(links.SAMPLE, name)


def _given(data: bytes) -> Picture:
    """The picture of the bytes that somebody gave, counted as an upload; read once, and kept by their session alone."""
    digest = hashlib.sha256(data).digest()
    spend_upload(digest)
    known: tuple[bytes, Picture] | None = st.session_state.get(_GIVEN)
    if known is None or known[0] != digest:
        known = st.session_state[_GIVEN] = (digest, read_picture(data))
    return known[1]


@st.cache_resource(max_entries=32, show_spinner=False)
def _sample(name: str) -> Picture:
    return read_sample(name)


@st.cache_data(max_entries=1, show_spinner=False)
def _thumbnails() -> list[tuple[str, str, str]]:
    """Name, label and thumbnail as a data URL of every sample."""
    made = []
    for sample in samples():
        small = Image.fromarray(sample.read().display)
        small.thumbnail((max(THUMBNAIL) * 2, max(THUMBNAIL)), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        small.save(out, "JPEG", quality=85)
        encoded = base64.b64encode(out.getvalue()).decode("ascii")
        made.append((sample.name, sample.label, f"data:image/jpeg;base64,{encoded}"))
    return made
