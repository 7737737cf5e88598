"""Whatever a server says, it is an answer, or one error of ours in one line."""

from __future__ import annotations

from math import isnan
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.openai.answers import completions
from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.dialect import Dialect
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.refusals import RefusedError, error_in, refusal
from sormctl.engines.openai.scores import step_scores
from sormctl.errors import EngineError, ModelError
from sormctl.records import MAX_COUNT

NUMBERS = st.none() | st.booleans() | st.integers() | st.floats()
LEAVES = NUMBERS | st.text(max_size=9)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these fields, or anything else."""
    return st.fixed_dictionaries({}, optional=fields) | ANYTHING


TOKEN = shaped(token=LEAVES, logprob=NUMBERS)
CHOICE = shaped(
    text=LEAVES,
    index=NUMBERS,
    finish_reason=LEAVES,
    token_ids=ANYTHING,
    logprobs=shaped(token_logprobs=st.lists(NUMBERS), tokens=ANYTHING, content=st.lists(TOKEN)),
    message=shaped(
        content=st.lists(shaped(type=LEAVES, text=LEAVES, thinking=ANYTHING)) | LEAVES,
        reasoning=LEAVES,
        reasoning_content=ANYTHING,
        refusal=LEAVES,
    ),
)
USAGE = shaped(prompt_tokens=NUMBERS, completion_tokens=NUMBERS, prompt_tokens_details=ANYTHING)
ANSWER = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(CHOICE, max_size=2) | ANYTHING, "usage": USAGE}
)


@given(ANSWER, st.booleans(), st.integers(1, 2))
def test_an_answer_is_read_or_refused(answer: dict[str, Any], logprobs: bool, n: int) -> None:
    sent = {"prompt": [1, 2], "n": n}
    try:
        found = completions(answer, sent, Sampling(logprobs=logprobs, stop=("a",)), 9)
    except (EngineError, Fault) as error:
        assert len(str(error).splitlines()) == 1
        return
    assert len(found) == n
    for completion in found:
        assert isinstance(completion, Completion)
        assert completion.finish
        assert completion.text == completion.text.encode().decode()
        assert 0 <= completion.prompt_tokens <= MAX_COUNT
        assert completion.logprob is None or abs(completion.logprob) < float("inf")


@given(shaped(data=st.lists(shaped(data=st.lists(st.lists(NUMBERS) | NUMBERS)))))
def test_scores_are_probabilities_or_refused(answer: Any) -> None:
    try:
        scores = step_scores(answer, 2, [0, 1], "s", "m")
    except (EngineError, ModelError):
        return
    assert all(isnan(score) or 0 <= score <= 1 for score in scores)


BODY = shaped(
    error=shaped(message=ANYTHING, code=ANYTHING, param=ANYTHING, type=ANYTHING) | LEAVES,
    detail=st.lists(shaped(loc=ANYTHING, msg=ANYTHING)) | ANYTHING,
    message=ANYTHING,
    object=st.just("error"),
)


@given(BODY, st.integers(400, 599))
def test_a_refusal_has_one_meaning(body: Any, status: int) -> None:
    error = refusal(status, body, "host", Credentials())
    assert isinstance(error, EngineError | Fault)
    assert len(str(error).splitlines()) <= 1
    assert len(str(error)) < 400
    if isinstance(error, RefusedError):
        sent = {"prompt": [1], "max_tokens": 3, "seed": 1, "n": 2, "stop": ["a"], "top_p": 1}
        dialect = Dialect()
        before = dialect.written(sent)
        learned = dialect.learn(error, sent, has_turns=True)
        changed = dialect.written(sent) != before or dialect.is_chat or not dialect.takes_ids
        assert changed is (learned is not None)  # else it would be asked again for ever


@given(BODY)
def test_an_error_in_an_answer_has_a_status_of_one(body: Any) -> None:
    if isinstance(body, dict) and (found := error_in(body)) is not None:
        assert 400 <= found[0] < 600
