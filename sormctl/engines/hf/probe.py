"""Whether the engine computes what the model does: two short prompts, tried once it is loaded.

A model may look ahead, count its positions or slice its mask by the length of the storage, or keep
something besides keys and values. It would write nonsense, and nothing would say so.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sormctl.engines.base import Sampling
from sormctl.engines.hf.decode import Decoder, SlotStart
from sormctl.engines.hf.load import LoadedModel, not_computed
from sormctl.engines.hf.prefill import Prompts
from sormctl.errors import SormctlError

# Text, behind whatever a tokenizer begins it with: half precision loses far more on what no model
# has seen, such as random tokens.
_TEXTS = (
    "Two trains leave a town at noon.",
    "Tom has three apples, and he buys five more of them.",
)
_LENGTHS = (4, 9)  # tokens of each; storage is longer than either
_STEPS = 2
_ROOM = 1024  # positions, more than these need
_GREEDY = Sampling(temperature=0.0, max_tokens=_STEPS)
# How far logits may lie from the model's own, as a share of their spread. Of 70 architectures and
# a real model rounding made 1e-5 at most in float32 and 0.02 in bfloat16. Errors made 0.24 and
# more, and 0.002 with weights so small that a token hardly sees others.
_TOLERANCE = {torch.float16: 0.1, torch.bfloat16: 0.2}
_TOLERANCE_FLOAT32 = 0.001


@torch.inference_mode()
def probe(loaded: LoadedModel) -> int:
    """The bytes that the keys and values of a position take.

    ModelError if the engine does not compute the model's logits, EngineError if they are not
    numbers.
    """
    prompts = _prompts(loaded)
    try:
        size, tokens, found = _decoded(loaded, prompts)
        expected = [_plain(loaded, [*ids, *new]) for ids, new in zip(prompts, tokens, strict=True)]
    except (SormctlError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a model meets that is not run as it was written for
        raise not_computed(loaded.name, loaded.model) from error
    if not _distance(found, torch.stack(expected)) <= _tolerance(loaded):
        raise not_computed(loaded.name, loaded.model)
    return size


def _prompts(loaded: LoadedModel) -> list[list[int]]:
    """Token ids of the beginnings of two texts, of different length."""
    embeddings = loaded.model.get_input_embeddings().num_embeddings
    encoded = (loaded.tokenizer(text)["input_ids"] for text in _TEXTS)
    known = ([token for token in ids if token < embeddings] or [0] for ids in encoded)
    room = max(1, (loaded.max_length or _ROOM) - _STEPS)
    return [(ids * most)[: min(most, room)] for ids, most in zip(known, _LENGTHS, strict=True)]


def _tolerance(loaded: LoadedModel) -> float:
    """On a GPU, products of float32 may be made of numbers that are as short as float16's."""
    is_short = loaded.device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32
    float32 = _TOLERANCE[torch.float16] if is_short else _TOLERANCE_FLOAT32
    return _TOLERANCE.get(loaded.model.dtype, float32)


def _decoded(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]]
) -> tuple[int, list[list[int]], torch.Tensor]:
    """Bytes of a position, tokens of each prompt, logits (R, S, V): R prompts, S steps."""
    prefilled = Prompts(loaded.model, _ROOM).prefill(prompts)
    layers = prefilled[0].cache.layers
    stored = sum(part.nbytes for layer in layers for part in (layer.keys, layer.values))
    rows, positions = layers[0].keys.shape[0], layers[0].keys.shape[2]
    decoder = Decoder(loaded, len(prompts), _ROOM)
    pairs = enumerate(zip(prefilled, prompts, strict=True))
    decoder.start({i: SlotStart(*pair, 0, _GREEDY) for i, pair in pairs}, len(prompts))
    tokens, logits = [], []
    for _ in range(_STEPS):
        logits.append(decoder.logits(len(prompts)))  # (R, V)
        tokens.append(decoder.choose(logits[-1]))
    return (
        stored // (rows * positions),
        [*map(list, zip(*tokens, strict=True))],
        torch.stack(logits, 1),
    )


def _plain(loaded: LoadedModel, ids: Sequence[int]) -> torch.Tensor:
    """Logits (S, V) of the model by itself, where the last S of `ids` were chosen."""
    batch = torch.tensor([ids], device=loaded.device)
    given = {"use_cache": False, "logits_to_keep": _STEPS + 1}  # which some models pass over
    logits: torch.Tensor = loaded.model(batch, **given).logits[0]
    return logits[-_STEPS - 1 : -1]


def _distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """How far the worse row of logits (R, S, V) lies from what is expected, in its spreads.

    A row is as far as the nearer of its steps: rounding now and then moves one, an error both.
    """
    found, expected = found.float(), expected.float()
    apart = (found - expected).square().mean(-1).sqrt()
    return float((apart / expected.std(-1).clamp(min=1e-9)).amin(-1).max())
