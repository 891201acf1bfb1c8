"""The Ray cluster that runs the jobs: the local head, or one with an address.

Jobs are handed in over HTTP; this process never joins the cluster (``ray.init`` wants the main thread, and would tie
the jobs to this process).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sat.errors import UserError
from sat.jobs.head import FOREIGN, LocalHead, answers
from sat.jobs.runs import Order

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

PROJECT = Path(__file__).parent.parent.parent
GRACE = 120  # seconds that a run has for saving when it is told to stop; then Ray kills it
_PATHS = ("SAT_DATA", "SAT_CACHE", "SAT_CHECKPOINTS")  # variables that name folders
_NOT_SENT = ("/.*/", "/data/", "/runs/", "/tests/", "/docs/", "/benchmarks/", "**/__pycache__/")


class Word(StrEnum):
    """What Ray says of a job."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    UNKNOWN = "UNKNOWN"  # it answers, and has no such job
    UNREACHABLE = "UNREACHABLE"

    @property
    def over(self) -> bool:
        """Whether the job has come to its end."""
        return self in (Word.SUCCEEDED, Word.FAILED, Word.STOPPED)


@dataclass(frozen=True)
class News:
    """What Ray says of a job: its word, its message and the exit code of its process, where it says so; and the run
    folder that the job was handed in for."""

    word: Word
    message: str = ""
    exit_code: int | None = None
    run: str = ""


class Cluster:
    """Where the jobs of the runs under ``root`` go: to the cluster at ``address``, or where None the local head."""

    def __init__(self, root: Path, address: str | None = None) -> None:
        self.address = None if address is None else address.rstrip("/")
        self.head = LocalHead(root)
        if self.address is not None and not re.match(r"https?://[^/]", self.address):
            raise UserError(
                f"The cluster's address is {address!r}: give that of its dashboard, such as http://head:8265."
            )

    @property
    def local(self) -> bool:
        """Whether it is this machine's own head."""
        return self.address is None

    def ensure(self) -> None:
        """Have a cluster that answers, starting the local head where it is needed.

        Raises:
            UserError: there is none.
        """
        if self.local:
            self.head.ensure()
        else:
            self._client()

    def submit(self, job: str, run: Path, order: Order, settings: dict[str, Any]) -> None:
        """Hand in the job ``job`` that trains the run folder ``run``.

        Args:
            settings: of the run; they go along to a cluster, whose machines may not see the folder yet.

        Raises:
            UserError: Ray does not take it.
        """
        environment = {"SAT_JOB": job, "RAY_JOB_STOP_WAIT_TIME_S": str(GRACE), "PYTHONUNBUFFERED": "1"}
        environment |= {name: os.environ[name] for name in _PATHS if os.environ.get(name)}
        runtime: dict[str, Any] = {"env_vars": environment}
        if self.local:
            environment["SAT_DATA"] = os.environ.get("SAT_DATA") or "data"
            environment |= {name: str(Path(environment[name]).resolve()) for name in _PATHS if name in environment}
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
            python = f"cd {shlex.quote(str(PROJECT))} && exec {shlex.quote(sys.executable)}"
        else:
            environment["SAT_SETTINGS"] = json.dumps({"config": settings, "order": asdict(order)})
            runtime |= {"working_dir": str(PROJECT), "excludes": _excludes(settings.get("start_from"))}
            python = "exec python"
        alone = order.workers == 1
        if alone and order.gpus == 0:
            environment["OMP_NUM_THREADS"] = str(max(1, int(order.cpus)))
        try:
            self._client().submit_job(
                entrypoint=f"{python} -m sat.jobs.entry {shlex.quote(str(run))}",
                submission_id=job,
                runtime_env=runtime,
                metadata={"run": str(run)},
                # Several workers are reserved by Ray Train, all at once: a job that held one place while it waits
                # for the others could wait for ever for another job that does the same.
                entrypoint_num_cpus=order.cpus if alone else None,
                entrypoint_num_gpus=order.gpus if alone else None,
            )
        except (RuntimeError, ValueError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(f"Ray did not take the job ({reason}): try again, or look at its dashboard.") from None

    def news(self) -> dict[str, News] | None:
        """What Ray says of all its jobs, by name; None where it does not answer."""
        if not self._answers():
            return None
        try:
            found = self._client().list_jobs()
        except (UserError, RuntimeError, OSError):
            return None
        return {
            job.submission_id: News(
                Word(job.status.value), job.message or "", job.driver_exit_code, (job.metadata or {}).get("run", "")
            )
            for job in found
            if job.submission_id
        }

    def stop(self, job: str) -> None:
        """Tell a job to save and end; Ray kills it ``GRACE`` seconds later. A job that Ray does not have is ended."""
        if self._answers():
            try:
                self._client().stop_job(job)
            except (RuntimeError, OSError):
                return

    def log(self, job: str) -> str:
        """What the job printed; empty where Ray no longer knows."""
        if not self._answers():
            return ""
        try:
            return self._client().get_job_logs(job)
        except (UserError, RuntimeError, OSError):
            return ""

    def forget(self, job: str) -> None:
        """Take a job that is over out of Ray's list."""
        if self._answers():
            try:
                self._client().delete_job(job)
            except (RuntimeError, OSError):
                return

    def totals(self) -> dict[str, float] | None:
        """How many ``CPU`` and ``GPU`` the cluster has; None where it does not say."""
        import requests

        try:
            base = self.address or self.head.url
            answer = requests.get(f"{base}/api/cluster_status", headers=self._headers(), timeout=5)
            usage = answer.json()["data"]["clusterStatus"]["loadMetricsReport"]["usage"]
            return {kind: float(usage.get(kind, (0, 0))[1]) for kind in ("CPU", "GPU")}
        except (requests.RequestException, ValueError, KeyError, TypeError, IndexError):
            return None

    def _answers(self) -> bool:
        return self.head.alive() if self.local else answers(str(self.address), self._headers())

    def _headers(self) -> dict[str, str]:
        return self.head.headers if self.local else _named_headers()

    def _client(self) -> JobSubmissionClient:
        """A client of the cluster's Jobs API.

        Raises:
            UserError: it cannot be reached, or does not let us in.
        """
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient

        foreign = [name for name in FOREIGN if os.environ.get(name)]
        if foreign:
            raise UserError(f"{foreign[0]} is set: unset it, and name the cluster with SAT_RAY_ADDRESS instead.")
        url = self.address or self.head.url
        if url is None:
            raise UserError("Ray is not running on this machine: submit a run, which starts it.")
        try:
            return JobSubmissionClient(url, headers=self._headers())
        except AuthenticationError:
            raise UserError(f"The cluster at {url} asks for another token: set RAY_AUTH_MODE and its token.") from None
        except (ConnectionError, RuntimeError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(f"The cluster at {url} cannot be reached ({reason}): check that it runs.") from None


def _named_headers() -> dict[str, str]:
    """The token of a cluster that was named, from where Ray itself looks for it."""
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    if not token:
        path = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
        try:
            token = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            return {}
    return {"Authorization": f"Bearer {token}"}


def _excludes(start_from: str | None) -> list[str]:
    """What does not travel to a cluster: everything but the code, and the model that training starts from."""
    shipped = PROJECT / "checkpoints"
    others = [path.name for path in sorted(shipped.glob("*")) if path.name != start_from]
    return [*_NOT_SENT, *(f"/checkpoints/{name}/" for name in others)]
