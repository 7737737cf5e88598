"""Trains a global refiner by reinforcement learning (paper, appendix C and table 6), with TRL.

The paper used PPO. TRL has dropped its PPO trainer (huggingface/trl, pull request 7020), so this is
**GRPO**, TRL's `GRPOTrainer`, set up as near to PPO as it goes: PPO's clipped objective token by
token, several gradient steps on each batch, a penalty for leaving the starting model, rewards that
are not rescaled. Where PPO learns a value function, the mean reward of the refinements of the same
draft is the baseline. So without an ORM -1[draft correct] moves no gradient: it is the same for all
of them.

    pip install 'sormctl[rl]'
    sormctl sample --greedy --model student/ train.jsonl -o drafts.jsonl
    python examples/paper/rl_refiner.py --model global/ --drafts drafts.jsonl -o rl/
    sormctl refine --mode global --model rl/ test-drafts.jsonl -o refined.jsonl

One process, on a GPU if there is one. Run it again with --resume to continue an interrupted run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sormctl import __version__
from sormctl.engines.encoding import (
    SETTINGS_FILE,
    load_tokenizer,
    prompt_ids,
    prompt_style,
    resolve_model,
)
from sormctl.errors import DataError, SormctlError, UsageError
from sormctl.inference import Judge, open_judge
from sormctl.records import Solution, parse_solution, problem_json
from sormctl.streams.jsonl import read_records
from sormctl.streams.output import locked, writing
from sormctl.tasks.grading import grader
from sormctl.tasks.prompts import Prompt, refine_prompt
from sormctl.tasks.registry import get_task

TRAINER = "trl.GRPOTrainer"
CLIP = 0.2  # PPO's usual range of the ratio of new to old probability
FREE = ("output", "resume", "save_every", "micro_batch")  # may differ in a run that is continued

Score = Callable[[Sequence[Solution]], list[float]]

# ── reward ───────────────────────────────────────────────────────────────────────────────────────


class Reward:
    """What a refinement of draft number i is worth (appendix C).

    1[refinement correct] - 1[draft correct]. With an ORM, the larger of that and
    ORM(refinement) - ORM(draft); with `orm_weight`, that plus this share of the ORM's difference.
    A refinement that was cut off is wrong.
    """

    __name__ = "reward"  # TRL names its metrics after it

    def __init__(
        self, drafts: Sequence[Solution], tokenizer: Any, score: Score | None, orm_weight: float
    ) -> None:
        self._drafts = drafts
        self._tokenizer = tokenizer
        self._score = score
        self._orm_weight = orm_weight
        self._of_drafts = score(drafts) if score else []
        self._grade = grader()

    def __call__(
        self,
        *,
        draft: Sequence[int],
        completion_ids: Sequence[list[int]],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        """One reward for each completion of the drafts numbered `draft`, as TRL calls it."""
        drafts = [self._drafts[number] for number in draft]
        refined = [self._refinement(*pair) for pair in zip(drafts, completion_ids, strict=True)]
        log_metric("correct", mean(r.correct for r in refined))
        log_metric("copied", mean(map(copies, refined, drafts)))
        outcomes = [float(r.correct) - d.correct for r, d in zip(refined, drafts, strict=True)]
        if self._score is None:
            return outcomes
        scores = zip(self._score(refined), draft, strict=True)
        gains = [score - self._of_drafts[number] for score, number in scores]
        return [self._mixed(*pair) for pair in zip(outcomes, gains, strict=True)]

    def _mixed(self, outcome: float, gain: float) -> float:
        return outcome + self._orm_weight * gain if self._orm_weight else max(outcome, gain)

    def _refinement(self, draft: Solution, ids: list[int]) -> Solution:
        finished = ids[-1:] == [self._tokenizer.eos_token_id]
        text = self._tokenizer.decode(ids, skip_special_tokens=True) if finished else ""
        return self._grade({**problem_json(draft.problem), "solution_id": "-", "text": text})


def copies(refinement: Solution, draft: Solution) -> bool:
    """Whether a refinement only gives the draft's answer again."""
    equal = get_task(draft.problem.task).answer.equal
    both = refinement.predicted, draft.predicted
    return both == (None, None) if None in both else equal(*both)


def mean(values: Iterator[bool]) -> float:
    """Share of what is true."""
    found = list(values)
    return sum(found) / len(found)


@contextmanager
def open_orm(model: str | None) -> Iterator[Score | None]:
    """A function from solutions to the ORM's last scores; None without a model."""
    if model is None:
        yield None
        return
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        judge = runner.run(stack.enter_async_context(open_judge(model)))
        try:
            yield lambda solutions: runner.run(last_scores(judge, solutions))
        finally:
            runner.run(stack.aclose())


async def last_scores(judge: Judge, solutions: Sequence[Solution]) -> list[float]:
    """P(correct) after the last step; 0 without a step."""
    found = await asyncio.gather(*map(judge.score, solutions))
    return [scores[-1] if scores else 0.0 for scores in found]


# ── data ─────────────────────────────────────────────────────────────────────────────────────────


def read_drafts(path: str, tokenizer: Any, style: str, room: int) -> list[tuple[Solution, Prompt]]:
    """Drafts with the prompt that `sormctl refine` gives; those of more than `room` tokens not."""
    found = []
    for draft in read_records([path], parse_solution):
        task = get_task(draft.problem.task)
        prompt = refine_prompt(task, draft.problem.question, draft.steps, None, style)
        if len(prompt_ids(tokenizer, prompt)) <= room:
            found.append((draft, prompt))
    if not found:
        raise DataError(f"{path}: no draft that leaves room for a refinement")
    return found


def trl_prompt(prompt: Prompt) -> str | list[dict[str, str]]:
    """A prompt as TRL takes it: text, or the turns of a chat; its token ids are `prompt_ids`."""
    return prompt.text or [asdict(message) for message in prompt.messages]


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def trainer_config(args: argparse.Namespace, partial: Path) -> Any:
    """TRL's settings. A step generates a batch and takes `updates` gradient steps on it."""
    import torch
    from trl import GRPOConfig

    batch = args.drafts_per_step * args.samples
    micro_batch = args.micro_batch or batch
    return GRPOConfig(
        output_dir=str(partial),
        seed=args.seed,
        max_steps=args.steps * args.updates,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=batch // micro_batch,
        num_generations=args.samples,
        num_iterations=args.updates,
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


def train(args: argparse.Namespace, folder: str, style: str, partial: Path) -> Any:
    """The trainer after its last step; it continues from the newest checkpoint in `partial`."""
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForCausalLM
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint
    from transformers.utils import logging
    from trl import GRPOTrainer

    disable_progress_bars()
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = load_tokenizer(folder)
    tokenizer.padding_side = "left"
    room = model.config.max_position_embeddings - args.max_tokens
    drafts, prompts = zip(*read_drafts(args.drafts, tokenizer, style, room), strict=True)
    rows = [{"prompt": trl_prompt(prompt), "draft": i} for i, prompt in enumerate(prompts)]
    with open_orm(args.orm) as score:
        trainer = GRPOTrainer(
            model,
            Reward(drafts, tokenizer, score, args.orm_weight),
            trainer_config(args, partial),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
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
                shown = ", ".join(
                    f"{name} {logs[name]:.3f}"
                    for name in ("reward", "correct", "copied", "kl", "entropy")
                    if name in logs
                )
                step, total = state.global_step // updates, state.max_steps // updates
                print(f"rl_refiner: GRPO step {step}/{total}, {shown}", file=sys.stderr, flush=True)

    return Progress()


def save(trainer: Any, args: argparse.Namespace, folder: str, style: str, target: Path) -> None:
    """The refiner as `sormctl refine` takes it; beside it how it was made, and how that went."""
    import trl
    from transformers import AutoConfig

    settings = {"kind": "refiner", "prompt": style, "mode": "global", "version": __version__}
    how = {"trainer": TRAINER, "trl": trl.__version__, **vars(args)}
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.to(AutoConfig.from_pretrained(folder).dtype).save_pretrained(target)
    load_tokenizer(folder).save_pretrained(target)
    log = "".join(f"{json.dumps(line)}\n" for line in trainer.state.log_history)
    (target / "metrics.jsonl").write_text(log, encoding="utf-8")
    text = json.dumps({**settings, "reinforcement": how}, indent=2) + "\n"
    (target / SETTINGS_FILE).write_text(text, encoding="utf-8")


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def run(args: argparse.Namespace) -> None:
    """Trains in `OUT.partial`, which moves to `OUT` as soon as the refiner in it is whole."""
    import shutil

    output = Path(args.output)
    if output.exists():
        if args.resume:
            return
        raise UsageError(f"{output} exists; give another folder, or --resume if it is finished")
    if args.drafts_per_step * args.samples % (args.micro_batch or 1):
        raise UsageError("--micro-batch must divide --drafts-per-step times --samples")
    folder = resolve_model(args.model)
    style = prompt_style(folder, args.prompt)
    if style == "one-shot":
        raise UsageError("a one-shot model never ends its answer; give --prompt plain or chat")
    partial = Path(f"{output}.partial")
    with writing(partial):
        partial.mkdir(parents=True, exist_ok=True)
        with locked(partial / "lock"):
            check_same(args, partial / "arguments.json")
            trainer = train(args, folder, style, partial)
            save(trainer, args, folder, style, partial / "model")
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
    add("--orm", help="outcome reward model that is mixed into the reward, by the maximum")
    add("--orm-weight", type=float, default=0.0, help="add so much of its gain instead")
    add("--steps", type=count, default=20, help="batches of refinements to learn from")
    add("--drafts-per-step", type=count, default=64, help="drafts in a batch")
    add("--samples", type=count, default=4, help="refinements of a draft, at least 2")
    add("--updates", type=count, default=2, help="gradient steps on a batch")
    add("--micro-batch", type=count, help="refinements in memory at once; all by default")
    add("--lr", type=float, default=1e-4, help="peak learning rate")
    add("--kl", type=float, default=0.05, help="weight of the penalty for leaving --model")
    add("--temperature", type=float, default=1.0, help="of the refinements in training")
    add("--max-tokens", type=count, default=80, help="tokens of a refinement")
    add("--prompt", default="auto", help="plain or chat; auto asks the model folder")
    add("--seed", type=int, default=0, help="seed of everything that is drawn at random")
    add("--save-every", type=count, default=20, help="steps between checkpoints")
    add("--resume", action="store_true", help="continue an interrupted run")
    args = parser.parse_args()
    if args.samples < 2:
        parser.error("--samples: at least 2, for each is compared with the others")
    return args


def main() -> int:
    """Exit code: as sormctl's, see `sormctl.errors`."""
    args = parse_args()
    try:
        import trl  # noqa: F401
    except ImportError:
        print("rl_refiner: needs TRL: pip install 'sormctl[rl]'", file=sys.stderr)
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
