"""Trains a global refiner by reinforcement learning (paper, appendix C and table 6), with TRL.

The paper used PPO, as `ppo_refiner.py` does. This is **GRPO**, TRL's `GRPOTrainer`, set up as near
to PPO as it goes: PPO's clipped objective token by token, several gradient steps on each batch, a
penalty for leaving the starting model, rewards that are not rescaled. Where PPO learns a value
function, the mean reward of the refinements of the same draft is the baseline. So without an ORM
-1[draft correct] moves no gradient: it is the same for all of them.

    pip install '.[rl]'
    sormctl sample --greedy --model student/ train.jsonl -o drafts.jsonl
    python examples/paper/rl_refiner.py --model global/ --drafts drafts.jsonl -o rl/
    sormctl refine --mode global --model rl/ test-drafts.jsonl -o refined.jsonl

One process, on a GPU if there is one. Run it again with --resume to continue an interrupted run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rl_command import CLIP, Trained, checked_args, exit_code, option_parser, sampling_settings
from rl_rollouts import Refiner, Reward, open_orm, read_drafts

from sormctl.asking import Asking
from sormctl.engines.encoding import load_tokenizer
from sormctl.records import Solution

TRAINER = "trl.GRPOTrainer"

# ── training ─────────────────────────────────────────────────────────────────────────────────────


def trainer_config(args: argparse.Namespace, partial: Path) -> Any:
    """TRL's settings. A step refines a batch and takes `updates` gradient steps, each on a part."""
    import torch
    from trl import GRPOConfig

    part = args.drafts_per_step * args.samples // args.updates
    micro_batch = args.micro_batch or part
    return GRPOConfig(
        output_dir=str(partial),
        seed=args.seed,
        max_steps=args.steps * args.updates,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=part // micro_batch,
        steps_per_generation=args.updates * (part // micro_batch),
        num_generations=args.samples,
        temperature=args.temperature,
        max_completion_length=args.max_tokens,
        learning_rate=args.lr,
        lr_scheduler_type="cosine",
        epsilon=CLIP,
        beta=args.kl,
        scale_rewards="none",
        loss_type="dapo",  # the mean over all tokens of the batch, as in PPO
        bf16=torch.cuda.is_available(),
        gradient_checkpointing=False,
        save_steps=args.save_every * args.updates,
        save_total_limit=2,
        logging_steps=args.updates,
        disable_tqdm=True,
        report_to="none",
    )


def train(args: argparse.Namespace, folder: str, asking: Asking, partial: Path) -> Trained:
    """The refiner after the last step; continues from the newest checkpoint in `partial`."""
    import trl
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForCausalLM
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", trust_remote_code=False)
    room = model.config.max_position_embeddings - args.max_tokens
    drafts = read_drafts(args.drafts, load_tokenizer(folder), asking, room)
    refiner = Refiner(drafts, asking, sampling_settings(args), partial / "policy")
    with open_orm(args.orm) as score:
        trainer = trl.GRPOTrainer(
            model,
            reward_function(Reward(drafts.solutions, score)),
            trainer_config(args, partial),
            train_dataset=Dataset.from_dict({"prompt": list(map(str, range(len(drafts.prompts))))}),
            processing_class=drafts.tokenizer,
            rollout_func=rollout_function(refiner),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(progress(args.updates))
        trainer.train(resume_from_checkpoint=get_last_checkpoint(str(partial)))
    model = trainer.accelerator.unwrap_model(trainer.model)
    made_by = {"trainer": TRAINER, "trl": trl.__version__}
    return Trained(model, made_by, trainer.state.log_history)


def rollout_function(refiner: Refiner) -> Callable[..., dict[str, Any]]:
    """TRL's `rollout_func`. It knows drafts by their numbers, which are its prompts."""

    def rollouts(prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        model = trainer.accelerator.unwrap_model(trainer.model)
        first = trainer.state.global_step * len(prompts)
        numbers = list(map(int, prompts))
        refined = refiner.refine(numbers, model, first)
        return {
            "prompt_ids": list(map(refiner.drafts.prompt_ids, numbers)),
            "completion_ids": list(map(refiner.drafts.token_ids, numbers, refined)),
            "logprobs": None,
            "refinement": refined,
        }

    return rollouts


def reward_function(worth: Reward) -> Callable[..., list[float]]:
    """TRL's reward function, which logs as well what `Reward.shares` counts."""

    def reward(
        *,
        prompts: Sequence[str],
        refinement: Sequence[Solution],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        numbers = list(map(int, prompts))
        for name, share in worth.shares(numbers, refinement).items():
            log_metric(name, share)
        return worth(numbers, refinement)

    return reward


def progress(updates: int) -> Any:
    """A callback that prints one line a step to standard error."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "reward" in logs:
                names = ("reward", "correct", "copied", "kl", "entropy")
                shown = ", ".join(f"{name} {logs[name]:.3f}" for name in names if name in logs)
                step, total = state.global_step // updates, state.max_steps // updates
                print(f"rl_refiner: GRPO step {step}/{total}, {shown}", file=sys.stderr, flush=True)

    return Progress()


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = option_parser(
        "Train a global refiner by reinforcement learning (TRL's GRPOTrainer).",
        drafts_per_step=64,
        samples=4,
        save_every=20,
    )
    args = checked_args(parser)
    if args.samples < 2:
        parser.error("--samples: at least 2, for each is compared with the others")
    return args


def main() -> int:
    """Exit code: as sormctl's, see `sormctl.errors`."""
    args = parse_args()
    if find_spec("trl") is None:
        print("rl_refiner: needs TRL: pip install '.[rl]'", file=sys.stderr)
        return 2
    return exit_code(args, train, "rl_refiner")


if __name__ == "__main__":
    sys.exit(main())
