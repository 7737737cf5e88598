"""Puts trained models into the package, in half the size.

    BENCH=chain bash examples/demo.sh
    python examples/embedded_models.py runs/demo/{orm,sorm,global,local}

`embedded:orm`, `embedded:sorm`, `embedded:global` and `embedded:local` stand beside
`embedded:student` from then on: each by the name of its folder. On a CPU they are computed in
float32.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from shutil import copy2

import torch
from safetensors.torch import load_file, save_file

TO = Path(__file__).parents[1] / "sormctl" / "embedded"
WEIGHTS, CONFIG, SETTINGS = "model.safetensors", "config.json", "sormctl.json"
AS_THEY_ARE = ("generation_config.json", "tokenizer.json", "tokenizer_config.json", "README.md")


def embed(trained: Path, to: Path) -> None:
    """Copies a model's folder, its weights as float16."""
    to.mkdir(exist_ok=True)
    weights = {name: x.to(torch.float16) for name, x in load_file(trained / WEIGHTS).items()}
    save_file(weights, to / WEIGHTS, metadata={"format": "pt"})
    (to / WEIGHTS).chmod(0o644)
    config = (trained / CONFIG).read_text("utf-8")
    (to / CONFIG).write_text(config.replace('"float32"', '"float16"'), "utf-8")
    settings = json.loads((trained / SETTINGS).read_text("utf-8"))
    settings.pop("training", None)  # the card tells it, without paths
    (to / SETTINGS).write_text(json.dumps(settings) + "\n", "utf-8")
    for path in map(trained.joinpath, AS_THEY_ARE):
        if path.exists():
            copy2(path, to)


def main(*folders: str) -> None:
    """Embeds the model of each folder."""
    for folder in map(Path, folders):
        embed(folder, TO / folder.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
