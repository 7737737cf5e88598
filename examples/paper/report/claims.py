"""The paper's claims as paired differences.

`{s}` stands where each student is asked, `sft` where that one is.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from examples.paper.report import rows
from examples.paper.report.rows import Subject
from examples.paper.report.verdicts import Claim, Ref, within
from sormctl.evaluation.rows import Fixed


def _main(first: Subject, second: Subject, student: str = "{s}") -> tuple[Ref, Ref]:
    return within(f"{student}/main", first, second)


def _many(first: Subject, second: Subject, student: str = "{s}") -> tuple[Ref, Ref]:
    return within(f"{student}/many", first, second)


def _across(row: Callable[[str], Subject]) -> list[tuple[Ref, Ref]]:
    pairs = ("cross-sft", "orm-ei"), ("cross-ei", "orm-sft")
    return [((file, row("orm")), (file, row(other))) for file, other in pairs]


CLAIMS = (
    Claim(
        "sorm-steps",
        "The SORM judges steps better than the ORM",
        "table 1",
        "79 against 74, 81 against 73 %",
        [_main(rows.steps("sorm"), rows.steps("orm"))],
        svamp="78 against 77, 87 against 85 %",
    ),
    Claim(
        "sorm-truth",
        "The same against the exact oracle",
        "table 1",
        "not measured",
        [_main(rows.steps("sorm", "oracle"), rows.steps("orm", "oracle"))],
    ),
    Claim(
        "sorm-balanced",
        "The same by labels, good and bad steps of equal weight, as nearly in the paper's tests",
        "table 1",
        "as above",
        [_main(rows.balanced("sorm"), rows.balanced("orm"))],
    ),
    Claim(
        "balanced-orm",
        "Balancing the ORM changes its step accuracy little (within 3 points)",
        "table 1",
        "73 against 74, 74 against 73 %",
        [_main(rows.steps("balanced-orm"), rows.steps("orm"))],
        -0.03,
        0.03,
        svamp="77 against 77, 83 against 85 %",
    ),
    Claim(
        "orm-final",
        "The ORM judges final answers better than the SORM",
        "table 2",
        "82 against 79, 85 against 80 %",
        [_main(rows.final("orm"), rows.final("sorm"))],
        svamp="75 against 74, 82 against 79 %",
    ),
    Claim(
        "orm-final-balanced",
        "The same, right and wrong drafts of equal weight, as nearly in the paper's tests",
        "table 2",
        "as above",
        [_main(rows.balanced("orm", "answers"), rows.balanced("sorm", "answers"))],
    ),
    Claim(
        "pessimistic",
        "The ORM is pessimistic: it calls more valid steps bad than the SORM",
        "section 4.1",
        "no figures",
        [_main(rows.good_rejected("orm"), rows.good_rejected("sorm"))],
    ),
    Claim(
        "lead-hard",
        "Where the student fails, the SORM judges steps better than the ORM (equal weight)",
        "section 4.1",
        "+5, +8 on GSM8K, +1, +2 on SVAMP",
        [_main(rows.balanced_at(rows.LEVELS[0], "sorm"), rows.balanced_at(rows.LEVELS[0], "orm"))],
        svamp="+5, +8 on GSM8K, +1, +2 on SVAMP",
    ),
    Claim(
        "lead-easy",
        "Where it succeeds, it hardly does (by less than 2 points, equal weight)",
        "section 4.1",
        "the same",
        [
            _main(
                rows.balanced_at(rows.LEVELS[-1], "sorm"), rows.balanced_at(rows.LEVELS[-1], "orm")
            )
        ],
        -inf,
        0.02,
    ),
    Claim(
        "similar-shares",
        "Global and local refinement fix similar shares of wrong drafts (within 3 points)",
        "table 3",
        "20 and 21, 28 and 28 %",
        [_main(Fixed(rows.GLOBAL), Fixed(rows.LOCAL))],
        -0.03,
        0.03,
        svamp="14 and 11, 26 and 24 %",
    ),
    Claim(
        "located",
        "Local refinement fixes more where the SORM points than where the ORM does",
        "table 3",
        "21 against 18, 28 against 26 %",
        [(("{s}/main", Fixed(rows.LOCAL)), ("{s}/local-orm", Fixed(rows.LOCAL)))],
        svamp="11 against 9, 24 against 23 %",
    ),
    Claim(
        "union",
        "Global and local together fix more wrong drafts than either (they cannot fix fewer)",
        "table 3",
        "28 against 20 and 21, 41 against 28 and 28 %",
        [_main(Fixed(rows.EITHER), Fixed(way)) for way in (rows.GLOBAL, rows.LOCAL)],
        svamp="19 against 14 and 11, 37 against 26 and 24 %",
    ),
    Claim(
        "when-to-refine",
        "Refining every draft changes the accuracy little (within 2 points)",
        "figure 3",
        "global at most +1, local a little more",
        [_main(way, rows.DRAFT) for way in (rows.GLOBAL, rows.LOCAL)],
        -0.02,
        0.02,
    ),
    Claim(
        "reranked-draft",
        "Draft, global and local reranked by the ORM beat the draft",
        "figure 4",
        "+8 on average; 53 to 65 %",
        [_main(rows.BY_ORM, rows.DRAFT)],
    ),
    Claim(
        "reranked-three",
        "They beat the best of three samples by the same ORM",
        "figure 4",
        "about +8",
        [_main(rows.BY_ORM, rows.rerank(3, "orm"))],
    ),
    Claim(
        "vote",
        "Not in the paper: a vote of the three, weighted by the ORM, beats the best by the ORM",
        "figure 4",
        "not asked",
        [_main(rows.BY_VOTE, rows.BY_ORM)],
    ),
    Claim(
        "expert-iteration",
        "Expert iteration raises maj@1",
        "table 5",
        "41 to 49, 48 to 53 %",
        [(("ei/main", rows.DRAFT), ("sft/main", rows.DRAFT))],
    ),
    Claim(
        "rerank-vote",
        "Reranking many samples by the ORM beats the majority vote",
        "table 5",
        "64 against 55, 71 against 59 %",
        [_many(rows.rerank_most("orm"), rows.majority(rows.MOST))],
        svamp="62 against 60, 78 against 75 %",
    ),
    Claim(
        "rl-collapse",
        "A refiner by reinforcement learning (here GRPO, from the global one) stays at the draft's "
        "accuracy (within 1 point)",
        "table 6",
        "36 and 36 %, with and without ORM",
        [within(f"sft/{name}", rows.GLOBAL, rows.DRAFT) for name in ("rl", "rl-orm")],
        -0.01,
        0.01,
    ),
    Claim(
        "ei-refiner",
        "The refiner by expert iteration is the best of table 6",
        "table 6",
        "39 against 36, 15, 36, 36 %",
        [
            (("sft/main", rows.GLOBAL), other)
            for other in (
                ("sft/main", rows.DRAFT),
                *((f"sft/{name}", rows.GLOBAL) for name in ("prompted", "rl", "rl-orm", "ppo")),
            )
        ],
    ),
    Claim(
        "final-best",
        "The final step's score is the best of six for reranking by the SORM",
        "figure 5, D",
        "a plot",
        [
            _many(rows.rerank_most("sorm"), rows.rerank_most("sorm", name))
            for name in rows.AGGREGATIONS
        ],
    ),
    Claim(
        "weighted-worst",
        "The weighted mean (here with weights of our own) is the worst of them",
        "figure 5, D",
        "a plot",
        [
            _many(rows.rerank_most("sorm", name), rows.rerank_most("sorm", "weighted-mean"))
            for name in ("final", *rows.AGGREGATIONS)
            if name != "weighted-mean"
        ],
    ),
    Claim(
        "across-students",
        "An ORM judges its own student's answers better than the other student's ORM does",
        "table 7, E",
        "64 against 58, 56 against 51 %",
        _across(rows.final),
    ),
    Claim(
        "across-balanced",
        "The same, right and wrong drafts of equal weight, as nearly in the paper's tests",
        "table 7, E",
        "as above",
        _across(lambda judge: rows.balanced(judge, "answers")),
    ),
    Claim(
        "classifier",
        "The classifier reranks better than the contrastive reward model",
        "F",
        "56 against 47 %",
        [_many(rows.rerank_most("orm"), rows.rerank_most("contrastive"), "sft")],
    ),
    Claim(
        "labels",
        "Labels by rollouts agree with the truth in about 94 % of steps (91 to 97)",
        "G",
        "94 % of 257 steps",
        [(("sft/labels", rows.AGREEMENT), None)],
        0.91,
        0.97,
    ),
    Claim(
        "post-processing",
        "Each post-processing of labels helps (1 and 2: agreement; 3: the SORM's step accuracy)",
        "G",
        "not measured",
        [
            *(
                (("sft/labels", rows.AGREEMENT), ("sft/labels-" + off, rows.AGREEMENT))
                for off in ("no-monotone", "consistency-off")
            ),
            _main(rows.steps("sorm"), rows.steps("sorm-unbalanced"), "sft"),
        ],
    ),
    Claim(
        "other-labels",
        "A PRM from labels of another source judges final answers worse than the ORM",
        "H",
        "58 %",
        [_main(rows.final("orm"), rows.final("prm"), "sft")],
    ),
    Claim(
        "filtered",
        "Filtering its data by the SORM changes its step accuracy little (within 2 points)",
        "I",
        "79, 79 against 78 %",
        [_main(rows.steps(f"sorm-filtered-{n}"), rows.steps("sorm"), "sft") for n in (1, 2)],
        -0.02,
        0.02,
    ),
    Claim(
        "value",
        "Value refinement fixes fewer wrong drafts than local and global refinement",
        "J",
        "14 against 21 and 20 %",
        [within("sft/value", Fixed(way), Fixed(rows.VALUE)) for way in (rows.LOCAL, rows.GLOBAL)],
    ),
    Claim(
        "equal-number",
        "Not in the paper: draft, global and local by the ORM beat three samples, chosen by vote, "
        "ORM or ORM-weighted vote",
        "equal budget",
        "not asked",
        [_main(rows.BY_ORM, row) for row in rows.OF_THREE_SAMPLES],
    ),
    Claim(
        "equal-tokens",
        "Not in the paper: they beat as many of these as cost no more tokens in the same problem "
        "(one at least), chosen so",
        "equal budget",
        "not asked",
        [_main(rows.BY_ORM, rows.affordable(row)) for row in rows.OF_THREE_SAMPLES],
    ),
    Claim(
        "equal-budget",
        "Not in the paper: they beat four samples, which cost more, chosen by vote, ORM or SORM",
        "equal budget",
        "not asked",
        [
            (("{s}/main", rows.BY_ORM), ("{s}/budget-4", row))
            for row in (rows.majority(4), rows.rerank(4, "orm"), rows.rerank(4, "sorm"))
        ],
    ),
    Claim(
        "equal-budget-vote",
        "Not in the paper: their ORM-weighted vote beats the ORM-weighted vote of four samples",
        "equal budget",
        "not asked",
        [(("{s}/main", rows.BY_VOTE), ("{s}/budget-4", rows.weighted(4, "orm")))],
    ),
    Claim(
        "equal-samples",
        "Not in the paper: they beat the draft, which costs less, of the student that expert "
        "iteration makes from the same samples",
        "equal budget",
        "not asked",
        [(("sft/main", rows.BY_ORM), ("ei/main", rows.DRAFT))],
    ),
)
