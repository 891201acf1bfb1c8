"""``serve``: the app in a browser, for oneself or, with ``--public``, for strangers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sat.errors import UserError
from sat.public import SWITCH, hosts, is_public, server_options

# glibc keeps what is freed, in as many heaps as there are threads: with eight visitors that was 100 MB and more. Two
# heaps are enough, and large arrays go back to the system at once.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(2**22), "MALLOC_TRIM_THRESHOLD_": str(2**22)}
ROOT = Path(__file__).parents[2]
APP = "streamlit_app.py"


def serve(
    public: Annotated[
        bool, typer.Option("--public", help="A demo for strangers: no training, nothing written, a share for each.")
    ] = False,
    address: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for other machines too.")] = "",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
) -> None:
    """Serve the app. SAT_HOSTS names the hosts that a public demo may be asked for: demo.example.org,*.example.org."""
    public = public or is_public()
    command = serve_command(address or "127.0.0.1", port, public=public)
    if public:
        os.environ[SWITCH] = "1"
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    os.chdir(ROOT)  # where Streamlit looks for its settings
    os.execv(sys.executable, command)


def serve_command(address: str, port: int, *, public: bool) -> list[str]:
    """The command that serves the app.

    Raises:
        UserError: ``SAT_HOSTS`` names what is no host, or the program was copied without the app.
    """
    if not (ROOT / APP).is_file():
        raise UserError(f"{APP} is not beside the package: serve the app from a copy of the whole project.")
    options = {"server.address": [address], "server.port": [str(port)], **server_options(hosts(), public=public)}
    listed = [part for name, values in options.items() for value in values for part in (f"--{name}", value)]
    return [sys.executable, "-m", "sat.ui.preload", "run", APP, *listed]
