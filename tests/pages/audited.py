"""Walk through every page of a public demo, in a process that can write no file and tells what it tried to.

Run by ``test_public_pages.py``: ``python audited.py``. Prints JSON: what was written, started or connected to, and what
the pages showed.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITES = re.compile(r"[wax+]")
FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
STARTS = ("sqlite3.connect", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "socket.connect")
tried: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    """The audit hook."""
    if event == "open":
        path, mode, flags = arguments
        if str(path) != os.devnull and (WRITES.search(mode or "") or (isinstance(flags, int) and flags & FLAGS)):
            tried.append(f"open {path} {mode}")
    elif event in CHANGES or event in STARTS or event.startswith("tempfile."):
        tried.append(f"{event} {arguments[0] if arguments else ''}")


def main() -> None:
    """The walk."""
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True
    os.environ |= {"SAT_PUBLIC": "1", "OMP_NUM_THREADS": "1"}
    from PIL import Image
    from streamlit.testing.v1 import AppTest

    # Not even a library written in another language can write a byte from here on; pipes are no files.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(watch)
    noise = io.BytesIO()
    Image.effect_noise((700, 500), 90).convert("RGB").save(noise, "JPEG", quality=97)
    shown: dict[str, list[str]] = {}

    def page(name: str, **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=180)
        for key, value in address.items():
            app.query_params[key] = value
        (app.switch_page(f"pages/{name}.py") if name != "explore" else app).run()
        note(f"{name} {address}", app)
        return app

    def note(where: str, app: AppTest) -> None:
        kinds = (*app.exception, *app.error, *app.warning, *app.info, *app.markdown, *app.caption, *app.code)
        labels = (*app.button, *app.selectbox, *app.text_input, *app.segmented_control, *app.file_uploader)
        shown[where] = [f"{e.type}: {e.value}" for e in kinds] + [f"{w.type}: {w.label} {w.key}" for w in labels]

    app = page("explore")
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").upload("mine.jpg", noise.getvalue(), "image/jpeg").run()
    note("explore, uploaded", app)
    page("explore", model="hard-flickr8k", panel="why")
    page("compare")
    for view in ("overview", "browse", "patterns", "two", "review", "evaluate"):
        page("mistakes", view=view)
    page("mistakes", view="browse", image="test-00002.png")
    page("results")
    for chapter in ("recurrent", "search", "scores", "annotations"):
        page("learn", chapter=chapter)
    page("train")
    json.dump({"tried": tried, "shown": shown}, sys.stdout)


if __name__ == "__main__":
    main()
