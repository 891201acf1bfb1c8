"""Chapter 2: the four gates of this model's LSTM at the current word (equations 1 to 3)."""

from __future__ import annotations

import numpy as np

from sat.analysis.reading import Reading
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import current, series
from sat.lessons.numbers import Chart, Numbers, Table, Value, latex
from sat.lessons.scene import Scene
from sat.lessons.steps import GATES, array

_STEP = Known("sat.models.decoder:Decoder.recur", "tests/models/test_decoder.py::test_step_equals_the_equations")
_TEST = "tests/lessons/chapters/test_sequences.py"


def gates(scene: Scene) -> Numbers:
    """The gates and states of the step: what they are on the whole, and unit by unit."""
    found = current(scene)
    named = dict(zip(GATES, found.gates, strict=True))
    states = {"cell before": found.cell_before, "cell": found.cell, "hidden state": found.hidden}
    rows = tuple(
        (
            name,
            float(v.mean()),
            float(v.min()),
            float(v.max()),
            float((v > 0.5).mean() if name in GATES[:3] else np.nan),
        )
        for name, v in {**named, **states}.items()
    )
    opened = {name: float((named[name] > 0.5).mean()) for name in GATES[:3]}
    return Numbers(
        values=(
            Value("word", scene.word, "The step writes"),
            Value("units", len(found.cell), "Units"),
            *(
                Value(name, share, f"{name} gate, part of the units above one half", "%")
                for name, share in opened.items()
            ),
        ),
        filled=rf"\bar{{i}} = {latex(float(named['input'].mean()))}, \quad \bar{{f}} = "
        rf"{latex(float(named['forget'].mean()))}, \quad \bar{{o}} = {latex(float(named['output'].mean()))}",
        tables=(
            Table(
                "Over all units",
                ("", "mean", "least", "greatest", "above 0.5"),
                tuple((*row[:4], None if np.isnan(row[4]) else row[4]) for row in rows),
            ),
        ),
        charts=(
            Chart(
                "Every unit, each curve in order of size",
                "unit",
                "value",
                tuple(series(name, np.sort(v)) for name, v in named.items()),
            ),
        ),
    )


def keep(scene: Scene) -> Numbers:
    """What the step keeps of the cell and what it writes into it."""
    found = current(scene)
    i, f, _, g = found.gates
    kept, written = f * found.cell_before, i * g
    unit = int(np.abs(written).argmax())
    shares = scene.look(_written_shares)
    share = float(shares[scene.step])
    return Numbers(
        values=(
            Value("word", scene.word, "The step writes"),
            Value("kept", float(np.abs(kept).mean()), "Kept, mean size over the units"),
            Value("written", float(np.abs(written).mean()), "Written, mean size over the units"),
            Value("share", share, "Written, as a part of both", "%"),
            Value("unit", unit + 1, "The unit that is written most"),
            Value("before", float(found.cell_before[unit])),
            Value("after", float(found.cell[unit])),
        ),
        filled=rf"c = {latex(float(f[unit]))} \cdot ({latex(float(found.cell_before[unit]))}) + "
        rf"{latex(float(i[unit]))} \cdot ({latex(float(g[unit]))}) = {latex(float(found.cell[unit]))}",
        charts=(Chart("Written, as a part of both", "word", "part", (series("written", shares),), "bar", scene.words),),
    )


def memory(scene: Scene) -> Numbers:
    """How much of what earlier steps wrote is still in the cell."""
    left = scene.look(_left, scene.step)
    return Numbers(
        values=(
            Value("word", scene.word, "At"),
            Value("first", scene.words[0]),
            Value("back", scene.step, "Steps since the first word"),
            Value("left", float(left[0]), "Left of what the first step wrote, mean over the units", "%"),
        ),
        filled=rf"\prod_{{j=2}}^{{{scene.step + 1}}} \bar{{f}}_j \approx {latex(float(left[0]))}"
        if scene.step
        else r"\text{nothing to forget yet: } 1",
        charts=(
            Chart(
                f"Left at “{scene.word}” of what each step wrote",
                "written at",
                "part left",
                (series("left", left),),
                "bar",
                scene.words[: scene.step + 1],
            ),
        ),
        tables=(
            Table(
                "Left of what each step wrote",
                ("step", "left"),
                tuple((word, float(p)) for word, p in zip(scene.words, left, strict=False)),
            ),
        ),
    )


def _written_shares(reading: Reading) -> np.ndarray:
    """Mean |i g| over mean |f c| + mean |i g| at every step, (T + 1,)."""
    found = []
    for step, moment in enumerate(reading.moments):
        i, f, _, g = array(reading.gates(step))
        kept, written = np.abs(f * array(moment.state.c[0, 0])).mean(), np.abs(i * g).mean()
        found.append(written / (kept + written) if kept + written > 0 else 0.0)
    return np.array(found)


def _left(reading: Reading, step: int) -> np.ndarray:
    """The mean over units of the product of the forget gates after each step up to this one, (step + 1,)."""
    f = np.stack([array(reading.gates(k)[1]) for k in range(step + 1)])  # (step + 1, n)
    through = np.ones_like(f)
    for k in range(step - 1, -1, -1):
        through[k] = through[k + 1] * f[k + 1]
    return through.mean(1)


CHAPTER = Chapter(
    "lstm",
    "The LSTM cell",
    "Open the cell of this model at a word: what it keeps, what it writes, what it shows.",
    (
        Screen(
            "gates",
            "Four gates",
            "A gate is a list of numbers between 0 (shut) and 1 (open), one for each number of the cell; such a "
            "number is called a unit. The input gate lets new things in, the forget gate keeps old ones, the output "
            "gate shows them to the rest of the model. The candidate, between -1 and 1, is what might be "
            "written.\n\nAll four are computed from the same three things: the last word (as a list of numbers, "
            "Ey), what attention saw (z), and the last state (h). The sigma squeezes a number to between 0 and 1.",
            r"(i_t, f_t, o_t) = \sigma(W [E y_{t-1}; z_t; h_{t-1}] + b), \quad h_t = o_t \odot \tanh c_t",
            gates,
            _STEP,
            Question(
                "At “{word}”, which gate is open in most units?",
                ("The input gate", "The forget gate", "The output gate"),
                lambda n: int(np.argmax([n.number(name) for name in GATES[:3]])),
                "Above one half are {input:.0%} of the input gates, {forget:.0%} of the forget gates and {output:.0%} "
                "of the output gates.",
            ),
        ),
        Screen(
            "keep",
            "Keep or write?",
            "The new cell is the old one, weakened by the forget gate, plus the candidate, weakened by the input "
            "gate. So each step can be split exactly into what it keeps and what it writes. The formula shows the "
            "unit that is written most, with its own numbers.\n\nWords that name things tend to write more; follow "
            "the bars.",
            r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
            keep,
            Known("sat.models.decoder:Decoder.recur", f"{_TEST}::test_what_is_kept_and_written_makes_the_cell"),
            Question(
                "At “{word}”, does the cell mostly keep or mostly write?",
                ("It mostly keeps", "It mostly writes"),
                lambda n: 0 if n.number("share") < 0.5 else 1,
                "{share:.0%} of what goes into the cell is new: {written:.3f} written beside {kept:.3f} kept.",
            ),
        ),
        Screen(
            "memory",
            "How long does it remember?",
            "What a step writes is multiplied by the forget gate of every later step. The product of these gates says "
            "what is left of it, as far as the direct way goes; the cell may also have learnt to write it "
            "again.\n\nEach unit forgets at its own pace: the bars show the mean over all units.",
            r"\prod_{j=k+1}^{t} f_j",
            memory,
            Known("sat.lessons.chapters.lstm:_left", f"{_TEST}::test_memory_is_the_product_of_forget_gates"),
            Question(
                "At “{word}”, how much is left of what the first step wrote?",
                ("More than half", "Between a tenth and a half", "Less than a tenth"),
                lambda n: 0 if n.number("left") > 0.5 else 1 if n.number("left") > 0.1 else 2,
                "{left:.0%} of it, on average over the units; steps since then: {back}.",
            ),
        ),
    ),
)
