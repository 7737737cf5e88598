from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from sormctl.errors import ModelError, SormctlError
from sormctl.training import launch
from sormctl.training.config import REWARD_MODEL
from sormctl.training.events import Event, Resumed, Started, Stopped
from tests.unit.training.runs import configured

ALONE_BUT_SHARDED = (
    launch.ALONE.read_text("utf-8").replace('"NO"', "FSDP") + "gpu_ids: 0,1\nfsdp_config: {}\n"
)
RUN = configured(kind=REWARD_MODEL, output="out/orm")
TARGET = ["--module", "sormctl.training.worker", "out/orm.partial/config.json"]
LAUNCHER = [sys.executable, "-m", "sormctl.training.worker.exit_code"]
ACCELERATE = [*LAUNCHER, "accelerate.commands.launch"]


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


def settings(num_processes: str) -> list[str]:
    return [
        *["--num_processes", num_processes],
        *["--num_machines", "1"],
        *["--num_cpu_threads_per_process", "3"],
        *["--mixed_precision", "no"],
        *["--dynamo_backend", "no"],
    ]


def test_one_process_on_a_cpu() -> None:
    expected = [*ACCELERATE, "--cpu", *settings("1"), *TARGET]
    assert launch.command(RUN, gpus=0) == expected


def test_several_processes_on_a_cpu_need_torchrun() -> None:
    assert launch.command(replace(RUN, num_processes=2), gpus=0) == [
        *[*LAUNCHER, "torch.distributed.run", "--standalone"],
        *["--nproc-per-node", "2"],
        *TARGET,
    ]


@pytest.mark.parametrize(("num_processes", "device"), [(1, []), (4, ["--multi_gpu"])])
def test_one_process_a_gpu(num_processes: int, device: list[str]) -> None:
    run = replace(RUN, num_processes=num_processes)
    own = ["--config_file", str(launch.ALONE)]
    expected = [*ACCELERATE, *own, *device, *settings(str(num_processes)), *TARGET]
    assert launch.command(run, gpus=4) == expected


@pytest.mark.parametrize("num_processes", [1, 4])
def test_the_users_own_configuration_stays_out(
    num_processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As accelerate itself reads the arguments, where `accelerate config` has chosen FSDP."""
    from accelerate.commands import launch as theirs
    from accelerate.commands.config import config_args

    mine = tmp_path / "default_config.yaml"
    mine.write_text(ALONE_BUT_SHARDED)
    for module in (theirs, config_args):
        monkeypatch.setattr(module, "default_config_file", str(mine))
    run = replace(RUN, num_processes=num_processes)
    words = launch.command(run, gpus=4)[len(ACCELERATE) :]
    args, _, _ = theirs._validate_launch_command(theirs.launch_command_parser().parse_args(words))
    assert (args.use_fsdp, args.gpu_ids, args.num_machines) == (False, "all", 1)
    assert (args.num_processes, args.multi_gpu) == (num_processes, num_processes > 1)


def test_a_configuration_of_accelerate_decides() -> None:
    run = replace(RUN, num_processes=None)
    expected = [*ACCELERATE, "--config_file", "fsdp.yaml", *TARGET]
    assert launch.command(run, 8, Path("fsdp.yaml")) == expected


@pytest.mark.parametrize(("visible", "count"), [("0,1", 2), ("", 0), ("-1", 0), ("GPU-8e,", 1)])
def test_gpus_are_counted_as_cuda_sees_them(
    visible: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "version", lambda name: "2.13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert launch.count_gpus() == count


def test_a_cpu_build_of_torch_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "version", lambda name: "2.13.0+cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert launch.count_gpus() == 0


def play(script: str) -> list[Event]:
    """The events of a child process that runs `script`."""
    events: list[Event] = []
    launch.run_workers([sys.executable, "-c", script], {"NAME": "value"}, events.append)
    return events


def test_events_are_heard_and_other_lines_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    script = """
import os, json
print("a library says hello")
print(json.dumps({"event": "resumed", "step": len(os.environ["NAME"])}))
print("3")
print(json.dumps({"event": "of another program"}))
"""
    assert play(script) == [Resumed(5)]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == 'a library says hello\n3\n{"event": "of another program"}\n'


def test_an_error_of_a_worker_is_raised_here() -> None:
    """The worker would wait for ever: the report is enough to end it."""
    script = """
import json, time
print(json.dumps({"event": "error", "type": "ModelError", "message": "x: no"}), flush=True)
time.sleep(600)
"""
    with pytest.raises(ModelError, match=r"^x: no$"):
        play(script)


def test_a_worker_that_dies_says_how() -> None:
    with pytest.raises(SormctlError, match="ended with code 3; see above"):
        play("raise SystemExit(3)")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            signal.SIGKILL,
            "was killed by signal 9, probably by the kernel, out of memory; lower --max",
        ),
        (signal.SIGSEGV, "was ended by signal 11; see above"),
    ],
)
@pytest.mark.parametrize("death", ["os.kill(os.getpid(), {})", "raise SystemExit(128 + {})"])
def test_a_launcher_that_was_killed_or_whose_worker_was(
    death: str, number: int, message: str
) -> None:
    with pytest.raises(SormctlError, match=message):
        play(f"import os; {death.format(int(number))}")


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("doom", "message"),
    [("9", "was killed by signal 9"), ("11", "was ended by signal 11"), ("", "with code 1; see")],
)
def test_the_launchers_tell_what_a_worker_died_of(
    processes: int, doom: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of the processes dies; the others, if there are any, wait for it."""
    monkeypatch.setattr(launch, "WORKER", "tests.unit.training.doomed")
    run = replace(RUN, num_processes=processes)
    added = {**launch.environment(processes, 0), "DOOM": doom}
    with pytest.raises(SormctlError, match=message):
        launch.run_workers(launch.command(run, 0), added, lambda event: None)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (15, SystemExit)]
)
def test_a_signal_asks_the_worker_to_stop(number: int, raised: type[BaseException]) -> None:
    """The worker hears a byte on its standard input and answers."""
    script = """
import json, os
print(json.dumps({"event": "started"}), flush=True)
print(json.dumps({"event": "resumed", "step": ord(os.read(0, 1))}))
print(json.dumps({"event": "stopped"}))
"""
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if event == Started():
            threading.Timer(0.1, os.kill, [os.getpid(), number]).start()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(raised):
        launch.run_workers([sys.executable, "-c", script], {}, listen)
    assert heard[1:] == [Resumed(ord("s")), Stopped()]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_after_the_last_step_loses_nothing() -> None:
    """The worker did not stop: it had finished."""
    script = "import json, os; print(json.dumps({'event': 'started'}), flush=True); os.read(0, 1)"
    launch.run_workers(
        [sys.executable, "-c", script], {}, lambda event: os.kill(os.getpid(), signal.SIGTERM)
    )


def test_a_signal_before_the_first_word_ends_it_at_once() -> None:
    """No worker is there to listen: a launcher may wait for other machines."""
    threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        play("import time; time.sleep(600)")


def test_a_second_signal_kills_the_worker() -> None:
    script = (
        "import json, time; print(json.dumps({'event': 'started'}), flush=True); time.sleep(600)"
    )

    def listen(event: Event) -> None:
        for delay in (0.1, 0.3):
            threading.Timer(delay, os.kill, [os.getpid(), signal.SIGINT]).start()

    with pytest.raises(KeyboardInterrupt):
        launch.run_workers([sys.executable, "-c", script], {}, listen)


def test_launching_needs_no_torch() -> None:
    """Nor do the first moments of what is launched, in which nobody would listen."""
    heavy = "{'torch', 'transformers', 'accelerate', 'numpy'}"
    launched = f"{launch.WORKER}.__main__, {LAUNCHER[-1]}"
    code = f"import sys, sormctl.training.runs, {launched}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("theirs", [None, "glibc.malloc.mmap_max=9"])
def test_workers_on_a_cpu_keep_the_memory_that_they_free(
    theirs: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user says of glibc stands last, and so counts."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if theirs:
        monkeypatch.setenv("GLIBC_TUNABLES", theirs)
    found = launch.environment(1, 0)["GLIBC_TUNABLES"]
    assert found.startswith("glibc.malloc.hugetlb=1:")
    assert found.endswith(theirs or "")
    assert "GLIBC_TUNABLES" not in launch.environment(1, 2)


def test_of_compiled_products_few_are_kept_unless_the_user_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "")  # with which torch would crash
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "9")
    found = launch.environment(1, 0)
    assert found["LRU_CACHE_CAPACITY"] == "64"
    assert found["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "9"
    assert "LRU_CACHE_CAPACITY" not in launch.environment(1, 2)
