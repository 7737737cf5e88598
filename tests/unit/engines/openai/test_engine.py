import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from resource import RLIM_INFINITY
from typing import Any

import pytest
from msgspec import structs

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.engines.openai.engine import OpenaiEngine, OpenaiOptions, create
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.pool import Pool
from sormctl.engines.openai.server import Limit, Server, pause
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import DeadEngineError, EngineError, TooLongError, UsageError
from sormctl.inference import open_generator
from sormctl.models import resolve_model
from sormctl.prompts import Prompt
from tests.unit.engines.openai.server import DROP, PAGE, Reply, Script, ok, refusal, serving

PROMPT = Prompt(text="Question: 1 + 1?\nAnswer:\n", steps=("So 1 + 1.",))
KEY = "sk-secret"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


class Naps:
    """Pauses that take no time, but let others run, and are remembered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def engine_of(
    *scripts: Script,
    naps: Naps | None = None,
    model: str = "m",
    verbose: bool = False,
    **options: object,
) -> AsyncIterator[OpenaiEngine]:
    given = OpenaiOptions(tuple(s.url for s in scripts), tokenizer="none", patience=30)
    settings = structs.replace(given, **options)
    engine = OpenaiEngine(model, settings, verbose=verbose, sleep=naps or Naps())
    async with engine:
        yield engine


async def test_a_completion_and_what_it_asks_for() -> None:
    params = Sampling(seeds=(3, 4), temperature=0.5, top_p=0.9, max_tokens=9, stop=("\n\n",))
    with serving() as script:
        async with engine_of(script) as engine:
            found = await engine.sample(PROMPT, params)
    assert found == [Completion("1 + 1 = 2\n#### 2", "stop", 7, 4, 2)] * 2
    assert sorted(asked.pop("seed") for asked in script.asked) == [3, 4]
    assert script.asked[0] == {
        "model": "m",
        "prompt": "Question: 1 + 1?\nAnswer:\nSo 1 + 1.\n",
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n\n"],
    }
    assert set(script.keys) == {f"Bearer {KEY}"}


async def test_a_run_of_seeds_is_one_request_to_vllm() -> None:
    def choice(index: int, *tokens: int) -> dict[str, object]:
        text = f"#### {index}"
        return {"index": index, "text": text, "finish_reason": "stop", "token_ids": tokens}

    status, answer, headers = ok()
    pair = (status, {**answer, "choices": [choice(1, 8), choice(0, 5, 6, 7)]}, headers)
    with serving(pair, ok(), models=[{"id": "m", "owned_by": "vllm"}]) as script:
        async with engine_of(script) as engine:
            found = await engine.sample(PROMPT, Sampling(seeds=(3, 4)))
            await engine.sample(PROMPT, Sampling(seeds=(9,)))
    assert [(asked["seed"], asked.get("n")) for asked in script.asked] == [(3, 2), (9, None)]
    assert [(c.text, c.generated_tokens) for c in found] == [("#### 0", 3), ("#### 1", 1)]


@pytest.mark.parametrize("more", [{}, {"token_ids": None}])
async def test_a_server_too_old_to_return_token_ids_is_told_so(more: dict[str, None]) -> None:
    status, answer, headers = ok()
    pair = [{**answer["choices"][0], "index": index, **more} for index in (0, 1)]
    old = (status, {**answer, "choices": pair}, headers)
    with serving(old, models=[{"id": "m", "owned_by": "vllm"}]) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError) as told:
                await engine.sample(PROMPT, Sampling(seeds=(3, 4)))
    assert script.asked[0]["return_token_ids"] is True
    assert str(told.value) == (
        f"{script.url}: the server returns no token ids, which several completions in one request "
        "need; it must be vLLM 0.10.2 or newer"
    )


async def test_log_probabilities_are_those_of_the_tokens() -> None:
    status, answer, headers = ok()
    choice = {**answer["choices"][0], "logprobs": {"token_logprobs": [-0.5, -1.25]}}
    with serving((status, {**answer, "choices": [choice]}, headers), ok()) as script:
        async with engine_of(script) as engine:
            (found,) = await engine.sample(PROMPT, Sampling(logprobs=True))
            with pytest.raises(EngineError, match="gives no log-probabilities"):
                await engine.sample(PROMPT, Sampling(logprobs=True))
    assert found.logprob == -1.75
    assert script.asked[0]["logprobs"] == 1


@pytest.mark.parametrize("params", [Sampling(temperature=0), Sampling(top_p=0)])
async def test_greedy_has_no_seed(params: Sampling) -> None:
    with serving() as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, params)
    assert script.asked[0]["temperature"] == 0
    assert not {"seed", "top_p"} & script.asked[0].keys()


async def test_no_seeds_ask_for_nothing() -> None:
    with serving() as script:
        async with engine_of(script) as engine:
            assert await engine.sample(PROMPT, Sampling(seeds=())) == []
    assert not script.asked


async def test_token_ids_and_the_room_that_the_server_tells() -> None:
    model = resolve_model("embedded:student")
    ids = prompt_ids(load_tokenizer(model), PROMPT)
    served = [{"id": "m", "max_model_len": len(ids) + 5}, {"id": "x", "root": model}]
    whole = ok(prompt_tokens=len(ids))
    with serving(whole, whole, models=served) as script:
        async with engine_of(script, model=model, tokenizer=None, served_model="m") as engine:
            await engine.sample(PROMPT, Sampling(max_tokens=300))
            with pytest.raises(TooLongError, match="leaves no room for an answer; m reads"):
                await engine.sample(replace(PROMPT, steps=("1",) * 9), Sampling())
        async with engine_of(script, model=model) as engine:
            await engine.sample(PROMPT, Sampling())
    assert script.asked[0]["prompt"] == ids
    assert script.asked[0]["max_tokens"] == 5
    assert script.asked[1]["model"] == "x"  # the name under which it serves our folder


TRANSIENT = {
    "overloaded": refusal(429),
    "unavailable": refusal(503),
    "failed": refusal(500),
    "behind a proxy": refusal(502),
    "failed to generate": refusal(424, "CUDA error"),
    "without room": refusal(498),
    "dropped": DROP,
    "a page": PAGE,
    "a stream": (200, b'data: {"choices": []}', {}),
    "a list": (200, [], {}),
    "shutting down": ok(finish="abort"),
    "an error in a good answer": (200, {"error": {"message": "upstream", "code": 502}}, {}),
    "busy": (200, {"code": 429, "msg": "busy, try later"}, {}),
    "loading": refusal(409, "Model is loading, please retry"),
    "no choices": (200, {"choices": []}, {}),
    "an error without a code": (200, {"error": "upstream"}, {}),
    "an error in a choice": (
        200,
        {"choices": [{"text": "1 +", "error": {"code": 502, "message": "upstream"}}]},
        {},
    ),
    "an error beside half a text": (
        200,
        {"choices": [{"text": "1 +"}], "error": {"code": 502, "message": "upstream"}},
        {},
    ),
    "a word beside half a text": (200, {"choices": [{"text": "1 +"}], "error": "upstream"}, {}),
    "no text": (200, {"choices": [{"text": None, "finish_reason": "stop"}]}, {}),
    "a choice that failed": ok("1 +", finish="error"),
    "a network that failed": ok("1 +", finish="network_error"),
    "a server without room": ok("1 +", finish="insufficient_system_resource"),
}


@pytest.mark.parametrize("reply", TRANSIENT.values(), ids=TRANSIENT.keys())
async def test_what_may_pass_is_tried_again(reply: Reply) -> None:
    with serving(reply, reply) as script:
        async with engine_of(script) as engine:
            assert len(await engine.sample(PROMPT, Sampling())) == 1
    assert len(script.asked) == 3


async def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    naps = Naps()
    with serving(refusal(429, Retry_After="7")) as script:
        async with engine_of(script, naps=naps) as engine:
            await engine.sample(PROMPT, Sampling())
    assert naps.seconds[0] >= 7


async def test_a_pause_beyond_patience_is_an_error() -> None:
    with serving(refusal(429, "quota", Retry_After="3600")) as script:
        async with engine_of(script) as engine:
            says = r"quota \(429\); it asks for a pause of 3600 s, beyond patience=30$"
            with pytest.raises(EngineError, match=says):
                await engine.sample(PROMPT, Sampling())


async def test_a_server_that_wants_a_pause_beyond_patience_leaves_its_requests_to_others() -> None:
    naps = Naps()
    with serving(*[refusal(429, Retry_After="3600")] * 9) as spent, serving() as living:
        async with engine_of(spent, living, naps=naps) as engine:
            found = await engine.sample(PROMPT, Sampling(seeds=tuple(range(9))))
    assert len(found) == 9
    assert max(naps.seconds) >= 3600


async def test_a_server_that_answers_with_pages_leaves_its_requests_to_others() -> None:
    with serving(*[PAGE] * 10_000) as broken, serving() as living:
        async with engine_of(broken, living, patience=0) as engine:
            assert len(await engine.sample(PROMPT, Sampling(seeds=tuple(range(60))))) == 60
    with serving(*[PAGE] * 9) as broken:
        async with engine_of(broken, patience=0) as engine:
            with pytest.raises(EngineError, match=rf"^{broken.url}: not an answer .* 5 tries$"):
                await engine.sample(PROMPT, Sampling())


async def test_a_page_in_the_place_of_the_list_of_models_is_a_server_that_is_down() -> None:
    with serving(listed=PAGE) as broken, serving() as living:
        async with engine_of(broken, living) as engine:
            assert len(await engine.sample(PROMPT, Sampling())) == 1
        with pytest.raises(EngineError, match=rf"no server answers: {broken.url}: not an answer"):
            async with engine_of(broken, patience=0):
                pass


@pytest.mark.parametrize("error", [None, "", {}, [], 0, False])
async def test_an_error_that_is_none_is_no_error(error: object) -> None:
    status, answer, headers = ok()
    with serving((status, {**answer, "error": error}, headers)) as script:
        async with engine_of(script) as engine:
            assert len(await engine.sample(PROMPT, Sampling())) == 1
    assert len(script.asked) == 1


async def test_what_is_no_answer_is_quoted() -> None:
    page: Reply = (200, b"<html>\n back soon" + b"!" * 999, {})
    with serving(*[page] * 9) as broken:
        async with engine_of(broken, patience=0) as engine:
            with pytest.raises(EngineError, match=r"\(200\): <html> back soon!+…; gave") as caught:
                await engine.sample(PROMPT, Sampling())
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(("finish", "lines"), [("stop", 0), ("weird", 0), (None, 1), ("", 1)])
async def test_where_nobody_knows_why_texts_end_it_is_said_once(
    finish: Any, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(*[ok(finish=finish)] * 2) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling(seeds=(1, 2)))
    assert capsys.readouterr().err.count("does not say why texts end") == lines


async def test_an_answer_that_never_has_a_choice_is_soon_said() -> None:
    with serving(*[(200, {"choices": []}, {})] * 9) as script:
        async with engine_of(script, patience=9999) as engine:
            with pytest.raises(EngineError, match=r"has no choices; gave up after 5 tries"):
                await engine.sample(PROMPT, Sampling())


async def test_an_error_that_stays_ends_the_run() -> None:
    with serving(*[refusal(500, "broken")] * 9) as script:
        async with engine_of(script, patience=0) as engine:
            with pytest.raises(EngineError, match=r"broken \(500\); gave up after 5 tries"):
                await engine.sample(PROMPT, Sampling())


REFUSALS = [
    (refusal(400, "maximum context length is 8 tokens"), TooLongError, "context length"),
    (refusal(400, "bad\nsampling"), EngineError, r"bad sampling \(400\)"),
    (refusal(404, f"no model for {KEY}"), EngineError, r"no model for \*\*\* \(404\)"),
    (refusal(401, f"wrong key {KEY}"), EngineError, "the key is refused"),
    ((200, {"choices": [{}]}, {}), EngineError, "not one of the completions API"),
    ((200, {"error": {"message": "bad sampling", "code": 400}}, {}), EngineError, "bad sampling"),
    ((200, {"error": {"message": "context length", "code": "400"}}, {}), TooLongError, "context"),
]


@pytest.mark.parametrize(("reply", "kind", "message"), REFUSALS)
async def test_what_will_not_pass_is_an_error_at_once(
    reply: Reply, kind: type[EngineError], message: str
) -> None:
    with serving(reply) as script:
        async with engine_of(script) as engine:
            with pytest.raises(kind, match=message) as caught:
                await engine.sample(PROMPT, Sampling())
    assert len(script.asked) == 1
    assert KEY not in str(caught.value)
    assert isinstance(caught.value, TooLongError) is (kind is TooLongError)


@pytest.mark.parametrize("path", ["/completions", "/chat/completions/", ""])
async def test_a_server_that_has_moved_is_told_of(path: str) -> None:
    with serving((307, {}, {"Location": f"https://me:pw@b/v1{path}"})) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match=r"moved to https://b/v1; give .*--base-url$"):
                await engine.sample(PROMPT, Sampling())


@pytest.mark.parametrize("tokens", [-1, 10**30])
async def test_counts_that_no_record_holds_are_refused(tokens: int) -> None:
    status, answer, headers = ok()
    wrong = {**answer, "usage": {**answer["usage"], "completion_tokens": tokens}}
    with serving((status, wrong, headers)) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match="not one of the completions API"):
                await engine.sample(PROMPT, Sampling())


async def test_half_a_letter_is_replaced() -> None:
    with serving(ok("1 \ud83d\n#### 2")) as script:
        async with engine_of(script) as engine:
            (found,) = await engine.sample(PROMPT, Sampling())
    assert found.text == "1 ?\n#### 2"


async def test_the_tokenizer_says_how_a_hosted_model_is_prompted(tmp_path: Path) -> None:
    shutil.copytree(resolve_model("embedded:student"), tmp_path / "chatty")
    (tmp_path / "chatty" / "sormctl.json").write_text('{"prompt": "chat"}')
    with serving() as script:
        for tokenizer, style in ((tmp_path / "chatty", "chat"), ("embedded:student", "plain")):
            arguments = [f"tokenizer={tokenizer}"]
            running = Running(engine="openai", engine_arg=arguments, base_url=[script.url])
            async with open_generator("llama3:8b", SamplingSettings(), running) as student:
                assert student.asking.style == style


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(refusal(401)) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match="the key is missing"):
                await engine.sample(PROMPT, Sampling())


async def test_a_key_that_cannot_be_sent_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nmore")
    with serving() as script, pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        async with engine_of(script):
            pass
    assert KEY not in str(caught.value)


async def test_requests_go_to_the_server_with_the_fewest() -> None:
    with ExitStack() as stack:
        scripts = [stack.enter_context(serving()) for _ in range(2)]
        async with engine_of(*scripts) as engine:
            await engine.sample(PROMPT, Sampling(seeds=tuple(range(40))))
    assert all(script.asked for script in scripts)


async def test_another_server_takes_over(capsys: pytest.CaptureFixture[str]) -> None:
    with ExitStack() as stack:
        dying, living = (stack.enter_context(serving()) for _ in range(2))
        async with engine_of(dying, living, verbose=True, concurrency=4) as engine:
            await engine.sample(PROMPT, Sampling(seeds=tuple(range(8))))
            before = len(dying.asked)
            dying.is_dead = True
            found = await engine.sample(PROMPT, Sampling(seeds=tuple(range(100))))
            assert len(found) == 100
            assert len(dying.asked) == before
            dying.is_dead = False
            while len(dying.asked) == before:  # until a probe has found it alive
                await engine.sample(PROMPT, Sampling(seeds=tuple(range(8))))
    told = capsys.readouterr().err
    assert f"{dying.url} is left out: no connection" in told
    assert f"{dying.url} is back" in told


async def test_servers_that_only_fail_leave_their_requests_to_one_that_works() -> None:
    """`patience=0` ends the run at the fifth failure of one request."""
    broken = [refusal(500, "broken")] * 10_000
    with ExitStack() as stack:
        replies = broken, broken, ()
        scripts = [stack.enter_context(serving(*some)) for some in replies]
        async with engine_of(*scripts, patience=0) as engine:
            found = await engine.sample(PROMPT, Sampling(seeds=tuple(range(60))))
    assert len(found) == 60
    assert all(script.asked for script in scripts)


async def test_a_server_that_answers_probes_alone_is_probed_less_and_less() -> None:
    server, naps = Server("http://a/v1", "a", 1), Naps()

    async def probe(server: Server) -> None:
        """It works."""

    async def send(server: Server) -> None:
        raise Fault("no connection", is_down=True)

    pool = Pool([server], probe, patience=0, uniform=lambda: 1.0, sleep=naps)
    with pytest.raises(EngineError, match="a: no connection; gave up after 5 tries"):
        await pool.run(send)
    await pool.close()
    assert naps.seconds == [0.5, 1.0, 2.0, 4.0]


async def test_a_server_that_answers_nothing_costs_patience_once() -> None:
    """A record that fails alone is one; the next that fails, with no answer between, is the end."""
    broken = refusal(500, "broken")
    with serving(*[broken] * 5, ok(), *[broken] * 999) as script:
        async with engine_of(script, patience=0) as engine:
            for again in (False, True):
                with pytest.raises(EngineError, match="gave up after 5 tries") as caught:
                    await engine.sample(PROMPT, Sampling())
                assert not isinstance(caught.value, DeadEngineError)
                if not again:
                    await engine.sample(PROMPT, Sampling())
            for _ in range(9):
                with pytest.raises(DeadEngineError, match="broken"):
                    await engine.sample(PROMPT, Sampling())
    assert len(script.asked) == 5 + 1 + 5 + 5


async def test_rollouts_of_one_record_that_fail_together_are_one_failure() -> None:
    server = Server("http://a/v1", "a", 8)

    async def probe(server: Server) -> None:
        """It works."""

    async def send(server: Server) -> None:
        raise Fault("broken")

    pool = Pool([server], probe, patience=0, sleep=Naps())
    found = await asyncio.gather(*(pool.run(send) for _ in range(8)), return_exceptions=True)
    assert {type(error) for error in found} == {EngineError}


async def test_a_server_that_has_too_much_to_do_for_good_costs_patience_once() -> None:
    with serving(*[refusal(429, "slow down")] * 999) as script:
        async with engine_of(script, patience=0) as engine:
            tasks = [engine.sample(PROMPT, Sampling()) for _ in range(20)]
            found = await asyncio.gather(*tasks, return_exceptions=True)
    kinds = [type(error) for error in found]
    assert (kinds.count(EngineError), kinds.count(DeadEngineError)) == (1, 19)


async def test_time_in_which_nobody_asks_spends_no_patience() -> None:
    with serving(ok(), refusal(429, "slow down")) as script:
        async with engine_of(script, patience=1) as engine:
            await engine.sample(PROMPT, Sampling())
            await asyncio.sleep(1.1)
            assert len(await engine.sample(PROMPT, Sampling())) == 1


async def test_what_is_refused_for_good_is_answered() -> None:
    """After a stretch of such records a server that is busy once still has its patience."""
    server = Server("http://a/v1", "a", 1)
    ends = [*[TooLongError("too long")] * 4, Fault("slow down", is_overload=True)]

    async def probe(server: Server) -> None:
        """It works."""

    async def send(server: Server) -> str:
        await asyncio.sleep(0.1)
        if ends:
            raise ends.pop(0)
        return "2"

    pool = Pool([server], probe, patience=0.3, sleep=Naps())
    found = await asyncio.gather(*(pool.run(send) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [*[TooLongError] * 4, str]
    assert server.falls == 0


async def test_no_money_is_the_end() -> None:
    spent = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    with serving(*[(429, spent, {})] * 9) as script:
        async with engine_of(script) as engine:
            with pytest.raises(DeadEngineError, match="You exceeded your quota"):
                await engine.sample(PROMPT, Sampling())
    assert len(script.asked) == 1


async def test_all_dead_names_the_servers() -> None:
    with serving() as script:
        async with engine_of(script, patience=0) as engine:
            script.is_dead = True
            with pytest.raises(EngineError, match=rf"no server answers: {script.url}: no conn"):
                await engine.sample(PROMPT, Sampling(seeds=(1, 2, 3)))
            with pytest.raises(EngineError, match="no server answers"):
                await engine.sample(PROMPT, Sampling())


async def test_a_server_that_is_dead_at_the_start_is_waited_for() -> None:
    with serving(is_dead=True) as dead, serving() as living:
        async with engine_of(dead, living) as engine:
            assert len(await engine.sample(PROMPT, Sampling(seeds=(1, 2)))) == 2
        with pytest.raises(EngineError, match="no server answers"):
            async with engine_of(dead, patience=0):
                pass


async def test_a_caller_that_is_cancelled_leaves_no_request() -> None:
    with serving() as script:
        async with engine_of(script, concurrency=1) as engine:
            tasks = [asyncio.create_task(engine.sample(PROMPT, Sampling())) for _ in range(5)]
            await asyncio.sleep(0)
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert [task.cancelled() for task in tasks] == [False, *[True] * 4]
            assert len(await engine.sample(PROMPT, Sampling(seeds=(1, 2)))) == 2
    assert len(script.asked) == 3


async def test_a_model_that_is_not_served_lists_those_that_are() -> None:
    with serving(models=[{"id": "a"}, {"id": "b"}]) as script:
        with pytest.raises(UsageError, match="served_model= one of a, b"):
            async with engine_of(script):
                pass
        async with engine_of(script, model="b") as engine:
            await engine.sample(PROMPT, Sampling())
    assert script.asked[0]["model"] == "b"


@pytest.mark.parametrize(
    ("hard", "raised", "capacity"), [(100, 100, 36), (300, 264, 200), (RLIM_INFINITY, 264, 200)]
)
async def test_a_shell_that_allows_few_open_files(
    monkeypatch: pytest.MonkeyPatch, hard: int, raised: int, capacity: int
) -> None:
    limits = [(80, hard)]
    monkeypatch.setattr("sormctl.engines.openai.http.getrlimit", lambda kind: limits[-1])
    monkeypatch.setattr(
        "sormctl.engines.openai.http.setrlimit", lambda kind, new: limits.append(new)
    )
    with serving() as first, serving() as second:
        async with engine_of(first, second, concurrency=100) as engine:
            assert engine.capacity == capacity
    assert limits[-1] == (raised, hard)


async def test_an_empty_prompt_is_refused() -> None:
    with serving() as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match="an empty prompt"):
                await engine.sample(Prompt(), Sampling())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs --base-url"),
        (("base_url=localhost:8000",), "must look like"),
        (("base_url=http://a/v1,http://me:pw@b:x/v1",), "--base-url http://b:x/v1: must look"),
        (("base_url=http://a/v1", "patience=long"), "patience=long: must be a whole number"),
        (("base_url=http://a/v1", "device=cpu"), "no argument of engine openai `device`"),
    ],
)
def test_bad_arguments_are_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create("m", Running(engine="openai", engine_arg=arguments))


def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sormctl.engines.openai.engine.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs httpx; pip install 'httpx"):
        create("m", Running(engine="openai", base_url=["http://a/v1"]))


def test_the_limit_halves_once_for_requests_sent_together_and_grows_by_one_a_round() -> None:
    limit = Limit(64)
    for _ in range(64):
        limit.refused(0)
    assert limit.value == 32
    for _ in range(33):
        limit.answered()
    assert limit.value == 33
    for age in range(1, 20):
        limit.refused(age)
    assert limit.value == 1
    for _ in range(64 * 64):
        limit.answered()
    assert limit.value == 64


def test_pauses_grow_with_full_jitter_to_a_bound() -> None:
    assert [pause(n, 1.0) for n in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert pause(1000, 1.0) == 30.0
    assert pause(3, 0.0) == 0.0
