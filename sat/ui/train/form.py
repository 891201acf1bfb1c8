"""A new run: preset, settings, what will happen, and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from sat.config import TrainConfig
from sat.drawing.charts_training import epoch_curves
from sat.errors import UserError
from sat.jobs import Jobs
from sat.jobs.preflight import Report, preflight
from sat.training.schedule import learning_rate, ramp
from sat.training.settings import presets, train_config
from sat.ui import links
from sat.ui.train import RUN, VIEW
from sat.ui.train.fields import Field, as_text, fields_for, value_of

PRESET = "preset"
CHART = {"displayModeBar": False}


def form(jobs: Jobs) -> None:
    """Draw the form."""
    known = presets()
    usual = "shapes-soft" if "shapes-soft" in known else known[0]
    preset = links.select(
        "Preset",
        known,
        {name: name for name in known},
        name=PRESET,
        default=usual,
        help="The shapes presets draw their own pictures and train in minutes on a laptop's processor.",
        new_caption=False,
    )
    base = train_config(preset)
    changes = _changes(preset, base)
    try:
        config = train_config(preset, changes)
    except UserError as error:
        st.error(str(error).removeprefix(f"{preset}: "), icon=":material/error:")
        return
    name, workers = _resources(preset, config)
    st.markdown("**" + (f"Changed from the preset: {', '.join(changes)}" if changes else "As in the preset") + "**")
    with st.expander("How the learning rate goes"):
        _schedule(config)
    options = [*(part for change in changes for part in ("--set", change))]
    options += ["--name", name] if name != config.name else []
    options += ["--workers", str(workers)] if workers > 1 else []
    st.caption("The same from a shell:")
    st.code(shlex.join(["python", "-m", "sat", "jobs", "submit", preset, *options]), language="bash")
    key = f"preflight {config.model_dump_json()} {workers}"
    left, right = st.columns(2)
    if left.button("Check first", icon=":material/fact_check:", width="stretch", key="preflight"):
        with st.spinner("Looking at the data and trying some steps (up to a few minutes) …"):
            st.session_state["_preflight"] = (key, preflight(config, runs=jobs.root))
    started = right.button("Start", icon=":material/play_arrow:", type="primary", width="stretch", key="start")
    checked, report = st.session_state.get("_preflight", (None, None))
    if report is not None and checked == key:
        _show(report)
    if started:
        with st.spinner("Handing it to the queue (the first time this starts Ray) …"):
            run = jobs.submit(preset, changes, name=name if name != config.name else None, workers=workers)
        st.query_params[VIEW] = "runs"
        st.query_params[RUN] = run.name
        st.rerun()


def _changes(preset: str, base: TrainConfig) -> list[str]:
    """What the person changed, as ``key=value``."""
    changes: list[str] = []
    for group, fields in fields_for(base).items():
        with st.expander(group, expanded=group == "Training"):
            columns = st.columns(3)
            for i, field in enumerate(fields):
                with columns[i % 3]:
                    value = _widget(preset, base, field)
                if value != value_of(base, field.key):
                    changes.append(f"{field.key}={as_text(value)}")
    with st.expander("Other settings"):
        text = st.text_area(
            "One key=value a line",
            key=f"train {preset} others",
            placeholder="weight_decay=0.02\nmirror=true",
            help="Every setting of the preset's file can be changed, nested ones with dots.",
        )
    return changes + [line.strip() for line in text.splitlines() if line.strip()]


def _widget(preset: str, base: TrainConfig, field: Field) -> str | int | float:
    usual = value_of(base, field.key)
    key = f"train {preset} {field.key}"
    changed = st.session_state.get(key, usual) != usual
    label = f"{field.label} :orange-badge[changed]" if changed else field.label
    if field.choices:
        return str(st.selectbox(label, field.choices, index=field.choices.index(usual), key=key, help=field.hint))
    if isinstance(usual, int):
        return int(
            st.number_input(label, int(field.low), int(field.high), usual, int(field.step), key=key, help=field.hint)
        )
    shown = "%.2g" if usual and usual < 0.01 else "%g"
    return float(
        st.number_input(
            label,
            float(field.low),
            float(field.high),
            float(usual),
            float(field.step),
            key=key,
            help=field.hint,
            format=shown,
        )
    )


def _resources(preset: str, config: TrainConfig) -> tuple[str, int]:
    left, right = st.columns(2)
    name = left.text_input(
        "Name of the run",
        value=config.name,
        key=f"train {preset} name",
        max_chars=80,
        help="Letters, digits, '.', '_', '+' and '-'. A number is added where the preset's name is taken.",
    )
    workers = right.number_input(
        "Workers",
        1,
        64,
        1,
        key="train workers",
        help="How many processes train together, each on its own GPU where there are any. More jobs than GPUs wait.",
    )
    return name.strip() or config.name, int(workers)


def _schedule(config: TrainConfig) -> None:
    steps = 400
    x = [config.epochs * i / steps for i in range(steps + 1)]
    warmup = config.model_copy(update={"warmup_steps": max(steps // 50, 1) if config.warmup_steps else 0})
    curves: dict[str, tuple[Sequence[float], Sequence[float]]] = {
        "learning rate": (x, [learning_rate(warmup, i, steps) for i in range(steps + 1)])
    }
    st.plotly_chart(
        epoch_curves(curves, "learning rate", markers=False),
        config=CHART,
        key="schedule",
        alt=f"The learning rate rises to {config.learning_rate:g} and falls to {config.final_learning_rate:g}",
    )
    st.caption(f"{config.warmup_steps} steps of warm-up, drawn a little wider than they are.")
    if config.model.attention == "hard" and config.hard.entropy_weight:
        first, last = config.hard.entropy_weight, config.hard.entropy_weight_end
        middle = ramp(first, last, 1, 3)
        st.caption(f"The entropy's weight goes from {first:g} over {middle:g} to {last:g}.")


def _show(report: Report) -> None:
    for problem in report.problems:
        st.warning(problem, icon=":material/warning:")
    found = report.measured
    if found is None:
        return
    if report.ok:
        st.success("Nothing stands in the way.", icon=":material/check_circle:")
    st.table(
        {
            "What": ["Training pictures", "Dev pictures", "Device", "Time", "Memory", "Disk"],
            "": [
                f"{found.pictures} with {found.captions} captions"
                + (f"; {found.missing} must be looked at by the encoder first" if found.missing else ""),
                str(found.dev),
                found.device,
                f"about {duration(report.seconds)}: {found.steps} steps of {found.step:.2f} s"
                + (f", {duration(report.preparing)} of it for the encoder" if report.preparing > 1 else ""),
                f"about {size(report.memory)} of {size(report.memory_free)} that are free",
                f"about {size(report.disk)} of {size(report.disk_free)} that are free",
            ],
        },
        hide_index=True,
        width="stretch",
    )


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes as a person says them."""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
