"""Trains a global refiner by PPO (paper, appendix C and table 6), with torchrl's loss.

The value function is a copy of the refiner with a head of one number for each token. It sees the
question, the draft and the refinement so far, so it learns what a draft is worth before its
refinement begins, -1[draft correct] with it. As is usual for language models, the reward
comes with the last token, each token pays for leaving the starting model, and advantages
are scaled to mean 0 and deviation 1 over a batch. `rl_refiner.py` is GRPO, without a value
function; both have the same options.

    pip install '.[ppo]'
    sormctl sample --greedy --model student/ train.jsonl -o drafts.jsonl
    python examples/paper/ppo_refiner.py --model global/ --drafts drafts.jsonl -o ppo/
    sormctl refine --mode global --model ppo/ test-drafts.jsonl -o refined.jsonl

One process, on a GPU if there is one. Run it again with --resume to continue an interrupted run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, pvariance

import numpy as np
from rl_command import Trained, checked_args, count, exit_code, option_parser, sampling_settings
from rl_rollouts import Refiner, Reward, open_orm, read_drafts

from sormctl.asking import Asking
from sormctl.engines.encoding import load_tokenizer

TRAINER = "torchrl.objectives.ClipPPOLoss"

# ── training ─────────────────────────────────────────────────────────────────────────────────────


def train(args: argparse.Namespace, folder: str, asking: Asking, partial: Path) -> Trained:
    """The refiner after the last step; continues from the checkpoint in `partial`."""
    import torch
    import torchrl
    from ppo import Learner

    learner = Learner(folder, args)
    room = learner.policy.config.max_position_embeddings - args.max_tokens
    drafts = read_drafts(args.drafts, load_tokenizer(folder), asking, room)
    refiner = Refiner(drafts, asking, sampling_settings(args), partial / "policy")
    metrics: list[dict[str, float]] = []
    checkpoint = partial / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        learner.restore(state)
        metrics = state["metrics"]
    with open_orm(args.orm) as score:
        reward = Reward(drafts.solutions, score)
        for step in range(len(metrics), args.steps):
            begun = time.monotonic()
            numbers = batch_numbers(args, len(drafts.prompts), step)
            refined = refiner.refine(numbers, learner.policy, step * len(numbers))
            worth = reward(numbers, refined)
            prompts = list(map(drafts.prompt_ids, numbers))
            written = list(map(drafts.token_ids, numbers, refined))
            expected, moved = learner.learn(prompts, written, worth)
            right = [drafts.solutions[i].correct for i in numbers]
            found = {"reward": fmean(worth), **reward.shares(numbers, refined), "kl": moved}
            found |= value_metrics(expected, worth, right)
            tell(step + 1, args.steps, found)
            metrics.append({"step": step + 1, **found, "seconds": time.monotonic() - begun})
            if (step + 1) % args.save_every == 0:
                torch.save({**learner.state(), "metrics": metrics}, partial / "unfinished.pt")
                (partial / "unfinished.pt").replace(checkpoint)
    return Trained(learner.policy, {"trainer": TRAINER, "torchrl": torchrl.__version__}, metrics)


def batch_numbers(args: argparse.Namespace, drafts: int, step: int) -> list[int]:
    """The numbers of a step's drafts, each as often as it is refined; all in turn, at random."""
    size = args.drafts_per_step
    rounds = range(step * size // drafts, ((step + 1) * size - 1) // drafts + 1)
    orders = [np.random.default_rng((args.seed, r)).permutation(drafts) for r in rounds]
    first = step * size % drafts
    return np.concatenate(orders)[first : first + size].repeat(args.samples).tolist()


def value_metrics(
    expected: Sequence[float], worth: Sequence[float], right: Sequence[bool | None]
) -> dict[str, float]:
    """What the value function knew of drafts: its mean by theirs, the share of variance explained.

    `expected` is its value before the first token of the refinement that was worth `worth`.
    """
    pairs = list(zip(expected, right, strict=True))
    errors = fmean((e - w) ** 2 for e, w in zip(expected, worth, strict=True))
    spread = pvariance(worth)
    known = {
        "value_of_right": [e for e, correct in pairs if correct],
        "value_of_wrong": [e for e, correct in pairs if not correct],
    }
    means = {name: fmean(values) for name, values in known.items() if values}
    return {**means, "explained": 1 - errors / spread} if spread else means


def tell(step: int, steps: int, found: Mapping[str, float]) -> None:
    """One line to standard error."""
    shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    print(f"ppo_refiner: step {step}/{steps}, {shown}", file=sys.stderr, flush=True)


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = option_parser(
        "Train a global refiner by PPO (torchrl's ClipPPOLoss).",
        drafts_per_step=256,
        samples=1,
        save_every=4,
    )
    add = parser.add_argument
    add("--value-lr", type=float, default=1e-3, help="peak learning rate of the value function")
    add("--epochs", type=count, default=1, help="times that a batch is learned from")
    add("--smoothing", type=float, default=0.95, help="lambda of the advantages, up to 1")
    return checked_args(parser)


def main() -> int:
    """Exit code: as sormctl's, see `sormctl.errors`."""
    args = parse_args()
    if find_spec("torchrl") is None:
        print("ppo_refiner: needs torchrl: pip install '.[ppo]'", file=sys.stderr)
        return 2
    return exit_code(args, train, "ppo_refiner")


if __name__ == "__main__":
    sys.exit(main())
