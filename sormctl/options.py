"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(help="JSONL files (.gz too); standard input if there are none.", metavar="FILE"),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write to this file, with a manifest beside it."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue the output file of an interrupted run.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output file if it exists.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on standard error.")]
LogFormat = Annotated[
    str, typer.Option(help="Progress and messages on standard error: text or json.")
]
Shard = Annotated[
    str | None, typer.Option(help="Take only every N-th record: I/N with I from 0.", metavar="I/N")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the published benchmark files.", envvar="SORMCTL_DATA"),
]
Answer = Annotated[
    str | None,
    typer.Option(
        help="How answers compare, for your own file: numeric, math, exact or choice.",
        metavar="KIND",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]

Model = Annotated[
    str,
    typer.Option(
        "--model", help="Model folder, hub name, or embedded:student | embedded:base.", metavar="M"
    ),
]
RewardModel = Annotated[
    str, typer.Option("--rm", help="Reward model: a folder or hub name.", metavar="M")
]
EngineName = Annotated[str, typer.Option("--engine", help="What runs the model: hf.")]
EngineArg = Annotated[
    list[str] | None,
    typer.Option(
        help="Option of the engine, repeatable (hf: batch_size, dtype, device).",
        metavar="NAME=VALUE",
    ),
]
PromptStyle = Annotated[
    str,
    typer.Option("--prompt", help="plain, chat, one-shot; auto asks the model folder."),
]
Concurrency = Annotated[int, typer.Option(min=1, help="Records in flight at once.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="Token limit of one completion.")]
Temperature = Annotated[float, typer.Option(min=0.0, help="Sampling temperature; 0 is greedy.")]
TopP = Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling.")]
