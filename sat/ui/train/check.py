"""What the check before the start found, as a table and in sentences."""

from __future__ import annotations

import streamlit as st

from sat.jobs.preflight import Report
from sat.jobs.units import duration, size


def show_check(report: Report, *, local: bool) -> None:
    """Draw a report.

    Args:
        local: the run would train on this machine, where the check was made.
    """
    for problem in report.problems:
        st.warning(problem, icon=":material/warning:")
    found = report.measured
    if found is None:
        return
    if report.ok:
        st.success(f"Nothing stands in the way. It will take about {duration(report.seconds)}.",
                   icon=":material/check_circle:")  # fmt: skip
    pictures = f"{found.pictures} with {found.captions} captions"
    if found.draw:
        pictures += f"; they will be drawn first, in about {duration(found.draw)}"
    if found.missing:
        pictures += "; the encoder must look at " + (
            "all of them first" if found.missing >= found.pictures + found.dev else f"{found.missing} pictures first"
        )
    before = f", after {duration(report.preparing)} of preparing" if report.preparing > 1 else ""
    st.table(
        {
            "What": ["Training pictures", "Dev pictures", "Device", "Time", "Memory", "Disk"],
            "": [
                pictures,
                str(found.dev),
                "this machine's processors, no GPU" if found.device == "cpu" else found.device,
                f"about {duration(report.seconds)}: {found.steps} steps of {found.step:.2g} s, then scoring{before}",
                f"about {size(report.memory)} of {size(report.memory_free)} that are free"
                + ("" if found.device == "cpu" else " on the GPU"),
                f"about {size(report.disk)} of {size(report.disk_free)} that are free",
            ],
        },
        hide_index=True,
        width="stretch",
    )
    if not local:
        st.caption("This was measured on the machine that serves this page; the cluster's may be faster or slower.")
