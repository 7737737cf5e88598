"""From records to the examples of a run: spooled for the workers, split by problem, and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from sormctl.asking import Asking
from sormctl.balancing import worst_imbalance
from sormctl.errors import DataError
from sormctl.records import Json, encode
from sormctl.seeds import digest
from sormctl.streams.jsonl import read_records
from sormctl.streams.output import writing
from sormctl.training.config import CLASS_NAMES, Data, TrainConfig, parse_held_out
from sormctl.training.progress import TrainingProgress
from sormctl.training.token_rows import TrainingExample, example_json

# of (inputs, how the model is asked); None for each record that is skipped
ReadExamples = Callable[[Sequence[str], Asking], Iterator[TrainingExample | None]]


def one_each(parse: Callable[[Json, Asking], TrainingExample | None]) -> ReadExamples:
    """The examples that `parse` makes of the records, one of each."""
    return lambda inputs, asking: read_records(inputs, lambda data: parse(data, asking))


def is_held_out(problem_id: str, share: float) -> bool:
    """Whether a problem is among the `share` that is held out.

    It depends on its id alone, so every run on the same problems holds the same ones out.
    """
    return int.from_bytes(digest("held-out", problem_id)) < share * 2**128


@dataclass(slots=True)
class ExampleFile:
    """Examples written to a file, and what they are."""

    path: Path
    examples: int = 0
    modes: set[str] = field(default_factory=set)
    labels: Counter[tuple[int, float]] = field(default_factory=Counter)  # by prefix length
    problems: set[int] = field(default_factory=set)  # hashes of their ids
    _file: BinaryIO = field(init=False)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Identifies the examples."""
        return self._digest.hexdigest()

    @property
    def mode(self) -> str | None:
        """What a refiner is to refine."""
        return "+".join(sorted(self.modes)) or None

    def add(self, example: TrainingExample) -> None:
        """Writes one and counts it."""
        line = encode(example_json(example))
        self._file.write(line)
        self._digest.update(line)
        self.examples += 1
        self.problems.add(hash(example.problem))
        for length, label in enumerate(example.labels or (), 1):
            if label is not None:
                self.labels[length, label] += 1
        if example.mode:
            self.modes.add(example.mode)


@dataclass(slots=True)
class Spooled:
    """What there was in the input."""

    train: ExampleFile
    held_out: ExampleFile
    skipped: int = 0
    kept_out: int = 0  # examples of problems in the file of held-out ones

    @property
    def data(self) -> Data:
        """What identifies the examples, and counts them."""
        train, held_out = self.train, self.held_out
        return Data(
            mode=train.mode,
            data_sha256=train.sha256,
            held_out_sha256=held_out.sha256 if held_out.examples else "",
            examples=train.examples,
            held_out_examples=held_out.examples,
            skipped=self.skipped + self.kept_out,
        )

    def tell(self, config: TrainConfig, skipped: str, progress: TrainingProgress) -> None:
        """Says what was found; DataError if that is nothing to train on, or nothing held out."""
        train, held_out = self.train, self.held_out
        if not train.examples:
            why = f"all {self.skipped} records are {skipped}" if self.skipped else "no records"
            why = f"all that remains is held out, by {config.held_out}" if self.kept_out else why
            raise DataError(f"nothing to train on: {why}")
        if config.held_out and not held_out.examples:
            raise DataError(f"--held-out {config.held_out}: no example is held out")
        left_out = f"; left out: {self.skipped:,} {skipped}" if self.skipped else ""
        progress.note(f"{train.examples:,} examples{left_out}")
        if config.held_out:
            told = f"{held_out.examples:,} examples of {len(held_out.problems):,} problems"
            others = f"; {self.kept_out:,} more of these in the input" if self.kept_out else ""
            progress.note(f"held out: {told}{others}")
        if train.labels:
            _tell_labels(train.labels, config, progress)


def spool(config: TrainConfig, inputs: Sequence[str], examples: ReadExamples) -> Spooled:
    """Writes the examples to files for the workers, who cannot share a pipe.

    `config.held_out` says which are not trained on: all of a share of the problems, or of the
    problems of a file, whose examples are then the held-out ones.
    """
    held_out = parse_held_out(config.held_out) if config.held_out else 0.0
    folder = config.partial
    found = Spooled(ExampleFile(folder / "new.jsonl"), ExampleFile(folder / "new-held-out.jsonl"))
    with writing(folder), found.train, found.held_out:
        of_file = set()
        if isinstance(held_out, Path):
            # those of which there is no example, too
            of_file = {hash(name) for name in read_records([str(held_out)], _problem_id)}
            for example in examples([str(held_out)], config.asking):
                if example is not None:
                    found.held_out.add(example)
        share = held_out if isinstance(held_out, float) else 0.0
        for example in examples(inputs, config.asking):
            if example is None:
                found.skipped += 1
            elif hash(example.problem) in of_file:
                found.kept_out += 1
            else:
                side = found.held_out if is_held_out(example.problem, share) else found.train
                side.add(example)
    return found


def _problem_id(data: Json) -> str:
    return str(data.get("problem_id"))


def _tell_labels(
    labels: Counter[tuple[int, float]], config: TrainConfig, progress: TrainingProgress
) -> None:
    totals: Counter[float] = Counter()
    for (_, label), count in labels.items():
        totals[label] += count
    if config.soft_labels:
        mean = sum(share * n for share, n in totals.items()) / totals.total()
        progress.note(f"step labels: {totals.total():,} shares of successes, {mean:.2f} on average")
        return
    progress.note(f"step labels: {_named(totals, config)}")
    if len(totals) == 1:
        progress.note("all labels are the same: the model will learn to say just that")
    elif config.classes == 2 and (worst := worst_imbalance(labels)):
        at: Counter[float] = Counter({label: labels[worst, label] for label in (0, 1)})
        progress.note(
            f"labels are unbalanced, most at prefix length {worst}: {_named(at, config)}; "
            "see `sormctl balance`"
        )


def _named(counts: Counter[float], config: TrainConfig) -> str:
    names = reversed(list(enumerate(CLASS_NAMES[config.classes])))
    return ", ".join(f"{counts[label]:,} {name}" for label, name in names)
