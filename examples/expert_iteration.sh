#!/usr/bin/env bash
# Expert iteration (paper, 3.1 step 1): sample, keep what is correct, drop duplicates, add what
# earlier rounds kept, and fine-tune the base model again, until greedy accuracy on problems held out
# of the training split stops rising. OUT/student is the student of the last round that rose.
#
#   BENCH=chain BASE=embedded:student OUT=runs/ei bash examples/expert_iteration.sh
#   BENCH=svamp BASE=path/or/hub-name PROMPT=one-shot bash examples/expert_iteration.sh
#
# After an interruption the same command goes on at the round and stage where it was.
# SVAMP has no worked solutions: its first round samples the pretrained model with one example.
set -euo pipefail

BENCH=$BENCH
BASE=$BASE
OUT=${OUT:-runs/expert-iteration}
SEED=${SEED:-1}                           # of the problems; the embedded student has learned those of 0
ROUNDS=${ROUNDS:-8}                       # at most
TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-4000}
HELD_OUT=${HELD_OUT:-1000}                # problems that decide when to stop
TEST_PROBLEMS=${TEST_PROBLEMS:-1000}      # looked at once, at the end
SAMPLES=${SAMPLES:-4}
PROMPT=${PROMPT:-auto}                    # how the base model is asked
MAX_TOKENS=${MAX_TOKENS:-300}
TRAIN_OPTIONS=${TRAIN_OPTIONS:---lr 1e-3 --batch-size 32 --epochs 2}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

table=$(dirname "$0")/expert_iteration.py
settings="$BENCH $BASE $SEED $TRAIN_PROBLEMS $HELD_OUT $TEST_PROBLEMS $SAMPLES $PROMPT $MAX_TOKENS $TRAIN_OPTIONS"
mkdir -p "$OUT"
if [ -e "$OUT/settings" ] && [ "$(cat "$OUT/settings")" != "$settings" ]; then
  echo "$OUT was begun with other settings: $(cat "$OUT/settings"); give another OUT" >&2
  exit 2
fi
echo "$settings" > "$OUT/settings"

problems() { # SPLIT COUNT FILE
  [ -e "$3" ] || sormctl problems "$BENCH" --split "$1" -n "$2" --seed "$SEED" -o "$3"
}
greedy() { # MODEL PROMPT PROBLEMS FILE
  sormctl sample --greedy --model "$1" --prompt "$2" --max-tokens "$MAX_TOKENS" "$3" -o "$4" --resume
}

problems train $((HELD_OUT + TRAIN_PROBLEMS)) "$OUT/problems.jsonl"
problems test "$TEST_PROBLEMS" "$OUT/test.jsonl"
head -n "$HELD_OUT" "$OUT/problems.jsonl" > "$OUT/held-out.jsonl"
tail -n +$((HELD_OUT + 1)) "$OUT/problems.jsonl" > "$OUT/train.jsonl"

student=$BASE prompt=$PROMPT best=0
greedy "$BASE" "$PROMPT" "$OUT/held-out.jsonl" "$OUT/held-out-0.jsonl"
for round in $(seq "$ROUNDS"); do
  sormctl sample --model "$student" --prompt "$prompt" -n "$SAMPLES" --seed "$round" \
    --max-tokens "$MAX_TOKENS" "$OUT/train.jsonl" -o "$OUT/samples-$round.jsonl" --resume
  # D_i = R_i ∪ D_(i-1): the distinct correct samples of all rounds so far
  [ -e "$OUT/solutions-$round.jsonl" ] || cat $(seq -f "$OUT/samples-%g.jsonl" "$round") \
    | sormctl filter --correct --unique -o "$OUT/solutions-$round.jsonl"
  # shellcheck disable=SC2086
  sormctl train-student --model "$BASE" -o "$OUT/student-$round" --resume $TRAIN_OPTIONS \
    "$OUT/solutions-$round.jsonl"
  greedy "$OUT/student-$round" auto "$OUT/held-out.jsonl" "$OUT/held-out-$round.jsonl"
  verdict=$(python "$table" "$OUT" "$round")
  [ "$verdict" = rose ] || break
  student=$OUT/student-$round prompt=auto best=$round
done

greedy "$BASE" "$PROMPT" "$OUT/test.jsonl" "$OUT/test-0.jsonl"
greedy "$student" "$prompt" "$OUT/test.jsonl" "$OUT/test-$best.jsonl"
[ "$best" = 0 ] || ln -sfn "student-$best" "$OUT/student"
python "$table" "$OUT" "$round" > "$OUT/verdict"
