"""``Jobs``: everything that can be done with training runs, for pages and the command line alike."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from sat.config import TrainConfig
from sat.errors import UserError
from sat.jobs.access import UNLISTED, check_allowed
from sat.jobs.resources import order
from sat.jobs.runs import NAME, Order, Run, State
from sat.jobs.watch import Watch
from sat.training.run import RunFolder
from sat.training.settings import train_config

if TYPE_CHECKING:
    from sat.evaluation.evaluate import Progress

_SUBMIT_SECONDS = 600.0  # a start of Ray lies in it


class Jobs(Watch):
    """The runs of one folder and the queue that they go through.

    Everything that changes something refuses in a public demo, whoever calls it, and where ``permit`` says no. For the
    other arguments see ``Watch``.

    Args:
        permit: whether whoever asks may change anything, where that is not everybody.
    """

    def __init__(
        self, root: Path | None = None, address: str | None = None, *, permit: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(root, address)
        self._permit = permit

    def _check_allowed(self) -> None:
        check_allowed()
        if not self._permit():
            raise UserError(UNLISTED)

    # Doing.

    def submit(
        self,
        preset: str | TrainConfig,
        changes: Sequence[str] = (),
        *,
        name: str | None = None,
        cpus: float | None = None,
        gpus: float | None = None,
        workers: int = 1,
    ) -> Run:
        """Hand a new run to the queue.

        Args:
            preset: a preset's name, a YAML file, or the settings themselves.
            changes: ``key=value``, as on the command line.
            name: of the run's folder; that of the settings where None, with a number where it is taken.
            cpus, gpus: to be reserved for each worker; a fair part of the machine where None.
            workers: how many train together.

        Raises:
            UserError: settings, name or resources do not fit, or Ray cannot be reached.
        """
        self._check_allowed()
        config = preset if isinstance(preset, TrainConfig) else train_config(preset, changes)
        if name is not None:
            named = config.model.name in (config.name, "untitled")
            model = config.model.model_copy(update={"name": name}) if named else config.model
            config = config.model_copy(update={"name": name, "model": model})
        _check_name(config.name)
        if self.cluster.local:
            config = _absolute(config)
        if name is not None and os.path.lexists(self.root / name):
            raise UserError(f"There is a run {name!r} already: choose another name.")
        self.cluster.ensure()
        asked = order(self.cluster, config, cpus=cpus, gpus=gpus, workers=workers)
        path = self._claim(config.name, exact=name is not None)
        try:
            folder = RunFolder.create(path, config)
            self._hand_in(folder, asked, config)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return self.get(path.name)

    def stop(self, name: str, *, force: bool = False) -> Run:
        """Ask a run to save and end; one that waits leaves the queue. Ray kills it two minutes later if it hangs.

        Args:
            force: kill it now (on this machine only); what it did since it last saved is lost.

        Raises:
            UserError: it does not run.
        """
        self._check_allowed()
        run = self.get(name)
        if not run.state.active:
            raise UserError(f"{name} is {run.state}: there is nothing to stop.")
        folder = RunFolder(run.path)
        folder.request_stop(run.order.job)
        if run.order.job is not None:
            self.cluster_of(run).stop(run.order.job)
        if run.state is State.QUEUED:
            folder.status("stopped")
        elif force:
            status = folder.read_status()
            if status.get("host") == socket.gethostname() and folder.held():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(int(status["pid"]), signal.SIGKILL)
        return self.get(name)

    def resume(
        self, name: str, *, cpus: float | None = None, gpus: float | None = None, workers: int | None = None
    ) -> Run:
        """Hand a run that stopped, failed or was lost in again; it goes on from its last saved state.

        Args:
            cpus, gpus, workers: as before where None.
        """
        return self._again(name, "resumed", cpus=cpus, gpus=gpus, workers=workers)

    def retry(self, name: str) -> Run:
        """Hand a run in again from its beginning: what it recorded and saved so far is deleted."""
        return self._again(name, "started again", afresh=True)

    def clone(
        self, name: str, changes: Sequence[str] = (), *, new_name: str | None = None, workers: int | None = None
    ) -> Run:
        """A new run with the settings of another, and ``changes``.

        Args:
            workers: how many train together; as many as before where None.
        """
        run = self.get(name)
        config = train_config(str(run.path / "config.yaml"), changes)
        asked = run.order
        same = asked.job is not None and workers in (None, asked.workers)  # else what it asked for fits no more
        return self.submit(
            config,
            name=new_name,
            cpus=asked.cpus if same else None,
            gpus=asked.gpus if same else None,
            workers=workers or asked.workers,
        )

    def delete(self, name: str) -> None:
        """Delete a run with all its files.

        Raises:
            UserError: it still runs.
        """
        self._check_allowed()
        run = self.get(name)
        if run.state.active:
            raise UserError(f"{name} is {run.state}: stop it first.")
        doomed = run.path.with_name(f".{name}.{secrets.token_hex(3)}.deleted")
        try:
            os.replace(run.path, doomed)
        except OSError as error:
            raise UserError(f"{run.path} could not be deleted ({error.strerror}): check its permissions.") from None
        shutil.rmtree(doomed, ignore_errors=True)
        self.register.remove(name)
        if run.order.job is not None:
            self.cluster_of(run).forget(run.order.job)

    def publish(self, name: str, as_name: str | None = None, progress: Progress | None = None) -> Path:
        """Score a finished run on the test split and add it to the shipped models; the model's folder.

        Args:
            as_name: of the model, which replaces one of that name; that of the run's settings where None.
        """
        self._check_allowed()
        run = self.get(name)
        if run.state is not State.FINISHED:
            raise UserError(f"{name} is {run.state}: only a finished run can be published.")
        if as_name is not None:
            _check_name(as_name)
        from sat.data.registry import load_dataset
        from sat.evaluation.publish import publish

        config = RunFolder.open(run.path).config
        return publish(run.path, load_dataset(config.dataset, config.data), name=as_name, progress=progress)

    def shutdown(self, *, force: bool = False) -> None:
        """End the local head, and with it all that runs on it.

        Raises:
            UserError: runs are still active, and it is not to be forced.
        """
        self._check_allowed()
        active = [run.name for run in self.runs() if run.state.active and run.order.address is None and run.order.job]
        if active and not force:
            raise UserError(f"{', '.join(active)} would be ended: stop them first.")
        self.cluster.head.shutdown()

    # How.

    def _again(
        self,
        name: str,
        what: str,
        *,
        afresh: bool = False,
        cpus: float | None = None,
        gpus: float | None = None,
        workers: int | None = None,
    ) -> Run:
        self._check_allowed()
        run = self.get(name)
        if run.state.active or run.state is State.FINISHED:
            raise UserError(f"{name} is {run.state}: only a run that stopped, failed or was lost can be {what}.")
        folder = RunFolder.open(run.path)
        config, before = folder.config, run.order
        self.cluster.ensure()
        asked = order(
            self.cluster,
            config,
            cpus=cpus if cpus is not None else before.cpus if before.job else None,
            gpus=gpus if gpus is not None else before.gpus if before.job else None,
            workers=workers or before.workers,
        )
        asked = replace(asked, attempt=before.attempt, created=before.created or asked.created)
        if before.job is not None:
            self.cluster_of(run).stop(before.job)  # one that was told to leave the queue may still stand in it
        if afresh:
            with folder.hold():
                _clear(run.path)
        folder.stop_file.unlink(missing_ok=True)
        self._hand_in(folder, asked, config)
        return self.get(name)

    def _hand_in(self, folder: RunFolder, asked: Order, config: TrainConfig) -> None:
        """Give the run to Ray. Until Ray has taken it the folder says so, and a lock that somebody is at it."""
        with self._submitting():
            asked = replace(asked, job=None, attempt=asked.attempt + 1, submitted=time.time())
            asked.write(folder.path)
            folder.status("queued")
            job = f"sat-{folder.path.name}-{asked.attempt}-{secrets.token_hex(3)}"
            self.cluster.submit(job, folder.path, asked, config.model_dump(mode="json"))
            replace(asked, job=job).write(folder.path)

    @contextmanager
    def _submitting(self) -> Iterator[None]:
        lock = FileLock(self.submit_lock)
        try:
            self.submit_lock.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_SUBMIT_SECONDS)
        except Timeout:
            raise UserError("Another run has been handed in for minutes: try again later.") from None
        except OSError as error:
            raise UserError(f"{self.root} cannot be written ({error.strerror}): choose another SAT_RUNS.") from None
        try:
            yield
        finally:
            lock.release()

    def _claim(self, name: str, *, exact: bool) -> Path:
        """A folder of this name, made by us and nobody else; with a number where the name is taken."""
        for number in range(1, 10_000):
            path = self.root / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir(parents=True)
                return path
            except FileExistsError:
                if exact:
                    raise UserError(f"There is a run {name!r} already: choose another name.") from None
            except OSError as error:
                raise UserError(f"{path} could not be made ({error.strerror}): choose another SAT_RUNS.") from None
        raise UserError(f"There are too many runs called {name!r}: delete some.")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise UserError(f"The name {name!r} does not do: use letters, digits, '.', '_', '+' and '-' only.")


def _absolute(config: TrainConfig) -> TrainConfig:
    """The same settings for a process in another working folder."""
    changes: dict[str, str] = {}
    if config.data is not None:
        changes["data"] = str(Path(config.data).resolve())
    if config.start_from is not None and os.sep in config.start_from and Path(config.start_from).exists():
        changes["start_from"] = str(Path(config.start_from).resolve())
    return config.model_copy(update=changes)


def _clear(path: Path) -> None:
    """Delete what a run recorded and saved, but not its settings."""
    for name in ("metrics.jsonl", "log.txt", "status.json"):
        (path / name).unlink(missing_ok=True)
    shutil.rmtree(path / "model", ignore_errors=True)
    for entry in [*(path / "samples").glob("*"), *(path / "checkpoints").glob("*")]:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != "lock":
            entry.unlink(missing_ok=True)
