/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant entries and their uses. An entry is used by an operation of the peer
 * (for its duration) or by one mapping in the peer's map window; the status
 * area of its owner shows how many uses there are. An owner withdraws by
 * clearing the entry; who uses it marked it first and read it then, so after
 * sync_ops() only mappings are left.
 */
#pragma once

#include "vio/link.h"

struct grant_use {		/* of one own entry, under the owner's grant_lock */
	uint32_t page;		/* of the peer's map window, + 1; 0: not mapped */
	uint8_t notify;		/* raise the owner's virq at the last use's end */
	uint8_t spent;		/* acceptance entry: a gift arrived, not taken */
	uint16_t reserved;
	uint32_t giver;		/* spent: incarnation of the peer that gave it */
	uint32_t generation;	/* spent: of the entry */
};

struct grant_page {		/* what an entry permits, checked */
	hpa_t pa;
	uint16_t offset, len;	/* byte bounds for copies */
	bool pool;		/* a page of the give pool: its frame is held */
};

/*
 * Mark owner's entry ref used, then read it once and check it: this generation,
 * these rights (AMBIT_GRANT_*), a page of RAM or pool that owner's VM owns.
 * AMBIT_OK and *out, the use held until grant_put(); or ENOENT (no entry, or
 * empty), ESTALE, EACCES, EFAULT, with nothing held. Between sync_op_begin()
 * and sync_op_end(), but a mapping's use outlives them.
 */
int MUST_CHECK grant_get(struct endpoint *owner, uint64_t ref, uint32_t generation,
			 uint32_t rights, struct grant_page *out);
/* The use ends; tells the owner if it waits for that. No lock held. */
void grant_put(struct endpoint *owner, uint32_t ref, const struct grant_page *page);

/*
 * A VM died, its ends show DEAD and sync_ops() was called: withdraw what others
 * have mapped of it and give back what it had mapped of others, a bounded step
 * a call; true when nothing is left. Flushes are done.
 */
bool grant_vm_died_step(struct vm *vm);
