"""What is made of a reward model's numbers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from math import nan

import pytest

from sormctl.adapters.registry import built_in
from sormctl.asking import default_asking
from sormctl.engines.base import Completion, Sampling
from sormctl.errors import ModelError, TooLongError
from sormctl.inference import Generator
from sormctl.judging import GenerativeJudge, Judge, locate_error
from sormctl.prompts import Prompt
from sormctl.verdicts import DEFAULT
from tests.asked import PLAIN
from tests.fakes import ScriptedEngine
from tests.invariance.families import byte_tokenizer
from tests.unit.examples import solution


def test_scores_that_are_no_numbers_end_the_run() -> None:
    class Broken(ScriptedEngine):
        async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
            return [0.5, nan]

    judge = Judge(Broken(lambda prompt, seed: ""), PLAIN)
    with pytest.raises(ModelError, match=r"scores are no numbers; .* dtype=float32"):
        asyncio.run(judge.score(solution()))


def test_solutions_without_steps_have_no_scores() -> None:
    judge = Judge(ScriptedEngine(lambda prompt, seed: ""), PLAIN)
    assert asyncio.run(judge.score(solution(steps=()))) == ()
    assert asyncio.run(judge.score(solution())) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("scores", "kind", "index"),
    [
        ((0.9, 0.4, 0.1), "local", 1),
        ((0.9, 0.5), "local", None),
        ((), "local", None),
        ((0.2, 0.9, 0.1), "value", 2),
        ((0.2,), "value", None),
        ((0.1, 0.1), "global", None),
    ],
)
def test_locating_errors(scores: tuple[float, ...], kind: str, index: int | None) -> None:
    assert locate_error(scores, kind, 0.5) == index


class Short(ScriptedEngine):
    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        raise TooLongError("a solution of 9 tokens")


def test_what_is_too_long_for_a_model_does_not_end_the_run() -> None:
    engine = Short(lambda prompt, seed: "")
    assert asyncio.run(Judge(engine, PLAIN).score(solution())) == (0.0, 0.0)
    judged = asyncio.run(Judge(engine, PLAIN, built_in()["sequence"]).judged(solution(), "rm"))
    assert judged.rewards == {"rm": None}


def test_an_outcome_model_reads_the_question_and_the_whole_text() -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    class Rewarding(ScriptedEngine):
        async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
            asked.append((prompt.text, steps))
            return [-12.5]

    judge = Judge(Rewarding(lambda prompt, seed: ""), PLAIN, built_in()["sequence"])
    known = solution(opening="So: ", separators=("\n\n", "\n"))
    judged = asyncio.run(judge.judged(known, "rm"))
    assert (judged.rewards, judged.scores) == ({"rm": -12.5}, known.scores)
    first, second = known.steps
    assert known.text == f"So: {first}\n\n{second}"
    assert asked == [(known.question, [known.text])]


def test_a_language_model_judges_by_its_verdicts() -> None:
    """Two verdicts of three can be read: one finds the second step wrong, one nothing."""
    said = ["<think>Step 1: incorrect</think>Step 1: correct\nStep 2: incorrect", "Hm.", ""]
    said[2] = "Step 1: correct\nStep 2: correct"
    engine = ScriptedEngine(lambda prompt, seed: said.pop(0))
    judge = GenerativeJudge(Generator(engine, "m", PLAIN), DEFAULT, 3)
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (1.0, 0.5)}


@pytest.mark.parametrize("finish", ["length", "repetition"])
def test_a_verdict_that_was_cut_off_does_not_count(finish: str) -> None:
    class Cut(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            return [replace(each, finish=finish) for each in await super().sample(prompt, params)]

    judge = GenerativeJudge(Generator(Cut(lambda *_: r"\boxed{2}"), "m", PLAIN), DEFAULT, 1)
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (0.5, 0.5)}


def test_an_open_thought_holds_no_verdict() -> None:
    engine = ScriptedEngine(lambda *_: r"<think>The solution ends with \boxed{2}")
    judge = GenerativeJudge(Generator(engine, "m", PLAIN), DEFAULT, 1)
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (0.5, 0.5)}


def test_nor_does_a_thought_that_the_prompt_has_opened() -> None:
    said = [r"Perhaps the first error is \boxed{2}", r"It may be \boxed{2}</think>\boxed{-1}"]
    engine = ScriptedEngine(lambda *_: said.pop(0))
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}<think>"
    generator = Generator(engine, "m", default_asking("chat"), tokenizer=tokenizer)
    judge = GenerativeJudge(generator, DEFAULT, 1)
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (0.5, 0.5)}
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (1.0, 1.0)}


def test_where_no_verdict_is_read_no_step_is_refused() -> None:
    engine = ScriptedEngine(lambda prompt, seed: "Hm.")
    judge = GenerativeJudge(Generator(engine, "m", PLAIN), DEFAULT, 2)
    assert asyncio.run(judge.judged(solution(), "judge")).scores == {"judge": (0.5, 0.5)}
    assert asyncio.run(judge.judged(solution(steps=()), "judge")).scores == {"judge": ()}
