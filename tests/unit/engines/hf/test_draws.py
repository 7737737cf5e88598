import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sormctl.engines.hf.draws import choose_tokens, uniforms

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
