"""The share of one session in a public demo; everywhere else nothing is counted."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from sat.public import COMPUTATIONS, UPLOADS, Bucket, Share, is_public

_BUCKETS, _COUNTED = "_buckets", "_uploads_counted"
_REMEMBERED = 32  # uploads of a session that are not counted again


def spend_computation() -> None:
    """Count something that a model computes for the visitor of this session.

    Raises:
        UserError: that is more than a public demo gives one visitor for now.
    """
    _spend(COMPUTATIONS)


def _spend(share: Share) -> None:
    if not is_public() or get_script_run_ctx(suppress_warning=True) is None:
        return
    buckets: dict[str, Bucket] = st.session_state.setdefault(_BUCKETS, {})
    if share.what not in buckets:
        buckets[share.what] = Bucket(share)
    buckets[share.what].spend()


def spend_upload(digest: bytes) -> None:
    """Count an upload, once however often the page runs again with it.

    Args:
        digest: of what was uploaded.

    Raises:
        UserError: there were too many.
    """
    if not is_public():
        return
    counted: list[bytes] = st.session_state.setdefault(_COUNTED, [])
    if digest in counted:
        return
    _spend(UPLOADS)
    counted.append(digest)
    del counted[:-_REMEMBERED]
