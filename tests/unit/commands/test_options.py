"""What options decide by themselves."""

from dataclasses import replace

import pytest

from sormctl.engines.running import Running

GIVEN = ["dtype=float32", "gpu_memory_utilization=0.3"]


@pytest.mark.parametrize(
    ("running", "arguments"),
    [
        (Running(engine="vllm"), ["gpu_memory_utilization=0.45"]),
        (Running(engine="vllm", engine_arg=GIVEN[:1]), [*GIVEN[:1], "gpu_memory_utilization=0.45"]),
        (Running(engine="vllm", engine_arg=GIVEN), GIVEN),
        (Running(engine="hf"), None),
    ],
)
def test_two_models_have_room_on_one_gpu(running: Running, arguments: list[str] | None) -> None:
    assert running.of_two() == replace(running, engine_arg=arguments)
    assert running.identity()["engine_arg"] == running.engine_arg
