import pytest

from sormctl.engines.arguments import parse_arguments, read_options
from sormctl.engines.hf.engine import HfOptions
from sormctl.engines.openai.engine import OpenaiOptions
from sormctl.engines.ray import RayOptions
from sormctl.engines.running import Running
from sormctl.engines.vllm.start import VllmOptions
from sormctl.errors import UsageError


def test_arguments_are_read_as_typed() -> None:
    assert parse_arguments(["dtype=bfloat16", "a=b=c"]) == {"dtype": "bfloat16", "a": "b=c"}


@pytest.mark.parametrize("pair", ["dtype", "=x", "dtype="])
def test_a_malformed_argument_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        parse_arguments([pair])


def test_values_are_read_as_what_they_are() -> None:
    running = Running(engine_arg=["batch_size=8", "dtype=bfloat16"])
    assert read_options(HfOptions, running) == HfOptions(dtype="bfloat16", batch_size=8)


def test_servers_are_listed_or_repeated() -> None:
    urls = ("http://a/v1", "http://b/v1")
    listed = Running(engine="openai", engine_arg=["base_url=http://a/v1,http://b/v1"])
    repeated = Running(engine="openai", engine_arg=["base_url=http://c/v1"], base_url=[*urls])
    assert read_options(OpenaiOptions, listed) == OpenaiOptions(base_url=urls)
    assert read_options(OpenaiOptions, repeated) == OpenaiOptions(base_url=urls)


def test_each_header_is_one_of_several() -> None:
    given = ["header=A:1,2", "api=chat", "header=B:x=y"]
    options = read_options(OpenaiOptions, Running(engine="openai", engine_arg=given))
    assert options == OpenaiOptions(api="chat", header=("A:1,2", "B:x=y"))


@pytest.mark.parametrize(
    "pair", ["header:SECRET", "header:X:SECRET==", "header", "header=", "headerSECRET"]
)
def test_a_header_that_is_none_is_not_quoted(pair: str) -> None:
    with pytest.raises(UsageError, match="--engine-arg header…: must be NAME=VALUE") as caught:
        parse_arguments([pair])
    assert "SECRET" not in str(caught.value)


def test_an_engine_that_hands_arguments_on_keeps_them_as_typed() -> None:
    running = Running(engine="vllm", engine_arg=["max_num_seqs=8", "others=x"], tensor_parallel=2)
    others = {"max_num_seqs": "8", "others": "x"}
    assert read_options(VllmOptions, running) == VllmOptions(tensor_parallel=2, others=others)
    with pytest.raises(UsageError, match="no argument of engine vllm `replicas`; known: "):
        read_options(VllmOptions, Running(engine="vllm", replicas=2))


def test_a_replica_gets_what_is_not_rays() -> None:
    given = Running(engine="ray", engine_arg=["inner=hf", "wait=9", "batch_size=4"], replicas=3)
    options = read_options(RayOptions, given)
    assert (options.replicas, options.wait, options.cpus) == (3, 9, 1)
    assert options.running(verbose=True) == Running(engine_arg=["batch_size=4"], verbose=True)
    with pytest.raises(UsageError, match="inner=gguf: must be hf or vllm"):
        read_options(RayOptions, Running(engine="ray", engine_arg=["inner=gguf"]))
