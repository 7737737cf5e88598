"""What a worker tells the command that launched it: one JSON object a line, named by its `event`.

Steps and evaluations go to `metrics.jsonl` and to trackers, too.
"""

from __future__ import annotations

from msgspec import Struct

HELD_OUT_LOSS = "held_out_loss"  # what an evaluation has in the metrics, and a step never


class Started(Struct, frozen=True, tag_field="event", tag="started"):
    """It has begun, and listens."""


class RowsRead(Struct, frozen=True, tag_field="event", tag="rows"):
    """What there is to train on: how many `rows`, none of more than `longest` tokens."""

    rows: int
    left_out: int
    truncated: int
    longest: int
    steps: int


class Noted(Struct, frozen=True, tag_field="event", tag="note"):
    """What the user should know of the model before it is trained; its card says it, too."""

    text: str


class Resumed(Struct, frozen=True, tag_field="event", tag="resumed"):
    """The run continues after this step."""

    step: int


class Logged(Struct, frozen=True, kw_only=True):
    """Where the run stands, of so many `steps`."""

    steps: int
    step: int
    epoch: float


class Step(Logged, frozen=True, tag_field="event", tag="step", kw_only=True):
    """An update of the weights, with the mean loss and the speed since the last one logged."""

    loss: float
    lr: float
    tokens_per_second: int
    useful_tokens: float  # the share that is not padding


class Evaluated(
    Logged, frozen=True, tag_field="event", tag="held_out", kw_only=True, omit_defaults=True
):
    """How well the model does on the held-out rows; shares where there are any to tell."""

    held_out_loss: float
    held_out_pair_accuracy: float | None = None
    held_out_step_accuracy: float | None = None
    held_out_auc: float | None = None
    held_out_final_accuracy: float | None = None


class Best(Struct, frozen=True, tag_field="event", tag="best"):
    """The model is that of this step, whose held-out loss was the lowest."""

    step: int
    loss: float


class Stopped(Struct, frozen=True, tag_field="event", tag="stopped"):
    """A checkpoint has been kept, as the command had asked."""


class Failed(Struct, frozen=True, tag_field="event", tag="error"):
    """The one line of a user's error, and its type in `sormctl.errors`."""

    type: str
    message: str


Event = Started | RowsRead | Noted | Resumed | Step | Evaluated | Best | Stopped | Failed
