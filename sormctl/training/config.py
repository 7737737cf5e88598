"""What one training run is: a frozen dataclass that travels to the workers as one JSON file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sormctl import __version__
from sormctl.errors import UsageError
from sormctl.streams.output import replace_file

STUDENT, REFINER, REWARD_MODEL = "student", "refiner", "reward-model"

# the classes that a reward model tells apart, by their number; the first is always `incorrect`
CLASS_NAMES = {2: ("incorrect", "correct"), 3: ("incorrect", "neutral", "correct")}

HELD_OUT_LOSS = "held_out_loss"  # what an evaluation is called in the metrics, and a step never is

# may differ between a run and its continuation: they do not change the trained weights
_FREE = frozenset(
    {"output", "save_every", "keep_checkpoints", "max_batch_tokens", "num_processes"}
    | {"gradient_checkpointing", "track", "examples", "held_out_examples", "left_out", "truncated"}
)

# what helps when memory runs out; the first two are free, so the run can be resumed with them
LESS_MEMORY = (
    "lower --max-batch-tokens or add --gradient-checkpointing, "
    "or begin again with --lora or a lower --max-length"
)


class Optimizer(StrEnum):
    """What updates the weights."""

    adamw = "adamw"
    muon = "muon"


class Objective(StrEnum):
    """What a reward model is trained for."""

    classifier = "classifier"
    contrastive = "contrastive"


class Dtype(StrEnum):
    """What forward and backward passes compute in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Packing(StrEnum):
    """Whether the rows of a batch stand in one line, without padding."""

    auto = "auto"
    on = "on"
    off = "off"


class TooLong(StrEnum):
    """What becomes of an example that is longer than the limit."""

    skip = "skip"
    truncate = "truncate"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One training run. Paths are strings, so that the whole is plain JSON.

    `batch_size` counts rows a step over all processes; `max_length` and `max_batch_tokens` count
    tokens; `warmup` is a share of the steps. `prompt` is a resolved style, never `auto`.
    `objective`, `soft_labels`, `classes` and `too_long` are a reward model's. `held_out` is a share
    or a file, as typed. `data_sha256` and `held_out_sha256` identify the examples; they are known
    once these are spooled. `left_out` and `truncated` count those too long; they are known once the
    rows are.
    """

    kind: str
    model: str
    output: str
    prompt: str
    epochs: int
    lr: float
    batch_size: int
    max_length: int
    max_batch_tokens: int
    warmup: float
    weight_decay: float
    optimizer: Optimizer
    dtype: Dtype
    seed: int
    save_every: str
    keep_checkpoints: int = 2
    num_processes: int | None = None
    mode: str | None = None
    packing: Packing = Packing.auto
    gradient_checkpointing: bool = False
    lora: int | None = None
    merge_lora: bool = True
    objective: Objective = Objective.classifier
    soft_labels: bool = False
    classes: int = 2
    too_long: TooLong = TooLong.skip
    held_out: str | None = None
    evaluate_every: int | None = None
    patience: int | None = None
    track: list[str] | None = None
    data_sha256: str = ""
    held_out_sha256: str = ""
    examples: int = 0
    held_out_examples: int = 0
    left_out: int = 0
    truncated: int = 0
    version: str = __version__

    @property
    def partial(self) -> Path:
        """The folder of the unfinished run: examples, checkpoints, metrics, the model to be."""
        return Path(self.output + ".partial")

    @property
    def path(self) -> Path:
        """This configuration as a file, for the workers and for `--resume`."""
        return self.partial / "config.json"

    @property
    def data(self) -> Path:
        """The training examples, one JSON object a line."""
        return self.partial / "train.jsonl"

    @property
    def held_out_data(self) -> Path:
        """The examples that are not trained on, in the same format."""
        return self.partial / "held-out.jsonl"

    @property
    def checkpoints(self) -> Path:
        """One folder for each checkpoint that is kept."""
        return self.partial / "checkpoints"

    @property
    def settled(self) -> Path:
        """What `auto` came to where the run began."""
        return self.partial / "settled.json"

    @property
    def model_to_be(self) -> Path:
        """The finished model, until it moves to `output`."""
        return self.partial / "model"

    @property
    def metrics(self) -> Path:
        """One JSON object for each logged step, and for each evaluation."""
        return self.partial / "metrics.jsonl"

    @property
    def tracking(self) -> Path:
        """Where trackers that write files write them."""
        return self.partial / "tracking"


def write_config(config: TrainConfig) -> None:
    """Puts `config` at its `path`, whole or not at all."""
    replace_file(config.path, json.dumps(asdict(config), indent=2).encode() + b"\n")


def read_config(path: Path) -> TrainConfig:
    """What `write_config` wrote."""
    return parse_config(json.loads(path.read_text(encoding="utf-8")))


def parse_config(data: dict[str, Any]) -> TrainConfig:
    """A configuration from its JSON object; fields of other versions are dropped."""
    known = {item.name for item in fields(TrainConfig)}
    settings = {name: value for name, value in data.items() if name in known}
    settings["optimizer"] = Optimizer(settings["optimizer"])
    settings["dtype"] = Dtype(settings["dtype"])
    settings["packing"] = Packing(settings.get("packing", Packing.auto))
    settings["objective"] = Objective(settings.get("objective", Objective.classifier))
    settings["too_long"] = TooLong(settings.get("too_long", TooLong.skip))
    return TrainConfig(**settings)


def first_difference(old: TrainConfig, new: TrainConfig) -> str | None:
    """The first thing in which a continued run would differ, such as `NAME was OLD, now NEW`."""
    for item in fields(TrainConfig):
        before, after = getattr(old, item.name), getattr(new, item.name)
        if item.name in _FREE or before == after:
            continue
        if item.name in ("data_sha256", "held_out_sha256"):
            return "the examples are others than before"
        return f"{item.name} was {before}, now {after}"
    return None


def parse_held_out(text: str) -> float | Path:
    """`--held-out`: a share of the problems, or a file of examples; UsageError if neither."""
    try:
        share = float(text)
    except ValueError:
        if not Path(text).is_file():
            raise UsageError(f"--held-out {text}: no such file, and no share") from None
        return Path(text)
    if not 0 < share < 1:
        raise UsageError(f"--held-out {text}: must be a share between 0 and 1, or a file")
    return share


def parse_interval(text: str) -> tuple[int | None, float | None]:
    """`--save-every`: `500` is (500 steps, None), `10m` is (None, 600 seconds)."""
    match = re.fullmatch(r"([1-9]\d*)(m?)", text)
    if match is None:
        raise UsageError(f"--save-every {text}: must be steps (500) or minutes (10m)")
    count = int(match[1])
    return (None, 60.0 * count) if match[2] else (count, None)
