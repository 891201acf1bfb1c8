"""A whole run: from its settings to its model folder, with what is written down when it ends otherwise."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sat.config import TrainConfig
from sat.errors import UserError
from sat.training.choose import finish
from sat.training.hints import hint
from sat.training.run import Onlooker, RunFolder
from sat.training.team import ALONE, Team, TeamLost
from sat.training.trainer import Trainer


def train(
    config: TrainConfig,
    path: Path,
    *,
    resume: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    team: Team = ALONE,
    device: str = "",
) -> bool:
    """A whole run in ``path``: train, choose on dev, write ``path/model``. False if it was stopped on the way.

    Besides ``should_stop`` it is stopped by ``RunFolder.request_stop``, from whatever process. With several workers
    each calls this, and the first alone writes.

    Raises:
        UserError: a setting, the data or the disk; or another process trains this run.
        TeamLost: another worker is gone; the run is as it last saved itself, and not called failed.
    """
    if team.leads:
        folder = RunFolder.open(path) if resume else RunFolder.create(path, config)
    else:
        folder = Onlooker.open(path)
    with folder.hold(), folder.heartbeat():
        try:
            folder.forget_stop()
            folder.status("running", phase="preparing")
            stop = _either(should_stop, folder.stop_requested) if team.leads else should_stop
            settings = folder.config if resume else config
            trainer = Trainer(settings, folder, device=device, should_stop=stop, team=team)
            state = folder.load_state() if resume else None
            if state is not None:
                trainer.restore(state)
                folder.log(f"resumed at epoch {trainer.epoch + 1}, step {trainer.step}")
            if not trainer.run():
                folder.log("stopped and saved")
                return False
            if team.leads:
                finish(trainer, path / "model")
        except (KeyboardInterrupt, SystemExit):
            with suppress(UserError, OSError):
                folder.status("stopped")
                folder.log("stopped at once; the last saved state is kept", echo=False)
            raise
        except TeamLost as error:  # it is for whoever started the team to say whether that was the end
            with suppress(UserError, OSError):
                folder.log(f"another worker was lost: {error}", echo=False)
            raise
        except BaseException as error:
            with suppress(UserError, OSError):  # the disk may be what failed; the error itself says so
                said = str(error) or type(error).__name__
                folder.status("failed", error=said, hint=hint(error))
                why = f"failed: {said}" if isinstance(error, UserError) else traceback.format_exc().rstrip()
                folder.log(why, echo=False)
            raise
    return True


def _either(first: Callable[[], bool], second: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: first() or second()
