"""The options of the three training commands, declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.training.config import Dtype, Optimizer, TrainConfig
from sormctl.training.runs import How, Parse, run


def training_command(
    kind: str, parse: Parse, skipped: str, epochs: int, lr: float
) -> Callable[[Callable[[], None]], Callable[..., None]]:
    """Makes a training command of a function that has only a name and a help text.

    `epochs` and `lr` are its defaults; for the rest see `runs.run`.
    """

    def make(named: Callable[[], None]) -> Callable[..., None]:
        command = _command(kind, parse, skipped, epochs, lr)
        command.__name__, command.__doc__ = named.__name__, named.__doc__
        return command

    return make


Output = Annotated[
    Path, typer.Option("-o", "--output", help="Folder of the trained model.", metavar="DIR")
]
Epochs = Annotated[int, typer.Option(min=1, help="Times that every example is seen.")]
LearningRate = Annotated[
    float, typer.Option("--lr", min=0.0, help="Highest learning rate; it decays as a cosine.")
]
BatchSize = Annotated[
    int, typer.Option(min=1, help="Examples in one step, over all processes together.")
]
MaxLength = Annotated[
    int, typer.Option(min=1, help="Examples of more tokens are left out, and counted.")
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
SaveEvery = Annotated[
    str, typer.Option(help="Keep a checkpoint every so many steps (500) or minutes (10m).")
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


def _command(
    kind: str, parse: Parse, skipped: str, default_epochs: int, default_lr: float
) -> Callable[..., None]:
    def command(  # noqa: PLR0913  (a command's options are its interface)
        model: options.Model,
        output: Output,
        inputs: options.Inputs = None,
        epochs: Epochs = default_epochs,
        lr: LearningRate = default_lr,
        batch_size: BatchSize = 64,
        max_length: MaxLength = 1024,
        max_batch_tokens: MaxBatchTokens = 8192,
        warmup: Warmup = 0.03,
        weight_decay: WeightDecay = 0.0,
        optimizer: OptimizerName = Optimizer.adamw,
        dtype: DtypeName = Dtype.auto,
        prompt: options.PromptStyle = "auto",
        seed: options.Seed = 0,
        save_every: SaveEvery = "10m",
        num_processes: NumProcesses = None,
        accelerate_config: AccelerateConfig = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
        quiet: options.Quiet = False,
        log_format: options.LogFormat = "text",
    ) -> None:
        config = TrainConfig(
            kind=kind,
            model=model,
            output=str(output),
            prompt=prompt,
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            max_length=max_length,
            max_batch_tokens=max_batch_tokens,
            warmup=warmup,
            weight_decay=weight_decay,
            optimizer=optimizer,
            dtype=dtype,
            seed=seed,
            save_every=save_every,
            num_processes=num_processes,
        )
        how = How(resume, overwrite, quiet, log_format, accelerate_config)
        run(config, inputs or (), parse, skipped, how)

    return command
