"""Where the picture comes from: a sample, an upload or the camera."""

from __future__ import annotations

import base64
import io

import streamlit as st
from PIL import Image

from sat.images import Picture, read_picture
from sat.ui import links
from sat.ui.gallery import gallery
from sat.ui.samples import read_sample, sample_names, samples

UPLOAD_MB = 10
TYPES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif"]
SOURCES = {"Samples": ":material/photo_library:", "Upload": ":material/upload:", "Camera": ":material/photo_camera:"}
THUMBNAIL = (168, 120)  # pixels, twice what is shown


def pick_picture() -> tuple[Picture, str] | None:
    """Draw the picker; the picture and a word for file names, or None while there is none.

    Raises:
        UserError: what was given is not a picture that can be read.
    """
    source = st.segmented_control(
        "Picture",
        list(SOURCES),
        default="Samples",
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
            help="JPEG, PNG, WebP, GIF (first frame), BMP, TIFF or HEIC. It stays in memory and is not kept.",
        )
        return None if upload is None else (_uploaded(upload.getvalue()), "upload")
    if source == "Camera":
        shot = st.camera_input("A picture from the camera", key="camera", width=480)
        return None if shot is None else (_uploaded(shot.getvalue()), "camera")
    name = chosen_sample()
    gallery(_thumbnails(), name, key="gallery", on_choose=_choose)
    return _sample(name), name


def chosen_sample() -> str:
    """The sample that the address asks for, or the first."""
    asked = st.query_params.get(links.SAMPLE)
    return asked if asked in sample_names() else sample_names()[0]


def _choose(name: str) -> None:
    """Put a sample into the address, which is the one place that says which sample is shown."""
    links.forget(links.STEP)
    if name == sample_names()[0]:
        links.forget(links.SAMPLE)
    else:
        st.query_params[links.SAMPLE] = name


@st.cache_data(max_entries=32, show_spinner=False)
def _uploaded(data: bytes) -> Picture:
    return read_picture(data)


@st.cache_data(max_entries=32, show_spinner=False)
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
