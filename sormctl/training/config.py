"""One training run: what was asked of it, and beside that what was found in its input.

Both travel to the workers in one flat JSON file, and are published in the same form as `training`
in the model's `sormctl.json`. Each structure reads its own fields from it, and no others.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from sormctl import __version__
from sormctl.asking import Asking
from sormctl.errors import UsageError
from sormctl.missing import no_such_path
from sormctl.models import former_asking, same_model
from sormctl.records import Json
from sormctl.streams.output import replace_file

STUDENT, REFINER, REWARD_MODEL = "student", "refiner", "reward-model"

# the classes that a reward model tells apart, by their number; the first is always `incorrect`
CLASS_NAMES = {2: ("incorrect", "correct"), 3: ("incorrect", "neutral", "correct")}

# what helps when memory runs out; with the first two, no part of the recipe, a run can be resumed
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


class Recipe(Struct, frozen=True, kw_only=True):
    """What was asked and decides the trained weights: `--resume` wants it unchanged.

    `model` is a folder or a name on the hub, `asking` how it is asked. `batch_size` counts examples
    a step over all processes, `max_length` tokens; `warmup` is a share of the steps. `held_out` is
    a share or a file, as typed. The last four are a reward model's.
    """

    kind: str
    model: str
    asking: Asking
    epochs: int
    lr: float
    batch_size: int
    max_length: int
    warmup: float
    weight_decay: float
    optimizer: Optimizer
    dtype: Dtype
    seed: int
    packing: Packing = Packing.auto
    lora: int | None = None
    merge_lora: bool = True
    held_out: str | None = None
    evaluate_every: int | None = None
    patience: int | None = None
    objective: Objective = Objective.classifier
    soft_labels: bool = False
    classes: int = 2
    too_long: TooLong = TooLong.skip


class TrainConfig(Recipe, frozen=True, kw_only=True):
    """What was asked: the recipe, and what may differ between a run and its continuation.

    Paths are strings, so that the whole is plain JSON. `max_batch_tokens` counts tokens of one
    forward pass of one process; None is what memory holds.
    """

    output: str
    max_batch_tokens: int | None = None
    save_every: str
    keep_checkpoints: int = 2
    num_processes: int | None = None
    gradient_checkpointing: bool = False
    track: list[str] | None = None

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
        """What `auto` came to where the run began, as a file."""
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


class Provenance(Struct, frozen=True, kw_only=True):
    """What was found and decides the weights, too: examples, the model's own weights, the program.

    `mode` is what a refiner refines: global, local, or both. `weights` is the `model_digest` of the
    model that the run starts from, `chat_template` its `template_digest`.
    """

    mode: str | None = None
    weights: str | None = None
    chat_template: str | None = None
    data_sha256: str = ""
    held_out_sha256: str = ""
    version: str = __version__


class Data(Provenance, frozen=True, kw_only=True):
    """What was found: the provenance, and counts of examples.

    `skipped` counts what of the input gave none, so that all of it is accounted for. The workers,
    who know their lengths, count those `left_out` and `truncated`.
    """

    examples: int = 0
    held_out_examples: int = 0
    skipped: int = 0
    left_out: int = 0
    truncated: int = 0


class Settled(Struct, frozen=True):
    """What `auto` came to where the run began."""

    dtype: Dtype
    packing: Packing


def as_json(config: TrainConfig, data: Data) -> Json:
    """Both as one flat JSON object, from which `msgspec.convert` makes either."""
    return {**msgspec.to_builtins(config), **msgspec.to_builtins(data)}


def write_config(config: TrainConfig, data: Data) -> None:
    """Puts both at the `path` of `config`, whole or not at all."""
    # by json: a path need not be UTF-8, as msgspec's codec wants it
    replace_file(config.path, json.dumps(as_json(config, data), indent=2).encode() + b"\n")


def read_config(path: Path) -> TrainConfig:
    """What was asked, of what `write_config` wrote."""
    return msgspec.convert(_current(json.loads(path.read_bytes())), TrainConfig)


def read_data(path: Path) -> Data:
    """What was found, of what `write_config` wrote."""
    return msgspec.convert(json.loads(path.read_bytes()), Data)


def _current(run: Json) -> Json:
    """A run as it is written now; once it named only the style in which the model is asked."""
    if "asking" in run or "prompt" not in run:
        return run
    return {**run, "asking": msgspec.to_builtins(former_asking(run["prompt"]))}


def write_settled(config: TrainConfig, settled: Settled) -> None:
    """Keeps beside the checkpoints what the whole run goes by."""
    replace_file(config.settled, msgspec.json.encode(settled))


def read_settled(config: TrainConfig) -> Settled:
    """What `write_settled` wrote; what was asked, if the run has not begun."""
    if not config.settled.exists():
        return Settled(config.dtype, config.packing)
    return msgspec.json.decode(config.settled.read_bytes(), type=Settled)


_IN_ITS_FOLDER = {
    "weights": "the weights of {} are others than before",
    "chat_template": "the chat template of {} is another than before",
}


def first_difference(old: Json, new: Json) -> str | None:
    """The first thing in which a continued run would differ, such as `NAME was OLD, now NEW`.

    Both are as `as_json` made them; `msgspec.ValidationError` if `old` is not. Earlier releases did
    not note the weights, nor the chat template.
    """
    for part in (Recipe, Provenance):
        runs = (msgspec.convert(_current(run), part) for run in (old, new))
        before, after = map(msgspec.structs.asdict, runs)
        for name, was in before.items():
            now = after[name]
            not_noted = name in _IN_ITS_FOLDER and None in (was, now)
            if was == now or not_noted or (name == "model" and same_model(was, now)):
                continue
            if name in _IN_ITS_FOLDER:
                return _IN_ITS_FOLDER[name].format(new["model"])
            if name.endswith("_sha256"):
                return "the examples are others than before"
            return f"{name} was {was}, now {now}"
    return None


def parse_held_out(text: str) -> float | Path:
    """`--held-out`: a share of the problems, or a file of examples; UsageError if neither."""
    try:
        share = float(text)
    except ValueError:
        if not Path(text).is_file():
            raise UsageError(no_such_path("share and no file (--held-out)", text)) from None
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
