"""How do we know: the code behind a claim and the test that holds it to its word, opened at their lines."""

from __future__ import annotations

import streamlit as st

from sat.lessons.chapter import Known
from sat.lessons.engine import source_line, source_text, test_line, test_text

HIGH = 320  # pixels; longer code scrolls


def how_we_know(known: Known) -> None:
    """An expander with both."""
    with st.expander("How do we know?", key="how-we-know"):
        file, line = source_line(known)
        st.markdown(f"The code: `{file}`, line {line}.")
        _code(source_text(known))
        try:
            path, at = test_line(known)
            st.markdown(f"The test that holds it to its word: `{path}`, line {at}.")
            _code(test_text(known))
        except LookupError:
            st.markdown(f"The test that holds it to its word: `{known.test}`.")


def _code(text: str) -> None:
    st.code(text, language="python", height=HIGH if text.count("\n") > 14 else "content")
