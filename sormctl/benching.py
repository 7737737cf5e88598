"""`eval --bench` as it is typed: a benchmark, models, and the test-time path that they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from sormctl.adapters.registry import load_adapter
from sormctl.asking import AskingSettings
from sormctl.errors import UsageError
from sormctl.evaluation.steps import STEP_BENCHES
from sormctl.model_options import RunningOptions, SamplingOptions, model_option
from sormctl.option_groups import among
from sormctl.options import DataDir, RowOptions, Threshold
from sormctl.problems import Unreadable, read_problems
from sormctl.records import Problem
from sormctl.streams.job_outputs import Job
from sormctl.streams.output import is_stream
from sormctl.tasks.registry import task_names
from sormctl.test_time import Models, TestTime


def _bench_names() -> list[str]:
    return [*task_names(), *STEP_BENCHES]


@dataclass(frozen=True)
class Bench:
    """The whole test-time path on a benchmark, in the place of solutions that are read."""

    TITLE: ClassVar[str] = "Test time on a benchmark"

    bench: Annotated[
        str | None,
        typer.Option(
            help="Run the whole test-time path on this benchmark (or your own data, with --answer) "
            "instead of reading solutions. processbench and prmbench read scored solutions, and "
            "report as these benchmarks do.",
            autocompletion=among(_bench_names),
        ),
    ] = None
    split: Annotated[str | None, typer.Option(help="Split of the benchmark; test by default.")] = (
        None
    )
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, help="Problems of the benchmark.")
    ] = None
    data_dir: DataDir = None
    student: Annotated[str | None, model_option(help="Drafts.")] = None
    orm: Annotated[str | None, model_option(help="Chooses among solutions.")] = None
    sorm: Annotated[str | None, model_option(help="Locates first errors.")] = None
    orm_adapter: Annotated[
        str | None,
        typer.Option(help="How --orm is read; see score --rm-adapter.", metavar="NAME|FILE"),
    ] = None
    sorm_adapter: Annotated[
        str | None, typer.Option(help="How --sorm is read.", metavar="NAME|FILE")
    ] = None
    global_: Annotated[str | None, model_option("--global", help="Global refiner.")] = None
    local: Annotated[str | None, model_option("--local", help="Local refiner; needs --sorm.")] = (
        None
    )
    samples: Annotated[
        int,
        typer.Option(
            "--samples",
            "--best-of",
            min=0,
            help="Samples a problem for votes and the best of n; 0 leaves them out.",
        ),
    ] = 3
    threshold: Threshold = None

    def folder(self, output: Path | None) -> Path | None:
        """Where the stages are kept, if they are; the rows alone go to a `.json` or a stream."""
        if not self.bench or output is None or is_stream(output):
            return None
        return None if output.suffix == ".json" else output

    def problems(self, fields: RowOptions, seed: int, unreadable: Unreadable) -> Iterator[Problem]:
        """The problems of the benchmark."""
        return read_problems(
            str(self.bench),
            self.split,
            data_dir=self.data_dir,
            answer=fields.answer,
            fields=fields,
            seed=seed,
            limit=self.limit,
            unreadable=unreadable,
        )

    def slots(self, said: AskingSettings, *, is_hosted: bool) -> Models:
        """The models by what they are for; UsageError or ModelError where they do not fit."""
        if self.student is None:
            raise UsageError(
                "--bench needs --student, the model that drafts; type it, or write it under [eval] "
                "in sormctl.toml"
            )
        if self.local is not None and self.sorm is None:
            raise UsageError("--local needs --sorm, which shows it the first error")
        adapters = (
            load_adapter(self.orm_adapter, self.orm, "--orm"),
            load_adapter(self.sorm_adapter, self.sorm, "--sorm"),
        )
        models = Models(self.student, self.orm, self.sorm, self.global_, self.local, *adapters)
        models.check(said, is_hosted=is_hosted)
        return models

    def test_time(
        self,
        said: AskingSettings,
        fields: RowOptions,
        sampling: SamplingOptions,
        running: RunningOptions,
        folder: Path,
        job: Job,
    ) -> TestTime:
        """The path as it was asked for; all of that goes into the manifests of its stages."""
        models = self.slots(said, is_hosted=running.is_hosted)
        asked = {**vars(self), **vars(fields), **vars(sampling), **said.identity()}
        asked |= {**running.identity(), **models.identity(running)}
        job = replace(job, arguments=asked)
        return TestTime(models, said, running, sampling, self.threshold, self.samples, folder, job)

    @property
    def models(self) -> list[str]:
        """The slots that are given a model, by the names of their options."""
        names = ("student", "orm", "sorm", "global_", "local")
        return [name.rstrip("_") for name in names if getattr(self, name)]
