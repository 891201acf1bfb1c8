"""The tables of the Results page, each with a sentence on what it means."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.drawing.charts_training import epoch_curves
from sat.evaluation import results
from sat.evaluation.published import COLUMNS, DATASETS, rows
from sat.evaluation.results import PAPER_LIKE, Result, datasets

__all__ = [
    "DATASET",
    "PROTOCOL",
    "commands",
    "datasets",
    "grounding",
    "hallucination",
    "scores",
    "seeds",
    "shipped",
    "speed",
    "training",
]

DATASET, PROTOCOL = "dataset", "protocol"  # in the address
PROTOCOL_HELP = (
    "Paper-like: lower-cased, the full stop kept as a token, BLEU without brevity penalty, references of the paper's "
    "edition: what the published rows are nearest to. Standard: the COCO caption evaluation of today. Scores of the "
    "two must not be set against each other."
)
MEASURES = {
    "dev BLEU-4": ("dev", "BLEU-4"),
    "dev CIDEr": ("dev", "CIDEr"),
    "training loss a word": ("train", "nll"),
    "effective places": ("dev", "effective_places"),
    "learning rate": ("train", "lr"),
    "gradient norm": ("train", "grad_norm"),
}
CHAIR_HELP = {
    "CHAIR_i": "Of the objects named, how many no reference bears out.",
    "CHAIR_s": "Of the captions, how many name such an object.",
    "recall": "Of the objects in the references, how many the caption names.",
}
CHART = {"displayModeBar": False}
_SCORES = {
    "model": st.column_config.TextColumn(width=210),
    "from": st.column_config.TextColumn(width=85),
    **{c: st.column_config.NumberColumn(format="%.1f", width=70) for c in (*COLUMNS, "ROUGE-L", "CIDEr")},
    "length_ratio": st.column_config.NumberColumn(
        "length", format="%.2f", width=65, help="Words written for one of theirs."
    ),
    "remark": st.column_config.TextColumn(width=240),
}


def shipped() -> list[Result]:
    """The evaluated models."""
    return results.shipped()


def scores(found: Sequence[Result], dataset: str, protocol: str) -> None:
    """The paper's rows and ours."""
    st.subheader("Caption scores", anchor=False)
    table = results.score_rows(found, dataset, protocol)
    if not table:
        st.caption("No model here was scored by this protocol.")
        return
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config=_SCORES,
    )
    st.markdown(_meaning(found, dataset, protocol))


def seeds(found: Sequence[Result], dataset: str, protocol: str) -> None:
    """How far two trainings of one model lie apart."""
    table = results.seed_rows(found, dataset, protocol)
    if not table:
        return
    with st.expander("How much of this is chance? The same training with another seed"):
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            width="stretch",
            height="content",
            column_config=_SCORES,
        )
        st.markdown(_apart(table))


def grounding(found: Sequence[Result], dataset: str) -> None:
    """Where attention looks."""
    table = results.grounding_rows(found, dataset)
    if not table:
        return
    st.subheader("Does it look at what it names?", anchor=False)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config={
            "correctness": st.column_config.NumberColumn(
                format="%.3f", help="The part of attention inside the boxes that people drew, at a phrase's last word."
            ),
            "pointing": st.column_config.NumberColumn(
                format="%.1f %%", help="How often the most attended cell's centre lies in a box."
            ),
            "pointing, 15 px": st.column_config.NumberColumn(format="%.1f %%", help="The same, 15 pixels off allowed."),
            "best word": st.column_config.NumberColumn(
                format="%.3f",
                help="Correctness of the phrase's best word, chosen with knowledge of the box: it flatters.",
            ),
            "places": st.column_config.NumberColumn(
                format="%.0f", help="Effective number of places looked at, of 196."
            ),
            "moves": st.column_config.NumberColumn(
                format="%.3f", help="Mean Jensen-Shannon divergence between the maps of one word and the next."
            ),
        },
    )
    st.markdown(_grounded(table))
    for result in results.ceilings(found, dataset):
        st.markdown(_ceiling(result))
    kinds = results.type_rows(found, dataset)
    with st.expander("By what the phrase is about"):
        st.dataframe(
            kinds,
            hide_index=True,
            placeholder="–",
            width="stretch",
            height="content",
            column_config={name: st.column_config.NumberColumn(format="%.3f") for name in list(kinds[0])[2:]},
        )
        st.caption("Correctness at the phrase's last word.")


def hallucination(found: Sequence[Result], dataset: str) -> None:
    """What captions name that is not there."""
    table = results.hallucination_rows(found, dataset)
    if not table:
        return
    st.subheader("Does it name what is not there?", anchor=False)
    columns = [name for name in table[0] if name != "model" and table[0][name] is not None]
    st.dataframe(
        [{name: row[name] for name in ("model", *columns)} for row in table],
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content",
        column_config={
            name: st.column_config.NumberColumn(format="%.1f %%", help=CHAIR_HELP[name.removesuffix(" (80)")])
            for name in columns
        },
    )
    st.markdown(_hallucinated(table))


def speed() -> None:
    """What the benchmarks measured."""
    table = results.speed_rows()
    if not table:
        return
    st.subheader("How fast is it?", anchor=False)
    st.dataframe(table, hide_index=True, placeholder="–", width="stretch", height="content", column_config={"what": ""})
    missed = [row["what"] for row in table if row["verdict"] != "met"]
    said = f"all but {len(missed)} of {len(table)} goals are met" if missed else f"all {len(table)} goals are met"
    st.markdown(
        f"**What this means:** {said}. Those without a unit are ratios, both sides timed in turn in one run, so that "
        "they hold on other machines too; `make bench` measures them again."
    )


def training(found: Sequence[Result], dataset: str) -> None:
    """Curves of the shipped models' trainings."""
    runs = {r.model: r for r in found if r.dataset == dataset and r.epochs}
    if not runs:
        return
    st.subheader("How they were trained", anchor=False)
    measure = st.selectbox("Curve", list(MEASURES), key="curve", width=240)
    group, name = MEASURES[measure]
    curves = {}
    for model, run in runs.items():
        points = [(e["epoch"] + 1, e[group][name]) for e in run.epochs if name in e.get(group, {})]
        if points:
            x, y = zip(*points, strict=True)
            curves[model] = (x, y)
    ends = "; ".join(f"{model} ends at {y[-1]:.4g} after {len(y)} epochs" for model, (_, y) in curves.items())
    st.plotly_chart(epoch_curves(curves, measure), config=CHART, key="curves", alt=f"{measure} by epoch: {ends}")
    hours = {model: sum(e["seconds"] for e in run.epochs) / 60 for model, run in runs.items()}
    st.caption(
        "Minutes of training: "
        + ", ".join(f"{model} {minutes:.0f}" for model, minutes in hours.items())
        + ". The weights and the decoding of each were chosen on the development pictures."
    )


def commands(found: Sequence[Result], dataset: str) -> None:
    """What makes every row again."""
    own = list({r.model: r for r in found if r.dataset == dataset}.values())
    if not own:
        return
    st.subheader("How to make these numbers again", anchor=False)
    for result in own:
        decoding, seed = result.metrics["decoding"], result.metrics.get("seed")
        search = f"beam {decoding['beam']}, length norm {decoding['length_norm']:g}"
        on = f", {result.metrics['date']}" if "date" in result.metrics else ""
        st.markdown(f"**{result.model}**: {result.split} split, {search}, seed {seed}, weights `{result.weights}`{on}")
        st.code(result.command, language="bash", wrap_lines=True)
    st.caption("SAT_DATA names the folder that holds the data sets. Every model was scored on the test split once.")


def _meaning(found: Sequence[Result], dataset: str, protocol: str) -> str:
    """What the table of scores says, in a sentence."""
    own = {r.model: r for r in found if r.dataset == dataset and r.metrics.get(protocol)}
    if not own:
        return f"**What this means:** there is no model trained on {DATASETS.get(dataset, dataset)} here yet."
    if protocol != PAPER_LIKE or dataset not in DATASETS:
        by = "CIDEr" if all("CIDEr" in r.metrics[protocol] for r in own.values()) else "BLEU-4"
        best = max(own.values(), key=lambda r: r.metrics[protocol][by])
        published = " The published rows were scored otherwise: compare with them by the paper-like protocol."
        return f"**What this means:** of these models {best.model} has the highest {by}." + (
            published if dataset in DATASETS else ""
        )
    said = []
    for system in ("Soft-Attention", "Hard-Attention", "Log Bilinear"):
        paper = next((row for row in rows(dataset) if row.system == system), None)
        ours = next((r for r in own.values() if r.system == system), None)
        if paper is None or ours is None:
            continue
        pairs = [(c, v) for c, v in zip(COLUMNS, paper.scores, strict=True) if v is not None]
        above = [c for c, v in pairs if ours.metrics[protocol][c] > v]
        where = "every column" if len(above) == len(pairs) else ", ".join(above) or "no column"
        said.append(f"{ours.model} is above the paper's {system} in {where}")
    note = " The encoders differ: theirs is VGG, ours a newer network, so this does not compare the decoders alone."
    return f"**What this means:** {'; '.join(said)}.{note}"


def _apart(table: Sequence[dict]) -> str:
    said = []
    for model in dict.fromkeys(row["model"] for row in table):
        runs = [row for row in table if row["model"] == model]
        by_score = {c: [row[c] for row in runs] for c in ("BLEU-4", "METEOR", "CIDEr") if runs[0].get(c)}
        widths = [f"{max(values) - min(values):.1f} in {score}" for score, values in by_score.items()]
        said.append(f"{model}: {', '.join(widths)}")
    return (
        f"**What this means:** runs that differ by nothing but chance lie so far apart ({'; '.join(said)}). "
        "A difference between two models that is no larger says little about them."
    )


def _grounded(table: Sequence[dict]) -> str:
    centre = next(row for row in table if row["model"] == "the centre")
    models = [row for row in table if "places" in row]
    looks = [r["model"] for r in models if r["correctness"] > centre["correctness"]]
    points = [r["model"] for r in models if r["pointing"] > centre["pointing"]]
    return (
        f"**What this means:** {_list(looks)} look inside the right box more than always looking at the centre would; "
        f"{_list(points)} point into it more often. People put what matters in the middle of photographs, so the "
        "centre is the baseline to beat, not chance."
    )


def _ceiling(result: Result) -> str:
    assert result.ceiling is not None
    told, own = result.ceiling[result.split], result.metrics["grounding"]
    return (
        f"**How much more is possible?** A model chooses where to look before it knows the word. {result.model}'s "
        f"attention, told the word and taught by the same boxes, reaches {told['correctness_last']:.3f} and "
        f"{100 * told['pointing_0']:.1f} % on these phrases; without being told, "
        f"{own['correctness_last']:.3f} and {100 * own['pointing_0']:.1f} %."
    )


def _hallucinated(table: Sequence[dict]) -> str:
    *models, people = table
    best = min(models, key=lambda row: row["CHAIR_i"])
    return (
        f"**What this means:** of the things that {best['model']} names, {best['CHAIR_i']:.1f} % are in none of the "
        f"five captions of people; a person's own caption, held against the other four, has {people['CHAIR_i']:.1f} %. "
        "Nobody mentions everything, so only the distance from the last row says something."
    )


def _list(names: Sequence[str]) -> str:
    return "none of them" if not names else names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
