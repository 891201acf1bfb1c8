"""Bad settings: YAML files, changes with --set, run folders, and the edits of a what-if."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml

from fuzz import change
from fuzz.case import Target, Use, Wrong
from sat.analysis.tree import BranchTree
from sat.config import TrainConfig
from sat.decoding.interventions import edits_from, to_records
from sat.jobs.runs import Run, read_run
from sat.training.run import RunFolder
from sat.training.settings import presets, train_config

_TEXTS = (
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" if i else "l0: &l0 [x]\n" for i in range(12)),
    "&a [*a]",
    "epochs: &e {e: *e}\n",
    "epochs: 2001-99-99\n",
    "epochs: 1:99999999999999999999\n",
    "epochs: 0x\n",
    "epochs: " + "9" * 5000 + "\n",
    "epochs: !!python/object/apply:os.system ['id']\n",
    "epochs: !!int abc\n",
    "epochs: !!timestamp abc\n",
    "epochs: !!binary '@@'\n",
    "epochs: !!float ''\n",
    "? [a, b]\n: c\n",
    "? {a: b}\n: c\n",
    "[" * 5000,
    "{a: " * 5000,
    "- " * 5000,
    "a:\n\tb: c\n",
    "%YAML 9.9\n---\na: b\n",
    "a: b\n---\nc: d\n",
    "\x00",
    "!!set {a, b}",
    "<<: [a]\n",
    "<<: {epochs: 3}\nepochs: 4\n",
    "epochs: .nan\n",
    "learning_rate: .inf\n",
    "",
    "null",
    "5",
    "- a",
)
_EDITS: list[dict[str, Any]] = [
    {"kind": "word", "step": 1, "word": "red"},
    {"kind": "cell", "step": 2, "row": 3, "column": 4},
    {"kind": "uniform", "step": 0},
    {"kind": "map", "step": 1, "levels": [[1, 2], [3, 4]]},
    {"kind": "shuffle", "seed": 3},
    {"kind": "move", "rows": 2, "columns": -3},
    {"kind": "pin", "step": 2, "to": 1},
    {"kind": "gate", "value": 0.5},
    {"kind": "erase", "top": 1, "left": 1, "bottom": 3, "right": 4},
]


def _plain() -> dict[str, Any]:
    values = train_config("shapes-soft").model_dump()
    return json.loads(json.dumps(values))


def _yaml(rng: random.Random, folder: Path) -> Use:
    path = folder / "settings.yaml"
    what = rng.randrange(3)
    if what == 0:
        path.write_bytes(change.text(yaml.safe_dump(_plain()), rng))
    elif what == 1:
        path.write_text(rng.choice(_TEXTS), encoding="utf-8")
    else:
        path.write_bytes(change.as_json(change.values(_plain(), rng), rng))  # JSON is YAML
    return lambda: _config(train_config(str(path)))


def _set(rng: random.Random, folder: Path) -> Use:
    keys = ("epochs", "model.encoder", "hard.reward", "model", "model.decoding.beam", "a.b.c", ".", "epochs.x", "=", "")
    usual = ("3", "0.5", "true", "total", "-1", "[1", "null", "{a: 1}", "1e400")
    texts = (*usual * 5, *_TEXTS, *change.WORDS)
    changes = [
        f"{rng.choice(keys)}{rng.choice(('=', '=', '=', '', '=='))}{rng.choice(texts)}"
        for _ in range(rng.randint(1, 4))
    ]
    if rng.random() < 0.3:
        changes = rng.sample(
            ("epochs=3", "model.decoding.beam=2", "hard={}", "average_last=1", "seed=x", "data=null"), 2
        )
    name = rng.choice((*presets(), *presets(), *change.WORDS, str(folder), "x.yaml"))
    return lambda: _config(train_config(name, changes))


def _config(config: TrainConfig) -> None:
    """What follows reading: writing the settings down, and reading them again."""
    text = yaml.safe_dump(config.model_dump())
    if TrainConfig.model_validate(yaml.safe_load(text)) != config:
        raise Wrong("settings that come back otherwise")


def _run(rng: random.Random, folder: Path) -> Use:
    """A run folder whose files were damaged behind the program's back."""
    run = folder / "run"
    RunFolder.create(run, train_config("shapes-soft"))
    status = {
        "state": "running",
        "epoch": 1,
        "step": 10,
        "total": 100,
        "best": 0.5,
        "sequence": 3,
        "pid": 1,
        "host": "h",
    }
    order = {"job": "j", "attempt": 1, "cpus": 1.0, "gpus": 0.0, "workers": 1, "created": 1.0, "submitted": 2.0}
    record = {"kind": "epoch", "step": 10, "epoch": 1, "loss": 2.0, "dev": {"CIDEr": 0.5}}
    (run / "status.json").write_bytes(change.as_json(change.values(status, rng), rng))
    (run / "job.json").write_bytes(change.as_json(change.values(order, rng), rng))
    (run / "metrics.jsonl").write_bytes(
        json.dumps(record).encode() + b"\n" + change.as_json(change.values(record, rng), rng) + b"\n"
    )
    if rng.random() < 0.3:
        (run / "config.yaml").write_bytes(change.text(yaml.safe_dump(_plain()), rng))

    def read() -> None:
        found = read_run(run)
        if Run.from_dict(json.loads(json.dumps(found.to_dict()))) != found:
            raise Wrong("a run that comes back otherwise")
        if not 0 <= found.progress <= 1:
            raise Wrong(f"a progress of {found.progress}")
        RunFolder(run).metrics("epoch")

    return read


def _edits(rng: random.Random, folder: Path) -> Use:
    edits = change.values(rng.sample(_EDITS, rng.randint(1, 4)), rng)

    def read() -> None:
        found = edits_from(edits)
        if edits_from(json.loads(json.dumps(to_records(found)))) != found:
            raise Wrong("edits that come back otherwise")

    return read


def _link(rng: random.Random, folder: Path) -> Use:
    tree = BranchTree()
    for i in range(rng.randint(1, 3)):
        tree, _ = tree.add(rng.randint(0, i), edits_from([rng.choice(_EDITS)]), f"name {i}")
    link = tree.to_link()
    what = rng.randrange(3)
    if what == 0:
        link = change.damage(link.encode(), rng).decode("utf-8", "replace")
    elif what == 1:
        link = rng.choice(change.WORDS)
    text = json.dumps(change.values(tree.to_records(), rng))

    def read() -> None:
        tree = BranchTree.from_link(link) if what < 2 else BranchTree.from_json(text)
        if BranchTree.from_json(tree.to_json()) != tree:
            raise Wrong("a tree that comes back otherwise")

    return read


TARGET = Target(
    name="settings",
    kinds={"YAML": _yaml, "--set": _set, "run folder": _run, "edits": _edits, "branches in a link": _link},
    cases=700,
    seconds=3.0,
    megabytes=150.0,
    warm=lambda: _config(train_config("shapes-soft")),
)
