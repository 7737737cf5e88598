"""Options of the three training commands, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sormctl import model_options, options
from sormctl.asking import AskingSettings
from sormctl.models import resolve_model, settle_asking
from sormctl.slots import Slot, check_resolved
from sormctl.training.config import (
    REWARD_MODEL,
    Dtype,
    Objective,
    Optimizer,
    Packing,
    TooLong,
    TrainConfig,
)

# titles in `--help`
HOW, HELD_OUT, COST = "How it is trained", "Held-out problems", "Speed and memory"

Output = Annotated[
    Path, typer.Option("-o", "--output", help="Folder of the trained model.", metavar="DIR")
]
Epochs = Annotated[
    int, typer.Option(min=1, help="Times that every example is seen.", rich_help_panel=HOW)
]
LearningRate = Annotated[
    float,
    typer.Option(
        "--lr",
        min=0.0,
        max=10.0,
        help="Highest learning rate; it decays as a cosine.",
        rich_help_panel=HOW,
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        min=1, help="Examples in one step, over all processes together.", rich_help_panel=HOW
    ),
]
MaxLength = Annotated[
    int,
    typer.Option(
        min=1, help="Examples of more tokens are left out, and counted.", rich_help_panel=HOW
    ),
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        help="Train on all but this share of the problems, or but a file's, and evaluate on these.",
        metavar="SHARE|FILE",
        rich_help_panel=HELD_OUT,
    ),
]
EvaluateEvery = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Steps between evaluations; by default a quarter of an epoch.",
        rich_help_panel=HELD_OUT,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Stop after so many evaluations without a lower held-out loss; the model is that of "
        "the lowest.",
        rich_help_panel=HELD_OUT,
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        help="Log to this tracker of accelerate, too, repeatable: wandb, tensorboard, …",
        metavar="NAME",
        rich_help_panel=HELD_OUT,
    ),
]
MaxBatchTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tokens in one forward pass of a process; a larger batch goes through in parts. "
        "By default what memory holds, at most 8192.",
        rich_help_panel=COST,
    ),
]
Warmup = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=1.0,
        help="Share of the steps with a rising learning rate.",
        rich_help_panel=HOW,
    ),
]
WeightDecay = Annotated[
    float, typer.Option(min=0.0, help="Weight decay of matrices.", rich_help_panel=HOW)
]
OptimizerName = Annotated[
    Optimizer,
    typer.Option(
        "--optimizer", help="muon: for the hidden matrices, adamw elsewhere.", rich_help_panel=HOW
    ),
]
DtypeName = Annotated[
    Dtype,
    typer.Option(
        "--dtype",
        help="What to compute in; weights stay float32. auto: bfloat16 where it is native.",
        rich_help_panel=COST,
    ),
]
PackingChoice = Annotated[
    Packing,
    typer.Option(
        "--packing",
        help="Examples one after another, without padding. auto: on a GPU, in bfloat16.",
        rich_help_panel=COST,
    ),
]
GradientCheckpointing = Annotated[
    bool,
    typer.Option(
        "--gradient-checkpointing",
        help="Compute activations twice: slower, in less memory.",
        rich_help_panel=COST,
    ),
]
LoraRank = Annotated[
    int | None,
    typer.Option(
        "--lora",
        min=1,
        help="Train matrices of this rank beside the frozen ones.",
        metavar="RANK",
        rich_help_panel=COST,
    ),
]
MergeLora = Annotated[
    bool,
    typer.Option(
        "--merge-lora/--no-merge-lora",
        help="Merge them into the saved model, or save a folder for peft, with them alone.",
        rich_help_panel=COST,
    ),
]
SaveEvery = Annotated[
    str,
    typer.Option(
        help="Keep a checkpoint every so many steps (500) or minutes (10m).",
        rich_help_panel=options.OUTPUT,
    ),
]
KeepCheckpoints = Annotated[
    int,
    typer.Option(
        min=1,
        help="Checkpoints of an unfinished run to keep, the newest.",
        rich_help_panel=options.OUTPUT,
    ),
]
NumProcesses = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Worker processes; by default one a GPU, or one on the CPU.",
        rich_help_panel=COST,
    ),
]
AccelerateConfig = Annotated[
    Path | None,
    typer.Option(
        help="Configuration of accelerate, for sharding or several machines.",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        rich_help_panel=COST,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue an interrupted run from its last checkpoint.",
        rich_help_panel=options.OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace the model, or what is left of another run.",
        rich_help_panel=options.OUTPUT,
    ),
]


ObjectiveName = Annotated[
    Objective,
    typer.Option(
        "--objective",
        help="classifier: the label of each step; contrastive: a correct above an incorrect "
        "solution of the same problem, by the last token; needs no labels.",
    ),
]
SoftLabels = Annotated[
    bool,
    typer.Option(
        "--soft-labels",
        help="Train on the share of successful rollouts (label-steps --exhaustive), or on soft "
        "labels of an import.",
    ),
]
Classes = Annotated[
    int,
    typer.Option(
        min=2, max=3, help="3: incorrect, neutral, correct, by `ratings` (import prm800k)."
    ),
]
TooLongChoice = Annotated[
    TooLong,
    typer.Option(
        "--too-long",
        help="truncate: train the steps within --max-length of a longer solution, too.",
        rich_help_panel=HOW,
    ),
]


@dataclass(frozen=True)
class Target:
    """What a reward model is trained for."""

    objective: ObjectiveName = Objective.classifier
    soft_labels: SoftLabels = False
    classes: Classes = 2
    too_long: TooLongChoice = TooLong.skip


@dataclass(frozen=True)
class RunOptions:
    """What the command alone goes by; the workers need none of it."""

    accelerate_config: AccelerateConfig = None
    resume: Resume = False
    overwrite: Overwrite = False
    push: options.Push = None
    quiet: options.Quiet = False
    log_format: options.LogFormat = "text"


@dataclass(frozen=True)
class Training:
    """What is trained, and how: all but the epochs and the learning rate."""

    model: model_options.Model
    output: Output
    inputs: options.Inputs = None
    batch_size: BatchSize = 64
    max_length: MaxLength = 1024
    max_batch_tokens: MaxBatchTokens = None
    warmup: Warmup = 0.03
    weight_decay: WeightDecay = 0.0
    optimizer: OptimizerName = Optimizer.adamw
    dtype: DtypeName = Dtype.auto
    seed: options.Seed = 0
    packing: PackingChoice = Packing.auto
    gradient_checkpointing: GradientCheckpointing = False
    lora: LoraRank = None
    merge_lora: MergeLora = True
    held_out: HeldOut = None
    evaluate_every: EvaluateEvery = None
    patience: Patience = None
    track: Track = None
    save_every: SaveEvery = "10m"
    keep_checkpoints: KeepCheckpoints = 2
    num_processes: NumProcesses = None

    def config(
        self,
        kind: str,
        epochs: int,
        lr: float,
        said: AskingSettings,
        target: Target | None = None,
    ) -> TrainConfig:
        """A run that trains a model of that kind."""
        model = resolve_model(self.model)
        if kind != REWARD_MODEL:
            check_resolved(model, Slot.pretrained)
        given = {**vars(self), **vars(target or Target()), "kind": kind, "epochs": epochs, "lr": lr}
        given |= {"model": model, "output": str(self.output)}
        given |= {"asking": settle_asking(model, said).taught()}
        return TrainConfig(**{name: given[name] for name in TrainConfig.__struct_fields__})
