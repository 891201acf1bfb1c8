"""Chapter 1: a network that reads one thing after another, what it forgets, and what becomes of its gradients."""

from __future__ import annotations

import numpy as np

from sat.analysis.reading import Reading
from sat.lessons import recurrence
from sat.lessons.chapter import Chapter, Known, Question, Screen
from sat.lessons.chapters.shared import series
from sat.lessons.numbers import Chart, Numbers, Table, Value, latex
from sat.lessons.scene import Scene
from sat.lessons.steps import array

SMALL, LARGE = 0.9, 2.0  # sizes of the recurrent weights
LESS, MORE = 1.0, 3.0  # biases of the forget gate
FAR = 20  # steps
_TEST = "tests/lessons/test_recurrence.py"


def _states(reading: Reading) -> tuple[np.ndarray, int]:
    """h_0 to h_{T+1}, (T + 2, n), and the number of weights that all steps share."""
    reading.gates(0)  # the weights that are counted are an LSTM's
    first = reading.moments[0].state.h[0, 0]
    states = np.stack([array(first), *(array(moment.out.state.h[0, 0]) for moment in reading.moments)])
    return states, sum(p.numel() for p in reading.decoder.lstm.parameters())


def unroll(scene: Scene) -> Numbers:
    """The decoder unrolled over the caption."""
    states, weights = scene.look(_states)
    moved = np.linalg.norm(np.diff(states, axis=0), axis=1)  # (T + 1,)
    words = scene.words
    read = ("<start>", *words[:-1])
    most = int(moved.argmax())
    rows = tuple((t + 1, read[t], words[t], float(moved[t])) for t in range(len(words)))
    return Numbers(
        values=(
            Value("steps", len(words), "Steps, one a word and one for the end"),
            Value("units", states.shape[1], "Numbers in the state"),
            Value("weights", weights, "Weights of the cell, the same at every step"),
            Value("most", most),
            Value("most_word", words[most], "The state moves most when it writes"),
            Value("moved", float(moved[most]), "It moves by, there"),
        ),
        filled=rf"h_t \in R^{{{states.shape[1]}}}, \quad t = 1, \ldots, {len(words)}",
        tables=(Table("The same cell, step by step", ("step", "reads", "writes", "moves by"), rows),),
    )


def forget(scene: Scene) -> Numbers:
    """What is left of the first input."""
    x = recurrence.inputs(seed=scene.seed)
    simple = recurrence.influence(recurrence.simple(radius=SMALL, seed=scene.seed), x)
    lstm = recurrence.influence(recurrence.lstm(forget_bias=MORE, seed=scene.seed), x)
    return Numbers(
        values=(
            Value("units", recurrence.SIZE, "Units of the small networks"),
            Value("steps", FAR, "Steps later"),
            Value("left", float(simple[FAR]), "Left in the simple network", "%", 4),
            Value("lstm_left", float(lstm[FAR]), "Left in an LSTM that keeps its gate open", "%", 4),
        ),
        filled=rf"\frac{{|h_{{{FAR}}} - h'_{{{FAR}}}|}}{{|h_1 - h'_1|}} = {latex(float(simple[FAR]), 6)}",
        charts=(
            Chart(
                "How far two runs stay apart that differ in their first input only",
                "step",
                "distance, the first step's being 1",
                (series("simple network", simple), series("LSTM, forget gate held open", lstm)),
                log_y=True,
            ),
        ),
    )


def gradients(scene: Scene) -> Numbers:
    """Gains of simple networks with small and with large weights."""
    x = recurrence.inputs(seed=scene.seed)
    small = recurrence.gains(recurrence.simple(radius=SMALL, seed=scene.seed), x)
    large = recurrence.gains(recurrence.simple(radius=LARGE, seed=scene.seed), x)
    return Numbers(
        values=(
            Value("distance", FAR, "Steps back"),
            Value("small", float(small[FAR]), f"A gradient is multiplied by (weights of size {SMALL})", digits=5),
            Value("large", float(large[FAR]), f"and with weights of size {LARGE:g}", digits=1),
        ),
        filled=rf"\text{{gain}}_{{{FAR}}} = {latex(float(small[FAR]), 5)} \quad \text{{or}} \quad "
        rf"{latex(float(large[FAR]), 1)}",
        charts=(
            Chart(
                "What a gradient is multiplied by on its way back",
                "steps back",
                "gain",
                (series(f"weights of size {SMALL}", small), series(f"weights of size {LARGE:g}", large)),
                log_y=True,
            ),
        ),
    )


def lstm_gradients(scene: Scene) -> Numbers:
    """Gains of LSTMs by the bias of the forget gate, beside the simple network."""
    x = recurrence.inputs(seed=scene.seed)
    simple = recurrence.gains(recurrence.simple(radius=SMALL, seed=scene.seed), x)
    less, more = (recurrence.gains(recurrence.lstm(forget_bias=b, seed=scene.seed), x) for b in (LESS, MORE))
    return Numbers(
        values=(
            Value("distance", FAR, "Steps back"),
            Value("simple", float(simple[FAR]), "Gain of the simple network", digits=5),
            Value("less", float(less[FAR]), f"LSTM, forget gate biased by {LESS:g}, as this decoder began", digits=4),
            Value("more", float(more[FAR]), f"LSTM, forget gate biased by {MORE:g}", digits=3),
        ),
        filled=rf"\sigma({LESS:g}) = {latex(_sigmoid(LESS), 2)}, \quad \sigma({MORE:g}) = {latex(_sigmoid(MORE), 2)}",
        charts=(
            Chart(
                "From cell to cell the gradient passes through the forget gate alone, or nearly so",
                "steps back",
                "gain",
                (
                    series("simple network", simple),
                    series(f"LSTM, bias {LESS:g}", less),
                    series(f"LSTM, bias {MORE:g}", more),
                ),
                log_y=True,
            ),
        ),
    )


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _where(numbers: Numbers) -> int:
    most, steps = numbers.number("most"), numbers.number("steps")
    return 0 if most == 0 else 2 if most == steps - 1 else 1


def _part(share: float) -> int:
    return 0 if share > 0.5 else 1 if share > 0.01 else 2


CHAPTER = Chapter(
    "recurrent",
    "Recurrent networks",
    "See how one small network reads a whole sentence, and why it has trouble remembering its beginning.",
    (
        Screen(
            "unroll",
            "One cell, used again and again",
            "A caption has no fixed length, a network has. The way out: use the same cell once a word. It reads the "
            "last word and its own state, a list of numbers, and writes a new state, from which the next word is "
            "guessed.\n\nDrawn one step beside the other the cell looks like a long network, but every copy has the "
            "same weights, the numbers that training has set: W for the state h, U for the word x, and b. The tanh "
            "squeezes whatever comes out to between -1 and 1. The table shows the copies of the model that you "
            "loaded.",
            r"h_t = \tanh(W h_{t-1} + U x_t + b)",
            unroll,
            Known(
                "sat.models.decoder:Decoder.forward", "tests/models/test_decoder.py::test_forward_is_step_after_step"
            ),
            Question(
                "At which step does the state move most?",
                ("At the first", "Somewhere between", "At the last, where the caption ends"),
                _where,
                "It moves most when it writes “{most_word}”, by {moved:.2f}.",
            ),
        ),
        Screen(
            "forget",
            "What is left of the first word?",
            "All that the cell knows of the past is in its state, and each step mixes it anew. To measure what that "
            "costs, a small network with random weights reads forty random inputs twice; only the first input "
            "differs. The curve shows how far the two runs stay apart.\n\nA straight line downwards on this scale "
            "means that every step loses the same part: the past fades like an echo. The dashed line is a cell of "
            "another kind, the LSTM, to which the last screen comes.",
            r"h_t = \tanh(W h_{t-1} + x_t), \quad \frac{|h_t - h'_t|}{|h_1 - h'_1|}",
            forget,
            Known("sat.lessons.recurrence:influence", f"{_TEST}::test_influence_is_the_distance_of_two_runs"),
            Question(
                "How much of the first input's effect is left in the simple network after {steps} steps?",
                ("More than half", "Between a half and a hundredth", "Less than a hundredth"),
                lambda numbers: _part(numbers.number("left")),
                "{left:.5f} of it is left; in an LSTM, {lstm_left:.2f} (above 1 the runs have drifted apart).",
            ),
        ),
        Screen(
            "gradients",
            "Gradients that vanish or explode",
            "To learn, the network must find out how an early word changed a late mistake. The gradient tells: it "
            "says how much the mistake would change with a small change of a number. It travels back through every "
            "step, and every step multiplies it by the same weights. Multiplying forty times by 0.9 leaves next to "
            "nothing; by something above 1, far too much.\n\nThe tanh, which is nearly flat for large numbers, "
            "makes each factor smaller: so weights must be clearly above 1 before the gradient explodes.",
            r"\frac{\partial h_T}{\partial h_{T-d}} = \prod_{t=T-d+1}^{T} \mathrm{diag}(1 - h_t^2) W",
            gradients,
            Known("sat.lessons.recurrence:gains", f"{_TEST}::test_gains_are_torchs_own_gradients"),
            Question(
                "With weights of size 2: what is a gradient multiplied by, {distance} steps back?",
                ("By less than a half", "By about one", "By more than two"),
                lambda numbers: 0 if numbers.number("large") < 0.5 else 1 if numbers.number("large") < 2 else 2,
                "By {large:.1f}, and with weights of size 0.9 by {small:.5f}.",
            ),
        ),
        Screen(
            "lstm",
            "The same with an LSTM",
            "The LSTM (long short-term memory) keeps a second state, the cell c, and changes it by adding to it "
            "instead of mixing it. What was there is only multiplied by the forget gate f, a number between 0 and "
            "1. Where f is near 1 the gradient comes back whole.\n\nThat is not magic: an LSTM with random weights "
            "and a half open gate forgets too, only later. It must learn when to hold its gate open, and is helped "
            "by a start that opens it: the bias, a number that is added before the gate is computed.",
            r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
            lstm_gradients,
            Known("sat.lessons.recurrence:lstm", f"{_TEST}::test_gains_are_torchs_own_gradients"),
            Question(
                "Which LSTM lets more of the gradient through over {distance} steps?",
                ("The one whose forget gate is more open", "The one whose forget gate is less open"),
                lambda numbers: 0 if numbers.number("more") > numbers.number("less") else 1,
                "Bias 3 gives a gain of {more:.3f}, bias 1 one of {less:.4f}, the simple network {simple:.5f}.",
            ),
        ),
    ),
)
