"""Overlays, figures, charts and animations, drawn from a ``Trace``: nothing here knows torch or Streamlit."""
