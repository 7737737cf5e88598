import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sormctl.engines import memory
from sormctl.engines.hf import draws
from sormctl.engines.hf.draws import choose_tokens, uniforms
from sormctl.errors import EngineError

SEEDS = st.integers(0, 2**64 - 1)


def draw(seeds: list[int], indices: list[int]) -> np.ndarray:
    return uniforms(np.array(seeds, np.uint64), np.array(indices, np.uint64))


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


@given(st.lists(st.tuples(SEEDS, st.integers(0, 10_000)), min_size=1, max_size=20))
def test_a_uniform_depends_on_its_own_seed_and_index_only(pairs: list[tuple[int, int]]) -> None:
    seeds, indices = map(list, zip(*pairs, strict=True))
    together = draw(seeds, indices)
    assert ((together >= 0) & (together < 1)).all()
    for i, (seed, index) in enumerate(pairs):
        assert draw([seed], [index])[0] == together[i]


@pytest.mark.parametrize("along", ["seeds", "indices"])
def test_uniforms_are_uniform_and_independent(along: str) -> None:
    """Chi-square in 64 cells of 20,000 consecutive ones, and of pairs of neighbours in 16 x 16.

    The 99.9 % points for 63 and 255 degrees of freedom are 103 and 330.
    """
    counting, fixed = list(range(20_000)), [7] * 20_000
    values = draw(counting, fixed) if along == "seeds" else draw(fixed, counting)
    cells = np.bincount((values * 64).astype(int), minlength=64)
    assert chi_square(cells, np.full(64, 20_000 / 64)) < 103
    pairs = (values[:-1] * 16).astype(int) * 16 + (values[1:] * 16).astype(int)
    assert chi_square(np.bincount(pairs, minlength=256), np.full(256, 19_999 / 256)) < 330


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, [0.1, 0.4, 0.2, 0.3]),
        # squares of the probabilities, over their sum 0.3
        (0.5, 1.0, [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        # 0.4 + 0.3 reach 0.6; the others are out
        (1.0, 0.6, [0.0, 4 / 7, 0.0, 3 / 7]),
    ],
)
def test_frequencies_are_the_probabilities(
    temperature: float, top_p: float, expected: list[float]
) -> None:
    size = 20_000
    logits = torch.log(torch.tensor([0.1, 0.4, 0.2, 0.3])).expand(size, 4)
    tokens = choose_tokens(
        logits,
        torch.from_numpy(draw(list(range(size)), [0] * size)),
        torch.full((size,), temperature),
        torch.full((size,), top_p),
    )
    counts = np.bincount(tokens.numpy(), minlength=4)
    possible = np.array(expected) > 0
    assert counts[~possible].sum() == 0
    # 99.9 % point for 3 degrees of freedom
    assert chi_square(counts[possible], np.array(expected)[possible] * size) < 16.3


def test_each_row_has_its_own_settings() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.4, 0.2, 0.3]])).repeat(4, 1)
    tokens = choose_tokens(
        logits,
        torch.tensor([0.05, 0.05, 0.99, 0.99], dtype=torch.float64),
        torch.tensor([1.0, 0.0, 1.0, 1.0]),
        torch.tensor([1.0, 1.0, 1.0, 0.4]),
    )
    assert tokens.tolist() == [0, 1, 3, 1]


def chosen_plainly(logits: torch.Tensor, uniform: float, temperature: float, top_p: float) -> int:
    """The definition, a token at a time."""
    probabilities = torch.softmax(logits.float() / temperature, dim=-1).tolist()
    order = sorted(range(len(probabilities)), key=lambda token: -probabilities[token])
    nucleus, reached = {order[0]}, torch.tensor(0.0)
    for token in order:
        if reached < top_p:
            nucleus.add(token)
        reached += probabilities[token]
    kept = [p if token in nucleus or top_p == 1 else 0.0 for token, p in enumerate(probabilities)]
    target, upto = uniform * sum(kept), 0.0
    for token, probability in enumerate(kept):
        upto += probability
        if upto > target:
            return token
    raise AssertionError("the total is above every target")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([3, 511, 512, 513, 1500]),
    st.sampled_from([0.3, 1.0]),
    st.sampled_from([0.0, 0.7, 0.95, 1.0]),
)
def test_many_words_are_searched_as_few_are(
    seed: int, words: int, temperature: float, top_p: float
) -> None:
    """Of tokens that tie, as coarse logits do, the first counts; top_p differs between rows."""
    generator = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(6, words, generator=generator)).round().bfloat16()
    uniform = torch.rand(6, generator=generator, dtype=torch.float64)
    top = torch.tensor([top_p, 1.0] * 3)
    tokens = choose_tokens(logits, uniform, torch.full((6,), temperature), top)
    assert tokens.tolist() == [
        chosen_plainly(row, float(u), temperature, float(p))
        for row, u, p in zip(logits, uniform, top, strict=True)
    ]


def test_rows_are_the_same_however_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 700, generator=generator)
    uniform = torch.rand(7, generator=generator, dtype=torch.float64)
    arguments = logits, uniform, torch.tensor([0.0] + [1.0] * 6), torch.full((7,), 0.9)
    together = choose_tokens(*arguments)
    monkeypatch.setattr(memory, "CACHED_NUMBERS", 1500)  # two rows
    assert choose_tokens(*arguments).tolist() == together.tolist()


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_token_without_probability_is_never_chosen(seed: int, top_p: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(4, 50, generator=generator)
    impossible = torch.rand(4, 50, generator=generator) < 0.8
    impossible[:, 0] = False
    logits[impossible] = -torch.inf
    extremes = torch.tensor([0.0, 1 - 2.0**-53, 0.5, 1e-300], dtype=torch.float64)
    tokens = choose_tokens(logits, extremes, torch.ones(4), torch.full((4,), top_p))
    assert not impossible[torch.arange(4), tokens].any()


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("top_p", [0.0, 0.9, 1.0])
def test_logits_that_are_not_numbers_are_an_error_of_the_model(
    broken: float, temperature: float, top_p: float
) -> None:
    logits = torch.zeros(2, 700)
    logits[1, 3] = broken
    given = torch.zeros(2, dtype=torch.float64), torch.full((2,), temperature)
    with pytest.raises(EngineError, match="not numbers; try --engine-arg dtype=float32"):
        choose_tokens(logits, *given, torch.full((2,), top_p))


def test_a_share_of_a_place_is_below_one() -> None:
    """Also where a place is so small beside its start that their sum is rounded."""
    random = np.random.default_rng(0)
    places = random.random((5000, 3)) * 10.0 ** -random.integers(0, 17, (5000, 3))
    upto = torch.from_numpy(places).cumsum(-1)
    place, within = draws._find(upto, torch.full((5000,), 1 - 2.0**-53, dtype=torch.float64))
    assert ((within >= 0) & (within < 1)).all()
    assert (torch.from_numpy(places).gather(1, place[:, None]) > 0).all()
