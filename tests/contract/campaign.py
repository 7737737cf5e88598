"""`kill -9` at random moments of every command that may take hours, then `--resume`.

    python -m tests.contract.campaign FOLDER [--kills 200] [--seed 0] [COMMAND]...

A trial kills a command one to three times and lets it end. Then its files must be those of a run
that nobody has disturbed, byte by byte, and what was generated before the last kill must not have
been generated again. Prints a line for each command; files that differ stay in FOLDER.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import orjson

from tests.contract.shell import SORMCTL, Streams, start

STUDENT = "embedded:student"
PROBLEMS = "problems chain --split train"
TRAIN = "--epochs 2 --batch-size 16 --save-every 2"
# what a command makes: its arguments, where {NAME} is what another has made
SMALL = {
    "problems": f"{PROBLEMS} -n 150",
    "pairs": "make-refine-pairs --mode global {sample}",
}
COMMANDS = {
    "sample": f"sample --model {STUDENT} -n 4 {{problems}}",
    "label-steps": f"label-steps --model {STUDENT} -k 4 --siblings {{sample}}",
    "train-student": f"train-student --model {STUDENT} {TRAIN} {{sample}}",
    "train-refiner": f"train-refiner --model {STUDENT} {TRAIN} {{pairs}}",
    "train-rm": f"train-rm --model {STUDENT} {TRAIN} {{label-steps}}",
    "score": "score --rm {train-rm} {sample}",
    "refine": "refine --mode global --model {train-refiner} {sample}",
    "rerank": "rerank --rm {train-rm} {sample}",
    "eval": f"eval --bench chain -n 100 --student {STUDENT} --orm {{train-rm}} --sorm {{train-rm}} "
    "--global {train-refiner} --best-of 2",
}
CHANGING = ("metrics.jsonl", "README.md", "*.manifest.json")  # these tell the time
LOADING = 0.2  # the share of kills that come before there is any output


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run has made, and the seconds before and after it began to write."""

    path: Path
    loading: float
    writing: float

    @cached_property
    def files(self) -> dict[str, bytes]:
        return files_of(self.path)


@dataclass
class Tally:
    """What the trials of one command have come to."""

    trials: int = 0
    kills: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.trials} resumed, {self.kills} kills, {len(self.differences)} differences"


class Campaign:
    """Trials of commands in a folder; a seed gives the same moments again."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self._folder = folder
        self._random = Random(seed)
        self._wholes: dict[str, Whole] = {}

    def run(self, name: str, kills: int) -> Tally:
        """Trials of a command until it has been killed so often."""
        tally = Tally()
        while tally.kills < kills:
            folder = self._folder / f"{name}-{tally.trials}"
            folder.mkdir(parents=True)
            found = self._trial(name, folder, tally)
            tally.trials += 1
            tally.differences += [f"{folder.name}: {difference}" for difference in found]
            if not found:
                shutil.rmtree(folder)
        return tally

    def _trial(self, name: str, folder: Path, tally: Tally) -> list[str]:
        whole = self._whole(name)
        output = folder / whole.path.name
        argv = self._argv(name)
        null = subprocess.DEVNULL
        unheard: Streams = {"stdin": null, "stdout": null, "stderr": null}
        for _ in range(self._random.randint(1, 3)):
            with start(argv, cwd=folder, start_new_session=True, **unheard) as process:
                self._kill(process, output, whole)
            tally.kills += process.returncode == -signal.SIGKILL
        kept = kept_tokens(output)
        with start(argv, cwd=folder) as process:
            told = process.communicate()[1].decode()
        if process.returncode:
            return [f"exit code {process.returncode}: {told}"]
        made = files_of(output)
        found = [name for name in made | whole.files if made.get(name) != whole.files.get(name)]
        needed = kept_tokens(whole.path)
        if kept is not None and kept + (new := new_tokens(told)) != needed:
            found.append(f"{kept} tokens were kept and {new} generated, {needed} are needed")
        return found

    def _kill(self, process: subprocess.Popen[bytes], output: Path, whole: Whole) -> None:
        """Kills the process, or it and its children, unless it ends first."""
        if self._random.random() < LOADING:
            wait(process, self._random.uniform(0, whole.loading))
        else:
            wait_for_output(process, output)
            wait(process, self._random.uniform(0, whole.writing))
        if process.poll() is None:
            if self._random.random() < 0.5:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _whole(self, name: str) -> Whole:
        """The undisturbed run of a command; those that it builds upon are made first."""
        if name not in self._wholes:
            folder = self._folder / "whole" / name
            folder.mkdir(parents=True)
            argv = self._argv(name)
            began = time.monotonic()
            with start(argv, cwd=folder) as process:
                wait_for_output(process, folder / "made")
                wrote = time.monotonic()
                told = process.communicate()[1]
            assert process.returncode == 0, told
            self._wholes[name] = Whole(folder / "made", wrote - began, time.monotonic() - wrote)
        return self._wholes[name]

    def _argv(self, name: str) -> list[str]:
        words = (SMALL | COMMANDS)[name].split()
        made = {w: str(self._whole(w[1:-1]).path) for w in words if w.startswith("{")}
        resume = ["--resume"] if name in COMMANDS else []
        options = [*resume, "--log-format", "json", "-o", "made"]
        return [*SORMCTL, *(made.get(word, word) for word in words), *options]


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until the time is over or the process has ended."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)


def wait_for_output(process: subprocess.Popen[bytes], output: Path) -> None:
    """Until something is written, beside the manifest, or the process has ended."""
    while process.poll() is None and not any(map(size, made_beside(output))):
        time.sleep(0.001)


def size(path: Path) -> int:
    """In bytes; none if the file has gone or been renamed meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def made_beside(output: Path) -> list[Path]:
    """What begins with the output's name, manifests apart."""
    return [p for p in output.parent.glob(f"{output.name}*") if ".manifest.json" not in p.name]


def files_of(output: Path) -> dict[str, bytes]:
    """Everything that a command has left, by name; but for what tells the time."""
    paths = [path for path in output.parent.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(output.parent)): path.read_bytes()
        for path in paths
        if not any(map(path.match, CHANGING))
    }


def kept_tokens(output: Path) -> int | None:
    """The tokens that were generated for what is in a file of records, and for what lies ahead."""
    if not output.is_file():
        return None
    entries = lines_of(output.with_name(f"{output.name}.journal"))
    answers = lines_of(output.with_name(f"{output.name}.ahead"))
    finished = {key for entry in entries for key in entry[1]}
    written = int(entries[-1][4]["generated_tokens"]) if entries else 0
    ahead = (one for record, _, answer in answers if record not in finished for one in answer)
    return written + sum(int(one["generated_tokens"]) for one in ahead if isinstance(one, dict))


def lines_of(path: Path) -> list[Any]:
    """The whole lines of a file; a last one that is torn does not count."""
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [orjson.loads(line) for line in whole.splitlines()]


def new_tokens(told: str) -> int:
    """What a run has generated, as it says in its last line; nothing if it says nothing."""
    figures = [orjson.loads(line).get("generated_tokens") for line in told.splitlines()]
    return max((count for count in figures if count is not None), default=0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(",")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("commands", nargs="*", default=[*COMMANDS])
    parser.add_argument("--kills", type=int, default=200, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_intermixed_args(argv)
    campaign = Campaign(asked.folder, asked.seed)
    differences = []
    for name in asked.commands:
        tally = campaign.run(name, -(-asked.kills // len(asked.commands)))
        lines = [f"{name:14} {tally}", *tally.differences]
        sys.stdout.write("\n  ".join(lines) + "\n")
        sys.stdout.flush()
        differences += tally.differences
    raise SystemExit(bool(differences))


if __name__ == "__main__":
    main()
