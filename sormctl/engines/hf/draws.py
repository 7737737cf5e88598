"""Sampling tokens with randomness that belongs to the completion, not to the batch.

The uniform number behind a token is a hash of (the completion's seed, the token's index), so a
completion is the same alone, among others, and after a resume.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

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
    """
    greedy = temperature == 0
    if bool(greedy.all()):
        return logits.argmax(-1)
    scale = torch.where(greedy, 1.0, temperature)
    probabilities = torch.softmax(logits.float() / scale[:, None], dim=-1)
    if bool((top_p < 1).any()):
        probabilities = _nucleus(probabilities, top_p)
    tokens = _inverse_cdf(probabilities, uniform)
    return torch.where(greedy, logits.argmax(-1), tokens) if bool(greedy.any()) else tokens


def log_probabilities(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Of each of `tokens` (B,) under the model's own distribution, from its `logits` (B, V)."""
    return torch.log_softmax(logits.float(), dim=-1).gather(-1, tokens[:, None])[:, 0]


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIERS[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIERS[1]
    return bits ^ (bits >> np.uint64(31))


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Probabilities with zero outside each row's nucleus; rows with `top_p` 1 are left alone."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)  # (B, V) both
    # a token is outside if those before it have reached `top_p` without it
    outside = (ordered.cumsum(-1) - ordered >= top_p[:, None]) & (top_p < 1)[:, None]  # (B, V)
    outside[:, 0] = False  # the most likely one stays, even at `top_p` 0
    # back to the order of the vocabulary
    return torch.empty_like(ordered).scatter_(-1, order, ordered.masked_fill_(outside, 0.0))


def _inverse_cdf(probabilities: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """The first token whose cumulative probability exceeds `uniform` times the total."""
    # in float64, since a sum in float32 no longer grows by unlikely tokens
    cumulative = probabilities.cumsum(-1, dtype=torch.float64)  # (B, V)
    target = uniform[:, None] * cumulative[:, -1:]  # (B, 1); the total is not quite 1
    # u < 1 in float64 keeps the product below the total, so the token found has probability > 0
    return torch.searchsorted(cumulative, target, right=True)[:, 0]
