# How each file is made: plain rules, to be read and copied. Makefile has the settings.

# % (in a recipe $*) is the folder of one student of one seed, OUT/SEED/STUDENT. $@ is the file to make, $(@D) its
# folder, $< the first file that it is made from, $^ all of them.

# ── the student, its problems, samples and labels ────────────────────────────────────────────────

SEED = $(notdir $(patsubst %/,%,$(dir $*)))
MODEL = $$(cat $*/student)
GENERATE = --seed $(SEED) --max-tokens $(MAX_TOKENS) --resume -q \
  --prompt $(if $(filter sft,$(notdir $*)),$(PROMPT),auto)
REFINE = sormctl refine --seed $(SEED) --max-tokens $(MAX_TOKENS) --resume -q
TRAIN = --model "$(or $(BASE),$(MODEL))" --seed $(SEED) --resume -q $(TRAINING)
SCORE = sormctl score --resume -q
EVAL = sormctl eval --overwrite -q --outcomes $(@:.json=.outcomes.jsonl)

# `student` holds the name of the model that drafts, samples and rolls out
ifeq ($(FIRST),supervised)
%/sft/student: | $(MADE_WITH)
	mkdir -p $(@D)
	sormctl problems $(BENCH) --split train -n $(PROBLEMS) --seed $(notdir $*) --overwrite -q -o $(@D)/worked.jsonl
	sormctl train-student --model $(STUDENT) --seed $(notdir $*) --epochs $(STUDENT_EPOCHS) \
	  -o $(@D)/model --resume -q $(TRAINING) $(@D)/worked.jsonl
	echo $(@D)/model > $@
else
%/sft/student: | $(MADE_WITH)
	mkdir -p $(@D)
	echo $(STUDENT) > $@
endif

# a round of expert iteration: from the pretrained model, on what all students before it got right
define LEARN_FROM_SAMPLES
mkdir -p $(@D)
sormctl filter --correct --unique -q $^ | sormctl train-student --model $(STUDENT) \
  --seed $(notdir $*) --epochs $(EI_EPOCHS) --resume -q $(TRAINING) -o $(@D)/model
echo $(@D)/model > $@
endef
ifeq ($(ROUNDS),1)
%/ei/student: %/sft/samples.jsonl
	$(LEARN_FROM_SAMPLES)
else
%/ei-1/student: %/sft/samples.jsonl
	$(LEARN_FROM_SAMPLES)
%/ei-2/student: %/sft/samples.jsonl %/ei-1/samples.jsonl
	$(LEARN_FROM_SAMPLES)
%/ei-3/student: %/sft/samples.jsonl %/ei-1/samples.jsonl %/ei-2/samples.jsonl
	$(LEARN_FROM_SAMPLES)
# of the rounds the first that no other exceeds on problems that none has learned from
%/ei/student: $(ROUND_FOLDERS:%=\%/%/held.jsonl)
	mkdir -p $(@D)
	for held in $^; do echo "$$(grep -c '"correct":true' $$held) $$(cat $$(dirname $$held)/student)"; done \
	  | sort -s -n -r -k 1,1 | sed -n '1s/^[0-9]* //p' > $@
%/held-problems.jsonl: %/student
	sormctl problems $(BENCH) --split train -n $(shell expr $(PROBLEMS) + $(HELD)) --seed $(SEED) -q \
	  | tail -n +$(shell expr $(PROBLEMS) + 1) > $@.part && mv $@.part $@
%/held.jsonl: %/held-problems.jsonl
	sormctl sample --greedy --model "$(MODEL)" $(GENERATE) $< -o $@
%/held.json: %/held.jsonl
	$(EVAL) $< -o $@
endif

%/train.jsonl: %/student
	sormctl problems $(BENCH) --split train -n $(PROBLEMS) --seed $(SEED) --overwrite -q -o $@
%/test.jsonl: %/student
	sormctl problems $(BENCH) --split test -n $(TESTED) --seed $(SEED) --overwrite -q -o $@
%/samples.jsonl: %/train.jsonl
	sormctl sample --model "$(MODEL)" -n $(SAMPLES) $(GENERATE) $< -o $@

# labels: by outcome, by rollouts, by all rollouts (values), by the task's own oracle
%/outcomes.jsonl: %/samples.jsonl
	sormctl label-steps --by outcome --overwrite -q $< -o $@
%/labelled.jsonl: %/samples.jsonl
	sormctl filter --max-per-problem $(LABELLED) --overwrite -q $< -o $@
%/valued.jsonl: %/labelled.jsonl
	head -n $(VALUED) $< > $@.part && mv $@.part $@
%/steps.jsonl: %/labelled.jsonl
	sormctl label-steps --model "$(MODEL)" -k $(K) $(GENERATE) $< -o $@
%/values.jsonl: %/valued.jsonl
	sormctl label-steps --exhaustive --model "$(MODEL)" -k $(K) $(GENERATE) $< -o $@
%/oracle.jsonl: %/labelled.jsonl
	sormctl label-steps --by oracle --overwrite -q $< -o $@
# without post-processing 1, and without 2 (without 3 is `sorm-unbalanced`)
%/labels-no-monotone.jsonl: %/values.jsonl
	python $(HERE)/raw_labels.py < $< > $@.part && mv $@.part $@
%/labels-consistency-off.jsonl: %/valued.jsonl
	sormctl label-steps --consistency off --model "$(MODEL)" -k $(K) $(GENERATE) $< -o $@

# ── reward models ────────────────────────────────────────────────────────────────────────────────

%/orm/sormctl.json: %/outcomes.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)

%/for-balanced-orm.jsonl: %/outcomes.jsonl
	sormctl balance --by question --overwrite -q $< -o $@
%/balanced-orm/sormctl.json: %/for-balanced-orm.jsonl
	sormctl train-rm $(TRAIN) --epochs $(BALANCED_EPOCHS) $< -o $(@D)

%/for-sorm.jsonl: %/steps.jsonl
	sormctl balance --by prefix-length --overwrite -q $< -o $@
%/sorm/sormctl.json: %/for-sorm.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)
%/sorm-1/sormctl.json: %/for-sorm.jsonl
	sormctl train-rm $(TRAIN) --epochs 1 $< -o $(@D)
%/sorm-unbalanced/sormctl.json: %/steps.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)

# appendix H
ifneq ($(PRM800K),)
%/for-prm.jsonl: %/student
	sormctl import prm800k $(PRM800K) --overwrite -q -o $@
%/prm/sormctl.json: %/for-prm.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) --classes 3 $< -o $(@D)
else
%/for-prm.jsonl: %/oracle.jsonl
	sormctl balance --by prefix-length --overwrite -q $< -o $@
%/prm/sormctl.json: %/for-prm.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)
endif

# appendix F
%/contrastive/sormctl.json: %/samples.jsonl
	sormctl train-rm $(TRAIN) --epochs $(CONTRASTIVE_EPOCHS) --objective contrastive $< -o $(@D)

# appendix I: from the labels that the SORM of one epoch, of two, shares
%/judged-by-sorm-1.jsonl: %/steps.jsonl %/sorm-1/sormctl.json
	$(SCORE) --rm $*/sorm-1 --name sorm $< -o $@
%/for-sorm-filtered-1.jsonl: %/judged-by-sorm-1.jsonl
	sormctl filter-labels --by sorm -q $< | sormctl balance --overwrite -q -o $@
%/sorm-filtered-1/sormctl.json: %/for-sorm-filtered-1.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)

%/judged-by-sorm-2.jsonl: %/steps.jsonl %/sorm/sormctl.json
	$(SCORE) --rm $*/sorm $< -o $@
%/for-sorm-filtered-2.jsonl: %/judged-by-sorm-2.jsonl
	sormctl filter-labels --by sorm -q $< | sormctl balance --overwrite -q -o $@
%/sorm-filtered-2/sormctl.json: %/for-sorm-filtered-2.jsonl
	sormctl train-rm $(TRAIN) --epochs $(RM_EPOCHS) $< -o $(@D)

# ── refiners ─────────────────────────────────────────────────────────────────────────────────────

%/pairs-global.jsonl: %/samples.jsonl
	sormctl make-refine-pairs --mode global --overwrite -q $< -o $@
%/global/sormctl.json: %/pairs-global.jsonl
	sormctl train-refiner $(TRAIN) --epochs $(REFINER_EPOCHS) $< -o $(@D)

# Without samples.jsonl, whose right samples would mend more first steps: so were the published results made.
%/pairs-local.jsonl: %/steps.jsonl
	sormctl make-refine-pairs --mode local --overwrite -q $< -o $@
%/local/sormctl.json: %/pairs-local.jsonl
	sormctl train-refiner $(TRAIN) --epochs $(REFINER_EPOCHS) $< -o $(@D)

%/pairs-value.jsonl: %/values.jsonl
	sormctl make-refine-pairs --mode value --overwrite -q $< -o $@
%/value/sormctl.json: %/pairs-value.jsonl
	sormctl train-refiner $(TRAIN) --epochs $(REFINER_EPOCHS) $< -o $(@D)

# table 6: by reinforcement learning, GRPO with TRL (extra `rl`), PPO with torchrl (extra `ppo`)
%/learn-drafts.jsonl: %/train.jsonl
	sormctl sample --greedy --model "$(MODEL)" $(GENERATE) $< -o $@
%/rl/sormctl.json: %/learn-drafts.jsonl %/global/sormctl.json
	python $(HERE)/rl_refiner.py --model $*/global --drafts $< $(RL) --seed $(SEED) --resume -o $(@D)
%/rl-orm/sormctl.json: %/learn-drafts.jsonl %/global/sormctl.json %/orm/sormctl.json
	python $(HERE)/rl_refiner.py --model $*/global --orm $*/orm --drafts $< $(RL) --seed $(SEED) --resume -o $(@D)
%/ppo/sormctl.json: %/learn-drafts.jsonl %/global/sormctl.json
	python $(HERE)/ppo_refiner.py --model $*/global --drafts $< $(RL) --seed $(SEED) --resume -o $(@D)

# ── the (Q, D) test set, its refinements, and samples to choose from ─────────────────────────────

%/drafts.jsonl: %/test.jsonl
	sormctl sample --greedy --model "$(MODEL)" $(GENERATE) $< -o $@
%/three.jsonl: %/test.jsonl
	sormctl sample -n 3 --model "$(MODEL)" $(GENERATE) $< -o $@
%/many.jsonl: %/test.jsonl
	head -n $(MANY_PROBLEMS) $< | sormctl sample -n $(MANY) --model "$(MODEL)" $(GENERATE) -o $@

%/refined-global.jsonl: %/drafts.jsonl %/global/sormctl.json
	$(REFINE) --mode global --model $*/global $< -o $@
%/refined-local.jsonl: %/drafts.jsonl %/local/sormctl.json %/sorm/sormctl.json
	$(REFINE) --mode local --model $*/local --rm $*/sorm $< -o $@
%/refined-local-orm.jsonl: %/drafts.jsonl %/local/sormctl.json %/orm/sormctl.json
	$(REFINE) --mode local --model $*/local --rm $*/orm $< -o $@
%/refined-value.jsonl: %/drafts.jsonl %/value/sormctl.json %/orm/sormctl.json
	$(REFINE) --mode value --model $*/value --rm $*/orm $< -o $@
%/refined-prompted.jsonl: %/drafts.jsonl
	$(REFINE) --mode global --model "$(MODEL)" --prompt one-shot $< -o $@
%/refined-rl.jsonl: %/drafts.jsonl %/rl/sormctl.json
	$(REFINE) --mode global --model $*/rl $< -o $@
%/refined-rl-orm.jsonl: %/drafts.jsonl %/rl-orm/sormctl.json
	$(REFINE) --mode global --model $*/rl-orm $< -o $@
%/refined-ppo.jsonl: %/drafts.jsonl %/ppo/sormctl.json
	$(REFINE) --mode global --model $*/ppo $< -o $@

# ── scores ───────────────────────────────────────────────────────────────────────────────────────

# every reward model on the drafts; its scores are added to those of the ones before it
%/draft-steps.jsonl: %/drafts.jsonl
	sormctl label-steps --model "$(MODEL)" -k $(K) $(GENERATE) $< -o $@
%/drafts-orm.jsonl: %/draft-steps.jsonl %/orm/sormctl.json
	$(SCORE) --rm $*/orm $< -o $@
%/drafts-balanced-orm.jsonl: %/drafts-orm.jsonl %/balanced-orm/sormctl.json
	$(SCORE) --rm $*/balanced-orm $< -o $@
%/drafts-sorm.jsonl: %/drafts-balanced-orm.jsonl %/sorm/sormctl.json
	$(SCORE) --rm $*/sorm $< -o $@
%/drafts-prm.jsonl: %/drafts-sorm.jsonl %/prm/sormctl.json
	$(SCORE) --rm $*/prm $< -o $@
ifneq ($(PRM800K)$(filter chain chain-hard,$(BENCH)),)  # there is a PRM
%/drafts-contrastive.jsonl: %/drafts-prm.jsonl %/contrastive/sormctl.json
	$(SCORE) --rm $*/contrastive $< -o $@
else
%/drafts-contrastive.jsonl: %/drafts-sorm.jsonl %/contrastive/sormctl.json
	$(SCORE) --rm $*/contrastive $< -o $@
endif
%/drafts-sorm-unbalanced.jsonl: %/drafts-contrastive.jsonl %/sorm-unbalanced/sormctl.json
	$(SCORE) --rm $*/sorm-unbalanced $< -o $@
%/drafts-sorm-1.jsonl: %/drafts-sorm-unbalanced.jsonl %/sorm-1/sormctl.json
	$(SCORE) --rm $*/sorm-1 $< -o $@
%/drafts-sorm-filtered-1.jsonl: %/drafts-sorm-1.jsonl %/sorm-filtered-1/sormctl.json
	$(SCORE) --rm $*/sorm-filtered-1 $< -o $@
%/drafts-sorm-filtered-2.jsonl: %/drafts-sorm-filtered-1.jsonl %/sorm-filtered-2/sormctl.json
	$(SCORE) --rm $*/sorm-filtered-2 $< -o $@

# what chooses on what is chosen from
%/chosen-from.jsonl: %/refined-global.jsonl %/refined-local.jsonl %/three.jsonl %/orm/sormctl.json
	$(SCORE) --rm $*/orm $(filter %.jsonl,$^) -o $@
%/many-orm.jsonl: %/many.jsonl %/orm/sormctl.json
	$(SCORE) --rm $*/orm $< -o $@
%/many-sorm.jsonl: %/many-orm.jsonl %/sorm/sormctl.json
	$(SCORE) --rm $*/sorm $< -o $@
%/many-contrastive.jsonl: %/many-sorm.jsonl %/contrastive/sormctl.json
	$(SCORE) --rm $*/contrastive $< -o $@

# table 7, appendix E: each student's ORM on the other's drafts; here % is the folder of the seed
%/cross-sft.jsonl: %/sft/drafts-orm.jsonl %/ei/orm/sormctl.json
	$(SCORE) --rm $*/ei/orm --name orm-ei $< -o $@
%/cross-ei.jsonl: %/ei/drafts-orm.jsonl %/sft/orm/sormctl.json
	$(SCORE) --rm $*/sft/orm --name orm-sft $< -o $@

# ── tables ───────────────────────────────────────────────────────────────────────────────────────

# tables 1, 2, 3, figures 3, 4; with the appendices H and I of one student
%/main.json: %/drafts-sorm.jsonl %/chosen-from.jsonl
	$(EVAL) $^ -o $@
# table 5, figure 5; with appendix F of one student
AGGREGATIONS := --agg final --agg mean --agg weighted-mean --agg min --agg product --agg penultimate-mean
%/many.json: %/many-sorm.jsonl
	$(EVAL) $(AGGREGATIONS) $< -o $@
ifneq ($(APPENDICES),)
%/sft/main.json: %/sft/drafts-sorm-filtered-2.jsonl %/sft/chosen-from.jsonl
	$(EVAL) $^ -o $@
%/sft/many.json: %/sft/many-contrastive.jsonl
	$(EVAL) $(AGGREGATIONS) $< -o $@
endif
# table 3: the first error found by the ORM
%/local-orm.json: %/drafts.jsonl %/refined-global.jsonl %/refined-local-orm.jsonl
	$(EVAL) $^ -o $@
# appendix J
%/value.json: %/drafts.jsonl %/refined-global.jsonl %/refined-local.jsonl %/refined-value.jsonl
	$(EVAL) $^ -o $@
# table 6; `global` of main.json is expert iteration, `draft` is the student alone
%/prompted.json: %/drafts.jsonl %/refined-prompted.jsonl
	$(EVAL) $^ -o $@
%/rl.json: %/drafts.jsonl %/refined-rl.jsonl
	$(EVAL) $^ -o $@
%/rl-orm.json: %/drafts.jsonl %/refined-rl-orm.jsonl
	$(EVAL) $^ -o $@
%/ppo.json: %/drafts.jsonl %/refined-ppo.jsonl
	$(EVAL) $^ -o $@
# table 7, appendix E
%/cross-sft.json: %/cross-sft.jsonl
	$(EVAL) $< -o $@
%/cross-ei.json: %/cross-ei.jsonl
	$(EVAL) $< -o $@
# appendix G
%/labels.json: %/values.jsonl
	$(EVAL) $< -o $@
%/labels-no-monotone.json: %/labels-no-monotone.jsonl
	$(EVAL) $< -o $@
%/labels-consistency-off.json: %/labels-consistency-off.jsonl
	$(EVAL) $< -o $@
# accuracy against tokens: best of the first N samples
%/budget-1.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 1 -q $< | $(EVAL) -o $@
%/budget-2.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 2 -q $< | $(EVAL) -o $@
%/budget-4.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 4 -q $< | $(EVAL) -o $@
%/budget-8.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 8 -q $< | $(EVAL) -o $@
%/budget-16.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 16 -q $< | $(EVAL) -o $@
%/budget-32.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 32 -q $< | $(EVAL) -o $@
%/budget-64.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 64 -q $< | $(EVAL) -o $@
%/budget-96.json: %/many-sorm.jsonl
	sormctl filter --max-per-problem 96 -q $< | $(EVAL) -o $@
