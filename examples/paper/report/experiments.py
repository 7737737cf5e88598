"""The paper's tables and figures as rows of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from examples.paper.report import rows
from examples.paper.report.rows import AtLevel, Subject
from examples.paper.report.verdicts import Ref, filled
from sormctl.evaluation.rows import Fixed, Truth, Way
from sormctl.evaluation.steps import AUC, FINAL_ACCURACY, LOCATED, STEP_ACCURACY

# the models of the paper's tables, and what they are called there
MODELS = {
    "orm": "ORM",
    "balanced-orm": "balanced ORM",
    "sorm": "SORM",
}
OTHERS = {
    "prm": "PRM (H)",
    "contrastive": "contrastive (F)",
    "sorm-unbalanced": "SORM, labels not balanced (G)",
    "sorm-1": "SORM, one epoch (I)",
    "sorm-filtered-1": "SORM filtered by that of one epoch (I)",
    "sorm-filtered-2": "SORM filtered by that of two epochs (I)",
}
FINAL_RATES = (FINAL_ACCURACY, rows.BALANCED, *rows.ERRORS.values())
RATES = (STEP_ACCURACY, *FINAL_RATES[1:], AUC, LOCATED)

# what tokens buy: a choice among so many samples, or one of these
BUDGETS = (2, 4, 8, 16, 32, 64, 96)
CHOICES: dict[str, Callable[[int], Way]] = {
    "majority": rows.majority,
    "ORM-weighted vote": partial(rows.weighted, model="orm"),
    "best by the ORM": partial(rows.rerank, model="orm"),
    "best by the SORM": partial(rows.rerank, model="sorm"),
}
SINGLE: dict[str, Ref] = {
    "draft": ("{s}/main", rows.DRAFT),
    "draft + global by the ORM": ("{s}/main", rows.best("orm", "draft", "global")),
    "draft + local by the ORM": ("{s}/main", rows.best("orm", "draft", "local")),
    "draft + global + local by the ORM": ("{s}/main", rows.BY_ORM),
    "draft + global + local, ORM-weighted vote": ("{s}/main", rows.BY_VOTE),
    "draft after expert iteration": ("ei/main", rows.DRAFT),
}


@dataclass(frozen=True)
class Experiment:
    """A table: its lines' labels and rows, `{s}` and `MOST` as in claims.

    With `rates`, each row is a judgement that stands for its figures of these names, the first of
    them an accuracy; they are of `judged`, good ones and bad ones.
    """

    key: str
    title: str
    lines: Mapping[str, Ref]
    note: str = ""
    rates: Sequence[str] = ()
    judged: str = "step"
    plot: str | None = None

    def concrete(self, student: str, k: int) -> list[tuple[str, str, Subject]]:
        """Labels, results and rows, with the name of a student and the number of samples.

        Of lines that then say the same, the first.
        """
        found: dict[Ref, str] = {}
        for label, ref in self.lines.items():
            found.setdefault(filled(ref, student, k), label.format(k=k))
        return [(label, result, row) for (result, row), label in found.items()]

    @property
    def by_student(self) -> bool:
        """Whether each student has its own table."""
        return any("{s}" in file for file, _ in self.lines.values())


def _main(found: Mapping[str, Subject]) -> dict[str, Ref]:
    return {label: ("{s}/main", row) for label, row in found.items()}


def _many(found: Mapping[str, Subject]) -> dict[str, Ref]:
    return {label: ("{s}/many", row) for label, row in found.items()}


def _steps(truth: Truth) -> dict[str, Ref]:
    return _main({label: rows.steps(name, truth) for name, label in MODELS.items()})


EXPERIMENTS = (
    Experiment(
        "table-1",
        "Table 1: steps, against labels by rollouts",
        _steps("labels"),
        "Each reward model judges the steps of the drafts at a threshold of 0.5. A false positive "
        "is a bad step called good. Balanced accuracy gives good and bad steps equal weight: 1 "
        "less the mean of both rates. Of the steps in the paper's test sets 45 to 55 % are good, "
        "so there both accuracies are nearly the same.",
        RATES,
    ),
    Experiment(
        "table-1-truth",
        "Table 1 against the truth",
        _steps("oracle"),
        "The same against the benchmark's exact oracle.",
        RATES,
    ),
    Experiment(
        "lead",
        "Table 1 by how often the student is right",
        _main(
            {
                f"{MODELS[name]}, {rows.level(right)} right{what}": AtLevel(row(name), right)
                for row, what in ((rows.steps, ""), (rows.balanced, ", balanced"))
                for right in rows.LEVELS
                for name in ("orm", "sorm")
            }
        ),
        "Step accuracy on the drafts of problems of which so many of three samples are right. "
        "Where all are right, nearly every step is good, and calling every one good is nearly "
        "always right; so between levels only balanced accuracy can be compared.",
    ),
    Experiment(
        "table-2",
        "Table 2: final answers",
        _main({label: rows.final(name) for name, label in MODELS.items()}),
        "Whether the score of the last step, at 0.5, tells a right draft from a wrong one. A false "
        "positive is a wrong draft called good. Balanced: right and wrong drafts have equal "
        "weight.",
        FINAL_RATES,
        judged="draft",
    ),
    Experiment(
        "table-3",
        "Table 3: wrong drafts that are fixed",
        {
            "global": ("{s}/main", Fixed(rows.GLOBAL)),
            "local + ORM": ("{s}/local-orm", Fixed(rows.LOCAL)),
            "local + SORM": ("{s}/main", Fixed(rows.LOCAL)),
            "global or local + ORM": ("{s}/local-orm", Fixed(rows.EITHER)),
            "global or local + SORM": ("{s}/main", Fixed(rows.EITHER)),
        },
    ),
    Experiment(
        "figure-3",
        "Figure 3: refining every draft, and wrong drafts only",
        _main({"draft": rows.DRAFT, "global": rows.GLOBAL, "local + SORM": rows.LOCAL})
        | {"local + ORM": ("{s}/local-orm", rows.LOCAL)}
        | _main(
            {
                "global, wrong drafts only": rows.oracle("draft", "global"),
                "local + SORM, wrong drafts only": rows.oracle("draft", "local"),
            }
        )
        | {"local + ORM, wrong drafts only": ("{s}/local-orm", rows.oracle("draft", "local"))},
        "Accuracy on all drafts, without an ORM that decides when to refine. Wrong drafts only: an "
        "oracle keeps the right ones (shares of the wrong ones that are fixed: table 3).",
    ),
    Experiment(
        "figure-4",
        "Figure 4: reranked refinements",
        _main(
            {
                "draft (greedy)": rows.DRAFT,
                "majority of three samples": rows.majority(3),
                "ORM-weighted vote of three samples": rows.weighted(3, "orm"),
                "best of three samples by the ORM": rows.rerank(3, "orm"),
                "draft + global by the ORM": rows.best("orm", "draft", "global"),
                "draft + local by the ORM": rows.best("orm", "draft", "local"),
                "draft + global + local by the ORM": rows.BY_ORM,
                "draft + global + local, ORM-weighted vote": rows.BY_VOTE,
                "best of three samples, oracle": rows.passing(3),
                "draft + global + local, oracle": rows.ORACLE_BEST,
            }
        ),
        plot="figure-4",
    ),
    Experiment(
        "table-5",
        "Table 5: the student before and after expert iteration",
        {"maj@1": ("{s}/main", rows.DRAFT)}
        | _many(
            {
                "maj@{k}": rows.majority(rows.MOST),
                "maj@{k}, weighted by the ORM": rows.weighted(rows.MOST, "orm"),
                "pass@{k}": rows.passing(rows.MOST),
                "rerank@{k} by the ORM": rows.rerank_most("orm"),
            }
        ),
        "maj@1 is over all test problems, the others over the first of them.",
    ),
    Experiment(
        "rounds",
        "B: rounds of expert iteration",
        {"before": ("sft/held", rows.ONLY)}
        | {f"round {n}": (f"ei-{n}/held", rows.ONLY) for n in (1, 2, 3)},
        "Greedy accuracy on problems of the train part that no round has learned from. The student "
        "is that of the first round that no other exceeds.",
    ),
    Experiment(
        "table-6",
        "Table 6, C: global refiners",
        {
            "the student alone": ("sft/main", rows.DRAFT),
            "prompted": ("sft/prompted", rows.GLOBAL),
            "GRPO": ("sft/rl", rows.GLOBAL),
            "GRPO, ORM in the reward": ("sft/rl-orm", rows.GLOBAL),
            "PPO": ("sft/ppo", rows.GLOBAL),
            "expert iteration": ("sft/main", rows.GLOBAL),
        },
        "Accuracy of the refinements of all drafts. Reinforcement learning "
        "starts from the refiner by expert iteration, in the paper from the student.",
    ),
    Experiment(
        "figure-5",
        "Figure 5, D: how step scores are put together",
        _many({name: rows.rerank_most("sorm", name) for name in ("final", *rows.AGGREGATIONS)}),
        "Reranking the samples of table 5 by the SORM.",
        plot="figure-5",
    ),
    Experiment(
        "table-7",
        "Table 7, E: ORMs on another student's drafts",
        {
            "ORM of `sft` on drafts of `sft`": ("cross-sft", rows.final("orm")),
            "ORM of `ei` on drafts of `sft`": ("cross-sft", rows.final("orm-ei")),
            "ORM of `sft` on drafts of `ei`": ("cross-ei", rows.final("orm-sft")),
            "ORM of `ei` on drafts of `ei`": ("cross-ei", rows.final("orm")),
            "`sft` on `sft`, balanced": ("cross-sft", rows.balanced("orm", "answers")),
            "`ei` on `sft`, balanced": ("cross-sft", rows.balanced("orm-ei", "answers")),
            "`sft` on `ei`, balanced": ("cross-ei", rows.balanced("orm-sft", "answers")),
            "`ei` on `ei`, balanced": ("cross-ei", rows.balanced("orm", "answers")),
        },
        "Accuracy on final answers. Balanced: right and wrong drafts have equal weight.",
    ),
    Experiment(
        "F",
        "F: classifier against contrastive",
        {
            "classifier (ORM)": ("sft/many", rows.rerank_most("orm")),
            "contrastive": ("sft/many", rows.rerank_most("contrastive")),
        },
        "Reranking the samples of table 5.",
    ),
    Experiment(
        "G",
        "G: labels by rollouts against the truth",
        {
            "all three": ("sft/labels", rows.AGREEMENT),
            "without 1 (all before a positive step is positive)": (
                "sft/labels-no-monotone",
                rows.AGREEMENT,
            ),
            "without 2 (consistency)": ("sft/labels-consistency-off", rows.AGREEMENT),
        },
        "Share of steps whose label is the oracle's. Balancing (3) drops labels and changes none: "
        "what it does is below, among the reward models.",
    ),
    Experiment(
        "H",
        "F, G, H, I: other reward models, against labels by rollouts",
        {label: ("sft/main", rows.steps(name)) for name, label in (MODELS | OTHERS).items()},
        rates=RATES,
    ),
    Experiment(
        "H-truth",
        "F, G, H, I: the same against the truth",
        {
            label: ("sft/main", rows.steps(name, "oracle"))
            for name, label in (MODELS | OTHERS).items()
        },
        rates=RATES,
    ),
    Experiment(
        "H-final",
        "F, G, H, I: the same on final answers",
        {label: ("sft/main", rows.final(name)) for name, label in (MODELS | OTHERS).items()},
    ),
    Experiment(
        "J",
        "J: wrong drafts that value refinement fixes",
        {
            "value": ("sft/value", Fixed(rows.VALUE)),
            "local + SORM": ("sft/value", Fixed(rows.LOCAL)),
            "global": ("sft/value", Fixed(rows.GLOBAL)),
        },
    ),
    Experiment(
        "budget",
        "Accuracy at equal budget",
        {
            "one sample": ("{s}/budget-1", rows.ONLY),
            **{
                f"{label}, {n} samples": (f"{{s}}/budget-{n}", choice(n))
                for label, choice in CHOICES.items()
                for n in BUDGETS
            },
            **SINGLE,
        },
        "Accuracy against the tokens that are generated for a problem, by this student unless it "
        "says otherwise. N samples are the first of those of table 5, where `n` says on how many "
        "problems. Scoring generates nothing, and does not count; nor does what was generated for "
        "training.",
        plot="budget",
    ),
)
