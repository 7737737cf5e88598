"""`sormctl problems`."""

from __future__ import annotations

from typing import Annotated

import typer

from sormctl import options
from sormctl.option_groups import among
from sormctl.problems import Unreadable, input_files, read_problems
from sormctl.streams.driver import write_records
from sormctl.tasks.registry import task_names


def problems(
    *,
    bench: Annotated[
        list[str],
        typer.Argument(
            help="A benchmark (gsm8k, svamp, chain, chain-hard); or with --answer your own files, "
            "- for standard input, or hf:OWNER/NAME[:CONFIG].",
            metavar="BENCH|FILE",
            autocompletion=among(task_names),
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
    fields: options.RowOptions,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    writing: options.Writing,
) -> None:
    """Write the problems of a benchmark, or of your own data.

    Published benchmarks come from --data-dir if it is given, else from the Hugging Face hub; chain
    and chain-hard are generated from --seed. Your own rows are JSONL, JSON, CSV or Parquet, also
    .gz and .zst: fields with the usual names (question, answer, options, id …) are found, others
    are named.

    Example: sormctl problems gsm8k --split train -n 100 > train.jsonl
    """
    source = bench[0] if len(bench) == 1 else bench
    arguments = {"bench": source, "split": split, "limit": limit, "seed": seed, **vars(fields)}
    job = writing.job("problems", {**arguments, "data_dir": data_dir})
    unreadable = Unreadable(fields.skip_unreadable)
    found = read_problems(
        bench,
        split,
        data_dir=data_dir,
        answer=fields.answer,
        fields=fields,
        seed=seed,
        limit=limit,
        unreadable=unreadable,
    )
    write_records(job, found, input_files(bench), unreadable.notes)
