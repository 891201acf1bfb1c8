"""Looking at the runs of a folder: what there is, where each stands, what it says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sat.errors import UserError
from sat.files import locked
from sat.jobs.cluster import Cluster, News, Word
from sat.jobs.reconcile import judge
from sat.jobs.register import Register
from sat.jobs.runs import NAME, Run, State, read_run, run_folders, runs_root
from sat.training.run import RunFolder

Told = dict[str | None, dict[str, News] | None]  # by address: Ray's news of its jobs, None where it is silent

_UNKNOWN = News(Word.UNKNOWN)
_UNREACHABLE = News(Word.UNREACHABLE)


class Watch:
    """The runs of one folder, seen from outside.

    Args:
        root: the folder of the runs; ``$SAT_RUNS``, else ``runs``, where None.
        address: of a Ray cluster's dashboard; ``$SAT_RAY_ADDRESS`` where None, and without it a head on this machine
            that is started when it is needed.
    """

    def __init__(self, root: Path | None = None, address: str | None = None) -> None:
        self.root = (root or runs_root()).resolve()
        self.cluster = Cluster(self.root, address or os.environ.get("SAT_RAY_ADDRESS") or None)
        self.register = Register(self.root)
        self.submit_lock = self.root / ".ray" / "submit.lock"

    def runs(self, *, refresh: bool = True) -> list[Run]:
        """All runs, the latest first.

        Args:
            refresh: look at the folders and ask Ray; otherwise say what was seen the last time.
        """
        if not self.root.is_dir():
            return []
        if refresh:
            read = [read_run(path) for path in run_folders(self.root)]
            told: Told = {self.cluster.address: self.cluster.news()}
            runs = self._judged(read, told)
            self._end_orphans(told)
            self.register.replace(runs)
        else:
            runs = self.register.runs()
        return sorted(runs, key=lambda run: (-run.order.created, run.name))

    def get(self, name: str) -> Run:
        """One run as it stands now.

        Raises:
            UserError: there is no such run.
        """
        path = self.root / name
        if not NAME.fullmatch(name) or not RunFolder(path).exists:
            known = ", ".join(p.name for p in run_folders(self.root)) or "none yet"
            raise UserError(f"There is no run {name!r} in {self.root}. Runs: {known}.")
        (run,) = self._judged([read_run(path)], {})
        self.register.put(run)
        return run

    def logs(self, name: str, lines: int = 200) -> str:
        """The end of a run's log; of what its job printed where the run wrote none (it waits, or broke early)."""
        run = self.get(name)
        try:
            text = (run.path / "log.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        if run.order.job is not None and (not text or run.state in (State.FAILED, State.LOST)):
            printed = self.cluster_of(run).log(run.order.job)
            new = [line for line in printed.splitlines() if line not in text]
            text = "\n".join([text.rstrip("\n"), *new]).strip("\n")
        return "\n".join(text.splitlines()[-lines:])

    def cluster_of(self, run: Run) -> Cluster:
        """The cluster that a run was handed to."""
        return self._cluster_at(run.order.address)

    def _cluster_at(self, address: str | None) -> Cluster:
        return self.cluster if address == self.cluster.address else Cluster(self.root, address)

    def _judged(self, runs: Sequence[Run], told: Told) -> list[Run]:
        """The runs with their states as they really are; each cluster is asked once, its answer noted in ``told``."""
        judged = []
        for run in runs:
            address = run.order.address
            if address not in told:
                told[address] = self._cluster_at(address).news()
            verdict = self._judge(run, told[address])
            if run.told in (State.QUEUED, State.RUNNING) and not verdict.state.active:
                # Between reading the folder and asking Ray it may have been handed in, or come to its end.
                later = read_run(run.path)
                verdict = self._judge(later, told[address], moved=later.order.job != run.order.job)
            judged.append(verdict)
        return judged

    def _judge(self, run: Run, jobs: dict[str, News] | None, *, moved: bool = False) -> Run:
        news = _UNREACHABLE if jobs is None else jobs.get(run.order.job or "", _UNKNOWN)
        waits = run.told == State.QUEUED
        submitting = waits and (moved or (run.order.job is None and self._somebody_submits()))
        return judge(
            run,
            news,
            held=RunFolder(run.path).held(),
            silent=self.register.silence(run.name, run.sequence) if run.state.active else 0.0,
            local=run.order.address is None,
            submitting=submitting,
        )

    def _end_orphans(self, told: Told) -> None:
        """Stop the jobs whose run folders were deleted by hand."""
        for address, jobs in told.items():
            for job, news in (jobs or {}).items():
                ours = news.run and Path(news.run).parent == self.root
                if ours and not news.word.over and not os.path.exists(os.path.join(news.run, "config.yaml")):
                    self._cluster_at(address).stop(job)

    def _somebody_submits(self) -> bool:
        return locked(self.submit_lock)
