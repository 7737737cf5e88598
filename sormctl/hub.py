"""What a command has made, on the Hugging Face hub: models, and records as data sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sormctl.errors import OutputError, first_line
from sormctl.models import SETTINGS_FILE, public_name, read_settings
from sormctl.streams.manifest import manifest_path

_PATHS = ("output", "held_out")  # of this machine, in the settings of a training


def prepare(name: str, is_model: bool) -> None:
    """Makes the repository, private if it is new; OutputError where the user may not.

    Before the work, so that none is lost, and behind all that is checked on this machine: a slip
    in the command line leaves no empty repository.
    """
    with _told(name):
        _api().create_repo(name, repo_type=_kind(is_model), private=True, exist_ok=True)


def push(output: Path, name: str) -> str:
    """Uploads a folder's files, or a file of records with its manifest; says where they are."""
    is_model = (output / SETTINGS_FILE).is_file()
    prepare(name, is_model)  # there may have been no work
    with _told(name, f"; {output} is whole"):
        commit = _api().create_commit(
            repo_id=name,
            repo_type=_kind(is_model),
            operations=[*_uploads(output)],
            commit_message=f"sormctl: {output.name}",
        )
    return f"pushed to {commit.repo_url}"


def _uploads(output: Path) -> Iterator[Any]:
    from huggingface_hub import CommitOperationAdd

    paths = sorted(output.iterdir()) if output.is_dir() else [output, manifest_path(output)]
    for path in filter(Path.is_file, paths):
        given = _without_paths(output) if path.name == SETTINGS_FILE else path
        yield CommitOperationAdd(path.name, given)


def _without_paths(folder: Path) -> bytes:
    """The settings of a model without paths of this machine."""
    settings = read_settings(folder)
    training = settings.get("training")
    if isinstance(training, dict):
        kept = {name: value for name, value in training.items() if name not in _PATHS}
        settings["training"] = {**kept, "model": public_name(str(training.get("model")))}
    return json.dumps(settings, indent=2).encode()


def _kind(is_model: bool) -> str:
    return "model" if is_model else "dataset"


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(library_name="sormctl")


@contextmanager
def _told(name: str, what_remains: str = "") -> Iterator[None]:
    """Tells in one line what the hub, or the way to it, has refused."""
    try:
        yield
    except Exception as error:  # httpx's, huggingface_hub's, ValueError for a name
        raise OutputError(f"--push {name}: {first_line(error)}{what_remains}") from error
