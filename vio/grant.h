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

struct grant_use {		/* of one own entry */
	/* of its mapping, under the owner's grant_lock */
	uint32_t page;		/* of the peer's map window, + 1; 0: not mapped */
	uint32_t pool_frame;	/* frame number of a pool page, held; 0: RAM */
	/* atomic */
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

/* Owner's entry ref as it stands now, read whole, no use held; how many uses it
 * has (ref is in the table). AMBIT_ENOENT beyond the table. */
int MUST_CHECK grant_entry(const struct endpoint *owner, uint64_t ref,
			   struct ambit_grant *copy);
uint32_t grant_uses(const struct endpoint *owner, uint64_t ref);
/*
 * Mark owner's entry ref used, then read it once, whole and unchecked. AMBIT_OK
 * and the use held until grant_close(), or AMBIT_ENOENT beyond the table.
 * Between sync_op_begin() and sync_op_end(), but a mapping's use outlives them.
 */
int MUST_CHECK grant_open(struct endpoint *owner, uint64_t ref, struct ambit_grant *copy);
/* The use ends; tells the owner if it waits for that. No lock held. */
void grant_close(struct endpoint *owner, uint32_t ref);
/*
 * grant_open() and the checks: this generation, READ and WRITE as in rights, a
 * page of RAM or pool that owner's VM owns, bounds within it. AMBIT_OK and *out,
 * held until grant_put(); or ENOENT (no entry, or empty), ESTALE, EACCES, EFAULT
 * with nothing held.
 */
int MUST_CHECK grant_get(struct endpoint *owner, uint64_t ref, uint32_t generation,
			 uint32_t rights, struct grant_page *out);
void grant_put(struct endpoint *owner, uint32_t ref, const struct grant_page *page);

/*
 * A VM died, its ends show DEAD and sync_ops() was called: withdraw what others
 * have mapped of it and give back what it had mapped of others, a bounded step
 * a call; true when nothing is left. Flushes are done.
 */
bool grant_vm_died_step(struct vm *vm);
