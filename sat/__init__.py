"""Look inside an attention captioner: "Show, Attend and Tell" with soft, hard and no attention.

>>> import sat
>>> captioner = sat.load("soft-flickr8k")
>>> trace = captioner.caption(sat.read_picture("photo.jpg"))
>>> trace.caption, trace.alphas.shape
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sat.captioner import Captioner, load
    from sat.images import Picture, read_picture
    from sat.trace import Trace

__all__ = ["Captioner", "Picture", "Trace", "load", "read_picture"]
__version__ = "0.1.0"

_HOMES = {
    "Captioner": "captioner",
    "load": "captioner",
    "Picture": "images",
    "read_picture": "images",
    "Trace": "trace",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``import sat`` alone must not load torch."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"sat.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sat' has no attribute {name!r}")
