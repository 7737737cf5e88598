"""What a server does not take is found out, left out, and said once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from tokenizers.processors import TemplateProcessing

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids, prompt_text
from sormctl.engines.openai.refusals import RefusedError
from sormctl.errors import DeadEngineError, EngineError, ModelError, TooLongError, UsageError
from sormctl.models import resolve_model
from sormctl.prompts import Message, Prompt
from tests.unit.engines.openai.server import Reply, ok, refusal, said, serving
from tests.unit.engines.openai.test_engine import PROMPT, engine_of

ASKED = Prompt(messages=(Message("system", "Be brief."), Message("user", "1 + 1?")))
BEGUN = Prompt(messages=ASKED.messages, steps=("1 + 1",), separators=(" = ",))
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}]
Rule = Callable[[str, dict[str, Any]], Reply | None]
VLLM = [{"id": "m", "owned_by": "vllm"}]


def refusing(
    name: str, message: str, status: int = 400, **more: Any
) -> Callable[..., Reply | None]:
    """A server that refuses every request in which a parameter is."""

    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        told = {"error": {"message": message, **more}}
        return (status, told, {}) if name in body else None

    return rule


DROPPED = [
    (
        "seed",
        "Unrecognized request argument supplied: seed",
        "takes no `seed`: its samples are not",
    ),
    ("seed", "property 'seed' is unsupported", "takes no `seed`"),
    ("seed", "create_completion() got an unexpected keyword argument 'seed'", "takes no `seed`"),
    (
        "repetition_detection",
        "Unrecognized request argument supplied: repetition_detection",
        "ends no text that repeats itself: such rollouts go on to the limit",
    ),
    ("stop", "Invalid 'stop': array too long", "takes no `stop`: texts are cut here"),
    ("stop", "`stop`: Extra inputs are not permitted", "takes no `stop`"),
]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(("name", "message", "told"), DROPPED)
async def test_what_is_refused_is_left_out_from_then_on(
    name: str, message: str, told: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    params = Sampling(seeds=(3, 9), stop=("\n\n",), max_repeats=4)
    with serving(ok("2\n\n3"), rule=refusing(name, message, status)) as script:
        async with engine_of(script) as engine:
            found = await engine.sample(PROMPT, params)
            before = len(script.asked)
            await engine.sample(PROMPT, params)
    assert found[0].text in ("2", "1 + 1 = 2\n#### 2")
    assert all(name not in asked for asked in script.asked[before:])
    assert len(script.asked) == before + 2
    said_once = capsys.readouterr().err
    assert said_once.count("\n") == 1
    assert said_once.startswith(f"engine openai: {script.url} {told}")


async def test_a_parameter_may_be_named_apart_or_in_a_list() -> None:
    apart = refusing("seed", "Unsupported parameter", param="seed")
    listed: Reply = (
        422,
        {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
        {},
    )
    for rule in (apart, lambda path, body: listed if "seed" in body else None):
        with serving(rule=rule) as script:
            async with engine_of(script) as engine:
                assert len(await engine.sample(PROMPT, Sampling())) == 1


@pytest.mark.parametrize(
    ("owner", "is_short"), [("vllm", False), ("sglang", False), ("koboldcpp", True), ("", True)]
)
async def test_seeds_have_32_bits_but_where_a_server_is_known_to_take_more(
    owner: str, is_short: bool
) -> None:
    first = (5 << 40) + (1 << 31) - 3
    seeds = tuple(range(first, first + 6))
    with serving(
        rule=refusing("n", "n must be 1"), models=[{"id": "m", "owned_by": owner}]
    ) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling(seeds=seeds))
    asked = {body["seed"] for body in script.asked if "n" not in body}
    assert len(asked) == len(seeds)
    assert all(0 < seed < 1 << 31 for seed in asked) is is_short
    assert (asked == set(seeds)) is not is_short


async def test_what_must_not_be_left_out_is_an_error() -> None:
    for name, params in (
        ("top_p", Sampling(top_p=0.5)),
        ("temperature", Sampling()),
        ("max_tokens", Sampling()),
        ("logprobs", Sampling(logprobs=True)),
    ):
        with serving(rule=refusing(name, f"Unsupported parameter: '{name}'")) as script:
            async with engine_of(script) as engine:
                with pytest.raises(EngineError, match=f"Unsupported parameter: '{name}'"):
                    await engine.sample(PROMPT, params)
        assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (402, "Insufficient credits"),
        (404, "The model `m` does not exist."),
        (405, "no .405.; if it takes chats alone, give --engine-arg api=chat"),
    ],
)
async def test_what_every_record_would_meet_is_the_engines_end(status: int, message: str) -> None:
    with serving(rule=lambda path, body: refusal(status, message.partition(" .")[0])) as script:
        async with engine_of(script) as engine:
            with pytest.raises(DeadEngineError, match=message):
                await engine.sample(PROMPT, Sampling())
    assert len(script.asked) == 1


async def test_a_message_that_quotes_the_prompt_costs_no_parameter() -> None:
    said_so = refusing("prompt", "the text 'n seeds, then stop' was lost")
    with serving(rule=said_so) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match="was lost"):
                await engine.sample(PROMPT, Sampling(stop=("x",)))
    assert len(script.asked) == 1


ALL_TOKENS = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}


@pytest.mark.parametrize(
    ("owner", "more"),
    [
        ("vllm", ALL_TOKENS),
        ("sglang", ALL_TOKENS),
        ("llamacpp", {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}),
        ("me", {}),
    ],
)
async def test_samples_are_drawn_from_all_tokens_whatever_a_server_does_by_itself(
    owner: str, more: dict[str, Any]
) -> None:
    with serving(models=[{"id": "m", "owned_by": owner}]) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling())
            await engine.sample(PROMPT, Sampling(temperature=0))
    drawn, greedy = script.asked
    others = {"model", "prompt", "max_tokens", "temperature"}
    assert {k: v for k, v in drawn.items() if k not in others | {"seed"}} == {"top_p": 1.0, **more}
    penalty = {name: value for name, value in more.items() if "penalty" in name}
    assert {k: v for k, v in greedy.items() if k not in others} == penalty


@pytest.mark.parametrize(
    ("owner", "name", "message", "told"),
    [
        ("me", "temperature", "`temperature` is deprecated", "takes no `temperature` of 1"),
        ("me", "top_p", "`top_p` must be > 0.0 and < 1.0", "takes no `top_p` of 1"),
        ("vllm", "top_k", "Unrecognized argument: top_k", "takes no `top_k` of -1"),
        ("llamacpp", "min_p", "`min_p`: Extra inputs are not permitted", "takes no `min_p` of 0"),
    ],
)
async def test_what_changes_nothing_may_be_refused(
    owner: str, name: str, message: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [{"id": "m", "owned_by": owner}]
    with serving(models=models, rule=refusing(name, message, 422)) as script:
        async with engine_of(script) as engine:
            for _ in range(2):
                await engine.sample(PROMPT, Sampling(temperature=1))
    assert [name in asked for asked in script.asked] == [True, False, False]
    assert capsys.readouterr().err.count(told) == 1


async def test_without_n_each_completion_is_a_request() -> None:
    for message in ("n must be 1", "Unsupported parameter(s): `return_token_ids`"):
        with serving(models=VLLM, rule=refusing("n", message)) as script:
            async with engine_of(script) as engine:
                found = await engine.sample(PROMPT, Sampling(seeds=(3, 4, 5)))
                await engine.sample(PROMPT, Sampling(seeds=(6, 7)))
        assert len(found) == 3
        assert [asked.get("n", 1) for asked in script.asked] == [3, 1, 1, 1, 1, 1]
        assert sorted(asked["seed"] for asked in script.asked[1:]) == [3, 4, 5, 6, 7]


async def test_the_limit_may_have_another_name() -> None:
    message = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    with serving(rule=refusing("max_tokens", message)) as script:
        async with engine_of(script, api="chat") as engine:
            await engine.sample(ASKED, Sampling(max_tokens=7))
    assert script.asked[1]["max_completion_tokens"] == 7


async def test_a_record_that_the_content_filter_refuses_is_marked() -> None:
    error = {"message": "The response was filtered", "code": "content_filter"}
    coded: Reply = (400, {"error": error}, {})
    told = "rejected by the content filter"
    for reply in (refusal(400, told), coded, refusal(403, "Your input was flagged")):
        with serving(reply) as script:
            async with engine_of(script) as engine:
                found = await engine.sample(PROMPT, Sampling())
        assert found == [Completion("", "content_filter", 0, 0, 0)]


# ── the list of models ───────────────────────────────────────────────────────────────────────────

LISTS: list[Reply] = [
    (200, [{"id": "m"}], {}),
    (200, {"models": [{"id": "m"}, {"name": "n"}]}, {}),
    (200, {"data": ["m", "n"]}, {}),
    (200, {"object": "list"}, {}),
    (200, {"data": None}, {}),
    (200, None, {}),
    *[(status, {"detail": "no"}, {}) for status in (400, 403, 404, 405, 500, 501)],
]


@pytest.mark.parametrize("listed", LISTS)
async def test_lists_of_models_in_all_shapes(listed: Reply) -> None:
    with serving(listed=listed) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling())
    assert script.asked[0]["model"] == "m"


# ── text in the place of token ids ───────────────────────────────────────────────────────────────

NO_IDS = [
    "json: cannot unmarshal array into Go struct field CompletionRequest.prompt of type string",
    "Failed to deserialize: prompt: data did not match any variant of untagged enum Prompt",
    "invalid type: sequence, expected a string at line 1 column 12",
    "'prompt' must be a string",
    "`prompt`: Input should be a valid string",
    "Token ids are not supported",
    "TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]",
    "Unmapped prompt format. Your prompt is neither a list of strings nor a string. prompt=[1]",
]


async def test_where_ids_are_refused_the_text_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        return refusal(500, NO_IDS[0]) if isinstance(body["prompt"], list) else ok(prompt_tokens=16)

    with serving(rule=rule) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            await engine.sample(PROMPT, Sampling())
            await engine.sample(PROMPT, Sampling())
    texts = [asked["prompt"] for asked in script.asked]
    assert texts[1:] == ["Question: 1 + 1?\nAnswer:\nSo 1 + 1.\n"] * 2
    assert capsys.readouterr().err.count("takes no token ids: prompts are sent as text") == 1


@pytest.mark.parametrize("nothing", [{"choices": None}, {"object": "text_completion"}])
async def test_where_ids_are_answered_by_nothing_the_text_is_sent(
    nothing: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        return (200, nothing, {}) if isinstance(body["prompt"], list) else ok(prompt_tokens=16)

    with serving(rule=rule) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            await engine.sample(PROMPT, Sampling(seeds=(1, 2, 3)))
    assert script.asked[-1]["prompt"] == "Question: 1 + 1?\nAnswer:\nSo 1 + 1.\n"
    assert capsys.readouterr().err.count("answers nothing to token ids") == 1
    with serving((200, {**nothing, "note": "busy"}, {})) as script:
        async with engine_of(script) as engine:
            with pytest.raises(EngineError, match=rf"^{script.url}: an answer without .*busy"):
                await engine.sample(PROMPT, Sampling())


@pytest.mark.parametrize(
    ("name", "message", "advice"),
    [
        ("temperature", "'temperature' does not support 0.7 with this model.", "--temperature 1"),
        (
            "max_tokens",
            "Requests with max_tokens > 4096 must have stream=true",
            "--max-tokens 4096",
        ),
        ("prompt", "completions api is only available when using beta api", "beta api"),
    ],
)
async def test_what_would_help_is_said(name: str, message: str, advice: str) -> None:
    with serving(rule=refusing(name, message)) as script:
        async with engine_of(script) as engine:
            with pytest.raises(DeadEngineError, match=advice):
                await engine.sample(PROMPT, Sampling())
    assert len(script.asked) == 1


@pytest.mark.parametrize("message", NO_IDS)
def test_who_takes_text_alone(message: str) -> None:
    assert RefusedError(message, status=422, says=message).wants_text


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The student with a chat template that begins as a tokenizer would by itself."""
    folder: Path = tmp_path_factory.mktemp("chatty")
    shutil.copytree(resolve_model("embedded:student"), folder, dirs_exist_ok=True)
    settings = folder / "tokenizer_config.json"
    template = (
        "{{ bos_token or '' }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    settings.write_bytes(
        json.encode({**json.decode(settings.read_bytes()), "chat_template": template})
    )
    return str(folder)


def test_the_text_of_a_prompt_has_the_tokens_of_its_ids(chatty: str) -> None:
    """Also where the tokenizer begins by itself, as the server's does with a text."""
    for adds in (False, True):
        tokenizer = load_tokenizer(chatty)
        if adds:
            tokenizer.add_special_tokens({"bos_token": "<eos>"})
            begin = [("<eos>", tokenizer.bos_token_id)]
            tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
                single="<eos> $A", special_tokens=begin
            )
        for prompt in (Prompt(text="1 + 1 =", steps=("2",)), BEGUN):
            ids = prompt_ids(tokenizer, prompt)
            assert tokenizer(prompt_text(tokenizer, prompt))["input_ids"] == ids
            assert (ids[0] == tokenizer.eos_token_id) is adds


# ── chats ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_chat_without_a_tokenizer_is_sent_as_messages() -> None:
    with serving(said("1 + 1 = 2", reasoning="easy")) as script:
        async with engine_of(script) as engine:
            (found,) = await engine.sample(ASKED, Sampling(seeds=(3,), logprobs=False))
    assert found == Completion("<think>easy</think>1 + 1 = 2", "stop", 7, 4, 2)
    assert script.paths == ["/v1/chat/completions"]
    assert script.asked[0] == {
        "model": "m",
        "messages": TURNS,
        "max_tokens": 300,
        "temperature": 0.7,
        "top_p": 1.0,
        "seed": 3,
    }


async def test_a_plain_prompt_is_a_turn_where_the_user_wants_chats() -> None:
    with serving(said("2")) as script:
        async with engine_of(script, api="chat") as engine:
            await engine.sample(Prompt(text="1 + 1?"), Sampling(logprobs=False))
            with pytest.raises(EngineError, match="an empty prompt"):
                await engine.sample(Prompt(), Sampling())
    assert script.asked[0]["messages"] == [{"role": "user", "content": "1 + 1?"}]


@pytest.mark.parametrize(
    ("status", "message", "wants"),
    [
        (404, "This is a chat model and not supported in the v1/completions endpoint.", True),
        (404, "Not Found", True),
        (405, "Method Not Allowed", True),
        (400, "use the chat/completions endpoint", True),
        (404, "The model `m` does not exist.", False),
        (404, "model 'm' not found, try pulling it first", False),
        (404, "No endpoints found for meta/llama.", False),
        (400, "bad sampling", False),
    ],
)
def test_who_takes_chats_alone(status: int, message: str, wants: bool) -> None:
    assert RefusedError(message, status=status, says=message).wants_chat is wants


async def test_where_there_are_no_completions_chats_are_sent(
    chatty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        return refusal(404) if path == "/v1/completions" else said("2")

    with serving(rule=rule) as script:
        async with engine_of(script, tokenizer=chatty) as engine:
            assert (await engine.sample(ASKED, Sampling()))[0].text == "2"
            await engine.sample(ASKED, Sampling())
    assert script.paths == ["/v1/completions", *["/v1/chat/completions"] * 2]
    assert script.asked[-1]["messages"] == TURNS
    assert capsys.readouterr().err.count("takes chats alone") == 1


async def test_completions_are_not_given_up_where_the_user_wants_them(chatty: str) -> None:
    with serving(rule=lambda path, body: refusal(404, "Not Found")) as script:
        async with engine_of(script, tokenizer=chatty, api="completions") as engine:
            with pytest.raises(EngineError, match="Not Found"):
                await engine.sample(ASKED, Sampling())
        async with engine_of(script, api="completions") as engine:
            with pytest.raises(
                ModelError, match="writes no chat prompt; use --prompt plain or api=chat"
            ):
                await engine.sample(ASKED, Sampling())
    assert script.paths == ["/v1/completions"]


@pytest.mark.parametrize(
    ("owner", "prefill", "more", "mark"),
    [
        ("vllm", None, {"continue_final_message": True, "add_generation_prompt": False}, {}),
        ("sglang", None, {"continue_final_message": True, "separate_reasoning": False}, {}),
        ("llamacpp", None, {"continue_final_message": True, "add_generation_prompt": False}, {}),
        ("me", "flags", {"continue_final_message": True, "add_generation_prompt": False}, {}),
        ("me", "prefix", {}, {"prefix": True}),
        ("me", "last", {}, {}),
    ],
)
async def test_a_solution_is_continued_where_the_server_can(
    owner: str, prefill: str | None, more: dict[str, Any], mark: dict[str, Any]
) -> None:
    models = [{"id": "m", "owned_by": owner}]
    with serving(said("1 + 1 = 2"), models=models) as script:
        async with engine_of(script, prefill=prefill) as engine:
            (found,) = await engine.sample(BEGUN, Sampling())
    assert found.text == " 2"  # some servers give back what was begun
    assert script.asked[0]["messages"] == [
        *TURNS,
        {"role": "assistant", "content": "1 + 1 =", **mark},
    ]
    assert more.items() <= script.asked[0].items()


async def test_a_solution_is_not_continued_where_nobody_knows_how() -> None:
    with serving(said("2")) as script:
        async with engine_of(script) as engine:
            with pytest.raises(UsageError, match=r"--engine-arg prefill= one of flags, prefix"):
                await engine.sample(BEGUN, Sampling())
    assert not script.asked


async def test_a_prefix_may_not_end_with_white_space(capsys: pytest.CaptureFixture[str]) -> None:
    """Claude's API refuses it, and writes the line end itself."""

    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        if body["messages"][-1]["content"][-1].isspace():
            return refusal(400, "final assistant content cannot end with trailing whitespace")
        return said("\n#### 2")

    begun = Prompt(messages=ASKED.messages, steps=("1 + 1 = 2",))
    with serving(rule=rule) as script:
        async with engine_of(script, prefill="last") as engine:
            for _ in range(2):
                (found,) = await engine.sample(begun, Sampling())
                assert found.text == "#### 2"
    sent = [asked["messages"][-1]["content"] for asked in script.asked]
    assert sent == ["1 + 1 = 2\n", "1 + 1 = 2", "1 + 1 = 2"]
    assert capsys.readouterr().err.count("continues no white space") == 1
    with serving(rule=lambda path, body: refusal(400, "no trailing whitespace")) as script:
        async with engine_of(script, prefill="last") as engine:
            with pytest.raises(EngineError, match="no trailing whitespace"):
                await engine.sample(begun, Sampling())
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "message",
    [
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message.",
        "The last message of m must be a user message, or an assistant message with prefix mode on",
    ],
)
async def test_who_continues_nothing_is_asked_for_it_once(message: str) -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        return refusal(400, message) if body["messages"][-1]["role"] == "assistant" else said("2")

    with serving(rule=rule) as script:
        async with engine_of(script, prefill="last") as engine:
            await engine.sample(ASKED, Sampling())
            with pytest.raises(DeadEngineError, match="try another --engine-arg prefill="):
                await engine.sample(BEGUN, Sampling())
    assert len(script.asked) == 2


async def test_log_probabilities_of_a_chat() -> None:
    status, answer, headers = said("2")
    choice = {**answer["choices"][0], "logprobs": {"content": [{"token": "2", "logprob": -0.5}]}}
    with serving((status, {**answer, "choices": [choice]}, headers)) as script:
        async with engine_of(script) as engine:
            (found,) = await engine.sample(ASKED, Sampling(logprobs=True))
    assert found.logprob == -0.5
    assert script.asked[0]["logprobs"] is True


async def test_log_probabilities_of_so_many_tokens() -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        if isinstance(body["logprobs"], bool):
            return refusal(400, "logprobs: expected integer, received boolean")
        status, answer, headers = said("2")
        choice = {**answer["choices"][0], "logprobs": {"token_logprobs": [-0.5]}}
        return status, {**answer, "choices": [choice]}, headers

    with serving(rule=rule) as script:
        async with engine_of(script) as engine:
            for _ in range(2):
                (found,) = await engine.sample(ASKED, Sampling(logprobs=True))
                assert found.logprob == -0.5
    assert [asked["logprobs"] for asked in script.asked] == [True, 1, 1]


# ── scores ───────────────────────────────────────────────────────────────────────────────────────


def pooling(path: str, body: dict[str, Any]) -> Reply | None:
    """A server of a reward model: the further on, the better."""
    length = len(body["input"])
    rows = [[1 - i / length, i / length] for i in range(length)]
    return 200, {"data": [{"index": 0, "object": "pooling", "data": rows}]}, {}


async def test_a_reward_model_is_asked_for_the_classes_of_all_tokens() -> None:
    tokenizer = load_tokenizer(resolve_model("embedded:student"))
    prompt = Prompt(text="Question: 1 + 1?\nAnswer:\n")
    ids = prompt_ids(tokenizer, Prompt(text=prompt.text, steps=("1 + 1 = 2", "2")))
    first = len(prompt_ids(tokenizer, Prompt(text=prompt.text, steps=("1 + 1 = 2",))))
    models = [{"id": "m", "owned_by": "vllm", "max_model_len": len(ids)}]
    with serving(rule=pooling, models=models) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            scores = await engine.score(prompt, ["1 + 1 = 2", "2"])
            assert await engine.score(prompt, []) == []
            with pytest.raises(TooLongError, match="a solution of"):
                await engine.score(prompt, ["1 + 1 = 2", "2", "2"])
    assert scores == pytest.approx([(first - 1) / len(ids), (len(ids) - 1) / len(ids)])
    assert script.paths == ["/pooling"]
    assert script.asked == [{"model": "m", "input": ids, "task": "token_classify"}]


async def test_what_does_not_score_says_so() -> None:
    with serving(rule=lambda path, body: refusal(404, "Not Found")) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            with pytest.raises(ModelError, match=r"m does not score there: .* vLLM server"):
                await engine.score(PROMPT, ["2"])
        async with engine_of(script) as engine:
            with pytest.raises(ModelError, match="tokenizer; drop tokenizer=none"):
                await engine.score(PROMPT, ["2"])
