import asyncio
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sormctl.labelling.begun import EngineRows, Rollout
from sormctl.labelling.labels import Path, StepLabels, label_paths
from sormctl.labelling.strategies import Bisect, Exact, Exhaustive, Guided, Strategy
from sormctl.records import Labels, Steps
from tests.present import present

K = st.integers(1, 9)
STEP = st.sampled_from("ab")
PATH = st.builds(
    Path,
    st.lists(STEP, max_size=6).map(tuple),
    st.booleans(),
)
PATHS = st.lists(PATH, min_size=1, max_size=5)
LUCK = st.randoms(use_true_random=False).map(lambda random: random.getrandbits(32))


def run(
    paths: Sequence[Path], strategy: Strategy, luck: int, rows: EngineRows | None = None
) -> tuple[list[StepLabels], Counter[Steps]]:
    """Labels, and how many rollouts each prefix had; outcomes depend on (luck, prefix, index)."""
    made: Counter[Steps] = Counter()

    async def roll_out(prefix: Steps, indices: range) -> list[Rollout]:
        made[prefix] += len(indices)
        return [
            Rollout((str(i),), hash((luck, len(prefix), *map(ord, prefix), i)) % 4 == 0, 1)
            for i in indices
        ]

    return asyncio.run(label_paths(paths, strategy, roll_out, rows)), made


def labels(found: list[StepLabels]) -> list[Labels]:
    return [solution.labels for solution in found]


@given(PATHS, K, LUCK)
def test_the_exact_strategy_gives_the_labels_of_the_plain_way(
    paths: list[Path], k: int, luck: int
) -> None:
    plain, all_made = run(paths, Exhaustive(k), luck)
    exact, made = run(paths, Exact(k), luck)
    assert labels(exact) == labels(plain)
    assert made <= all_made


@given(PATHS, K, LUCK)
def test_without_tolerance_the_guided_labels_are_exact(
    paths: list[Path], k: int, luck: int
) -> None:
    exact, _ = run(paths, Exact(k), luck)
    scored = [
        Path(p.steps, p.correct, (0.9, 0.2, 0.5, 0.0, 1.0, 0.4)[: len(p.steps)]) for p in paths
    ]
    assert labels(run(paths, Guided(k, 0), luck)[0]) == labels(exact)
    assert labels(run(scored, Guided(k, 0), luck)[0]) == labels(exact)


@given(PATHS, K, LUCK, st.integers(0, 40))
def test_rollouts_begun_ahead_change_nothing_but_the_time(
    paths: list[Path], k: int, luck: int, free: int
) -> None:
    for strategy in (Exact(k), Exhaustive(k), Bisect(k), Guided(k)):
        rows = EngineRows(free)
        found, made = run(paths, strategy, luck)
        ahead, more = run(paths, strategy, luck, rows)
        assert ahead == found
        assert made <= more
        assert rows.used == 0


@given(PATHS, K, LUCK)
def test_sharing_prefixes_changes_no_label(paths: list[Path], k: int, luck: int) -> None:
    alone = [run([path], Exact(k), luck) for path in paths]
    together, made = run(paths, Exact(k), luck)
    assert labels(together) == [found.labels for ((found,), _) in alone]
    separate = sum((counts for _, counts in alone), Counter[Steps]())
    assert made <= separate
    assert sum(c.generated_tokens for s in together for c in present(s.rollouts)) == made.total()


@given(PATHS, K, LUCK)
def test_labels_are_ones_then_zeros_and_end_with_the_outcome(
    paths: list[Path], k: int, luck: int
) -> None:
    for strategy in (Exact(k), Exhaustive(k), Bisect(k), Guided(k)):
        for path, found in zip(paths, run(paths, strategy, luck)[0], strict=True):
            own = [*map(present, found.labels)]
            assert own == sorted(own, reverse=True)
            assert len(own) == len(present(found.rollouts)) == len(path.steps)
            if path.steps:
                assert own[-1] == int(path.correct)


@given(PATH, K, LUCK)
def test_the_verifier_continues_the_prefix_before_the_first_error(
    path: Path, k: int, luck: int
) -> None:
    (found,), _ = run([path], Exact(k), luck)
    for verifier in found.verifiers:
        assert verifier.prefix == found.labels.index(0)


@given(PATHS, K, LUCK)
def test_bisection_needs_few_prefixes(paths: list[Path], k: int, luck: int) -> None:
    for path in paths:
        _, made = run([path], Bisect(k), luck)
        assert len(made) <= len(path.steps).bit_length()
        assert not made or max(made.values()) <= k
