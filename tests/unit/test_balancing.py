from sormctl.balancing import balance_question, count_labels, worst_imbalance
from tests.unit.examples import solution, wrong


def test_a_question_keeps_as_many_correct_as_incorrect() -> None:
    group = [solution(f"s{i}") for i in range(5)] + [wrong("w1"), wrong("w2")]
    kept = balance_question(group, seed=0)
    assert sum(s.outcome_given() for s in kept) == 2
    assert [s for s in group if s in kept] == kept
    assert balance_question([solution()], seed=0) == []


def test_labels_are_counted_by_prefix_length() -> None:
    counts = count_labels([(1, 0), (None, 0), ()])
    assert counts == {(1, 1): 1, (2, 0): 2}


def test_the_worst_imbalance_is_by_share_where_there_are_enough_labels() -> None:
    """The more frequent label has 2/3, 3/4, 1/2. Nine labels are too few, so are 20 of 3,020."""
    counts: dict[tuple[int, float], int] = {
        (1, 0): 20,
        (1, 1): 40,
        (2, 0): 30,
        (2, 1): 10,
        (3, 0): 10,
        (3, 1): 10,
    }
    assert worst_imbalance(counts) == 2
    assert worst_imbalance({**counts, (4, 1): 9}) == 2
    assert worst_imbalance({**counts, (4, 1): 10}) == 4
    assert worst_imbalance({(1, 0): 1500, (1, 1): 1500, (4, 1): 20}) is None
    assert worst_imbalance({}) is None
