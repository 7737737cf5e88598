"""The whole test-time path: draft, refine both ways, score. Paper, 3.2 and figure 4.

Each stage does what a command would, from file to file: one model at a time is in memory, whatever
the length of the benchmark, and an interrupted run goes on within its stage. Choosing among the
solutions is left to `evaluation`, which reports every choice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from sormctl.adapters.adapter import Adapter
from sormctl.adapters.registry import adapter_identity
from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import IncompleteError, UsageError
from sormctl.inference import (
    Generator,
    model_identity,
    open_generator,
    refine_solution,
    sample_solutions,
)
from sormctl.judging import Judge, locate_error, open_judge, settled_adapter, settled_threshold
from sormctl.models import resolve_model
from sormctl.records import Problem, Solution
from sormctl.slots import REFINERS, Slot, check_slot
from sormctl.streams.ahead import is_begun
from sormctl.streams.completions import GENERATED
from sormctl.streams.driver import FREE, Costs, map_records, pipe_records, write_records
from sormctl.streams.flow import Opening, W
from sormctl.streams.ids import KnownIds
from sormctl.streams.job_outputs import Job
from sormctl.streams.journal import discard
from sormctl.streams.jsonl import RecordReader
from sormctl.streams.manifest import manifest_path
from sormctl.streams.output import writing
from sormctl.tasks.registry import known_task

T = TypeVar("T", Problem, Solution)
Notes = Callable[[], Iterable[str]]
SOLUTIONS = "solutions"  # the last stage: all solutions, with all scores
STAGES = ("drafts", "scored-drafts", "global", "local", "samples", SOLUTIONS)


def solutions_of(name: str) -> str:
    """The file of that name; of a folder that `eval --bench -o DIR` has filled, its solutions.

    UsageError for another folder.
    """
    if not Path(name).is_dir():
        return name
    path = Path(name) / f"{SOLUTIONS}.jsonl"
    if not path.is_file():
        raise UsageError(
            f"{name} is a folder without {path.name}, which eval --bench -o DIR makes; give the "
            "files in it"
        )
    return str(path)


@dataclass(frozen=True, slots=True)
class Models:
    """Folders or hub names; without a model its stage is left out."""

    student: str
    orm: str | None = None
    sorm: str | None = None
    globally: str | None = None
    locally: str | None = None
    orm_adapter: Adapter | None = None  # how the reward models are read; None: as their families
    sorm_adapter: Adapter | None = None

    def check(self, said: AskingSettings, *, is_hosted: bool) -> None:
        """ModelError for one that was made for something else; see `check_slot`.

        `said` is how the student is asked.
        """
        for model, slot, prompt, adapter in (
            (self.student, Slot.student, said.prompt, None),
            (self.orm, Slot.reward_model, said.prompt, self.orm_adapter),
            (self.sorm, Slot.locator, said.prompt, self.sorm_adapter),
            (self.globally, Slot.global_refiner, "auto", None),
            (self.locally, Slot.local_refiner, "auto", None),
        ):
            if model is not None:
                check_slot(model, slot, prompt, adapter, is_hosted=is_hosted)

    def identity(self, running: Running) -> dict[str, object]:
        """What determines the records, besides their names."""
        names = ("student", "orm", "sorm", "globally", "locally")
        given = {name: model for name in names if (model := getattr(self, name)) is not None}
        found = {name: model_identity(model, running) for name, model in given.items()}
        marks = {
            mark: {name: each[mark] for name, each in found.items()}
            for mark in ("weights", "chat_template")
        }
        adapters = {"orm": self.orm_adapter, "sorm": self.sorm_adapter}
        read = {name: adapter_identity(adapter) for name, adapter in adapters.items() if adapter}
        return {**marks, **({"adapters": read} if read else {})}


@dataclass(frozen=True, slots=True)
class TestTime:
    """How the test-time path is run, and where its stages write, `STAGE.jsonl` each.

    `job` is what every stage inherits: the arguments, whether to resume, whether to leave out what
    fails, what is shown. `incomplete` says of which stages something was left out.
    """

    models: Models
    asking: AskingSettings  # of the student; other models are asked as they were in training
    running: Running
    sampling: SamplingSettings  # of samples; drafts and refinements are greedy
    threshold: float | None  # None: what the adapter of the stepwise reward model says
    num_samples: int  # of a problem, for votes and the best of n; 0 leaves them out
    folder: Path
    job: Job
    incomplete: list[str] = field(default_factory=list)

    def solve(
        self, problems: Iterable[Problem], files: Sequence[str], notes: Notes = tuple
    ) -> Path:
        """The file of drafts, refinements and samples of all problems, scored as `orm` and `sorm`.

        `files` are those that the problems come from, `notes` what is to be told of them.
        """
        models = self.models
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        asked = self._problems(problems, files, notes)
        drafts = self._sample("drafts", asked, 1, self.sampling.greedy())
        if models.sorm:
            drafts = self._score("scored-drafts", "sorm", [drafts])
        made = [drafts]
        if models.globally:
            made.append(self._refine("global", models.globally, drafts))
        if models.locally:
            made.append(self._refine("local", models.locally, drafts))
        if self.num_samples:
            made.append(self._sample("samples", asked, self.num_samples, self.sampling))
        if models.orm:
            return self._score(SOLUTIONS, "orm", made)
        pipe_records(self._job(SOLUTIONS, made), Solution, iter)
        return self._output(SOLUTIONS)

    def _problems(self, problems: Iterable[Problem], files: Sequence[str], notes: Notes) -> Path:
        """The file of the problems, written anew.

        What an earlier run made in any stage goes before the first one begins: a stage that this
        run does not reach would be taken for its own.
        """
        output, job = self._output("problems"), self._job("problems", ())
        made = [path for stage in STAGES if is_begun(path := self._output(stage))]
        if made and not (job.resume or job.overwrite):
            raise UsageError(
                f"{self.folder} has {made[0].stem}; give --resume to go on, or --overwrite"
            )
        if not job.resume and manifest_path(output).exists():
            job = replace(job, overwrite=True)  # of a run that came no further
        write_records(job, problems, files, notes)
        written = RecordReader([str(output)])
        for _ in written.records(Problem, KnownIds(written).check):
            pass  # before the first is drafted: solutions of two of one id would be mixed
        for path in made if self.job.overwrite else ():
            discard(path)
        return output

    def _sample(self, stage: str, problems: Path, n: int, sampling: SamplingSettings) -> Path:
        def opening() -> AbstractAsyncContextManager[Generator]:
            opened = open_generator(
                self.models.student, sampling, self.running, self.asking, slot=Slot.student
            )
            return _told(opened) if sampling.temperature else opened

        return self._map(
            stage,
            [problems],
            Problem,
            opening,
            lambda generator, problem: sample_solutions(generator, problem, n),
            GENERATED,
        )

    def _refine(self, kind: str, model: str, drafts: Path) -> Path:
        threshold = cache(self._threshold)  # the model is looked at if there is a draft

        async def refined(generator: Generator, draft: Solution) -> Sequence[Solution]:
            error = locate_error(draft.scores.get("sorm", ()), kind, threshold())
            return [await refine_solution(generator, draft, kind, error)]

        greedy, slot = self.sampling.greedy(), REFINERS[kind]
        opening = lambda: open_generator(model, greedy, self.running, slot=slot)  # noqa: E731
        return self._map(kind, [drafts], Solution, opening, refined, GENERATED)

    def _threshold(self) -> float:
        sorm, adapter = self.models.sorm, self.models.sorm_adapter
        if sorm is not None and self.threshold is None:
            folder = resolve_model(sorm, is_hosted=self.running.is_hosted)
            style = self.asking.prompt
            adapter = settled_adapter(folder, self.running, Slot.locator, style, adapter)
        return settled_threshold(self.threshold, adapter)

    def _score(self, stage: str, name: str, made: Sequence[Path]) -> Path:
        models = self.models
        model, adapter = {
            "orm": (models.orm, models.orm_adapter),
            "sorm": (models.sorm, models.sorm_adapter),
        }[name]
        assert model is not None

        async def scored(judge: Judge, solution: Solution) -> Sequence[Solution]:
            return [await judge.judged(solution, name)]

        opening = lambda: open_judge(  # noqa: E731
            model, self.running, self.asking, adapter, beside=True
        )
        return self._map(stage, made, Solution, opening, scored, FREE)

    def _map(
        self,
        stage: str,
        inputs: Sequence[Path],
        kind: type[T],
        opening: Opening[W],
        transform: Callable[[W, T], Awaitable[Sequence[Solution]]],
        costs: Costs[Solution],
    ) -> Path:
        job = self._job(stage, inputs)
        try:
            map_records(job, kind, opening, transform, check=known_task, costs=costs)
        except IncompleteError as error:
            self.incomplete.append(f"{stage}: {error}")
        return self._output(stage)

    def _job(self, stage: str, inputs: Sequence[Path]) -> Job:
        names = [str(path) for path in inputs]
        return replace(self.job, command=f"eval {stage}", inputs=names, output=self._output(stage))

    def _output(self, stage: str) -> Path:
        return self.folder / f"{stage}.jsonl"


@asynccontextmanager
async def _told(opened: AbstractAsyncContextManager[Generator]) -> AsyncIterator[Generator]:
    """A model of which an earlier stage has told what its user should know."""
    async with opened as generator:
        yield replace(generator, is_asked_plainly=False, is_dated=False)
