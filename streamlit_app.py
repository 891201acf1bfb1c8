"""The app's entry: page settings and navigation, nothing else. Start it with ``streamlit run streamlit_app.py``."""

from pathlib import Path

import streamlit as st

from sat.ui import entry

icon = Path(__file__).parent / "sat" / "ui" / "icon.svg"
st.set_page_config(page_title="Show, Attend and Tell", page_icon=str(icon), layout="wide")
entry.run()
