#!/usr/bin/env bash
# Retraining by cron. New problems are sampled and labelled; reward models and refiners are trained on
# the samples, and go into service if they answer held-out problems better than those in service.
#
#   bash examples/retrain.sh DIR
#
# DIR/settings sets the variables below. DIR/current links to the run in service, a folder with the models
# orm, sorm, global and local; it changes in one step. DIR/runs/DATE is one run: its stages, its log, its
# result.json. Whatever ends a run (kill -9, a full disk), the same command goes on with it. Standard output
# is one line of JSON that says what was done. Exit codes: 0 promoted, or no new problems; 1 kept out, or
# failed; 75 another one is at work; any other is that of the stage that failed.
set -euo pipefail
cd "${1:?usage: retrain.sh DIR}"
# shellcheck source=/dev/null
. ./settings

STUDENT=$STUDENT                          # drafts, samples and rollouts come from it
BASE=${BASE:-$STUDENT}                    # reward models and refiners start from it
NEW=$NEW                                  # a command that prints all problems to learn from, old and new
HELD_OUT=$HELD_OUT                        # a file of problems that decide; no question of it is learned
GATE=${GATE:---min-gain 0}                # of `sormctl compare`; --no-worse-than 0.5 only guards
NOTIFY=${NOTIFY:-}                        # a command that is given the line as its argument
KEEP=${KEEP:-7}                           # runs, beside the one in service
ATTEMPTS=${ATTEMPTS:-3}                   # starts of a run; if it fails once more, another is begun
SAMPLES=${SAMPLES:-4} K=${K:-8} MAX_TOKENS=${MAX_TOKENS:-300}
TRAIN_OPTIONS=${TRAIN_OPTIONS:---epochs 3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # more threads than free cores cost more than they give
for path in STUDENT BASE HELD_OUT; do [ ! -e "${!path}" ] || printf -v $path %s "$(realpath "${!path}")"; done
GENERATE=(--max-tokens "$MAX_TOKENS" --resume)
# shellcheck disable=SC2206
TRAIN=(--model "$BASE" --resume $TRAIN_OPTIONS) COMPARE=(compare $GATE)

exec 9> lock # a stage that outlives this script keeps it: nobody begins beside it
flock -n 9 || { echo '{"outcome": "busy"}'; exit 75; }

# the last run that has no result, if these are its settings; else a new one
while name=$(date -u +%Y-%m-%dT%H%M%SZ) && [ -e "runs/$name" ]; do sleep 1; done
for folder in runs/*; do
  [ -e "$folder/result.json" ] || ! cmp -s settings "$folder/settings" || name=${folder#runs/}
done
mkdir -p "runs/$name/done"
cp settings "runs/$name/settings"
service=$(readlink -e current || true)
exec 3>&1 >> "runs/$name/log" 2>&1
cd "runs/$name"
outcome=failed doing=problems

ended() { # CODE: tells what was done; a run that has failed stays open, unless that would not help
  compared=$(head -n 1 compare.json 2> /dev/null || true)
  line=$(printf '{"run": "%s", "outcome": "%s", "stage": "%s", "exit": %d, "seconds": %d, "compared": %s}' \
    "$name" "$outcome" "$doing" "$1" "$SECONDS" "${compared:-null}")
  echo "$line" >&3 || true
  [ -z "$NOTIFY" ] || bash -c "$NOTIFY \"\$1\"" notify "$line" 9>&- || echo "NOTIFY has failed"
  if [ "$outcome" = nothing-new ]; then
    rm -rf "../$name"
  elif [ "$outcome" != failed ] || [ "$1" = 2 ] || [ "$1" = 65 ] \
    || [ "$(grep -c '^── started' log)" -ge "$ATTEMPTS" ]; then
    echo "$line" > result.new && mv result.new result.json
  fi
}
trap 'ended $?' EXIT
echo "── started $(date -u)"

accepts() { # COMMAND OPTION...: what is wrong with the options ends a run before anything is paid for
  local said code=2
  said=$(sormctl "$@" /dev/null 2>&1) || code=$?
  [ "$code" = 65 ] || { echo "$said"; exit "$code"; } # of nothing nothing can be made
}

stage() { # NAME COMMAND OPTION...: once
  [ ! -e "done/$1" ] || return 0
  doing=$1
  echo "── $1"
  sormctl "${@:2}"
  : > "done/$1"
}

problems() { # train.jsonl: those of NEW that are not held out; none if runs judged before have learned from all
  cp "$HELD_OUT" held-out.jsonl
  (cd ../.. && bash -c "$NEW") > problems.jsonl
  ! grep -hvE -e '"problem_id":".*"question":"' -e '^[[:space:]]*$' held-out.jsonl problems.jsonl \
    || { echo "these are no problems; let sormctl problems write them"; exit 65; }
  grep -oE '"question":"([^"\\]|\\.)*"' held-out.jsonl > held-out
  grep -vFf held-out problems.jsonl > train.new || [ $? = 1 ]
  twice=$(sort -u held-out.jsonl train.new \
    | sed -nE 's/^[{]"task":"[^"]*","problem_id":"(([^"\\]|\\.)*)".*/\1/p' | sort | uniq -d)
  [ -z "$twice" ] || { echo "several problems have the id ${twice:0:200}; name files apart"; exit 65; }
  for run in ../*; do
    [ -e "$run/verdict" ] && cmp -s settings "$run/settings" && cmp -s {,"$run/"}held-out.jsonl || continue
    [ -n "$(comm -23 <(sort train.new) <(sort "$run/train.jsonl") | head -c 1)" ] || : > train.new
  done
  mv train.new train.jsonl
}

learn() { # orm, sorm, global, local
  stage samples sample --model "$STUDENT" -n "$SAMPLES" "${GENERATE[@]}" train.jsonl -o samples.jsonl
  stage outcomes label-steps --by outcome --overwrite samples.jsonl -o outcomes.jsonl
  stage orm train-rm "${TRAIN[@]}" outcomes.jsonl -o orm
  stage steps label-steps --by rollouts --model "$STUDENT" -k "$K" "${GENERATE[@]}" samples.jsonl -o steps.jsonl
  stage balanced balance --by prefix-length --overwrite steps.jsonl -o balanced.jsonl
  stage sorm train-rm "${TRAIN[@]}" balanced.jsonl -o sorm
  stage global-pairs make-refine-pairs --mode global --overwrite samples.jsonl -o global-pairs.jsonl
  stage global train-refiner "${TRAIN[@]}" global-pairs.jsonl -o global
  stage local-pairs make-refine-pairs --mode local --overwrite steps.jsonl -o local-pairs.jsonl
  stage local train-refiner "${TRAIN[@]}" local-pairs.jsonl -o local
}

answer() { # FOLDER NAME: answers of its models to the held-out problems, NAME.jsonl
  stage "$2-global" refine --mode global --model "$1/global" "${GENERATE[@]}" drafts.jsonl -o "$2-global.jsonl"
  stage "$2-local" refine --mode local --model "$1/local" --rm "$1/sorm" "${GENERATE[@]}" \
    drafts.jsonl -o "$2-local.jsonl"
  stage "$2" rerank --rm "$1/orm" --resume drafts.jsonl "$2-global.jsonl" "$2-local.jsonl" -o "$2.jsonl"
}

decide() { # 0 or 1 in `verdict`: better than what is in service, or than drafts where nothing is
  local before=drafts code=0
  stage drafts sample --greedy --model "$STUDENT" "${GENERATE[@]}" held-out.jsonl -o drafts.jsonl
  answer . new
  if [ -n "$service" ]; then
    before=old-$(basename "$service")
    answer "$service" "$before"
  fi
  doing=compare
  sormctl "${COMPARE[@]}" --format json "$before.jsonl" new.jsonl > compare.json || code=$?
  [ "$code" -le 1 ] && [ -s compare.json ] || exit "$code"
  echo "$code" > verdict.new && mv verdict.new verdict
}

promote() { # one step: the link is the old one or the new one
  ln -sfn "runs/$name" ../../current.new
  mv -T ../../current.new ../../current
}

prune() { # their settings first: what is half removed is no run to go on with
  ls .. | sort | head -n "-$KEEP" | while read -r old; do
    [ "$(realpath "../$old")" = "$(readlink -e ../../current)" ] || rm -rf "../$old/settings" "../$old"
  done
}

[ -e train.jsonl ] || {
  doing=settings
  accepts "${COMPARE[@]}" /dev/null
  accepts train-refiner "${TRAIN[@]}" -o unused # train-rm has all of its options
  doing=problems; problems
}
[ -s train.jsonl ] || { outcome=nothing-new; exit 0; }
[ -e verdict ] || { learn; decide; }
doing=promote
verdict=$(cat verdict)
[ "$verdict" = 1 ] || promote
prune
if [ "$verdict" = 0 ]; then outcome=promoted; else outcome=kept-out; fi
exit "$verdict"
