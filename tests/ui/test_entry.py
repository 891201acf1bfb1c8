"""The way into the pages, without a page."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.serving import end, free_port, wait
from sat.ui import entry

ROOT = Path(__file__).parents[2]


def test_what_the_first_page_loads_is_never_looked_at_again(monkeypatch):
    monkeypatch.setattr(entry, "_first", threading.Lock())
    kept = gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), entry._libraries_kept():
        assert not gc.isenabled()
        made = [[number] for number in range(1000)]
        raise ZeroDivisionError
    assert gc.isenabled() and gc.get_freeze_count() >= kept + len(made)
    kept = gc.get_freeze_count()
    with entry._libraries_kept():  # the next visitors' pages are nothing special
        assert gc.isenabled()
        others = [[number] for number in range(1000)]
    assert gc.get_freeze_count() < kept + len(others)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says what a program has loaded")
def test_the_server_loads_ahead_what_the_first_visitor_needs(tmp_path):
    """Without any visitor, and it goes on where there is no model to load."""
    for checkpoints in ("", str(tmp_path)):
        port = free_port()
        command = [sys.executable, "-m", "sat", "serve", "--port", str(port)]
        environment = os.environ | {"SAT_CHECKPOINTS": checkpoints}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait(process, port)
            loaded = f"/proc/{process.pid}/maps"
            deadline = time.monotonic() + 120
            while "libtorch" not in Path(loaded).read_text() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert "libtorch" in Path(loaded).read_text() and process.poll() is None
        finally:
            end(process)


PROGRAM = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=100).run()
assert not app.exception
assert "torch" in sys.modules and "plotly" in sys.modules
assert "pandas" not in sys.modules and "pyarrow" not in sys.modules
"""


def test_a_first_caption_needs_no_tables():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
