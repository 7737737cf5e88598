import pytest

from sormctl.reranking import AGGREGATIONS, best, choose, elected, majority_vote, rank
from tests.present import present
from tests.unit.examples import solution, wrong


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("final", 0.5),
        ("mean", 0.7),
        # weights 1/3, 1/2, 1: (0.9/3 + 0.7/2 + 0.5) / (11/6) = 1.15 * 6 / 11
        ("weighted-mean", 1.15 * 6 / 11),
        ("min", 0.5),
        ("product", 0.315),
        ("penultimate-mean", 0.6),
    ],
)
def test_aggregations_by_hand(name: str, value: float) -> None:
    assert AGGREGATIONS[name]([0.9, 0.7, 0.5]) == pytest.approx(value)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_one_step_aggregates_to_itself(name: str) -> None:
    assert AGGREGATIONS[name]([0.25]) == pytest.approx(0.25)


def test_rank_puts_the_best_first_and_solutions_without_steps_last() -> None:
    group = [
        solution("a", scores={"orm": (0.9, 0.1)}),
        solution("b", scores={"orm": (0.1, 0.8)}),
        solution("c", steps=(), scores={"orm": ()}),
    ]
    assert [s.solution_id for s in rank(group, "orm")] == ["b", "a", "c"]
    assert best(group, "orm").solution_id == "b"


def test_of_equal_scores_the_smallest_id_is_first() -> None:
    group = [solution(name, scores={"orm": (0.5, 0.5)}) for name in "cab"]
    assert [s.solution_id for s in rank(group, "orm")] == ["a", "b", "c"]
    assert best(group, "orm").solution_id == "a"


@pytest.mark.parametrize("source", [{"kind": "global"}, {"draft_id": "sample-0"}])
def test_a_refinement_must_be_better_than_what_it_refines(source: dict[str, str]) -> None:
    draft = solution("sample-0", source={"draft_id": None}, scores={"orm": (0.5,)})
    refined = wrong("global-0", source=source, scores={"orm": (0.5,)})
    assert rank([refined, draft], "orm") == [draft, refined]
    assert best([refined, draft], "orm") == draft
    assert majority_vote([refined, draft], str.__eq__) == draft


def test_majority_and_weighted_votes_differ() -> None:
    group = [wrong("a"), wrong("b"), solution("c"), solution("d", predicted=None)]
    weights = {"a": 0.1, "b": 0.1, "c": 0.9, "d": 5.0}
    weighed = majority_vote(group, str.__eq__, lambda s: weights[s.solution_id])
    assert present(majority_vote(group, str.__eq__)).predicted == "7"
    assert present(weighed).predicted == "6"
    assert majority_vote([solution(predicted=None)], str.__eq__) is None


def test_rewards_rank_and_vote_by_their_differences() -> None:
    """Two votes of e^-1 beat one of e^0 no more than e^-1 twice does: 0.74 against 1."""
    group = [
        solution("a", rewards={"rm": 300.0}, predicted="6"),
        solution("b", rewards={"rm": 299.0}, predicted="7"),
        solution("c", rewards={"rm": 299.0}, predicted="7"),
        solution("d", rewards={"rm": None}, predicted="7"),
    ]
    assert [s.solution_id for s in rank(group, "rm")] == ["a", "b", "c", "d"]
    assert choose(group, "weighted", "rm")[0].predicted == "6"
    closer = [solution("e", rewards={"rm": 299.5}, predicted="7"), *group]
    assert choose(closer, "weighted", "rm")[0].predicted == "7"
    assert choose(group[3:], "weighted", "rm")[0].predicted == "7"


def test_equal_weights_tie_in_however_many_parts() -> None:
    """Ten times 0.1 is 1, though a plain sum is a little less before Python 3.12."""
    many = [solution(f"s{i}") for i in range(10)]
    weights = {**{each.solution_id: 0.1 for each in many}, "w": 1.0}
    assert elected([many, [wrong("w")]], lambda s: weights[s.solution_id]) is many[0]
