"""What was measured: ``results.json`` holds it; from it are made ``RESULTS.md``, the README's table and
``summary.json``, which the Results page shows.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from benchmarks.harness import Goal, Report, Result
from sat.evaluation.card import markdown_table
from sat.files import write_text

FOLDER = Path(__file__).resolve().parent
RECORDS, RESULTS, SUMMARY = FOLDER / "results.json", FOLDER / "RESULTS.md", FOLDER / "summary.json"
README = FOLDER.parent / "README.md"
_USED = 0.05  # a machine is in use when other programs take more than this share of its processors

_HEADER = ("", "measured", "middle half", "best rounds", "goal", "", "ours", "against", "rounds")


def machine() -> str:
    """The machine and the versions, without anything that names it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()}; "
        f"Python {platform.python_version()}, torch {torch.__version__} with {torch.get_num_threads()} threads"
    )


def _processor() -> str:
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        names = []
    return names[0].strip() if names else platform.machine()


def read() -> dict[str, Report]:
    """The reports that are kept, by the name of their benchmark."""
    if not RECORDS.is_file():
        return {}
    kept = json.loads(RECORDS.read_text(encoding="utf-8"))
    return {name: Report.from_dict(record) for name, record in kept.items()}


def write(reports: Mapping[str, Report]) -> None:
    """Keep the reports, and make ``RESULTS.md`` and the README's table from them."""
    lines = [f"{json.dumps(name)}: {json.dumps(r.to_dict(), ensure_ascii=False)}" for name, r in reports.items()]
    write_text(RECORDS, "{\n" + ",\n".join(lines) + "\n}\n")
    write_text(RESULTS, as_page(reports))
    write_text(SUMMARY, json.dumps(summary_rows(reports), indent=1, ensure_ascii=False) + "\n")
    write_text(README, with_table(README.read_text(encoding="utf-8"), reports))


def as_page(reports: Mapping[str, Report]) -> str:
    """The text of ``RESULTS.md``."""
    parts = [
        "# Speed\n\nMade by `make bench`. Every value is the median over the rounds, the two sides of a ratio being "
        "timed in turn; half of the rounds lie in the *middle half*. *Best rounds* is the same from the fastest round "
        "of each side, which other programs disturb least. Threads that wait sleep (`OMP_WAIT_POLICY=PASSIVE`).",
        summary(reports),
    ]
    for report in reports.values():
        parts += [f"## {report.title}", as_markdown(report), _where(report)]
    return "\n\n".join(parts) + "\n"


def _where(report: Report) -> str:
    settings = report.settings
    line = f"{settings['date']}; {settings['machine']}."
    others = float(settings["others"])
    if settings["clock"] == "processor":
        line += " Times are those that one thread really computed."
    if others > _USED:
        line += f" The machine was in use: other programs took {100 * others:.0f} % of its processors meanwhile."
    return f"*{line}*"


def as_markdown(report: Report) -> str:
    """The text, the lines, further numbers and the notes of a report."""
    parts = [report.text]
    if report.results:
        parts.append(markdown_table(_HEADER, [_row(result) for result in report.results]))
    if report.table:
        parts.append(markdown_table(report.table[0], report.table[1:]))
    if report.notes:
        parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts)


def _row(result: Result) -> list[str]:
    low, high = (number(value) for value in result.middle_half)
    verdict = "" if result.goal is None else "met" if result.met else "missed"
    return [
        result.what,
        _with_unit(number(result.median), result.unit),
        _with_unit(f"{low} to {high}", result.unit),
        "" if result.best is None else _with_unit(number(result.best), result.unit),
        _wanted(result),
        verdict,
        result.ours,
        result.against,
        str(len(result.values)),
    ]


def summary_rows(reports: Mapping[str, Report]) -> list[dict[str, str]]:
    """A row for every goal of every benchmark; of several with the same goal the one that is furthest from it."""
    rows = []
    for report in reports.values():
        worst: dict[Goal, Result] = {}
        for result in report.results:
            if result.goal is None:
                continue
            known = worst.get(result.goal)
            sign = 1 if result.goal.kind == "at most" else -1
            if known is None or sign * result.median > sign * known.median:
                worst[result.goal] = result
        rows += [
            {
                "what": f"{report.title}: {result.what}",
                "measured": _with_unit(number(result.median), result.unit),
                "goal": _wanted(result),
                "verdict": "met" if result.met else "missed",
                "date": report.settings["date"],
            }
            for result in worst.values()
        ]
    return rows


def summary(reports: Mapping[str, Report]) -> str:
    """The rows of ``summary_rows`` as a table."""
    rows = [[row[name] for name in ("what", "measured", "goal", "verdict")] for row in summary_rows(reports)]
    return markdown_table(("", "measured", "goal", ""), rows)


def with_table(text: str, reports: Mapping[str, Report]) -> str:
    """The README with the table between its ``<!-- speed -->`` marks made anew."""
    made = f"<!-- speed -->\n{summary(reports)}\n<!-- /speed -->"
    return re.sub(r"<!-- speed -->.*?<!-- /speed -->", lambda _: made, text, flags=re.DOTALL)


def _wanted(result: Result) -> str:
    if result.goal is None:
        return ""
    return _with_unit(f"{result.goal.kind} {result.goal.limit:g}", result.unit)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text


def number(value: float) -> str:
    """Two decimals for small values, none for large ones."""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
