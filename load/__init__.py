"""Many visitors at once: real sessions that upload, step and compare, and a check that each sees what is its own.

``python -m load --sessions 30 --minutes 10`` (``make load``) serves the app's public demo and visits it over the same
WebSocket and upload addresses as a browser does, speaking Streamlit's own messages; it is not Chromium, thirty of which
would measure themselves. ``client`` speaks, ``visitor`` behaves, ``server`` serves and weighs, ``report`` tells.
"""
