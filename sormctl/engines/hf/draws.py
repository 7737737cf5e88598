"""Sampling tokens with randomness that belongs to the completion, not to the batch.

The uniform number behind a token is a hash of (the completion's seed, the token's index), so a
completion is the same alone, among others, and after a resume.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sormctl.engines.memory import rows_at_once
from sormctl.errors import EngineError

_BLOCK = 512  # probabilities whose sum is looked at before they are
_BELOW_ONE = 1 - 2.0**-53

# splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def uniforms(seeds: NDArray[np.uint64], indices: NDArray[np.uint64]) -> NDArray[np.float64]:
    """One number in [0, 1) for each (seed, index), both of shape (B,)."""
    bits = _mix(_mix(seeds + _GAMMA) + indices * _GAMMA)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def choose_tokens(
    logits: torch.Tensor, uniform: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor
) -> torch.Tensor:
    """Token ids (B,) from `logits` (B, V); the other arguments have shape (B,).

    Temperature 0 takes the most likely token. Otherwise the inverse of the cumulative
    distribution at `uniform`, after top-p: the fewest most likely tokens that reach `top_p`.
    EngineError for logits that are not numbers.
    """
    highest, likeliest = logits.max(-1)  # (B,) both; the highest of a row with a nan is nan
    if not bool(highest.isfinite().all()):
        raise EngineError("the model's logits are not numbers; try --engine-arg dtype=float32")
    greedy = temperature == 0
    if bool(greedy.all()):
        return likeliest
    scale = torch.where(greedy, 1.0, temperature)
    # some rows after others, each from its logits to its token, as long as they are in the cache
    rows = rows_at_once(len(logits), logits.shape[1], logits.device.type)
    parts = zip(
        *(torch.split(column, rows) for column in (logits, uniform, scale, top_p)), strict=True
    )
    tokens = torch.cat([_draw(*part) for part in parts])
    return torch.where(greedy, likeliest, tokens)


def log_probabilities(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Of each of `tokens` (B,) under the model's own distribution, from its `logits` (B, V)."""
    return torch.log_softmax(logits.float(), dim=-1).gather(-1, tokens[:, None])[:, 0]


def _draw(
    logits: torch.Tensor, uniform: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor
) -> torch.Tensor:
    """As `choose_tokens`, of rows whose temperatures are above 0."""
    rows, words = logits.shape
    block = min(_BLOCK, words)
    padded = -(-words // block) * block  # W, whole blocks
    scaled = logits.new_full((rows, padded), -torch.inf, dtype=torch.float32)  # (B, W)
    torch.div(logits, temperature[:, None], out=scaled[:, :words])
    probabilities = torch.softmax(scaled, dim=-1)
    if bool((top_p < 1).any()):
        probabilities = _nucleus(probabilities, top_p)
    return _inverse_cdf(probabilities.view(rows, -1, block), uniform)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIERS[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIERS[1]
    return bits ^ (bits >> np.uint64(31))


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Probabilities with zero outside each row's nucleus; rows with `top_p` 1 are left alone."""
    # 1. What may be in it, K tokens of a row or fewer: all the tokens that have less than their
    #    share of 1 - top_p do not reach it together. Half of that, since sums are rounded.
    least = (1 - top_p) / (2 * probabilities.shape[1])
    limited = (top_p < 1)[:, None]
    candidates = (probabilities >= least[:, None]) & limited  # (B, W)
    rows, columns = candidates.nonzero(as_tuple=True)
    counts = candidates.sum(-1)
    places = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    likely = probabilities.new_zeros(len(top_p), int(counts.max()))  # (B, K)
    likely[rows, places] = probabilities[rows, columns]
    # 2. A token is outside if those before it have reached `top_p` without it. The most likely one
    #    stays, even at `top_p` 0.
    ordered, order = likely.sort(dim=-1, descending=True, stable=True)
    outside = ordered.cumsum(-1) - ordered >= top_p[:, None]
    outside[:, 0] = False
    # 3. Back to the order of the vocabulary.
    kept = torch.empty_like(likely).scatter_(-1, order, ordered.masked_fill_(outside, 0.0))
    nucleus = torch.zeros_like(probabilities)
    nucleus[rows, columns] = kept[rows, places]
    return torch.where(limited, nucleus, probabilities)


def _inverse_cdf(probabilities: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """The first token whose cumulative probability exceeds `uniform` times the total.

    Probabilities have the shape (B, N, block). The block is found first, by the sums of all, then
    the token in it: so only N + block numbers a row are added up in float64, in which a sum still
    grows by unlikely tokens.
    """
    upto = probabilities.sum(-1).cumsum(-1, dtype=torch.float64)  # (B, N)
    block, within = _find(upto, uniform)  # (B,) both
    chosen = probabilities[torch.arange(len(block), device=block.device), block]  # (B, block)
    token, _ = _find(chosen.cumsum(-1, dtype=torch.float64), within)
    return block * probabilities.shape[2] + token


def _find(upto: torch.Tensor, share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where in each row of cumulative sums (B, N) a `share` (B,) of its total is exceeded.

    Returns that place and, in [0, 1), how far in it; no place that adds nothing is found.
    """
    # a share < 1 keeps the product below the total, in float64
    target = share[:, None] * upto[:, -1:]  # (B, 1)
    place = torch.searchsorted(upto, target, right=True)
    edges = torch.nn.functional.pad(upto, (1, 0))  # (B, N + 1)
    start, end = edges.gather(1, place), edges.gather(1, place + 1)
    within = ((target - start) / (end - start)).clamp(max=_BELOW_ONE)
    return place[:, 0], within[:, 0]
