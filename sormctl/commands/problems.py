"""`sormctl problems`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.problems import read_problems
from sormctl.streams.driver import write_records


def problems(
    *,
    bench: Annotated[
        str,
        typer.Argument(
            help="A benchmark (gsm8k, svamp, chain) or your own JSONL file, with --answer.",
            metavar="BENCH|FILE",
        ),
    ],
    split: Annotated[
        str | None, typer.Option(help="Split of the benchmark; test by default.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "-n", "--limit", min=1, help="Problems to write: all, or 1,000 generated ones."
        ),
    ] = None,
    answer: options.Answer = None,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    writing: options.Writing,
) -> None:
    """Write the problems of a benchmark, or of your own file.

    Published benchmarks come from --data-dir if it is given, else from the Hugging Face hub; chain
    is generated from --seed. A row of your own file has a `question` (or problem, prompt, input)
    and an `answer` (or target, final_answer); `id` and `reference` are optional.

    Example: sormctl problems gsm8k --split train -n 100 > train.jsonl
    """
    arguments = {"bench": bench, "split": split, "limit": limit, "answer": answer, "seed": seed}
    job = writing.job("problems", {**arguments, "data_dir": data_dir})
    found = read_problems(bench, split, data_dir=data_dir, answer=answer, seed=seed, limit=limit)
    write_records(job, found, [bench] if Path(bench).is_file() else ())
