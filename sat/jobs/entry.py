"""What a job runs: ``python -m sat.jobs.entry RUN`` becomes ``python -m sat train --resume RUN``, or a team of workers.

Resuming a run that never began is how it begins.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from sat.errors import UserError
from sat.jobs.runs import Order, read_order


def main(arguments: list[str]) -> NoReturn:
    """Train the run whose folder is given."""
    path = Path(arguments[0])
    _receive(path)
    if read_order(path).workers > 1:
        from sat.jobs.distributed import train_together

        sys.exit(train_together(path))
    # The very command that a person would give: it says what it said before, and stops as it does there.
    os.execv(sys.executable, [sys.executable, "-m", "sat", "train", "--resume", str(path)])


def _receive(path: Path) -> None:
    """On a machine of a cluster that does not have the run's folder: make it from the settings that came along."""
    sent = os.environ.get("SAT_SETTINGS")
    if (path / "config.yaml").is_file() or not sent:
        return
    from sat.config import TrainConfig, parse
    from sat.training.run import RunFolder

    settings = json.loads(sent)
    RunFolder.create(path, parse(TrainConfig, settings["config"], "the settings of the job"))
    Order(**{**settings["order"], "job": os.environ.get("SAT_JOB")}).write(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(2)
