"""Scenes on the tiny random models, and everything of a caption computed again in numpy, the slow and plain way."""

from __future__ import annotations

import numpy as np
import torch

from sat.captioner import Captioner
from sat.lessons.scene import Scene
from sat.vocabulary import END, START
from tests.analysis.small import COLUMNS, ROWS, VOCABULARY, L, captioned, model, raw_of

__all__ = ["COLUMNS", "ROWS", "VOCABULARY", "L", "model", "places", "raw_of", "scene_of", "sigmoid", "slow_steps"]


def scene_of(attention: str = "soft", step: int = 1, **more: object) -> Scene:
    """A scene on a 2 x 3 grid, with a caption of at least three different words."""
    captioner, raw, trace = captioned(attention)
    return Scene(captioner, raw, trace, step, **more)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def places(captioner: Captioner, raw: torch.Tensor) -> np.ndarray:
    """Standardised annotations (L, D), float64."""
    p = weights_of(captioner)
    return (raw[0].double().numpy() - p["annotation_mean"]) / p["annotation_std"]


def weights_of(captioner: Captioner) -> dict[str, np.ndarray]:
    return {name: t.double().numpy() for name, t in captioner.decoder.state_dict().items()}


def one_step(
    captioner: Captioner,
    a: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    word: int,
    used: np.ndarray | None = None,
    beta: float | None = None,
    gates: dict[int, float] | None = None,
) -> dict[str, np.ndarray]:
    """A step from the equations, float64; a: (L, D). ``used``, ``beta`` and ``gates`` replace the model's own."""
    p = weights_of(captioner)
    y = p["E.weight"][word]
    found: dict[str, np.ndarray] = {"h_before": h, "c_before": c, "y": y}
    inputs = [y]
    picture = 0.0
    if captioner.attention != "none":
        u = np.tanh(a @ p["score.W_a.weight"].T + p["score.W_a.bias"] + p["score.W_h.weight"] @ h)  # (L, A)
        e = u @ p["score.v"]
        alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
        weights = alpha if used is None else used
        gate = sigmoid(p["f_beta.weight"] @ h + p["f_beta.bias"])[0] if beta is None else beta
        z = weights @ a
        inputs.append(gate * z)
        picture = p["L_z.weight"] @ (gate * z)
        found |= {"u": u, "e": e, "alpha": alpha, "used": weights, "beta": gate, "z": z, "picture": picture}
    pre = np.split(p["lstm.weight"] @ np.concatenate([*inputs, h]) + p["lstm.bias"], 4)
    opened = [sigmoid(pre[0]), sigmoid(pre[1]), sigmoid(pre[2]), np.tanh(pre[3])]
    for k, value in (gates or {}).items():
        opened[k] = np.full_like(opened[k], value)
    i, f, o, g = opened
    c_new = f * c + i * g
    h_new = o * np.tanh(c_new)
    hidden = p["L_h.weight"] @ h_new + p["L_h.bias"]
    logits = p["L_o.weight"] @ np.tanh(y + hidden + picture) + p["L_o.bias"]
    top = logits.max()
    log_probs = logits - top - np.log(np.exp(logits - top).sum())
    return found | {
        "gates": np.stack(opened), "c": c_new, "h": h_new, "hidden": hidden, "logits": logits, "log_probs": log_probs,
    }  # fmt: skip


def slow_steps(scene: Scene) -> list[dict[str, np.ndarray]]:
    """All steps of the scene's caption, its end included, with the weights that were used."""
    captioner, trace = scene.captioner, scene.trace
    p, a = weights_of(captioner), places(captioner, scene.raw)
    mean = a.mean(0)
    h = np.tanh(p["init_h.0.weight"] @ mean + p["init_h.0.bias"])
    c = np.tanh(p["init_c.0.weight"] @ mean + p["init_c.0.bias"])
    found = []
    ids = VOCABULARY.encode(trace.words)
    for t, (word, chosen) in enumerate(zip([START, *ids], [*ids, END], strict=True)):
        used = None
        if scene.attends and t < len(trace.steps):
            used = trace.steps[t].glimpse.astype(np.float64).ravel()
        elif scene.attends and trace.context == "argmax":
            alpha = one_step(captioner, a, h, c, word)["alpha"]
            used = np.eye(L)[alpha.argmax()]
        step = one_step(captioner, a, h, c, word, used)
        step |= {"word": word, "chosen": chosen}
        found.append(step)
        h, c = step["h"], step["c"]
    return found
