"""What a load has brought to light: the table of the terminal and of ``RESULTS.md``."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from load.visitor import Notes, Seen

RESULTS = Path(__file__).with_name("RESULTS.md")
SLOWER, MEGABYTES_ALONE, MEGABYTES, GROWTH = 10.0, 1024.0, 1228.8, 0.05  # at most; the goals
WINDOW = 300.0  # seconds; the end of the run in which memory must not grow


@dataclass(frozen=True)
class Load:
    """A run.

    Attributes:
        alone, together: seconds from the upload to the caption in Explore, of one visitor by themselves and of all.
        memory: after start with the first caption, with one visitor, and the most with all, in megabytes.
        growth: of the memory over the last ``window`` seconds, as a share.
        differing: captions that were not those that the model writes in this process, of ``compared``.
        busy: the share of all processors that the server took.
    """

    sessions: int
    minutes: float
    think: tuple[float, float]
    alone: tuple[float, ...]
    together: tuple[float, ...]
    notes: Notes
    memory: tuple[float, float, float]
    growth: float
    window: float
    differing: tuple[str, ...]
    compared: int
    busy: float

    @property
    def rows(self) -> list[tuple[str, str, str, bool | None]]:
        """What, measured, goal, and whether it was met (None where there is no goal)."""
        one, many = statistics.median(self.alone), quantile(self.together, 0.95)
        steps = self.notes.steps
        first, alone, most = self.memory
        return [
            ("errors", str(len(self.notes.errors)), "none", not self.notes.errors),
            ("wrong pictures, or words that were not shown", str(len(self.notes.wrong)), "none", not self.notes.wrong),
            (
                f"captions other than the model's own, of {self.compared} compared",
                str(len(self.differing)),
                "none",
                not self.differing,
            ),
            ("uploads captioned in Explore", str(len(self.together)), "", None),
            ("upload to caption, one visitor, median", f"{one:.2f} s", "", None),
            ("upload to caption, all, median", f"{quantile(self.together, 0.5):.2f} s", "", None),
            ("upload to caption, all, 95 %", f"{many:.2f} s", "", None),
            ("that over the median of one visitor", f"{many / one:.1f}", f"at most {SLOWER:g}", many / one <= SLOWER),
            (
                "a step with all that follows it, median and 95 %",
                f"{quantile(steps, 0.5):.2f} s, {quantile(steps, 0.95):.2f} s" if steps else "none made",
                "",
                None,
            ),
            ("memory after the first caption", f"{first:.0f} MB", "", None),
            (
                "memory with one visitor",
                f"{alone:.0f} MB",
                f"under {MEGABYTES_ALONE:.0f} MB",
                alone < MEGABYTES_ALONE,
            ),
            (f"memory with {self.sessions}, the most", f"{most:.0f} MB", f"under {MEGABYTES:.0f} MB", most < MEGABYTES),
            (
                f"growth of memory in the last {self.window:.0f} s",
                f"{100 * self.growth:+.1f} %",
                f"less than {100 * GROWTH:g} %",
                self.growth < GROWTH,
            ),
            ("told how many come first", f"{sum(self.notes.waited.values())} times", "", None),
            ("the server's share of all processors", f"{100 * self.busy:.0f} %", "", None),
        ]

    @property
    def met(self) -> bool:
        """Whether every goal is."""
        return all(good is not False for *_, good in self.rows)

    @property
    def title(self) -> str:
        """How many for how long, and how they behave."""
        low, high = self.think
        return (
            f"{self.sessions} sessions for {self.minutes:g} minutes, arriving one by one in the first tenth of it, "
            f"{low:g} to {high:g} s between two actions"
        )

    def lines(self) -> list[str]:
        """For the terminal."""
        shown = [f"{what:<58} {measured:>18}  {_verdict(goal, good)}" for what, measured, goal, good in self.rows]
        problems = [f"  {text}" for text in [*self.notes.errors, *self.notes.wrong, *self.differing][:20]]
        return [self.title, *shown, *problems]

    def as_page(self) -> str:
        """The text of ``RESULTS.md``."""
        from benchmarks.results import machine  # brings torch, which ``__main__`` prepares for

        rows = [f"| {what} | {measured} | {_verdict(goal, good)} |" for what, measured, goal, good in self.rows]
        about = (
            "# Load\n\nMade by `make load LOAD_ARGS=--save`. Each session is a WebSocket of its own that speaks "
            "Streamlit's messages, as the browser's side does, with the app's public demo: it uploads a JPEG of "
            "1024 pixels that nobody else has, waits for the caption, looks at two of its words with the panel that "
            "belongs to them, uploads the picture in Compare and comes back. The driver runs on the same machine. "
            "Every picture is known by its digest in the player's data; captions are compared with those that the "
            "model writes in another process."
        )
        table = "\n".join(["|  | measured | goal |", "| --- | ---: | ---: |", *rows])
        return f"{about}\n\n## {self.title}\n\n{table}\n\n*{datetime.date.today()}; {machine()}.*\n"


def _verdict(goal: str, good: bool | None) -> str:
    return "" if good is None else f"{goal}: {'met' if good else 'missed'}"


def in_explore(seen: Sequence[Seen]) -> tuple[float, ...]:
    """Seconds from the upload to the caption in Explore; in Compare the picture is known already."""
    return tuple(one.seconds for one in seen if one.page == "explore")


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-round(share * 1e6) * len(ordered) // 10**6) - 1))]


def growth(weighed: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """By what share memory grew at the end of a run, and over how many seconds that was taken.

    The end are the last ``WINDOW`` seconds, or the second half of a shorter run; the median of its first fifth is set
    against the median of its last.
    """
    if len(weighed) < 10:
        return 0.0, 0.0
    start, end = weighed[0][0], weighed[-1][0]
    window = min(WINDOW, (end - start) / 2)
    late = [megabytes for at, megabytes in weighed if at >= end - window]
    fifth = max(1, len(late) // 5)
    return statistics.median(late[-fifth:]) / statistics.median(late[:fifth]) - 1, window
