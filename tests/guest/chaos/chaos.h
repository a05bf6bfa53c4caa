/* SPDX-License-Identifier: BSD-2-Clause */
/* What chaos has done to each VM that it controls, and what came of that. */
#pragma once

#include "hv/abi/hypercall.h"
#include "guests/lib/prng.h"
#include "tests/guest/lib/check.h"
#include "tests/guest/lib/ticks.h"
#include "tests/guest/lib/vms.h"

#define VICTIMS_MAX	31u
#define PATIENCE	(60000 * MS)	/* with what has to come in the end */
#define ACT_MIN_KTICKS	500u
#define POLL_KTICKS	20u	/* from look to look at what is under way */

enum phase { RUNS, HALTED, PAUSED, ASKED, SAVING, SAVED, RESTORING };

struct victim {
	struct ambit_vm_entry seen;	/* at the last look */
	enum phase phase;	/* by what was done to it; it may end by itself */
	bool client;		/* ends with status 0, when its work is done */
	bool mortal;		/* may crash */
	uint64_t due;		/* of the next act, system time */
};

struct deeds {
	uint32_t acts[AMBIT_VM_RESTORE + 1];	/* by operation, those with status 0 */
	uint32_t ends;				/* of their own, seen */
};

extern struct victim victim[VICTIMS_MAX];
extern uint32_t victim_count;
extern struct deeds deeds;
extern struct prng chaos_prng;
extern uint64_t act_max_kticks;		/* from one act to the next of the same VM */

/* All that this VM may control but itself; the first `clients` of them are clients. */
void victims_find(uint32_t clients, const char *mortal);
/* Look at it. One that failed by itself ends this program. */
void victim_look(struct victim *v);
/* It does not run, by its own doing or another's, as the last look has it. */
bool victim_ended(const struct victim *v);
/* One of the acts that are possible now, at random, and when the next one is due. */
void victim_act(struct victim *v);
/* The status of an operation, counted. */
int64_t victim_control(struct victim *v, uint64_t op);
/* It runs again, or has ended by itself, whatever it was in before. */
void victim_calm(struct victim *v);
