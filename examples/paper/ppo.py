"""PPO for a language model, by torchrl: a policy, a value function of tokens, what they learn."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from rl_command import CLIP
from tensordict import TensorDict
from tensordict.nn import (
    ProbabilisticTensorDictModule,
    ProbabilisticTensorDictSequential,
    TensorDictModule,
)
from torch import Tensor
from torch.distributions import Categorical
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value.functional import generalized_advantage_estimate

ROWS = ["input_ids", "attention_mask", "chosen"]  # what both networks are given

# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


def token_rows(prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> dict[str, Tensor]:
    """Prompts and completions as rows of (batch, length), padded at the end.

    `chosen` is of (batch, length - 1): whether the next token is one of the completion's.
    `action` has these tokens, one after another.
    """
    rows = [torch.tensor([*p, *c]) for p, c in zip(prompts, completions, strict=True)]
    chosen = [torch.arange(1, len(r)) >= len(p) for r, p in zip(rows, prompts, strict=True)]
    found = {
        "input_ids": pad_sequence(rows, batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in rows], batch_first=True),
        "chosen": pad_sequence(chosen, batch_first=True),
    }
    return {**found, "action": found["input_ids"][:, 1:][found["chosen"]]}


def advantages(
    values: Tensor, chosen: Tensor, rewards: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Generalized advantages of the chosen tokens, and what their values should have been.

    `values` is of (batch, length - 1), `rewards` of (tokens,), the results of (tokens, 1), as
    torchrl wants them. Rewards are not discounted; `smoothing` is the lambda of the estimate.
    """
    reward = torch.zeros_like(values).masked_scatter(chosen, rewards)
    ends = chosen & ~pad(chosen, (0, 1))[:, 1:]
    tensors = [t[..., None] for t in (values, pad(values, (0, 1))[:, 1:], reward, ends)]
    advantage, target = generalized_advantage_estimate(1.0, smoothing, *tensors)
    return advantage[chosen], target[chosen]


# ── networks ─────────────────────────────────────────────────────────────────────────────────────


class Learner:
    """The language model in `folder` as it learns, and its value function, a copy with a head."""

    def __init__(self, folder: str, args: argparse.Namespace) -> None:
        self.args = args
        self.policy, self.start, self.value = load_networks(folder)
        self.start.requires_grad_(False)
        rates = ((self.policy, args.lr), (self.value, args.value_lr))
        groups = [{"params": [*model.parameters()], "lr": lr} for model, lr in rates]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        total = args.steps * args.epochs * args.updates
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, total)
        policy = partial(self._logits, self.policy)
        self.loss = ClipPPOLoss(
            ProbabilisticTensorDictSequential(
                TensorDictModule(policy, in_keys=ROWS, out_keys=["logits"]),
                ProbabilisticTensorDictModule(
                    in_keys=["logits"], out_keys=["action"], distribution_class=Categorical
                ),
            ),
            TensorDictModule(self._values_chosen, in_keys=ROWS, out_keys=["state_value"]),
            clip_epsilon=CLIP,
            entropy_bonus=False,
            critic_coeff=1.0,
            loss_critic_type="l2",
            functional=False,
            device=self.policy.device,
        )

    def _logits(self, model: Any, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """At the chosen tokens' places, at the sampling temperature, (tokens, vocabulary)."""
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return logits[:, :-1][chosen] / self.args.temperature

    def _values(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What is expected before each token but the first, (batch, length - 1)."""
        return self.value(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1, 0]

    def _values_chosen(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        return self._values(ids, mask)[chosen][:, None]

    # ── learning ─────────────────────────────────────────────────────────────────────────────────

    def learn(
        self,
        prompts: Sequence[list[int]],
        completions: Sequence[list[int]],
        worth: Sequence[float],
    ) -> tuple[list[float], float]:
        """Learns from a batch: all epochs and updates.

        Returns what each completion was expected to be worth, and how far the policy has moved
        from where it started, in nats a token; both before it learned.
        """
        args, batch = self.args, len(worth)
        size = args.micro_batch or batch // args.updates
        cuts = [slice(first, first + size) for first in range(0, batch, size)]
        found = [self._experience(prompts[c], completions[c], worth[c]) for c in cuts]
        scale([micro["advantage"] for micro in found])
        each = len(found) // args.updates
        for _ in range(args.epochs):
            for first in range(0, len(found), each):
                self._update(found[first : first + each])
        expected = [value for micro in found for value in micro["expected"].tolist()]
        return expected, torch.cat([micro["moved"] for micro in found]).mean().item()

    @torch.no_grad()
    def _experience(self, prompts: Any, completions: Any, worth: Sequence[float]) -> TensorDict:
        """What torchrl's loss takes: tokens, their log probabilities, advantages and values."""
        rows = {k: v.to(self.policy.device) for k, v in token_rows(prompts, completions).items()}
        inputs = [rows[name] for name in ROWS]
        now, start = (
            Categorical(logits=self._logits(model, *inputs)).log_prob(rows["action"])
            for model in (self.policy, self.start)
        )
        values, chosen = self._values(*inputs[:2]), rows["chosen"]
        ends = chosen.sum(1).cumsum(0) - 1
        rewards = -self.args.kl * (now - start)
        rewards[ends] += torch.tensor(worth, device=rewards.device)
        advantage, target = advantages(values, chosen, rewards, self.args.smoothing)
        return TensorDict(
            {
                **rows,
                "action_log_prob": now,
                "advantage": advantage,
                "value_target": target,
                "expected": values[torch.arange(len(values)), chosen.int().argmax(1)],
                "moved": now - start,
            }
        )

    def _update(self, part: Sequence[TensorDict]) -> None:
        """One gradient step; every token of the part counts the same."""
        tokens = sum(len(micro["action"]) for micro in part)
        for micro in part:
            found = self.loss(micro)
            loss = found["loss_objective"] + found["loss_critic"]
            (loss * len(micro["action"]) / tokens).backward()
        for model in (self.policy, self.value):
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()

    # ── checkpoints ──────────────────────────────────────────────────────────────────────────────

    def _parts(self) -> dict[str, Any]:
        return {k: getattr(self, k) for k in ("policy", "value", "optimizer", "schedule")}

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on from here."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])


def load_networks(folder: str) -> tuple[Any, Any, Any]:
    """The policy, the same again, and the value function, whose head of zeros expects nothing."""
    from transformers import AutoModelForCausalLM, AutoModelForTokenClassification
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would warn that the head is new
    logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    how: dict[str, Any] = {"dtype": "float32", "trust_remote_code": False}
    value, found = AutoModelForTokenClassification.from_pretrained(
        folder, num_labels=1, output_loading_info=True, **how
    )
    for name in found["missing_keys"]:
        torch.nn.init.zeros_(value.get_parameter(name))
    policy, start = (AutoModelForCausalLM.from_pretrained(folder, **how) for _ in range(2))
    return tuple(model.eval().to(device) for model in (policy, start, value))  # without dropout


def scale(advantages: Sequence[Tensor]) -> None:
    """To mean 0 and standard deviation 1 over all of them, in place."""
    together = torch.cat([*advantages])
    for part in advantages:
        part.sub_(together.mean()).div_(together.std() + 1e-8)
