from hypothesis import given
from hypothesis import strategies as st

from sormctl.balancing import count_labels, prefix_length_balancer
from sormctl.records import Labels

LABELS = st.lists(
    st.lists(st.sampled_from([0, 1, None]), min_size=0, max_size=6).map(tuple), max_size=30
)


@given(LABELS, st.integers(0, 9))
def test_counts_are_equal_and_no_label_is_invented(before: list[Labels], seed: int) -> None:
    counts = count_labels(before)
    after = list(map(prefix_length_balancer(counts, seed), before))
    balanced = count_labels(after)
    for length in range(1, 7):
        assert balanced[length, 0] == balanced[length, 1]
        assert balanced[length, 0] == min(counts[length, 0], counts[length, 1])
    for old, new in zip(before, after, strict=True):
        assert all(n in (o, None) for o, n in zip(old, new, strict=True))
