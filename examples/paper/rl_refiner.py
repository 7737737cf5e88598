"""Trains a global refiner by reinforcement learning (paper, appendix C and table 6), with TRL.

The paper used PPO. TRL dropped its PPO trainer (huggingface/trl, pull request 7020), so this is
**GRPO**, TRL's `GRPOTrainer`, set up as near to PPO as it goes: PPO's clipped objective token by
token, several gradient steps on each batch, a penalty for leaving the starting model, rewards that
are not rescaled. Where PPO learns a value function, the mean reward of the refinements of the same
draft is the baseline. So without an ORM -1[draft correct] moves no gradient: it is the same for all
of them. (A value function that sees the draft, as PPO's does, learns to take it off, too.)

    pip install '.[rl]'
    sormctl sample --greedy --model student/ train.jsonl -o drafts.jsonl
    python examples/paper/rl_refiner.py --model global/ --drafts drafts.jsonl -o rl/
    sormctl refine --mode global --model rl/ test-drafts.jsonl -o refined.jsonl

One process, on a GPU if there is one. Run it again with --resume to continue an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonlines
from msgspec import to_builtins
from rl_rollouts import Drafts, Reward, open_orm, read_drafts

from sormctl import __version__
from sormctl.asking import NOTHING_SAID, Asking
from sormctl.engines.encoding import load_tokenizer
from sormctl.engines.running import SamplingSettings
from sormctl.errors import SormctlError, UsageError
from sormctl.models import SETTINGS_FILE, resolve_model, settle_asking
from sormctl.streams.output import locked, writing

TRAINER = "trl.GRPOTrainer"
CLIP = 0.2  # PPO's usual range of the ratio of new to old probability
FREE = ("output", "resume", "save_every", "micro_batch")  # may differ in a run that is continued

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


def train(args: argparse.Namespace, folder: str, asking: Asking, partial: Path) -> Any:
    """The trainer after its last step; it continues from the newest checkpoint in `partial`."""
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForCausalLM
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint
    from transformers.utils import logging
    from trl import GRPOTrainer

    disable_progress_bars()
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", trust_remote_code=False)
    tokenizer = load_tokenizer(folder)
    room = model.config.max_position_embeddings - args.max_tokens
    drafts, prompts = read_drafts(args.drafts, tokenizer, asking, room)
    sampling = SamplingSettings(
        temperature=args.temperature,
        max_tokens=args.max_tokens,
        seed=args.seed << 32,  # room for a number of each refinement
    )
    refiner = Drafts(drafts, prompts, tokenizer, sampling, asking, partial / "policy")
    with open_orm(args.orm) as score:
        trainer = GRPOTrainer(
            model,
            Reward(drafts, score),
            trainer_config(args, partial),
            train_dataset=Dataset.from_dict({"prompt": list(map(str, range(len(drafts))))}),
            processing_class=tokenizer,
            rollout_func=refiner.refine,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(progress(args.updates))
        trainer.train(resume_from_checkpoint=get_last_checkpoint(str(partial)))
    return trainer


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


def save(trainer: Any, args: argparse.Namespace, folder: str, asking: Asking, target: Path) -> None:
    """The refiner as `sormctl refine` takes it; beside it how it was made, and how that went."""
    import trl
    from transformers import AutoConfig

    asked = {"prompt": asking.style, "asking": to_builtins(asking)}
    settings = {"kind": "refiner", **asked, "mode": "global", "version": __version__}
    how = {"trainer": TRAINER, "trl": trl.__version__, **vars(args)}
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.to(AutoConfig.from_pretrained(folder, trust_remote_code=False).dtype).save_pretrained(
        target
    )
    load_tokenizer(folder).save_pretrained(target)
    with jsonlines.open(target / "metrics.jsonl", "w") as metrics:
        metrics.write_all(trainer.state.log_history)
    text = json.dumps({**settings, "reinforcement": how}, indent=2) + "\n"
    (target / SETTINGS_FILE).write_text(text, encoding="utf-8")


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def run(args: argparse.Namespace) -> None:
    """Trains in `OUT.partial`, which moves to `OUT` as soon as the refiner in it is whole."""
    output = Path(args.output)
    if output.exists():
        if args.resume:
            return
        raise UsageError(f"{output} exists; give another folder, or --resume if it is finished")
    folder = resolve_model(args.model)
    asking = settle_asking(folder, NOTHING_SAID).taught()
    partial = Path(f"{output}.partial")
    with writing(partial):
        partial.mkdir(parents=True, exist_ok=True)
        with locked(partial / "lock"):
            check_same(args, partial / "arguments.json")
            trainer = train(args, folder, asking, partial)
            save(trainer, args, folder, asking, partial / "model")
            (partial / "model").rename(output)
            shutil.rmtree(partial)


def check_same(args: argparse.Namespace, path: Path) -> None:
    """UsageError if `path` is of a run that --resume does not continue, or not asked for."""
    asked = {name: value for name, value in vars(args).items() if name not in FREE}
    if path.exists():
        if not args.resume:
            raise UsageError(f"{path.parent} holds an unfinished run; --resume, or remove it")
        earlier = json.loads(path.read_text(encoding="utf-8"))
        for name in asked:
            if earlier.get(name) != asked[name]:
                raise UsageError(f"cannot --resume: {name} was {earlier.get(name)}")
    path.write_text(json.dumps(asked, indent=2), encoding="utf-8")


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be a whole number above 0")
    return int(text)


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Train a global refiner by reinforcement learning (TRL's GRPOTrainer).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, help="refiner to start from")
    add("--drafts", required=True, help="graded drafts of training problems, JSONL")
    add("-o", "--output", required=True, help="folder of the new refiner")
    add("--orm", help="outcome reward model that is mixed into the reward")
    add("--steps", type=count, default=16, help="batches of refinements to learn from")
    add("--drafts-per-step", type=count, default=64, help="drafts in a batch")
    add("--samples", type=count, default=4, help="refinements of a draft, at least 2")
    add("--updates", type=count, default=4, help="gradient steps on a batch, each on a part")
    add("--micro-batch", type=count, help="refinements in memory at once; a part by default")
    add("--lr", type=float, default=3e-4, help="peak learning rate")
    add("--kl", type=float, default=0.05, help="weight of the penalty for leaving --model")
    add("--temperature", type=float, default=1.0, help="of the refinements in training")
    add("--max-tokens", type=count, default=80, help="tokens of a refinement")
    add("--seed", type=int, default=0, help="seed of everything that is drawn at random")
    add("--save-every", type=count, default=20, help="steps between checkpoints")
    add("--resume", action="store_true", help="continue an interrupted run")
    args = parser.parse_args()
    batch = args.drafts_per_step * args.samples
    if args.samples < 2:
        parser.error("--samples: at least 2, for each is compared with the others")
    if batch % (args.updates * (args.micro_batch or 1)):
        parser.error(f"--updates times --micro-batch must divide the {batch} refinements of a step")
    return args


def main() -> int:
    """Exit code: as sormctl's, see `sormctl.errors`."""
    args = parse_args()
    if find_spec("trl") is None:
        print("rl_refiner: needs TRL: pip install '.[rl]'", file=sys.stderr)
        return 2
    try:
        run(args)
    except SormctlError as error:
        print(f"rl_refiner: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("rl_refiner: stopped; continue with --resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
