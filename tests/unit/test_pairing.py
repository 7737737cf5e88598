import json

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.pairing import (
    contrastive_pairs,
    count_unlabelled,
    global_pairs,
    local_pairs,
    value_pairs,
)
from sormctl.records import Rollouts, Solution, Verifier, to_json
from tests.unit.examples import solution, wrong


def test_global_pairs_each_wrong_text_with_a_correct_one() -> None:
    group = [wrong("w1"), wrong("w2"), wrong("w3", steps=("other", "#### 7")), solution("s1")]
    pairs = list(global_pairs(group, targets=2, seed=0))
    assert [pair.draft for pair in pairs] == [("2 + 2 = 5", "#### 7"), ("other", "#### 7")]
    assert all(pair.target == ("2 + 2 = 4", "#### 6") for pair in pairs)
    assert all(pair.first_error is None for pair in pairs)


def test_a_solution_that_was_cut_off_behind_its_answer_is_no_target() -> None:
    cut = solution("s1", source={"finish": "length"})
    assert not list(global_pairs([wrong(), cut], targets=1, seed=0))
    assert not list(local_pairs([wrong(labels=(0, 0)), cut], targets=1, seed=0))


def test_no_correct_solution_no_global_pair() -> None:
    assert not list(global_pairs([wrong()], targets=1, seed=0))


def test_targets_bounds_the_pairs_of_a_draft() -> None:
    group = [wrong()] + [solution(f"s{i}", steps=(f"way {i}", "#### 6")) for i in range(5)]
    assert len(list(global_pairs(group, targets=3, seed=0))) == 3


def test_a_local_pair_is_prefix_and_verifying_trace() -> None:
    """Labels 1 0 0: the error is step 1, so the target keeps step 0 and goes on with the trace."""
    draft = wrong(
        steps=("2 + 2 = 4", "4 + 2 = 7", "#### 7"),
        labels=(1, 0, 0),
        verifiers=(Verifier(1, ("4 + 2 = 6", "#### 6")),),
    )
    (pair,) = local_pairs([draft], targets=1, seed=0)
    assert pair.first_error == 1
    assert pair.target == ("2 + 2 = 4", "4 + 2 = 6", "#### 6")


def test_an_error_in_the_first_step_is_mended_by_a_correct_sample() -> None:
    (pair,) = local_pairs([wrong(labels=(0, 0)), solution()], targets=1, seed=0)
    assert pair.first_error == 0
    assert pair.target == ("2 + 2 = 4", "#### 6")
    assert not list(local_pairs([wrong(labels=(0, 0))], targets=1, seed=0))


def test_unlabelled_and_correct_solutions_make_no_local_pair() -> None:
    assert not list(local_pairs([wrong(), solution(labels=(1, 1))], targets=1, seed=0))


def test_only_drafts_of_local_pairs_need_labels() -> None:
    """The unlabelled copy of a draft is the same draft, and a correct sample mends its first step.

    A draft whose first 0 would be the fragment that it was cut off in is no draft.
    """
    draft = wrong(labels=(0, 0))
    other = wrong("w2", steps=("other", "#### 7"))
    group = [other, wrong(), draft, solution(), wrong("w3", steps=("cut", "o"), labels=(1, None))]
    (pair,) = local_pairs(group, targets=1, seed=0)
    assert (pair.draft, pair.target) == (draft.steps, solution().steps)
    assert count_unlabelled(group) == 1


LOCAL = ["make-refine-pairs", "--mode", "local", "-"]


def test_labels_of_outcomes_do_not_say_where_the_error_is() -> None:
    drafts = [wrong(f"d{i}", steps=(f"{i}", "#### 7"), labels=(0, 0)) for i in range(10)]
    assert typed_local([*drafts[:9], solution(labels=(1, 1))]).exit_code == 0  # it may be chance
    told = typed_local([*drafts, solution(labels=(1, 1))])
    assert (told.exit_code, "`labels` of the outcome alone" in told.stderr) == (65, True)
    assert told.stdout == ""
    located = wrong("w2", steps=("2 + 2 = 4", "#### 7"), labels=(1, 0))
    assert typed_local([*drafts, located, solution()]).exit_code == 0
    counted = wrong(labels=(0, 0), rollouts=(Rollouts(8, 0, True), Rollouts()))
    assert typed_local([*drafts, counted, solution()]).exit_code == 0


def test_labels_are_wanted_of_some_solution_and_up_to_the_error() -> None:
    told = typed_local([wrong(), solution()])
    assert (told.exit_code, "no solution has `labels`" in told.stderr) == (65, True)
    told = typed_local([wrong(labels=(None, 0))])
    assert (told.exit_code, "no `labels` at every step before" in told.stderr) == (65, True)
    cut = wrong(labels=(1, None), source={"finish": "length"})
    group = [cut, wrong("w2", steps=("other", "#### 7")), wrong("w3", ("o",), labels=(0,))]
    told = typed_local([*group, solution()])
    assert told.exit_code == 0
    assert "wrong solutions without labels, which are no drafts: 1" in told.stderr


def typed_local(solutions: list[Solution]) -> Result:
    lines = "".join(f"{json.dumps(to_json(each))}\n" for each in solutions)
    return CliRunner().invoke(app, LOCAL, lines)


def test_a_value_pair_marks_the_step_after_the_highest_value() -> None:
    """Successes 1, 3 of 4: [BAD] goes before step 2, and the trace must begin differently."""
    draft = wrong(
        steps=("a", "b", "c", "#### 7"),
        rollouts=(Rollouts(4, 1, True), Rollouts(4, 3, True), Rollouts(4, 0, True), Rollouts()),
        verifiers=(
            Verifier(1, ("x", "#### 6")),
            Verifier(2, ("c", "#### 6")),
            Verifier(2, ("d", "#### 6")),
        ),
    )
    (pair,) = value_pairs([draft], targets=5, seed=0)
    assert (pair.first_error, pair.target) == (2, ("a", "b", "d", "#### 6"))


@given(good=st.lists(st.integers(0, 9)), bad=st.lists(st.integers(0, 9)), seed=st.integers(0, 3))
def test_contrastive_pairs_are_as_many_as_can_be(
    good: list[int], bad: list[int], seed: int
) -> None:
    """Each has a correct and an incorrect solution, and none is in two of them."""
    group = [solution(f"s{i}", steps=(f"way {x}", "#### 6")) for i, x in enumerate(good)]
    group += [wrong(f"d{i}", steps=(f"way {x}", "#### 7")) for i, x in enumerate(bad)]
    pairs = contrastive_pairs(group, seed)
    assert pairs == contrastive_pairs(group, seed)
    assert len(pairs) == min(len(set(good)), len(set(bad)))
    assert all(one.correct and not other.correct for one, other in pairs)
    used = [part.steps for pair in pairs for part in pair]
    assert len(set(used)) == len(used)


def test_solutions_without_steps_are_in_no_contrastive_pair() -> None:
    assert not contrastive_pairs([solution(), wrong(steps=())], seed=0)
