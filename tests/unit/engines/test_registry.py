import subprocess
import sys

import pytest

from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from sormctl.errors import UsageError


def test_an_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="known: hf"):
        create_engine("model", Running(engine="gguf"))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("batchsize=3", "no argument of engine hf `batchsize`; did you mean `batch_size`"),
        ("batch_size=many", "batch_size=many: must be a whole number"),
        ("batch_size=0", "above 0"),
        ("max_length=-1", "above 0"),
        ("dtype=int8", "dtype=int8: must be one of auto, float32"),
    ],
)
def test_bad_engine_arguments_are_refused(argument: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create_engine("embedded:student", Running(engine_arg=[argument]))


def test_a_short_option_is_an_argument_of_its_name() -> None:
    with pytest.raises(UsageError, match="no argument of engine hf `tensor_parallel`"):
        create_engine("embedded:student", Running(tensor_parallel=2))


def test_a_missing_folder_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no model `\./nowhere`; give a folder, or a name of"):
        create_engine("./nowhere", Running())


def test_the_registry_loads_no_engine() -> None:
    code = "import sys, sormctl.engines.registry as r; assert r.ENGINES; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "transformers", "numpy"} & set(loaded)
