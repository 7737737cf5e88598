"""What each model of a graph learned from, as the files in its folder say."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonlines

from examples.paper.report.read import reading
from sormctl.models import SETTINGS_FILE

FIGURES = ("examples", "epochs", "batch_size", "lr", "steps", "seconds")


def trained(out: Path) -> list[dict[str, Any]]:
    """Of each model, such as `sft/orm`: what it starts from, its seeds, their mean of FIGURES.

    What its folder does not say is left out. Training that is not finished does not count.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for path in sorted(out.glob(f"[0-9]*/**/{SETTINGS_FILE}")):
        seed, *parts = path.parent.relative_to(out).parts
        if not any(part.endswith(".partial") for part in parts):
            with reading(path):
                found["/".join(parts)][seed] = _read(path.parent, f"{seed}/{'/'.join(parts)}")
    return [
        {
            "model": name,
            "start": next(iter(by_seed.values()))["start"],
            "seeds": sorted(by_seed, key=int),
            **_means(list(by_seed.values())),
        }
        for name, by_seed in sorted(found.items())
    ]


def _means(models: list[Mapping[str, Any]]) -> dict[str, float]:
    known = {name: [m[name] for m in models if name in m] for name in FIGURES}
    return {name: _plain(sum(values) / len(values)) for name, values in known.items() if values}


def _plain(value: float) -> float:
    """Six digits; a whole number without a point."""
    return int(value) if value == int(value) else float(f"{value:.6g}")


def _read(folder: Path, name: str) -> dict[str, Any]:
    made = json.loads((folder / SETTINGS_FILE).read_text("utf-8"))
    with (folder / "metrics.jsonl").open(encoding="utf-8") as lines:
        # TRL may log a NaN, which orjson refuses
        log = [*jsonlines.Reader(lines, loads=json.loads)]
    how = made.get("training") or made["reinforcement"]
    found = _training(how) if "training" in made else _reinforcement(how, log)
    start = base(how["model"], how["output"], name)
    return {"start": start, "steps": max(line["step"] for line in log), **found}


def _training(how: Mapping[str, Any]) -> dict[str, Any]:
    return {name: how[name] for name in ("examples", "epochs", "batch_size", "lr")}


def _reinforcement(how: Mapping[str, Any], log: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Of rl_refiner.py: an example is a refinement; the trainer's log ends with its seconds."""
    a_step = how["drafts_per_step"] * how["samples"]
    return {
        "examples": how["steps"] * a_step,
        "batch_size": a_step // how["updates"],
        "lr": how["lr"],
        "seconds": sum(line.get("train_runtime", 0) for line in log),
    }


def base(model: str, output: str, name: str) -> str:
    """What the model called `name`, such as `1/sft/orm`, started from, without a folder's address.

    `model` and `output` are the folders as the training was told them: models of the graph are
    named from the seed's folder, the package's `embedded:NAME`, others by their last name.
    """
    graph = output.removesuffix(name)
    if graph != output and model.startswith(graph):
        return model.removeprefix(graph).partition("/")[2]
    path = Path(model)
    if path.parent.name == "embedded":
        return f"embedded:{path.name}"
    return path.name if path.is_absolute() else model
