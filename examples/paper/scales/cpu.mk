# Figures, by one core: hours. demo.mk says what each size is.

SEEDS ?= 1 2 3

PROBLEMS ?= 3000
SAMPLES ?= 4
LABELLED ?= 4
VALUED ?= 12000
TESTED ?= 1000
MANY ?= 32
MANY_PROBLEMS ?= 334

ifeq ($(BENCH),chain-hard)  # whose student still gains in round 3
ROUNDS ?= 3
HELD ?= 1000
endif

TRAINING ?= --lr $(LR) --batch-size 32
# balancing keeps a third of four samples a problem: in six epochs about as many steps as the ORM
BALANCED_EPOCHS ?= 6
# a problem has one contrastive pair or two, so an epoch of pairs is an eighth of the ORM's
CONTRASTIVE_EPOCHS ?= 16

RL ?= --steps 16
