"""What a user watches: held-out figures, early stopping, trackers, and long examples told."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from sormctl.training.events import HELD_OUT_LOSS
from tests.e2e.trainings import SMALL, fill, sormctl

WATCHED = ("--held-out", "0.3", "--evaluate-every", "5", "--patience", "2", "--epochs", "12")
TRAIN_RM = ("train-rm", "--model", "tiny", *SMALL, "labelled.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def watched(folder: Path) -> tuple[Path, list[str]]:
    """A reward model that stopped early, tracked by TensorBoard, and what was told."""
    code, out, err = sormctl(folder, *TRAIN_RM, *WATCHED, "-o", "rm", "--track", "tensorboard")
    assert (code, out) == (0, ""), err
    return folder / "rm", err.splitlines()


def course(model: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]


def evaluations(model: Path) -> list[dict[str, Any]]:
    return [line for line in course(model) if HELD_OUT_LOSS in line]


def test_it_stops_early_with_the_best(watched: tuple[Path, list[str]]) -> None:
    """What the file, the messages and the card say is the same."""
    model, told = watched
    found = evaluations(model)
    best = min(found, key=lambda line: float(line[HELD_OUT_LOSS]))
    assert found.index(best) == len(found) - 3  # two more were no better
    assert course(model)[-1] == found[-1]
    assert told[1].startswith("train-rm: held out: ")
    loss, accuracy = best[HELD_OUT_LOSS], best["held_out_step_accuracy"]
    evaluated = (
        f"train-rm: step {best['step']}: held-out loss {loss:.4f}, step accuracy {accuracy:.1%}"
    )
    assert any(line.startswith(evaluated) for line in told)
    assert f"train-rm: the model is that of step {best['step']}, held-out loss {loss:.4f}" in told
    card = (model / "README.md").read_text("utf-8")
    for name in (
        HELD_OUT_LOSS,
        "held_out_step_accuracy",
        "held_out_auc",
        "held_out_final_accuracy",
    ):
        assert f"| {name} | {best[name]} |" in card
    settings = json.loads((model / "sormctl.json").read_text())["training"]
    assert settings["examples"] + settings["held_out_examples"] == 40
    assert f"| sha256 of these | `{settings['held_out_sha256']}` |" in card


def test_a_tracker_gets_what_the_file_gets(watched: tuple[Path, list[str]]) -> None:
    model, _ = watched
    logged: dict[int, dict[str, float]] = {}
    for path in (model / "tracking").rglob("events.out.*"):
        for event in events(path):
            for value in event.summary.value:
                logged.setdefault(event.step, {})[value.tag] = value.simple_value
    for line in course(model):
        values = {name: x for name, x in line.items() if name not in ("step", "epoch")}
        found = {name: logged[line["step"]][name] for name in values}
        assert found == pytest.approx(values, rel=1e-5)


def events(path: Path) -> Iterator[Event]:
    """What is in a file of TensorBoard: length, checksum, event and checksum, again and again."""
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


def test_the_held_out_examples_are_part_of_the_run(
    folder: Path, watched: tuple[Path, list[str]]
) -> None:
    code, _, err = sormctl(folder, *TRAIN_RM, *WATCHED, "-o", "rm", "--resume")
    assert (code, err.splitlines()[-1]) == (0, "train-rm: rm is finished already")
    code, _, err = sormctl(folder, *TRAIN_RM, *WATCHED, "-o", "rm", "--resume", "--patience", "3")
    assert (code, "patience was 2, now 3" in err) == (2, True)
    code, _, err = sormctl(folder, *TRAIN_RM, *WATCHED, "-o", "rm", "--resume", "--held-out", "0.4")
    assert (code, "held_out was 0.3, now 0.4" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--patience", "2"), "--patience and --evaluate-every need --held-out"),
        (("--held-out", "1.5"), "--held-out 1.5: must be a share between 0 and 1, or a file"),
        (("--held-out", "none.jsonl"), "no share and no file (--held-out) `none.jsonl`"),
        (
            ("--track", "paper"),
            "no tracker (--track) `paper`; known: aim, clearml, comet_ml, ",
        ),
        (("--track", "swanlab"), "--track swanlab needs a package; pip install swanlab"),
        (
            ("--too-long", "truncate", "--objective", "contrastive"),
            "--too-long truncate: a pair is judged at its last steps; use skip",
        ),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    folder: Path, options: tuple[str, ...], message: str
) -> None:
    code, _, err = sormctl(folder, *TRAIN_RM, "-o", "x", "-q", *options)
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith(f"sormctl train-rm: {message}")
    assert not (folder / "x.partial").exists()


def test_long_solutions_are_told_and_truncated(folder: Path) -> None:
    """First steps end after 20 to 24 tokens, second ones after 24 to 28."""
    told = []
    for choice in ("skip", "truncate"):
        command = (*TRAIN_RM, "--max-length", "24", "--too-long", choice, "-o", choice)
        code, _, err = sormctl(folder, *command)
        assert code == 0, err
        told.append([line for line in err.splitlines() if " of more than 24 tokens (" in line])
    ((skipped,), (cut,)) = told
    assert skipped.startswith("train-rm: left out: ")
    assert cut == skipped.replace("left out", "truncated")


@pytest.mark.slow
def test_two_processes_stop_where_one_does(folder: Path, watched: tuple[Path, list[str]]) -> None:
    one, _ = watched
    code, _, err = sormctl(folder, *TRAIN_RM, *WATCHED, "-o", "two", "--num-processes", "2")
    assert code == 0, err
    for found, expected in zip(evaluations(folder / "two"), evaluations(one), strict=True):
        assert found == pytest.approx(expected, abs=1e-3)
