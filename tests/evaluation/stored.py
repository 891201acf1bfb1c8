"""Rows of an evaluation that never was: known values, for what reads and writes them."""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS, COLUMNS = 14, 14
ABOUT = {"model": "soft-tiny", "dataset": "folder", "split": "test", "rows": ROWS, "columns": COLUMNS}
WORDS = ("a", "dog", "runs", "on", "grass")


def boxed(name: str, step: int | None, mass: float | None, length: int) -> dict[str, Any]:
    """An object with boxes; most attention lay in them at the word that names it, else at the first word."""
    found = mass if mass is not None else 0.2 if length else None
    return {
        "name": name,
        "step": step,
        "at_word": mass,
        "most": found,
        "most_step": None if found is None else step or 0,
        "elsewhere": None if found is None else 0.4,
        "uniform": None if found is None else 0.25,
        "centre": 0.3,
    }


def picture(number: int, rng: np.random.Generator, *, attends: bool = True) -> tuple[dict[str, Any], list[dict]]:
    """The row of a picture and those of its words, 0 to 5 of them."""
    length = int(rng.integers(0, 6))
    words = list(WORDS[:length])
    said = ["dog"] if length > 1 else []
    made_up = said if number % 3 == 0 else []
    mass = float(rng.random()) if said and attends else None
    row = {
        "picture": number,
        "image": f"{number:05d}.jpg",
        "caption": " ".join(words),
        "words": words,
        "references": ["A dog .", f"Reference {number} ."],
        "log_prob": -float(rng.random()),
        "length": length,
        "repetition": 0.0,
        "BLEU-4": float(rng.random() * 100),
        "METEOR": float(rng.random() * 100),
        "ROUGE-L": float(rng.random() * 100),
        "CIDEr": float(np.round(rng.random() * 20)),
        "objects_said": said,
        "objects_in_references": ["dog", "ball"],
        "objects_hallucinated": made_up,
        "objects_missed": ["ball"],
        "others_hallucinated": ["grass"] if length == 5 else [],
        "hallucinated": len(made_up),
        "missed": 1,
        **dict.fromkeys(("entropy", "step_divergence", "beta", "evidence", "necessity"), 0.5 if attends else None),
        "box_words": int(mass is not None),
        "box_mass": mass,
        "box_uniform": None if mass is None else 0.25,
        "box_centre": None if mass is None else 0.3,
        "boxed": [boxed("dog", 1 if said else None, mass, length), boxed("ball", None, None, length)],
    }
    rows = []
    for step, word in enumerate(words):
        alpha = rng.dirichlet(np.full(ROWS * COLUMNS, 0.1)).astype(np.float32)
        here = mass if word == "dog" else None
        rows.append(
            {
                "picture": number,
                "image": row["image"],
                "step": step,
                "word": word,
                "word_class": {"dog": "dog", "grass": "grass"}.get(word),
                "kind": {"dog": "animals", "grass": "places"}.get(word),
                "hallucinated": {"dog": bool(made_up), "grass": True}.get(word),
                "log_prob": -float(rng.random()),
                "entropy": 3.0 if attends else None,
                "step_divergence": 0.1 if attends and step else None,
                "beta": 0.5 if attends else None,
                "place": [step, 13 - step] if number % 2 else None,
                "evidence": float(rng.normal()),
                "necessity": 0.01 if attends else None,
                "box_mass": here,
                "box_uniform": None if here is None else 0.25,
                "box_centre": None if here is None else 0.3,
                "box_hit": None if here is None else here > 0.5,
                "alpha": alpha if attends else None,
            }
        )
    return row, rows
