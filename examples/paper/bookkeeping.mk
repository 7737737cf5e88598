# What keeps a folder of results whole: settings that stay, the commits that made it, what was cut off.

ifeq ($(STUDENT),)
$(error STUDENT is missing: a model folder or hub name)
endif
ifneq ($(filter-out sft ei,$(STUDENTS)),)
$(error STUDENTS=$(STUDENTS): $(firstword $(filter-out sft ei,$(STUDENTS))) is none of sft, ei)
endif
ifeq ($(filter given supervised,$(FIRST)),)
$(error FIRST=$(FIRST) is none of given, supervised)
endif
ifeq ($(filter 1 2 3,$(ROUNDS)),)
$(error ROUNDS=$(ROUNDS) is none of 1, 2, 3)
endif
NO_SPACES = make knows no names with spaces
ifneq ($(word 2,$(BENCH)),)
$(error BENCH=$(BENCH): $(NO_SPACES))
endif
ifneq ($(word 2,$(OUT)),)
$(error OUT=$(OUT): $(NO_SPACES))
endif
ifneq ($(word 2,$(STUDENT)),)
$(error STUDENT=$(STUDENT): $(NO_SPACES))
endif
ifneq ($(word 2,$(BASE)),)
$(error BASE=$(BASE): $(NO_SPACES))
endif
ifneq ($(word 2,$(PRM800K)),)
$(error PRM800K=$(PRM800K): $(NO_SPACES))
endif
ifneq ($(PRM800K),)
ifeq ($(wildcard $(PRM800K)),)
$(error PRM800K=$(PRM800K): no such file)
endif
endif

# OUT/settings: what its files are made with. None is made anew for another setting, so it has to stay.
MADE_WITH := $(OUT)/settings
LIST_SETTINGS = printf '%s\n' \
  'BENCH=$(BENCH)' \
  'STUDENT=$(STUDENT)' \
  'BASE=$(BASE)' \
  'FIRST=$(FIRST)' \
  'PROMPT=$(PROMPT)' \
  'PROBLEMS=$(PROBLEMS)' \
  'HELD=$(HELD)' \
  'ROUNDS=$(ROUNDS)' \
  'SAMPLES=$(SAMPLES)' \
  'LABELLED=$(LABELLED)' \
  'VALUED=$(VALUED)' \
  'TESTED=$(TESTED)' \
  'MANY=$(MANY)' \
  'MANY_PROBLEMS=$(MANY_PROBLEMS)' \
  'K=$(K)' \
  'MAX_TOKENS=$(MAX_TOKENS)' \
  'STUDENT_EPOCHS=$(STUDENT_EPOCHS)' \
  'EI_EPOCHS=$(EI_EPOCHS)' \
  'RM_EPOCHS=$(RM_EPOCHS)' \
  'BALANCED_EPOCHS=$(BALANCED_EPOCHS)' \
  'CONTRASTIVE_EPOCHS=$(CONTRASTIVE_EPOCHS)' \
  'REFINER_EPOCHS=$(REFINER_EPOCHS)' \
  'TRAINING=$(TRAINING)' \
  'RL=$(RL)' \
  'PRM800K=$(PRM800K)' \
  'APPENDICES=$(APPENDICES)'
CHANGED := $(shell test ! -e $(MADE_WITH) || $(LIST_SETTINGS) \
  | diff $(MADE_WITH) - | sed -n -e 's/^< //p' -e 's/^> \(.*=\)..*/\1/p' | head -n 1)
ifneq ($(CHANGED),)
$(error $(MADE_WITH) says $(CHANGED); give that, another OUT, or remove $(OUT))
endif
$(MADE_WITH):
	mkdir -p $(@D) && $(LIST_SETTINGS) > $@.part && mv $@.part $@

# OUT/commits: when which commit began to make; a line where it is another one than before
COMMIT := $(shell git -C $(HERE) describe --always --dirty --abbrev=7 --exclude='*' 2> /dev/null)
ifneq ($(COMMIT),$(lastword $(shell tail -n 1 $(OUT)/commits 2> /dev/null)))
.PHONY: noted
all: noted
noted:
	mkdir -p $(OUT) && echo "$$(date -u +%FT%T+00:00) $(COMMIT)" >> $(OUT)/commits
endif

# What was cut off is kept, made older than anything, and so gone on with.
.PRECIOUS: %/samples.jsonl %/held.jsonl %/steps.jsonl %/values.jsonl %/labels-consistency-off.jsonl \
  %/drafts.jsonl %/three.jsonl %/many.jsonl %/draft-steps.jsonl %/chosen-from.jsonl %/learn-drafts.jsonl \
  %/refined-global.jsonl %/refined-local.jsonl %/refined-local-orm.jsonl %/refined-value.jsonl \
  %/refined-prompted.jsonl %/refined-rl.jsonl %/refined-rl-orm.jsonl %/refined-ppo.jsonl \
  %/drafts-orm.jsonl %/drafts-balanced-orm.jsonl %/drafts-sorm.jsonl %/drafts-prm.jsonl \
  %/drafts-contrastive.jsonl %/drafts-sorm-unbalanced.jsonl %/drafts-sorm-1.jsonl \
  %/drafts-sorm-filtered-1.jsonl %/drafts-sorm-filtered-2.jsonl \
  %/many-orm.jsonl %/many-sorm.jsonl %/many-contrastive.jsonl \
  %/judged-by-sorm-1.jsonl %/judged-by-sorm-2.jsonl %/cross-sft.jsonl %/cross-ei.jsonl
$(shell grep -L '"status": "done"' $(OUT)/*/{,*/}*.jsonl.manifest.json 2> /dev/null \
  | sed 's/.manifest.json$$//' | xargs -r touch -c -d @0)
