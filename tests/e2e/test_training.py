"""The training commands as a user runs them: real processes, through the launcher."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from sormctl.records import Solution, parse_record, to_json
from sormctl.streams.output import locked
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.checkpoints import list_checkpoints
from tests.asked import PLAIN
from tests.e2e.trainings import ENVIRONMENT, SMALL, fill, finish, sormctl, start
from tests.engines.problems import plain_scores
from tests.models import make_model
from tests.unit.examples import PROBLEM, solution
from tests.unit.training.runs import sums, write_jsonl

PRM800K = Path(__file__).parents[1] / "golden" / "files" / "formats" / "prm800k.rows.jsonl"
MODELS = Path(__file__).parents[2] / "docs" / "models.md"
FSDP = """\
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
use_cpu: false
num_machines: 1
num_processes: 2
machine_rank: 0
mixed_precision: 'no'
main_process_ip: 127.0.0.1
main_process_port: 0
fsdp_config:
  fsdp_version: 2
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_transformer_layer_cls_to_wrap: LlamaDecoderLayer
  fsdp_state_dict_type: FULL_STATE_DICT
"""


MACHINE = """\
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_machines: 2
num_processes: 2
machine_rank: {rank}
mixed_precision: 'no'
main_process_ip: 127.0.0.1
main_process_port: {port}
"""


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, finish(process)
        time.sleep(0.02)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def reward_model(folder: Path) -> tuple[Path, str]:
    """A trained reward model and what was said on standard error."""
    code, out, err = sormctl(
        folder, "train-rm", "--model", "tiny", "-o", "rm", *SMALL, "labelled.jsonl"
    )
    assert (code, out) == (0, ""), err
    return folder / "rm", err


def test_a_reward_model_is_trained_and_put_in_place(reward_model: tuple[Path, str]) -> None:
    model, err = reward_model
    assert not model.with_name("rm.partial").exists()
    assert {path.name for path in model.iterdir()} >= {
        *["config.json", "model.safetensors", "tokenizer.json"],
        *["sormctl.json", "metrics.jsonl"],
    }
    lines = err.splitlines()
    assert lines[0] == "train-rm: 40 examples"
    assert lines[1].startswith("train-rm: step labels: ")
    assert lines[-1].startswith("train-rm: wrote rm/: 10 steps, loss 0.")


def test_a_contrastive_reward_model(folder: Path) -> None:
    """Needs no labels; a run is another one if its objective is."""
    drawn = sums(40, wrong=0.5)
    eight = [{name: x[name] for name in ("problem_id", "question", "answer")} for x in drawn[:8]]
    solutions = [{**x, **eight[i % 8]} for i, x in enumerate(drawn)]
    unlabelled = [{name: x[name] for name in x if name != "labels"} for x in solutions]
    write_jsonl(folder / "graded.jsonl", unlabelled)
    command = ("train-rm", "--model", "tiny", "-o", "contrast", *SMALL, "graded.jsonl")
    code, _, err = sormctl(folder, *command, "--objective", "contrastive")
    assert code == 0, err
    first, last = err.splitlines()[0], err.splitlines()[-1]
    pairs = int(first.removeprefix("train-rm: ").split()[0])
    assert first.endswith(f" examples; left out: {40 - 2 * pairs} solutions without a partner")
    assert last.startswith("train-rm: wrote contrast/: ")
    code, _, err = sormctl(folder, *command, "--resume", "--objective", "contrastive")
    assert (code, err.splitlines()[-1]) == (0, "train-rm: contrast is finished already")
    write_jsonl(folder / "graded.jsonl", solutions)
    code, _, err = sormctl(folder, *command, "--resume")
    assert code == 2
    assert "cannot --resume: objective was contrastive, now classifier" in err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ("--soft-labels",),
            65,
            "labelled.jsonl:1: no soft labels of an import, and no `rollouts`",
        ),
        (("--classes", "3"), 65, "labelled.jsonl:1: no `ratings`"),
        (("--classes", "3", "--soft-labels"), 2, "give one of --objective contrastive,"),
        (("--objective", "contrastive"), 65, "all 40 records are solutions without a partner"),
    ],
)
def test_what_an_objective_needs(
    folder: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    command = ("train-rm", "--model", "tiny", "-o", "y", "-q", "labelled.jsonl", *options)
    found, _, err = sormctl(folder, *command)
    assert (found, err.count("\n")) == (code, 1), err
    assert message in err
    assert not (folder / "y.partial").exists()


def test_adapters_are_trained_without_a_word_of_the_libraries(folder: Path) -> None:
    """Each line on standard error is one of ours: no warning comes through."""
    command = ("train-student", "--model", "tiny", "-o", "adapted", *SMALL, "--lora", "4")
    code, out, err = sormctl(folder, *command, "problems.jsonl")
    assert (code, out) == (0, ""), err
    lines = err.splitlines()
    assert lines[-1].startswith("train-student: wrote adapted/: ")
    assert [line for line in lines if not line.startswith("train-student: ")] == []
    assert "warning" not in err.lower()


@pytest.mark.slow
def test_a_reward_model_of_three_classes(folder: Path) -> None:
    """Imported, trained, and read as 1 - P(incorrect)."""
    code, people, err = sormctl(folder, "import", "prm800k", str(PRM800K))
    assert code == 0, err
    (folder / "people.jsonl").write_text(people)
    command = ("train-rm", "--model", "tiny", "-o", "prm", *SMALL, "--classes", "3")
    code, _, err = sormctl(folder, *command, "people.jsonl")
    assert code == 0, err
    assert "train-rm: step labels: 4 correct, 1 neutral, 3 incorrect" in err.splitlines()
    code, scored, err = sormctl(folder, "score", "--rm", "prm", "people.jsonl")
    assert code == 0, err
    for line, expected in zip(scored.splitlines(), scores(folder / "prm", people), strict=True):
        assert json.loads(line)["scores"]["prm"] == pytest.approx(expected, abs=1e-4)


def scores(model: Path, solutions: str) -> list[list[float]]:
    """1 - P(incorrect) by transformers alone."""
    found = [parse_record(json.loads(line), Solution) for line in solutions.splitlines()]
    task = get_task("math")
    jobs = [(draft_prompt(task, x.question, PLAIN), x.steps) for x in found]
    return plain_scores(str(model), jobs)


def test_transformers_alone_scores_as_sormctl_does(
    folder: Path, reward_model: tuple[Path, str]
) -> None:
    """The snippet of the documentation, which is that of the model card, as it is typed."""
    model, _ = reward_model
    card, page = (model / "README.md").read_text("utf-8"), MODELS.read_text("utf-8")
    snippet = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    assert f"```python\n{snippet}```" in card
    assert len(snippet.splitlines()) < 15
    (folder / "sorm").symlink_to(model)
    typed = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    sum_of_two = solution(
        steps=("3 + 4 = 7", "#### 7"),
        problem=replace(PROBLEM, question="How many apples? 3 + 4"),
    )
    write_jsonl(folder / "sum.jsonl", [to_json(sum_of_two)])
    code, out, err = sormctl(folder, "score", "--rm", "sorm", "sum.jsonl")
    assert code == 0, err
    (scores,) = json.loads(out)["scores"].values()
    assert json.loads(typed.stdout) == pytest.approx(scores, abs=1e-3)


def test_the_model_card_says_what_was_trained_on_what(reward_model: tuple[Path, str]) -> None:
    model, _ = reward_model
    trained = json.loads((model / "sormctl.json").read_text())["training"]
    card = (model / "README.md").read_text("utf-8")
    assert f"| sha256 of the examples | `{trained['data_sha256']}` |" in card
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: token-classification\n")
    assert "| base model | `tiny` |" in card and str(model.parent) not in card
    for line in ("| examples | 40 |", "| lr | 0.01 |", "| step | 10 |", "sormctl score --rm"):
        assert line in card


def test_it_is_finished_already(folder: Path, reward_model: tuple[Path, str]) -> None:
    command = ("train-rm", "--model", "tiny", "-o", "rm", *SMALL, "labelled.jsonl")
    code, _, err = sormctl(folder, *command)
    assert (code, err) == (2, "sormctl train-rm: rm exists; give another folder, or --overwrite\n")
    code, _, err = sormctl(folder, *command, "--resume")
    assert (code, err.splitlines()[-1]) == (0, "train-rm: rm is finished already")
    code, _, err = sormctl(folder, *command, "--resume", "--seed", "7")
    assert code == 2
    assert err.splitlines()[-1] == (
        "sormctl train-rm: cannot --resume: seed was 0, now 7; give the same, or --overwrite"
    )
    assert not (folder / "rm.partial").exists()


def test_other_weights_at_the_same_place_are_refused(
    folder: Path, reward_model: tuple[Path, str]
) -> None:
    weights = folder / "tiny" / "model.safetensors"
    as_they_were = weights.read_bytes()
    half = len(as_they_were) // 2
    weights.write_bytes(as_they_were[:half] + bytes(half))
    command = ("train-rm", "--model", "tiny", "-o", "rm", *SMALL, "labelled.jsonl", "--resume")
    code, _, err = sormctl(folder, *command)
    weights.write_bytes(as_they_were)
    assert code == 2
    assert "cannot --resume: the weights of tiny are others than before" in err


@pytest.mark.slow
def test_a_run_that_was_interrupted_and_killed_ends_as_if_it_had_not_been(folder: Path) -> None:
    """Ctrl-C keeps a checkpoint; `kill -9` leaves the last one, and no worker behind."""
    arguments = ("train-student", "--model", "tiny", *SMALL, "--epochs", "80", "--save-every", "20")
    data = "problems.jsonl"
    assert sormctl(folder, *arguments, "-o", "plain", data)[0] == 0

    process = start(folder, *arguments, "-o", "broken", data)
    metrics = folder / "broken.partial" / "metrics.jsonl"
    wait_for(metrics.exists, process)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert err.splitlines()[-1] == "train-student: stopped; continue with --resume"
    assert not (folder / "broken").exists()

    code, _, err = sormctl(folder, *arguments, "-o", "broken", data)
    assert code == 2
    assert err.endswith("broken.partial holds an unfinished run; --resume or --overwrite\n")
    code, _, err = sormctl(folder, *arguments, "-o", "broken", data, "--resume", "--lr", "0.5")
    assert code == 2
    assert "cannot --resume: lr was 0.01, now 0.5" in err

    first = metrics.stat().st_size
    process = start(folder, *arguments, "-o", "broken", data, "--resume")
    wait_for(lambda: metrics.stat().st_size > first, process)
    process.kill()
    process.communicate()
    wait_for_silence(folder / "broken.partial")
    code, _, err = sormctl(folder, *arguments, "-o", "broken", data, "--resume")
    assert code == 0, err
    assert "train-student: continuing after step " in err

    for name in ("model.safetensors", "config.json"):
        assert (folder / "plain" / name).read_bytes() == (folder / "broken" / name).read_bytes()
    assert steps(folder / "plain") == steps(folder / "broken")


@pytest.mark.slow
def test_a_worker_that_the_kernel_kills(folder: Path) -> None:
    """One line that says of what and what to do, and `--resume` goes on, in less memory."""
    train = ("train-student", "--model", "tiny", *SMALL, "--epochs", "80", "--save-every", "20")
    arguments = (*train, "-q", "-o", "starved", "problems.jsonl")
    process = start(folder, *arguments)
    kept = folder / "starved.partial" / "checkpoints"
    wait_for(lambda: list_checkpoints(kept), process)
    (worker,) = filter(is_worker, psutil.Process(process.pid).children(recursive=True))
    worker.kill()
    code, out, err = finish(process)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert err.startswith(
        "sormctl train-student: a training process was killed by signal 9, probably by the kernel, "
        "out of memory; lower --max-batch-tokens or add --gradient-checkpointing, or begin again "
        "with --lora or a lower --max-length; starved.partial/checkpoints/"
    )
    assert err.endswith(" is kept, continue with --resume\n")
    less = ("--resume", "--max-batch-tokens", "100", "--gradient-checkpointing")
    code, _, err = sormctl(folder, *arguments, *less)
    assert (code, "Warning" in err) == (0, False), err
    assert (folder / "starved" / "model.safetensors").exists()


def test_a_command_that_was_killed_before_the_last_move(folder: Path) -> None:
    """The trained model waits in OUT.partial; `--resume` puts it in place, and trains no more."""
    arguments = ("train-student", "--model", "tiny", *SMALL, "-o", "late", "problems.jsonl")
    process = start(folder, *arguments, "--save-every", "5")
    wait_for((folder / "late.partial" / "model").exists, process)
    process.kill()
    process.communicate()
    wait_for_silence(folder / "late.partial")
    code, _, err = sormctl(folder, *arguments, "--save-every", "5")
    assert code == 2, err
    code, _, err = sormctl(folder, *arguments, "--save-every", "5", "--resume")
    assert code == 0, err
    assert err.endswith("it is put in place\ntrain-student: wrote late/\n")
    assert (folder / "late" / "model.safetensors").exists()
    assert not (folder / "late.partial").exists()


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_command_that_was_killed_while_its_workers_load(folder: Path, processes: str) -> None:
    """They end with it, and print nothing."""
    arguments = ("train-student", "--model", "tiny", *SMALL, "--num-processes", processes)
    process = start(folder, *arguments, "-q", "-o", "young", "problems.jsonl")
    family = psutil.Process(process.pid)
    wait_for(lambda: any(map(is_worker, family.children(recursive=True))), process)
    process.kill()
    assert process.communicate() == ("", "")
    wait_for_silence(folder / "young.partial", seconds=1)  # torch alone takes longer to load


def is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return " -m sormctl.training.worker " in " ".join(process.cmdline())
    return False


def steps(model: Path) -> list[tuple[int, float]]:
    logged = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in logged if line["step"] % 20 == 0]


def wait_for_silence(partial: Path, seconds: float = 60) -> None:
    """Until no process works in `partial` any more."""
    deadline = time.monotonic() + seconds
    while any(str(partial.name) in line for line in command_lines()):
        assert time.monotonic() < deadline, "a worker has outlived its command"
        time.sleep(0.1)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text()
        except OSError:
            continue


def test_a_local_refiner_over_an_older_one(folder: Path) -> None:
    arguments = ("train-refiner", "--model", "tiny", *SMALL, "-o", "local", "pairs.jsonl")
    old = folder / "local"
    old.mkdir()
    (old / "precious.txt").write_text("mine")
    code, _, err = sormctl(folder, *arguments, "--overwrite")
    assert code == 2
    assert err.endswith("local is not a model that sormctl has trained; give another folder\n")
    (old / "sormctl.json").write_text("{}")
    code, _, err = sormctl(folder, *arguments, "--overwrite", "--log-format", "json")
    assert code == 0, err
    assert not (old / "precious.txt").exists()
    assert json.loads((old / "sormctl.json").read_text())["mode"] == "local"
    events = [json.loads(line) for line in err.splitlines()]
    assert events[0] == {"command": "train-refiner", "message": "8 examples"}
    assert {"step", "loss", "lr", "tokens_per_second"} <= events[-1].keys()


def test_an_error_of_the_worker_is_one_line(folder: Path) -> None:
    broken = make_model(folder / "no_weights")
    (broken / "model.safetensors").write_bytes(b"no")
    code, out, err = sormctl(
        folder, "train-student", "--model", "no_weights", "-o", "x", "-q", "problems.jsonl"
    )
    assert (code, out) == (1, "")
    assert err.startswith("sormctl train-student: no_weights: cannot load the model: ")
    assert err.count("\n") == 1
    assert not (folder / "x.partial").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "nothing to train on: no records"),
        ('{"task": "numeric"}\n', "bad.jsonl:1: no `problem_id`"),
        ('{"task": 1}', "bad.jsonl:1: `task` must be a string, not a number"),
    ],
)
def test_bad_input(folder: Path, lines: str, message: str) -> None:
    (folder / "bad.jsonl").write_text(lines)
    code, _, err = sormctl(folder, "train-student", "--model", "tiny", "-o", "y", "-q", "bad.jsonl")
    assert (code, err) == (65, f"sormctl train-student: {message}\n")
    assert not (folder / "y.partial").exists()


def test_all_solutions_are_wrong(folder: Path) -> None:
    wrong = [record for record in sums(20, wrong=0.5) if not record["correct"]]
    write_jsonl(folder / "wrong.jsonl", wrong)
    code, _, err = sormctl(
        folder, "train-student", "--model", "tiny", "-o", "y", "-q", "wrong.jsonl"
    )
    why = "solutions not known to be correct, or cut off"
    expected = f"nothing to train on: all {len(wrong)} records are {why}"
    assert (code, err) == (65, f"sormctl train-student: {expected}\n")


def test_a_folder_of_the_users_is_left_alone(folder: Path) -> None:
    (folder / "mine.partial").mkdir()
    (folder / "mine.partial" / "precious.txt").write_text("mine")
    code, _, err = sormctl(
        folder, "train-student", "--model", "tiny", "-o", "mine", "problems.jsonl"
    )
    assert code == 2
    assert "mine.partial is needed for the unfinished run, and is not of one" in err
    assert (folder / "mine.partial" / "precious.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lr", "inf"), "Invalid value for '--lr'"),
        (("--seed", "99999999999999999999"), "Invalid value for '--seed'"),
        (("--no-merge-lora",), "--no-merge-lora needs --lora"),
        (("-o", "dangling"), "dangling is a link to nothing; give another folder"),
    ],
)
def test_what_cannot_be_is_refused_first(
    folder: Path, options: tuple[str, ...], message: str
) -> None:
    link = folder / "dangling"
    link.unlink(missing_ok=True)
    link.symlink_to("nowhere")
    code, _, err = sormctl(
        folder, "train-student", "--model", "tiny", "-o", "x", *options, "problems.jsonl"
    )
    assert code == 2, err
    assert message in err
    assert not (folder / "x.partial").exists()


def test_two_trainings_of_one_folder(folder: Path) -> None:
    partial = folder / "busy.partial"
    partial.mkdir()
    with locked(partial / "sormctl.lock"):
        code, _, err = sormctl(
            folder, "train-student", "--model", "tiny", "-o", "busy", "problems.jsonl"
        )
    assert code == 75
    assert "in use by another process" in err


@pytest.mark.slow
def test_two_machines_learn_what_one_learns(folder: Path) -> None:
    """Here both are this one; they meet at a port, and share the folder of the run."""
    arguments = ("train-student", "--model", "tiny", *SMALL, "--epochs", "4", "problems.jsonl")
    assert sormctl(folder, *arguments, "-o", "alone")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    machines = []
    for rank in (0, 1):
        name = f"machine-{rank}.yaml"
        (folder / name).write_text(MACHINE.format(rank=rank, port=port))
        config = ("--accelerate-config", name, "--num-processes", "2")
        machines.append(start(folder, *arguments, "-o", "together", *config))
    for code, _, err in map(finish, machines):
        assert code == 0, err
    assert losses(folder / "together") == pytest.approx(losses(folder / "alone"), abs=1e-3)


def losses(model: Path) -> list[float]:
    lines = (model / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(folder: Path) -> None:
    """Also by a configuration of accelerate.

    It asks for FSDP, which accelerate (1.15) drops on a CPU: the weights are whole in both
    processes. So this holds that the file reaches the launcher, and what two processes learn.
    """
    (folder / "fsdp.yaml").write_text(FSDP)
    arguments = ("train-student", "--model", "tiny", *SMALL, "--epochs", "4", "problems.jsonl")
    two = ("--num-processes", "2")  # the worker compares it with what was started
    ways = {"one": (), "two": two, "fsdp": (*two, "--accelerate-config", "fsdp.yaml")}
    found = {}
    for name, more in ways.items():
        code, _, err = sormctl(folder, *arguments, "-o", name, *more)
        assert code == 0, err
        found[name] = losses(folder / name)
    assert found["two"] == pytest.approx(found["one"], abs=1e-3)
    assert found["fsdp"] == pytest.approx(found["one"], abs=1e-3)
