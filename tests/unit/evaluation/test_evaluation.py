from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.evaluation.evaluation import Evaluation, problem_part
from sormctl.evaluation.rows import Judgement, Way
from sormctl.evaluation.steps import StepTally
from sormctl.evaluation.tallies import Preferences
from sormctl.evaluation.ways import Outcome, first_within, kind_of, outcomes
from sormctl.records import Problem, Solution, Usage
from tests.unit.examples import PROBLEM, solution, wrong

GREEDY = {"kind": "sample", "temperature": 0.0}
SAMPLE = {"kind": "sample", "temperature": 0.7}


def rows(evaluation: Evaluation) -> dict[str, float]:
    return {row.name: row.estimate.value for row in evaluation.rows()}


def outcomes_by_name(group: Sequence[Solution], *aggregations: str) -> dict[str, Outcome]:
    found = outcomes(group, aggregations or ("final",))
    return {str(way): outcome for way, outcome in found.items()}


def test_a_draft_says_so_or_is_a_greedy_sample() -> None:
    for source in ({"kind": "draft", "temperature": 0.0}, {"kind": "draft"}, GREEDY):
        assert kind_of(solution(source=source)) == "draft"
    assert kind_of(solution(source=SAMPLE)) == "sample"
    assert kind_of(solution(source={"kind": "global", "temperature": 0.0})) == "global"
    assert kind_of(solution(source={"kind": "local"})) == "local"
    assert kind_of(solution(source={"kind": "prm800k"})) == "sample"


def test_one_solution_a_problem_is_plain_accuracy() -> None:
    evaluation = Evaluation()
    evaluation.add([solution(source=GREEDY)])
    evaluation.add([wrong()])
    assert rows(evaluation) == {"accuracy": 0.5}


def test_what_was_cut_off_or_has_no_answer_is_a_share_of_each_kind() -> None:
    evaluation = Evaluation()
    cut: dict[str, Any] = {"predicted": None, "source": {**SAMPLE, "finish": "length"}}
    evaluation.add([solution("d", source=GREEDY), solution("a", **cut), solution("b")])
    evaluation.add([solution("d", source=GREEDY, predicted=None), solution("a"), solution("b")])
    found = {row.name: (row.cut_off, row.no_answer) for row in evaluation.rows()}
    assert (found["draft"], found["sample"]) == ((0, 0.5), (0.25, 0.25))
    assert found["maj@2"] == (None, None)
    (row, *_) = (row.json() for row in evaluation.rows() if row.name == "sample")
    assert (row["cut_off"], row["no_answer"]) == (0.25, 0.25)


def test_samples_give_votes_and_pass_at_k() -> None:
    """Two of four right, and the wrong answer ties with the right one; ids break the tie."""
    group = [solution("a"), solution("b"), wrong("c"), wrong("d")]
    found = outcomes_by_name(group)
    assert found["sample"].value == 0.5
    assert found["maj@4"].value == 1
    assert found["pass@2"].value == pytest.approx(5 / 6)
    assert found["pass@4"].tokens == 40


def test_of_several_drafts_each_counts_and_costs_on_average() -> None:
    """A right one of 10 tokens and a wrong one of 30; choosing costs what both cost."""
    cheap, dear = solution("a", source=GREEDY), wrong("b", source=GREEDY)
    found = outcomes_by_name([cheap, replace(dear, usage=Usage(generated_tokens=30)), solution()])
    assert found["draft"] == Outcome(0.5, 20)


def test_draft_and_refinements_are_reranked_and_compared() -> None:
    """The ORM prefers the global refinement, which is right where the draft is wrong."""
    evaluation = Evaluation()
    for i in range(4):
        problem = Problem(task="numeric", problem_id=f"p{i}", question="?", answer="6")
        evaluation.add(
            [
                wrong("d", problem=problem, source=GREEDY, scores={"orm": (0.5, 0.2)}),
                solution(
                    "g", problem=problem, source={"kind": "global"}, scores={"orm": (0.5, 0.9)}
                ),
                wrong("l", problem=problem, source={"kind": "local"}, scores={"orm": (0.9, 0.3)}),
            ]
        )
    found = rows(evaluation)
    assert found["draft"] == 0
    assert found["draft + global + local by orm"] == 1
    assert found["draft + global + local, oracle"] == 1
    assert found["draft + local by orm"] == 0
    assert found["draft + global + local by orm - draft"] == 1
    assert found["global: fixed"] == 1
    assert found["global + local, oracle: fixed"] == 1
    assert found["local: fixed"] == 0


def test_a_draft_alone_is_a_draft_where_other_problems_have_more() -> None:
    """As in a run that was stopped; the other way round, too."""
    alone, refined = (replace(PROBLEM, problem_id=name) for name in "pq")
    groups = [
        [wrong("d", problem=alone, source=GREEDY)],
        [
            solution("d", problem=refined, source=GREEDY),
            solution("g", problem=refined, source={"kind": "global"}),
        ],
    ]
    for order in (groups, groups[::-1]):
        evaluation = Evaluation()
        for group in order:
            evaluation.add(group)
        found = {row.name: (row.estimate.value, row.estimate.n) for row in evaluation.rows()}
        assert found["draft"] == (0.5, 2)
        assert found["global"] == (1, 1)
        assert "accuracy" not in found


def test_where_each_problem_has_one_solution_its_kind_is_no_matter() -> None:
    """As `rerank` chooses them."""
    evaluation = Evaluation()
    for name, kind in zip("pqr", ("draft", "global", "global"), strict=True):
        problem = replace(PROBLEM, problem_id=name)
        evaluation.add([solution(problem=problem, source={"kind": kind})])
    assert rows(evaluation) == {"accuracy": 1}


def test_in_a_vote_two_that_agree_outweigh_a_third() -> None:
    """The ORM likes the global refinement best, and draft and local together more."""
    group = [
        solution("d", source=GREEDY, scores={"orm": (0.5, 0.5)}),
        wrong("g", source={"kind": "global"}, scores={"orm": (0.5, 0.9)}),
        solution("l", source={"kind": "local"}, scores={"orm": (0.5, 0.6)}),
    ]
    found = outcomes_by_name(group)
    assert found["draft + global + local by orm"].value == 0
    assert found["weighted draft + global + local by orm"] == (1, 30)
    assert [name for name in found if name.startswith("weighted")] == [
        "weighted draft + global + local by orm"
    ]


def refined(*samples: Solution) -> list[Solution]:
    """A wrong draft of 10 tokens with two refinements that cost as much, and samples beside."""
    scores = {"orm": (0.5, 0.4)}
    return [
        wrong("d", source=GREEDY, scores=scores),
        solution("g", source={"kind": "global"}, scores={"orm": (0.5, 0.9)}),
        wrong("l", source={"kind": "local"}, scores=scores),
        *samples,
    ]


def sampled(index: int, tokens: int, is_right: bool, score: float = 0.5) -> Solution:
    made = (solution if is_right else wrong)(
        f"s{9 - index}", source={**SAMPLE, "index": index}, scores={"orm": (0.5, score)}
    )
    return replace(made, usage=Usage(generated_tokens=tokens))


TOKENS_OF_ALL = "at the tokens of draft + global + local"


def test_as_many_samples_vote_as_there_are_candidates_and_as_many_as_cost_the_same() -> None:
    """Of 30 tokens: two samples, both wrong; of three one is right, of five three."""
    group = refined(*(sampled(i, 15, is_right=i > 1, score=0.1 * i) for i in range(5)))
    found = outcomes_by_name(group)
    assert found["maj@5"] == (1, 75)
    assert found["maj@3"] == (0, 45)
    assert found["weighted maj@3 by orm"] == (1, 45)  # 0 and 0.1 against 0.2
    assert found[f"maj {TOKENS_OF_ALL}"] == (0, 30)
    assert found[f"weighted maj {TOKENS_OF_ALL} by orm"] == (0, 30)
    assert found[f"rerank {TOKENS_OF_ALL} by orm"] == (0, 30)
    assert found["draft + global + local by orm"] == (1, 30)


@pytest.mark.parametrize(
    ("tokens", "count"),
    [([15, 15, 1], 2), ([31, 1, 1], 1), ([10, 25, 1], 1), ([1, 2, 3], 3), ([30, 0, 0], 3)],
)
def test_samples_are_paid_for_in_the_order_in_which_they_were_drawn(
    tokens: list[int], count: int
) -> None:
    samples = [sampled(i, each, is_right=True) for i, each in enumerate(tokens)]
    assert first_within(samples[::-1], 30) == samples[:count]


def test_the_answer_given_is_held_against_votes_of_the_same_cost() -> None:
    evaluation = Evaluation()
    evaluation.add(refined(*(sampled(i, 10, is_right=False) for i in range(4))))
    found = rows(evaluation)
    given = "draft + global + local by orm"
    for other in ("maj@3", f"maj {TOKENS_OF_ALL}", f"weighted maj {TOKENS_OF_ALL} by orm"):
        assert found[f"{given} - {other}"] == 1
    assert f"{given} - rerank@4 by orm" in found
    assert f"{given} - maj@4" not in found
    assert f"draft + global by orm - maj {TOKENS_OF_ALL}" not in found


def test_without_refinements_there_is_no_cost_to_equal() -> None:
    found = outcomes_by_name([sampled(0, 9, True), sampled(1, 9, False), solution(source=GREEDY)])
    assert not [name for name in found if "tokens" in name]


def test_every_aggregation_has_its_row() -> None:
    group = [
        solution("a", source=SAMPLE, scores={"sorm": (0.1, 0.9)}),
        wrong("b", source=SAMPLE, scores={"sorm": (0.9, 0.8)}),
    ]
    found = outcomes_by_name(group, "final", "mean")
    assert found["rerank@2 by sorm"].value == 1
    assert found["rerank@2 by sorm, mean"].value == 0


def test_step_tally_by_hand() -> None:
    """Truth 1 1 0 against 0.9 0.4 0.2: one false negative, and the error is found a step early.

    Truth 1 0 against 0.8 0.1: all right. Truth 1 1 against 0.7 0.6: rightly no error.
    """
    tally = StepTally()
    tally.add([0.9, 0.4, 0.2], [1, 1, 0])
    tally.add([0.8, 0.1], [1, 0])
    tally.add([0.7, 0.6], [1, 1])
    found = dict(tally.estimates())
    assert found["step accuracy"].value == pytest.approx(6 / 7)
    assert found["false positive rate"].value == 0
    assert found["false negative rate"].value == pytest.approx(1 / 5)
    assert found["AUC"].value == 1
    assert found["first error found"].value == 0.5
    assert found["no error where there is none"].value == 1
    assert found["first-error F1"].value == pytest.approx(2 / 3)


def test_a_step_without_label_keeps_its_place() -> None:
    """The error is the third step, and nobody knows whether a null before it is one.

    0.9 0.4 0.2 against 1 null 0 says nothing of the first error, though 0.4 is rejected; against
    1 0 null its error is found. A wrong solution whose 0s are nulls is not free of errors.
    """
    tally = StepTally()
    tally.add([0.9, 0.4, 0.2], [1, None, 0])
    tally.add([0.9, 0.4, 0.2], [1, 0, None])
    tally.add([0.9, 0.8], [1, None])
    tally.add([0.9, 0.8], [1, 1])
    found = dict(tally.estimates())
    assert (found["first error found"].value, found["first error found"].n) == (1, 1)
    assert found["no error where there is none"].n == 1
    assert (found["step accuracy"].n, found["AUC"].n) == (7, 7)


def test_null_labels_are_no_truth() -> None:
    evaluation = Evaluation()
    labelled = solution(problem=PROBLEM, labels=(None, 1), scores={"orm": (0.1, 0.9)})
    evaluation.add([labelled])
    found = {row.name: row.estimate for row in evaluation.rows()}
    assert found["orm against labels: step accuracy"].n == 1
    assert found["orm against answers: final accuracy"].value == 1


def test_a_solution_without_any_label_says_nothing() -> None:
    evaluation = Evaluation()
    evaluation.add([solution(labels=(None, None), scores={"orm": (0.9, 0.9)})])
    assert rows(evaluation)["orm against labels: no error where there is none"] != 1


def test_refinements_and_rerankings_are_compared_with_drafts() -> None:
    evaluation = Evaluation()
    evaluation.add(
        [
            wrong("d", source=GREEDY, scores={"orm": (0.1, 0.1)}),
            solution("g", source={"kind": "global"}, scores={"orm": (0.9, 0.9)}),
            solution("a", source=SAMPLE, scores={"orm": (0.9, 0.9)}),
            wrong("b", source=SAMPLE, scores={"orm": (0.2, 0.2)}),
        ]
    )
    found = rows(evaluation)
    assert found["global - draft"] == found["rerank@2 by orm - draft"] == 1
    assert found["draft + global by orm - rerank@2 by orm"] == 0


def test_a_solution_that_comes_twice_counts_once() -> None:
    evaluation = Evaluation()
    evaluation.add([solution("a", source=SAMPLE), wrong("b", source=SAMPLE)] * 2)
    assert "maj@2" in rows(evaluation)


def test_a_reward_model_may_have_any_name() -> None:
    evaluation = Evaluation()
    evaluation.add([solution(labels=(1, 1), scores={"a against b": (0.9, 0.9), "c": (0.9, 0.9)})])
    found = rows(evaluation)
    assert found["a against b against labels: step accuracy"] == 1
    assert found["a against b - c against labels: step accuracy"] == 0


@pytest.mark.parametrize(
    "name", ["orm by me", "draft + orm", "orm, mean", "orm: fixed", "rerank@2"]
)
def test_a_name_that_looks_like_a_row_is_compared_all_the_same(name: str) -> None:
    """The reward model likes what is right, among samples and among draft and refinement."""
    evaluation = Evaluation()
    scores = {name: (0.9, 0.9), "orm": (0.1, 0.1)}, {name: (0.1, 0.1), "orm": (0.9, 0.9)}
    good, bad = ({name: s[name], "orm": s["orm"]} for s in scores)
    evaluation.add(
        [
            wrong("d", source=GREEDY, scores=bad),
            solution("g", source={"kind": "global"}, scores=good),
            solution("a", source=SAMPLE, scores=good),
            wrong("b", source=SAMPLE, scores=bad),
        ]
    )
    found = rows(evaluation)
    assert found[f"draft + global by {name} - rerank@2 by {name}"] == 0
    assert found[f"draft + global by {name} - draft"] == 1
    assert f"draft + global by {name} - rerank@2 by orm" not in found
    assert found["global: fixed"] == 1
    assert [row.name for row in evaluation.rows() if row.section == "wrong drafts"] == [
        "global: fixed"
    ]


def test_rows_are_values() -> None:
    evaluation = Evaluation()
    judged: dict[str, Any] = {"source": SAMPLE, "scores": {"orm": (0.9, 0.8)}, "labels": (1, 1)}
    evaluation.add([solution("a", **judged), wrong("b", **judged)])
    abouts = [row.about for row in evaluation.rows()]
    assert Way("score", ("sample",), 2, "orm", "final") in abouts
    assert Judgement("orm", "answers", "final accuracy") in abouts


def test_reward_models_are_compared_on_the_same_steps() -> None:
    evaluation = Evaluation()
    for number, labels in enumerate([(1, 0), (1, 1), (0, 0)]):
        scores = {"sorm": tuple(map(float, labels)), "orm": (1.0, 0.0)}
        draft = replace(solution(f"s{number}"), labels=labels, scores=scores)
        evaluation.add([draft])
    found = {row.name: row.estimate for row in evaluation.rows() if row.section == "reward models"}
    assert found["sorm - orm against labels: step accuracy"].value == pytest.approx(2 / 6)
    assert found["sorm - orm against labels: step accuracy"].n == 6
    assert "sorm - orm against answers: final accuracy" in found


def test_a_problem_tells_its_part_of_the_rows() -> None:
    """Two labelled samples: 0.9 0.1 against 1 1 misses one good step, 0.9 0.1 against 1 0 none."""
    found = problem_part(
        [
            solution("a", source=SAMPLE, labels=(1, 1), scores={"orm": (0.9, 0.1)}),
            wrong("b", source=SAMPLE, labels=(1, 0), scores={"orm": (0.9, 0.1)}),
        ]
    )
    assert (found["task"], found["problem_id"]) == (PROBLEM.task, PROBLEM.problem_id)
    assert found["outcomes"]["sample"] == 0.5
    assert found["steps"]["orm against labels: step accuracy"] == (3, 4)
    assert found["steps"]["orm against labels: false negative rate"] == (1, 3)
    assert found["steps"]["orm against labels: false positive rate"] == (0, 1)
    assert found["steps"]["orm against labels: first error found"] == (1, 1)
    assert found["steps"]["orm against labels: no error where there is none"] == (0, 1)
    assert found["steps"]["orm against answers: final accuracy"] == (1, 2)


def test_the_parts_add_up_to_the_rows() -> None:
    evaluation = Evaluation()
    groups = [
        [solution(f"s{n}", labels=labels, scores={"orm": (0.7, 0.2)}, problem=problem)]
        for n, labels in enumerate([(1, 0), (1, 1), (0, 0)])
        for problem in [replace(PROBLEM, problem_id=f"p{n}")]
    ]
    for group in groups:
        evaluation.add(group)
    parts = list(map(problem_part, groups))
    shares = {name for part in parts for name in part["steps"]}
    found = {row.name: row.estimate.value for row in evaluation.rows()}
    for name in shares:
        hits, totals = (sum(part["steps"][name][i] for part in parts) for i in (0, 1))
        assert found[name] == hits / totals
    assert found["accuracy"] == sum(part["outcomes"]["accuracy"] for part in parts) / 3


def test_reward_models_are_paired_on_the_same_solutions_only() -> None:
    def judged(number: int, *models: str) -> Solution:
        problem = replace(PROBLEM, problem_id=f"p{number}")
        scores = {model: (0.9, 0.1 * number) for model in models}
        return solution(problem=problem, labels=(1, 1), scores=scores)

    apart, together = Evaluation(), Evaluation()
    for number in range(4):
        apart.add([judged(number, "orm")])
        apart.add([judged(number + 4, "sorm")])
        together.add([judged(number, "orm", "sorm")])
    assert not [row for row in apart.rows() if row.section == "reward models"]
    assert len([row for row in together.rows() if row.section == "reward models"]) == 2


def test_more_reward_models_than_can_be_compared_are_refused() -> None:
    evaluation = Evaluation()
    for part in range(2):
        names = [f"rm{i + 60 * part}" for i in range(60)]
        scored = solution(f"s{part}", scores={name: (0.5, 0.5) for name in names})
        if part:
            with pytest.raises(RecordError, match="more than 100 reward models"):
                evaluation.add([scored])
        else:
            evaluation.add([scored])


def test_pairs_are_of_the_same_question() -> None:
    """Scores tell the two questions apart, and in each of them the wrong answer is preferred."""
    evaluation = Evaluation()
    for name, low in (("easy", 0.8), ("hard", 0.1)):
        problem = Problem(task="numeric", problem_id=name, question="?", answer="6")
        scores = ({"orm": (low,)}, {"orm": (low + 0.1,)})
        evaluation.add(
            [
                solution(f"{name}-a", problem=problem, steps=("#### 6",), scores=scores[0]),
                wrong(f"{name}-b", problem=problem, steps=("#### 5",), scores=scores[1]),
            ]
        )
    found = {row.name: row.estimate for row in evaluation.rows()}
    pairwise = found["orm against answers: pairwise accuracy"]
    assert (pairwise.value, pairwise.n) == (0, 2)


def test_rewards_are_preferences_too() -> None:
    evaluation = Evaluation()
    evaluation.add([solution("a", rewards={"rm": 2.5}), wrong("b", rewards={"rm": -1.0})])
    assert rows(evaluation)["rm against answers: pairwise accuracy"] == 1


def test_without_a_right_and_a_wrong_answer_there_are_no_pairs() -> None:
    evaluation = Evaluation()
    scores = {"orm": (0.5, 0.5)}
    evaluation.add([solution("a", scores=scores), solution("b", scores=scores)])
    evaluation.add([solution("a", scores=scores), wrong("b", scores=scores)])  # not told apart
    assert "orm against answers: pairwise accuracy" not in rows(evaluation)


@given(st.lists(st.integers(0, 3), max_size=6), st.lists(st.integers(0, 3), max_size=6))
def test_pairs_are_counted_as_one_by_one(right: list[int], wrong: list[int]) -> None:
    counted = Preferences()
    counted.add(right, wrong)
    pairs = [(one, other) for one in right for other in wrong if one != other]
    assert sum(counted.totals) == len(pairs)
    assert sum(counted.hits) == sum(one > other for one, other in pairs)
