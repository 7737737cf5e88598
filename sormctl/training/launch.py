"""Training as a child process: arguments for accelerate's launcher, and one runner.

The launcher and its workers load torch; the command that calls this does not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import msgspec

from sormctl import errors
from sormctl.errors import ModelError, SormctlError
from sormctl.training.config import LESS_MEMORY, TrainConfig
from sormctl.training.events import Event, Failed, Stopped

WORKER = "sormctl.training.worker"
ALONE = Path(__file__).with_name("alone.yaml")
LAUNCHER = [sys.executable, "-m", "sormctl.training.worker.exit_code"]  # accelerate's, or torch's

_PRIMITIVE_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")  # oneDNN's, ideep's
_PRIMITIVES = 64  # those of a dense model's pass are fewer: a layer's, their gradients', the head's


def command(config: TrainConfig, gpus: int, accelerate_config: Path | None = None) -> list[str]:
    """The arguments that start the workers of a run on a machine with so many GPUs.

    With `accelerate_config`, accelerate counts the processes unless the run says how many.
    """
    target = ["--module", WORKER, str(config.path)]
    launcher = [*LAUNCHER, "accelerate.commands.launch"]
    if accelerate_config is not None:
        processes = ["--num_processes", str(config.num_processes)] if config.num_processes else []
        return [*launcher, "--config_file", str(accelerate_config), *processes, *target]
    num_processes = config.num_processes or 1
    if not gpus and num_processes > 1:
        # `accelerate launch --cpu --num_processes 2` starts one process (accelerate 1.15)
        torchrun = [*LAUNCHER, "torch.distributed.run", "--standalone"]
        return [*torchrun, "--nproc-per-node", str(num_processes), *target]
    # nothing from the user's default configuration, which is for other programs
    own = ["--config_file", str(ALONE)] if gpus else []
    device = "--multi_gpu" if num_processes > 1 else "--cpu" if not gpus else ""
    settings = {
        "--num_processes": str(num_processes),
        "--num_machines": "1",
        "--num_cpu_threads_per_process": environment(num_processes, gpus)["OMP_NUM_THREADS"],
        "--mixed_precision": "no",  # the worker decides, from --dtype
        "--dynamo_backend": "no",
    }
    flat = [word for setting in settings.items() for word in setting]
    return [*launcher, *own, *([device] if device else []), *flat, *target]


def environment(num_processes: int | None, gpus: int) -> dict[str, str]:
    """What the workers' environment adds to ours: the cores are shared out among them.

    How many there will be is not known (None) where accelerate counts them; it sees to the cores.
    """
    added = {} if gpus else {"ACCELERATE_USE_CPU": "true", **_kept_memory()}
    if num_processes is None:
        return added
    threads = os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // num_processes)
    return {**added, "OMP_NUM_THREADS": str(threads)}


def _kept_memory() -> dict[str, str]:
    """Makes glibc keep what is freed, in large pages: each pass takes the same again.

    Left alone it gives large tensors back to the kernel, which took a quarter of the time. Matrix
    products are compiled anew for every length of a pass; were a thousand of them kept, as they
    would be, they would take some 10 MB a pass and cut the heap into pieces.
    """
    ours = {"hugetlb": 1, "mmap_max": 0, "trim_threshold": 2**40, "top_pad": 2**26}
    theirs = os.environ.get("GLIBC_TUNABLES")  # of two values of one name the last counts
    tunables = [f"glibc.malloc.{name}={value}" for name, value in ours.items()]
    kept = {"GLIBC_TUNABLES": ":".join([*tunables, theirs] if theirs else tunables)}
    return kept | {name: os.environ.get(name) or str(_PRIMITIVES) for name in _PRIMITIVE_CACHES}


def count_gpus() -> int:
    """GPUs that the workers would see, without loading torch to ask it."""
    if version("torch").endswith("+cpu"):
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return sum(1 for path in Path("/dev").glob("nvidia*") if path.name[6:].isdigit())
    return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])


def run_workers(
    arguments: list[str], added: dict[str, str], listen: Callable[[Event], None]
) -> None:
    """Runs the launcher to its end and hands every event of its workers to `listen`.

    Ctrl-C and SIGTERM ask the workers to keep a checkpoint and end; a second one kills them, and so
    does one that comes before they have said anything. One that comes when they have ended well
    changes nothing.
    Raises the workers' error if they reported one; ModelError if one was killed, which is what the
    kernel does when memory runs out; and SormctlError if they died otherwise without a word (their
    traceback has gone to standard error).
    """
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **added},
    )
    heard: set[type[Event]] = set()
    try:
        with _asking_to_stop(process, heard) as signals:
            for event in _events(process.stdout or ()):
                heard.add(type(event))
                if isinstance(event, Failed):
                    raise _error(event)
                listen(event)
            code = process.wait()
    finally:
        _kill(process)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
    if signals and (Stopped in heard or code):
        raise KeyboardInterrupt if signals[0] == signal.SIGINT else SystemExit(128 + signals[0])
    if code:
        raise _death(code)


def _events(stream: Iterable[bytes]) -> Iterator[Event]:
    """Events among the lines of the workers; whatever else they print goes to standard error."""
    for line in stream:
        try:
            event: Event = msgspec.convert(json.loads(line), Event)
        except ValueError:
            sys.stderr.write(line.decode(errors="replace"))
        else:
            yield event


def _error(failed: Failed) -> SormctlError:
    kind: type[SormctlError] = getattr(errors, failed.type)
    return kind(failed.message)


def _death(code: int) -> SormctlError:
    """What the exit code of a launcher tells, as a shell would read it."""
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return ModelError(
            "a training process was killed by signal 9, probably by the kernel, out of memory; "
            + LESS_MEMORY
        )
    how = f"was ended by signal {number}" if number > 0 else f"ended with code {code}"
    return SormctlError(f"the training process {how}; see above")


@contextmanager
def _asking_to_stop(
    process: subprocess.Popen[bytes], heard: Collection[type[Event]]
) -> Iterator[list[int]]:
    """Collects the signals that come; see `run_workers`. `heard` are the events so far."""
    received: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1 or not heard:  # nobody listens yet: other machines are waited for, say
            _kill(process)
        elif process.stdin is not None and not process.stdin.closed:
            with suppress(OSError):  # it may just have ended
                os.write(process.stdin.fileno(), b"s")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the launcher, and the workers by closing their standard input."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
