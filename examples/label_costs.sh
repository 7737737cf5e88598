#!/usr/bin/env bash
# What step labels cost, and what a stepwise reward model (SORM) trained on them is worth, on `chain`.
#
#   SEEDS="1 2 3" bash examples/label_costs.sh
#
# Each way labels solutions of the same samples; its SORM is trained alike, and judges the steps of the same
# greedy drafts, whose truth the oracle knows. The table is in OUT/table.md. The same command continues it, whatever
# stopped it.
set -euo pipefail

OUT=${OUT:-runs/label-costs} SEEDS=${SEEDS:-1 2 3}
PROBLEMS=${PROBLEMS:-2000} SAMPLES=${SAMPLES:-4} LABELLED=${LABELLED:-2} TESTED=${TESTED:-1000}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
here=$(dirname "$0")
STUDENT=embedded:student

# a way: its name, how many of the samples it labels, and the options of label-steps; the first is the plain one
WAYS=(
  "plain, K = 8|$LABELLED|--exhaustive -k 8"
  "exact, K = 8|$LABELLED|-k 8"
  "exact, K = 4|$LABELLED|-k 4"
  "exact, K = 2|$LABELLED|-k 2"
  "exact, K = 1|$LABELLED|-k 1"
  "exact, K = 1, all samples|$SAMPLES|-k 1"
  "exact, K = 2, all samples|$SAMPLES|-k 2"
  "bisect, K = 1|$LABELLED|-k 1 --strategy bisect"
  "guided 0.05, K = 8|$LABELLED|-k 8 --strategy guided --tolerance 0.05"
  "guided 0.1, K = 8|$LABELLED|-k 8 --strategy guided --tolerance 0.1"
  "siblings, exact, K = 8, all samples|$SAMPLES|-k 8 --siblings"
  "siblings, exact, K = 2, all samples|$SAMPLES|-k 2 --siblings"
  "siblings, guided 0.02, K = 8, all samples|$SAMPLES|-k 8 --siblings --strategy guided --tolerance 0.02"
  "by outcome, all samples|$SAMPLES|--by outcome"
)

stage() { # FILE COMMAND…: makes FILE, once; what was killed is gone on with, or made anew
  [ ! -e "$1.done" ] || return 0
  echo "$(date +%T) $1"
  sormctl "${@:2}" -q -o "$1"
  : > "$1.done"
}

for seed in $SEEDS; do
  at=$OUT/$seed
  mkdir -p "$at"
  ask=(--model "$STUDENT" --seed "$seed" --resume)
  stage "$at/train.jsonl" problems chain --split train -n "$PROBLEMS" --seed "$seed" --overwrite
  stage "$at/test.jsonl" problems chain --split test -n "$TESTED" --seed "$seed" --overwrite
  stage "$at/samples.jsonl" sample "${ask[@]}" -n "$SAMPLES" "$at/train.jsonl"
  stage "$at/drafts.jsonl" sample "${ask[@]}" --greedy "$at/test.jsonl"
  stage "$at/truth.jsonl" label-steps --by oracle --overwrite "$at/drafts.jsonl"
  number=0
  for way in "${WAYS[@]}"; do
    IFS='|' read -r name samples options <<< "$way"
    number=$((number + 1)) to=$at/way-$number
    mkdir -p "$to"
    echo "$name" > "$to/name"
    if [[ $options == --by* ]]; then options+=" --overwrite"; else options+=" ${ask[*]}"; fi
    stage "$to/some.jsonl" filter --max-per-problem "$samples" --overwrite "$at/samples.jsonl"
    # shellcheck disable=SC2086
    stage "$to/steps.jsonl" label-steps $options "$to/some.jsonl"
    stage "$to/balanced.jsonl" balance --by prefix-length --overwrite "$to/steps.jsonl"
    stage "$to/sorm" train-rm "${ask[@]}" --lr 1e-3 --batch-size 32 --epochs 2 "$to/balanced.jsonl"
    stage "$to/judged.jsonl" score --rm "$to/sorm" --resume "$at/truth.jsonl"
    stage "$to/results.json" eval "$to/judged.jsonl" --outcomes "$to/outcomes.jsonl" --overwrite
  done
  python "$here/label_costs.py" "$OUT" > "$OUT/table.md"
done
cat "$OUT/table.md"
