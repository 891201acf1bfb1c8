"""A new run: preset, settings, what will happen, and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from sat.config import TrainConfig
from sat.drawing.charts_training import epoch_curves
from sat.errors import UserError
from sat.jobs import Jobs
from sat.jobs.preflight import preflight
from sat.training.schedule import learning_rate, ramp
from sat.training.settings import described, presets, train_config
from sat.ui import links
from sat.ui.train import LIKE, RUN, VIEW
from sat.ui.train.check import show_check
from sat.ui.train.fields import Field, as_text, fields_for, value_of
from sat.ui.train.start import start_from

PRESET = "preset"
CHART = {"displayModeBar": False}
COLUMNS = 3


@dataclass(frozen=True)
class Origin:
    """What the settings start from: a preset, or another run.

    Attributes:
        key: in front of the widgets' names, so that each origin has its own.
        source: what ``train_config`` reads. command: what the shell's command begins with.
        workers: how many train together there.
        run: the other run's name; None for a preset.
    """

    key: str
    source: str
    command: tuple[str, ...]
    workers: int = 1
    run: str | None = None


def form(jobs: Jobs) -> None:
    """Draw the form."""
    origin = _origin(jobs)
    try:
        base = train_config(origin.source)
    except UserError as error:  # a run's settings are damaged
        st.error(str(error), icon=":material/error:")
        return
    changes = _changes(origin, base)
    try:
        config = train_config(origin.source, changes)
    except UserError as error:
        st.error(str(error).removeprefix(f"{origin.source}: "), icon=":material/error:")
        return
    name, workers = _resources(origin, config)
    of = "the preset" if origin.run is None else origin.run
    st.markdown("**" + (f"Changed from {of}: {', '.join(changes)}" if changes else f"As in {of}") + "**")
    with st.expander("How the learning rate goes"):
        _schedule(config)
    new_name = name if name != config.name else None
    options = [*(part for change in changes for part in ("--set", change))]
    options += ["--name", new_name] if new_name else []
    options += ["--workers", str(workers)] if workers != origin.workers else []
    st.caption("The same from a shell:")
    st.code(shlex.join(["python", "-m", "sat", "jobs", *origin.command, *options]), language="bash", wrap_lines=True)
    key = f"preflight {config.model_dump_json()} {workers}"
    left, right = st.columns(2)
    if left.button("Check first", icon=":material/fact_check:", width="stretch", key="preflight"):
        with st.spinner("Looking at the data and trying twenty steps (up to a few minutes) …"):
            st.session_state["_preflight"] = (key, preflight(config, runs=jobs.root))
    started = right.button("Start", icon=":material/play_arrow:", type="primary", width="stretch", key="start")
    checked, report = st.session_state.get("_preflight", (None, None))
    if report is not None and checked == key:
        show_check(report, local=jobs.cluster.local)
    if started:
        with st.spinner("Handing it to the queue (the first time this starts Ray, which takes half a minute) …"):
            if origin.run is None:
                run = jobs.submit(origin.source, changes, name=new_name, workers=workers)
            else:
                run = jobs.clone(origin.run, changes, new_name=new_name, workers=workers)
        links.forget(LIKE)
        st.query_params[VIEW] = "runs"
        st.query_params[RUN] = run.name
        st.rerun()


def _origin(jobs: Jobs) -> Origin:
    """The preset that is chosen, or the run that the address says to be like."""
    like = st.query_params.get(LIKE)
    if like is not None:
        try:
            run = jobs.get(like)
        except UserError:
            links.forget(LIKE)
            st.info(links.note([f"{LIKE}={like[:40]}"]), icon=":material/link_off:")
        else:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"A new run like **{links.plain(run.name)}**.", width="content")
                st.button("Take a preset instead", key="unlike", type="tertiary", on_click=links.forget, args=(LIKE,))
            source = str(run.path / "config.yaml")
            return Origin(f"run:{run.name}", source, ("clone", run.name), run.order.workers, run.name)
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
    st.caption(described(preset))
    return Origin(preset, preset, ("submit", preset))


def _changes(origin: Origin, base: TrainConfig) -> list[str]:
    """What the person changed, as ``key=value``."""
    changes: list[str] = []
    for group, fields in fields_for(base).items():
        with st.expander(group, expanded=group == "Training"):
            for first in range(0, len(fields), COLUMNS):  # row by row, so that a phone shows them in this order
                for column, field in zip(st.columns(COLUMNS), fields[first : first + COLUMNS], strict=False):
                    with column:
                        value = _widget(origin, base, field)
                        if field.paper:
                            st.caption(f"Paper: {field.paper}")
                    if value != value_of(base, field.key):
                        changes.append(f"{field.key}={as_text(value)}")
            if group == "Model":
                changes += start_from(f"train {origin.key} start_from", base)
    with st.expander("Other settings"):
        text = st.text_area(
            "One key=value a line",
            key=f"train {origin.key} others",
            placeholder="weight_decay=0.02\nmirror=true",
            help="Every setting of the preset's file can be changed, nested ones with dots.",
        )
    return changes + [line.strip() for line in text.splitlines() if line.strip()]


def _widget(origin: Origin, base: TrainConfig, field: Field) -> str | int | float:
    usual = value_of(base, field.key)
    key = f"train {origin.key} {field.key}"
    changed = st.session_state.get(key, usual) != usual
    label = f"{field.label} :orange-badge[changed]" if changed else field.label
    if field.choices:
        return str(st.selectbox(label, field.choices, index=field.choices.index(usual), key=key, help=field.help))
    if isinstance(usual, int):
        return int(
            st.number_input(label, int(field.low), int(field.high), usual, int(field.step), key=key, help=field.help)
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
            help=field.help,
            format=shown,
        )
    )


def _resources(origin: Origin, config: TrainConfig) -> tuple[str, int]:
    left, right = st.columns(2)
    name = left.text_input(
        "Name of the run",
        value=config.name,
        key=f"train {origin.key} name",
        max_chars=80,
        help="Letters, digits, '.', '_', '+' and '-'. A number is added where it is left as it is and taken.",
    )
    workers = right.number_input(
        "Workers",
        1,
        64,
        origin.workers,
        key=f"train {origin.key} workers",
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
