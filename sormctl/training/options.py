"""Options of the three training commands, declared once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from sormctl import options
from sormctl.training.config import Dtype, Optimizer, Packing, TrainConfig
from sormctl.training.examples import Examples
from sormctl.training.runs import How, run

Output = Annotated[
    Path, typer.Option("-o", "--output", help="Folder of the trained model.", metavar="DIR")
]
Epochs = Annotated[int, typer.Option(min=1, help="Times that every example is seen.")]
LearningRate = Annotated[
    float,
    typer.Option("--lr", min=0.0, max=10.0, help="Highest learning rate; it decays as a cosine."),
]
BatchSize = Annotated[
    int, typer.Option(min=1, help="Examples in one step, over all processes together.")
]
MaxLength = Annotated[
    int, typer.Option(min=1, help="Examples of more tokens are left out, and counted.")
]
HeldOut = Annotated[
    str | None,
    typer.Option(
        help="Train on all but this share of the problems, or but a file's, and evaluate on these.",
        metavar="SHARE|FILE",
    ),
]
EvaluateEvery = Annotated[
    int | None,
    typer.Option(min=1, help="Steps between evaluations; by default a quarter of an epoch."),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Stop after so many evaluations without a lower held-out loss; the model is that of "
        "the lowest.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        help="Log to this tracker of accelerate, too, repeatable: wandb, tensorboard, …",
        metavar="NAME",
    ),
]
MaxBatchTokens = Annotated[
    int,
    typer.Option(
        min=1, help="Tokens in one forward pass of a process; a larger batch goes through in parts."
    ),
]
Warmup = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of the steps with a rising learning rate.")
]
WeightDecay = Annotated[float, typer.Option(min=0.0, help="Weight decay of matrices.")]
OptimizerName = Annotated[
    Optimizer, typer.Option("--optimizer", help="muon: for the hidden matrices, adamw elsewhere.")
]
DtypeName = Annotated[
    Dtype,
    typer.Option(
        "--dtype",
        help="What to compute in; weights stay float32. auto: bfloat16 where it is native.",
    ),
]
PackingChoice = Annotated[
    Packing,
    typer.Option(
        "--packing",
        help="Examples one after another, without padding. auto: on a GPU, in bfloat16.",
    ),
]
GradientCheckpointing = Annotated[
    bool,
    typer.Option(
        "--gradient-checkpointing", help="Compute activations twice: slower, in less memory."
    ),
]
LoraRank = Annotated[
    int | None,
    typer.Option(
        "--lora", min=1, help="Train matrices of this rank beside the frozen ones.", metavar="RANK"
    ),
]
MergeLora = Annotated[
    bool,
    typer.Option(
        "--merge-lora/--no-merge-lora",
        help="Merge them into the saved model, or save a folder for peft, with them alone.",
    ),
]
SaveEvery = Annotated[
    str, typer.Option(help="Keep a checkpoint every so many steps (500) or minutes (10m).")
]
KeepCheckpoints = Annotated[
    int, typer.Option(min=1, help="Checkpoints of an unfinished run to keep, the newest.")
]
NumProcesses = Annotated[
    int | None,
    typer.Option(min=1, help="Worker processes; by default one a GPU, or one on the CPU."),
]
AccelerateConfig = Annotated[
    Path | None,
    typer.Option(
        help="Configuration of accelerate, for sharding or several machines.",
        metavar="FILE",
        exists=True,
        dir_okay=False,
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted run from its last checkpoint.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the model, or what is left of another run.")
]


@dataclass(frozen=True)
class Training:
    """What is trained, and how: all but the epochs and the learning rate."""

    model: options.Model
    output: Output
    inputs: options.Inputs = None
    batch_size: BatchSize = 64
    max_length: MaxLength = 1024
    max_batch_tokens: MaxBatchTokens = 8192
    warmup: Warmup = 0.03
    weight_decay: WeightDecay = 0.0
    optimizer: OptimizerName = Optimizer.adamw
    dtype: DtypeName = Dtype.auto
    prompt: options.PromptStyle = "auto"
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
    accelerate_config: AccelerateConfig = None
    resume: Resume = False
    overwrite: Overwrite = False
    quiet: options.Quiet = False
    log_format: options.LogFormat = "text"

    def run(
        self, kind: str, epochs: int, lr: float, examples: Examples, skipped: str, **target: Any
    ) -> None:
        """Trains a model of that kind; for `examples` and `skipped` see `runs.run`.

        `target` are the fields of TrainConfig that only a reward model has.
        """
        given = dict(vars(self))
        how = How(**{item.name: given.pop(item.name) for item in fields(How)})
        inputs = given.pop("inputs") or ()
        output = str(given.pop("output"))
        config = TrainConfig(kind=kind, epochs=epochs, lr=lr, output=output, **given, **target)
        run(config, inputs, examples, skipped, how)
