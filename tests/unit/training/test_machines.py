"""What is read of a configuration of accelerate."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.errors import UsageError
from sormctl.training.machines import machine_rank


@pytest.mark.parametrize(
    ("text", "rank"), [("num_processes: 2\n", 0), ("machine_rank: 1\nnum_machines: 2\n", 1)]
)
def test_which_machine_this_is(tmp_path: Path, text: str, rank: int) -> None:
    path = tmp_path / "accelerate.yaml"
    path.write_text(text)
    assert machine_rank(path) == rank


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read: while parsing"),
        ("", "no settings; see `accelerate config`"),
        ("distributed_type: DEEPSPEED\n", "DeepSpeed is not supported; FSDP shards, too"),
        ("machine_rank: first\n", "machine_rank must be a number from 0 up"),
    ],
)
def test_what_it_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "accelerate.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        machine_rank(path)
    assert "\n" not in str(caught.value)
