"""``python -m sat``."""

from __future__ import annotations

from sat.cli import main

if __name__ == "__main__":
    main()
