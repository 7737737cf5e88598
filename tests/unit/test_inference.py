import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from sormctl.asking import default_asking
from sormctl.engines.base import Completion, Sampling
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import EngineError, TooLongError
from sormctl.inference import Generator, model_identity, refine_solution, sample_solutions
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Exact, Exhaustive, Strategy
from sormctl.prompts import Prompt
from sormctl.records import Problem, Rollouts, Solution
from sormctl.seeds import derive_seed
from sormctl.tasks.answers import NUMERIC
from sormctl.tasks.registry import get_task
from tests.asked import PLAIN
from tests.fakes import ScriptedEngine
from tests.invariance.families import byte_tokenizer
from tests.unit.examples import PROBLEM, wrong

Script = Callable[[Prompt, int], str]


def generator(script: Script, *, logprobs: bool = False, **settings: Any) -> Generator:
    sampling = SamplingSettings(**settings)
    return Generator(ScriptedEngine(script), "m", PLAIN, sampling, logprobs)


def label(
    script: Script, draft: Solution, strategy: Strategy, consistency: str = "string"
) -> Solution:
    how = Labelling(strategy, consistency)
    (found,) = asyncio.run(label_solutions(generator(script), [draft], how))
    return found


def test_samples_are_split_graded_and_have_their_own_seeds() -> None:
    seeds: list[int] = []

    def script(prompt: Prompt, seed: int) -> str:
        seeds.append(seed)
        return "2 + 2 = 4\n\n4 + 2 = 6\n#### 6" if len(seeds) == 1 else "#### 7"

    first, second = asyncio.run(sample_solutions(generator(script, seed=3), PROBLEM, 2))
    assert first.steps == ("2 + 2 = 4", "4 + 2 = 6", "#### 6")
    assert (first.predicted, first.correct, second.correct) == ("6", True, False)
    first_seed = derive_seed(3, "p1")
    assert seeds == [first_seed, first_seed + 1]
    assert first.solution_id != second.solution_id
    assert first.usage.generated_tokens > 0


def test_a_chat_is_read_in_blocks_and_has_more_room() -> None:
    text = "So:\n\\[\n2 + 4 = 6\n\\]\n\n\\boxed{6}"
    engine = ScriptedEngine(lambda prompt, seed: text)
    chat = Generator(engine, "m", default_asking("chat"))
    (made,) = asyncio.run(sample_solutions(chat, PROBLEM, 1))
    assert (made.steps, made.separators) == (
        ("So:\n\\[\n2 + 4 = 6\n\\]", "\\boxed{6}"),
        ("\n\n", ""),
    )
    assert (chat.max_tokens, generator(engine.script).max_tokens) == (1024, 300)
    assert replace(chat, sampling=SamplingSettings(max_tokens=9)).max_tokens == 9
    other = replace(chat, asking=replace_struct(chat.asking, system="Be short."))
    (asked_otherwise,) = asyncio.run(sample_solutions(other, PROBLEM, 1))
    assert asked_otherwise.solution_id != made.solution_id


def test_who_has_no_template_is_told_so_once() -> None:
    engine = ScriptedEngine(lambda prompt, seed: "")
    asked = Generator(engine, "m", default_asking("plain"))
    assert not asked.notes  # the user wanted it so
    (note,) = replace(asked, is_asked_plainly=True).notes
    assert note == "no chat template: asked plainly; see --prompt one-shot"
    (note,) = replace(asked, is_dated=True).notes
    assert note == "the chat template writes today's date: prompts differ from day to day"


def test_a_thought_that_the_prompt_began_may_be_cut_off() -> None:
    text = "Okay. 3 + 3 is 6, so the answer is 6. But wait"
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{{ messages[0].content }}<think>\n"
    engine = ScriptedEngine(lambda prompt, seed: text)
    begun = Generator(engine, "m", default_asking("chat"), tokenizer=tokenizer)
    (drawn,) = asyncio.run(sample_solutions(begun, PROBLEM, 1))
    assert (drawn.thought, drawn.steps, drawn.predicted) == (text, (), None)


def test_what_a_template_writes_behind_a_solution_is_no_step() -> None:
    end = "<|close|>answer<|sep|>"
    tokenizer = byte_tokenizer()
    turn = "{% if m.role == 'assistant' %}" + end + "<|over|>{% endif %}"
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}" + turn + "{% endfor %}"
    engine = ScriptedEngine(lambda prompt, seed: f"2 + 4 = 6\n\n#### 6{end}")
    chat = Generator(engine, "m", default_asking("chat"), tokenizer=tokenizer)
    (drawn,) = asyncio.run(sample_solutions(chat, PROBLEM, 1))
    assert (drawn.steps, drawn.predicted) == (("2 + 4 = 6", "#### 6"), "6")


def test_a_hosted_model_has_the_chat_template_of_its_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "chat_template.jinja").write_text("{{ a }}")
    here = model_identity(str(tmp_path), Running())
    assert here["chat_template"] is not None
    hosted = Running("openai", [f"tokenizer={tmp_path}"])
    assert model_identity("m", hosted) == {**here, "weights": None}
    assert model_identity("m", Running("openai"))["chat_template"] is None


def test_white_space_behind_a_thought_is_written_once() -> None:
    asked = []

    def script(prompt: Prompt, seed: int) -> str:
        asked.append(prompt)
        return "<think>\nhm\n</think>\n\n2 + 2 = 5\n#### 7"

    made = generator(script)
    (drawn,) = asyncio.run(sample_solutions(made, PROBLEM, 1))
    asyncio.run(label_solutions(made, [drawn], Labelling(Exhaustive(1), keep_thoughts=True)))
    (prefix,) = asked[1:]
    assert prefix.spoken("") + "".join(prefix.written) == ("<think>\nhm\n</think>\n\n2 + 2 = 5\n")


def test_thoughts_stand_before_prefixes_if_they_are_kept() -> None:
    prompts: list[Prompt] = []

    def script(prompt: Prompt, seed: int) -> str:
        prompts.append(prompt)
        return "#### 7"

    drafts = [wrong(f"s{i}", thought=f"hm {i}") for i in range(2)]
    for keep in (False, True):
        prompts.clear()
        how = Labelling(Exhaustive(1), keep_thoughts=keep)
        asyncio.run(label_solutions(generator(script), drafts, how))
        kept = {"hm 0", "hm 1"} if keep else {None}
        assert {prompt.thought for prompt in prompts} == kept
        assert len(prompts) == len(kept) * (len(drafts[0].steps) - 1)


def test_log_probabilities_are_noted_if_asked_for_and_change_nothing_else() -> None:
    def one(**settings: Any) -> Solution:
        return asyncio.run(
            sample_solutions(generator(lambda *_: "#### 6", **settings), PROBLEM, 1)
        )[0]

    plain, asked = one(), one(logprobs=True)
    assert asked.source == {**plain.source, "logprob": -1.2346}
    assert asked.solution_id == plain.solution_id


def test_an_engine_that_gives_too_little_ends_the_run() -> None:
    class Stingy(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            return (await super().sample(prompt, params))[1:]

    student = Generator(Stingy(lambda prompt, seed: "#### 6"), "m", PLAIN)
    with pytest.raises(EngineError, match="asked for 2 completions, the engine gave 1"):
        asyncio.run(sample_solutions(student, PROBLEM, 2))


def test_solution_ids_differ_between_settings_and_repeat_for_the_same() -> None:
    def one(**settings: Any) -> str:
        made = generator(lambda prompt, seed: "#### 6", **settings)
        return asyncio.run(sample_solutions(made, PROBLEM, 1))[0].solution_id

    assert one(seed=1) == one(seed=1)
    assert len({one(seed=1), one(seed=2), one(temperature=0.0), one(top_p=0.9)}) == 4


def test_rollouts_label_the_steps_before_the_error() -> None:
    """The student is right unless the prefix holds the wrong step; the last step needs no try."""
    draft = wrong(steps=("2 + 2 = 4", "4 + 2 = 7", "#### 7"))

    def script(prompt: Prompt, seed: int) -> str:
        return "#### 7" if "4 + 2 = 7" in prompt.steps else "4 + 2 = 6\n#### 6"

    for strategy in (Exact(3), Exhaustive(3)):
        found = label(script, draft, strategy)
        assert found.labels == (1, 0, 0)
        assert found.verifiers[0].prefix == 1
        assert found.verifiers[0].steps == ("4 + 2 = 6", "#### 6")


def test_an_inconsistent_rollout_is_no_success() -> None:
    """The rollout reaches 6 without using the 5 of the prefix."""
    draft = wrong(steps=("2 + 3 = 5", "5 + 2 = 7", "#### 7"))

    def labels(consistency: str) -> tuple[int | None, ...] | None:
        return label(lambda prompt, seed: "2 + 2 = 4\n#### 6", draft, Exact(2), consistency).labels

    assert labels("string") == (0, 0, 0)
    assert labels("off") == (1, 1, 0)


def test_a_solution_that_comes_twice_is_not_its_own_sibling() -> None:
    """All K rollouts are made; that it failed once is not one of them."""
    draft = wrong(steps=("2 + 2 = 4", "#### 7"))
    script = generator(lambda prompt, seed: "#### 7")
    how = Labelling(Exact(3), siblings=True)
    twice = asyncio.run(label_solutions(script, [draft, draft], how))
    tried = [found.rollouts[0] for found in twice if found.rollouts]
    assert [(rollouts.tried, rollouts.generated_tokens) for rollouts in tried] == [(3, 6), (3, 0)]


def test_an_empty_rollout_does_not_take_its_answer_from_the_prefix() -> None:
    draft = wrong(steps=("3 + 3 = 6", "#### 7"))
    found = label(lambda prompt, seed: "", draft, Exact(2), "off")
    assert found.labels == (0, 0)


Work = Callable[[Generator, Problem], Coroutine[Any, Any, Any]]


@pytest.mark.parametrize(
    "work",
    [
        lambda student, problem: sample_solutions(student, problem, 1),
        lambda student, problem: refine_solution(student, wrong(problem=problem), "global", None),
        lambda student, problem: label_solutions(
            student, [wrong(problem=problem)], Labelling(Exhaustive(1))
        ),
    ],
)
def test_who_is_graded_for_long_holds_up_nobody(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """math-verify may think about a pair for seconds; meanwhile other records go on."""
    later_one = threading.Event()
    was_graded: list[bool] = []

    def verdict(predicted: str, answer: str) -> bool:
        if answer == "6":
            was_graded.append(later_one.wait(5))
        later_one.set()
        return True

    kind = replace(NUMERIC, equivalent=verdict)
    task = replace(get_task("numeric"), answer=kind)
    for module in ("inference", "labelling.rollouts"):
        monkeypatch.setattr(f"sormctl.{module}.get_task", lambda name: task)
    other = replace_struct(PROBLEM, problem_id="p2", answer="7")
    student = generator(lambda prompt, seed: "#### 6")

    async def both() -> None:
        await asyncio.gather(work(student, PROBLEM), work(student, other))

    asyncio.run(both())
    assert was_graded == [True]


def test_a_local_refiner_is_shown_the_error() -> None:
    prompts: list[str] = []

    def script(prompt: Prompt, seed: int) -> str:
        prompts.append(prompt.text)
        return "2 + 2 = 4\n#### 6"

    refined = asyncio.run(refine_solution(generator(script), wrong(), "local", 0))
    assert "[BAD] 2 + 2 = 5\n#### 7\n" in prompts[0]
    assert refined.correct
    assert refined.source["draft_id"] == "w1"
    assert refined.source["first_error"] == 0


def test_without_an_error_the_draft_is_its_own_local_refinement() -> None:
    draft = wrong(scores={"sorm": (0.9, 0.9)})
    made = generator(lambda prompt, seed: pytest.fail("nothing to generate"))
    refined = asyncio.run(refine_solution(made, draft, "local", None))
    assert refined.steps == draft.steps
    assert refined.usage.generated_tokens == 0
    assert refined.solution_id != draft.solution_id


def test_a_text_that_was_cut_off_has_only_an_announced_answer() -> None:
    """The limit fell behind a 6 that is no answer; `####` says that it is one."""

    class Cut(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            return [replace(c, finish="length") for c in await super().sample(prompt, params)]

    def predicted(text: str) -> str | None:
        made = Generator(Cut(lambda prompt, seed: text), "m", PLAIN)
        return asyncio.run(sample_solutions(made, PROBLEM, 1))[0].predicted

    assert predicted("2 + 2 = 4\nThen she buys 6") is None
    assert predicted("#### 6\nAnd then") == "6"


def test_what_is_too_long_for_a_model_does_not_end_the_run() -> None:
    class Short(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            raise TooLongError("a prompt of 9 tokens")

    engine = Short(lambda prompt, seed: "")
    (sampled,) = asyncio.run(sample_solutions(Generator(engine, "m", PLAIN), PROBLEM, 1))
    assert (sampled.correct, sampled.source["finish"]) == (False, "too-long")


def test_a_copied_draft_is_neither_labelled_nor_scored() -> None:
    """With the draft's scores it alone of the refinements could be chosen by them."""
    draft = wrong(labels=(1, 0), scores={"sorm": (0.9, 0.9)}, rewards={"orm": 0.5})
    made = generator(lambda prompt, seed: pytest.fail("nothing to generate"))
    refined = asyncio.run(refine_solution(made, draft, "local", None))
    assert (refined.labels, refined.scores, refined.rewards) == (None, {}, {})


def test_a_prefix_goes_back_as_the_model_wrote_it() -> None:
    asked = []

    def script(prompt: Prompt, seed: int) -> str:
        asked.append(prompt.written)
        return " 2 + 2 = 5\n\nThen 6.\n\n#### 7"

    made = generator(script)
    (drawn,) = asyncio.run(sample_solutions(made, PROBLEM, 1))
    assert drawn.separators == ("\n\n", "\n\n", "")
    asyncio.run(label_solutions(made, [drawn], Labelling(Exhaustive(1))))
    assert sorted(asked[1:]) == [(" 2 + 2 = 5\n\n",), (" 2 + 2 = 5\n\n", "Then 6.\n\n")]


def test_of_a_text_that_ends_within_its_thought_only_an_announced_answer_counts() -> None:
    def saying(words: str) -> Generator:
        return generator(lambda prompt, seed: f"{words}\n<think>Or is it 7")

    for said, predicted in (("It may be 6.", None), ("The answer is 6.", "6")):
        (drawn,) = asyncio.run(sample_solutions(saying(said), PROBLEM, 1))
        assert (drawn.thought, drawn.predicted) == ("Or is it 7", predicted)


def test_the_id_of_a_sample_never_changes() -> None:
    """`--resume` and other files know a solution by it, through every release."""
    for asking in (PLAIN, default_asking("plain")):
        made = Generator(ScriptedEngine(lambda prompt, seed: "#### 6"), "m", asking)
        (drawn,) = asyncio.run(sample_solutions(made, PROBLEM, 1))
        assert drawn.solution_id == "p1/sample-163380fd2e"


def test_a_prefix_that_leaves_no_room_has_no_label() -> None:
    class Short(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            raise TooLongError("a prompt of 9 tokens")

    made = Generator(Short(lambda prompt, seed: ""), "m", PLAIN)
    (found,) = asyncio.run(label_solutions(made, [wrong()], Labelling(Exact(2))))
    assert (found.labels, found.rollouts) == ((None, None), (Rollouts(), Rollouts()))


@pytest.mark.parametrize(
    ("finish", "labels"),
    [
        ("content_filter", (None, None)),
        ("tool_calls", (None, None)),
        ("length", (0, 0)),
        ("repetition", (0, 0)),
    ],
)
def test_what_a_model_did_not_end_labels_nothing(
    finish: str, labels: tuple[int | None, ...]
) -> None:
    class Ended(ScriptedEngine):
        async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
            found = await super().sample(prompt, params)
            return [replace(completion, finish=finish) for completion in found]

    made = Generator(Ended(lambda prompt, seed: "So it is"), "m", PLAIN)
    (found,) = asyncio.run(label_solutions(made, [wrong()], Labelling(Exact(2))))
    assert found.labels == labels
