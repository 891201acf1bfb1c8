"""``python -m sat``."""

from __future__ import annotations

import os

from sat.cli import main

if __name__ == "__main__":
    # Before torch is loaded: threads that wait for each other sleep. Spinning, as is usual, they take the processor
    # from the very thread they wait for as soon as anything else runs: training was twenty times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
