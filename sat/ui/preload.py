"""Streamlit's command line which, once its server listens, loads what the first visitor will need.

``python -m sat.ui.preload run streamlit_app.py`` is ``streamlit run streamlit_app.py``, except that whoever opens the
page some seconds after the start does not wait for the libraries and the encoder.
"""

from __future__ import annotations

import gc
import sys
import threading
import time

from streamlit import runtime
from streamlit.web import cli

from sat.errors import UserError

POLL = 0.02  # seconds


def main() -> None:
    """Run Streamlit with the arguments of this program."""
    threading.Thread(target=_load, name="preload", daemon=True).start()
    sys.exit(cli.main(prog_name="streamlit"))


def _load() -> None:
    while not runtime.exists():  # Streamlit loads itself first, so that visitors are answered at once
        time.sleep(POLL)
    gc.disable()  # as in ``sat.ui.entry``
    try:
        from sat import checkpoints
        from sat.captioner import load

        for name in checkpoints.available()[:1]:
            load(name)  # its encoder stays
        from plotly.graph_objects import Figure

        Figure()  # the first one reads its template
    except UserError as error:  # the page will tell it to the visitor
        print(error, file=sys.stderr)
    finally:
        gc.enable()


if __name__ == "__main__":
    main()
