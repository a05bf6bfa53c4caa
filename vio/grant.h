/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant entries and their uses. An entry is used by an operation of the peer
 * (for its duration) or by one mapping in the peer's map window; the status
 * area of its owner shows how many uses there are. An owner withdraws by
 * clearing the entry; who uses it marked it first and read it then, so after
 * sync_ops() only mappings are left.
 */
#pragma once

#include "hv/abi/errno.h"
#include "hv/guest_mem.h"
#include "hv/pool.h"
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

/*
 * All 16 bytes as they stood at one instant. CMPXCHG16B is the one way to that
 * without vector registers; what it writes is what it found.
 */
static inline struct ambit_grant grant_read(struct ambit_grant *entry)
{
	union {
		uint64_t word[2];
		struct ambit_grant grant;
	} seen = { .word = { 0, 0 } };

	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*entry), "+a"(seen.word[0]), "+d"(seen.word[1])
			 : "b"(0ull), "c"(0ull) : "cc");
	return seen.grant;
}

/*
 * Mark owner's entry ref of the table used, then read it once, whole and
 * unchecked. The use is held until grant_close(). Between sync_op_begin() and
 * sync_op_end(), but a mapping's use outlives them.
 */
static inline struct ambit_grant grant_mark(struct endpoint *owner, uint64_t ref)
{
	__atomic_fetch_add(&owner->entry_use[ref], 1, __ATOMIC_SEQ_CST);
	return grant_read(&owner->entry[ref]);
}

/* The same for any ref; AMBIT_ENOENT beyond the table. */
static inline int MUST_CHECK grant_open(struct endpoint *owner, uint64_t ref,
					struct ambit_grant *copy)
{
	if (unlikely(!index_below(&ref, owner->link->grant_count)))
		return AMBIT_ENOENT;
	*copy = grant_mark(owner, ref);
	return AMBIT_OK;
}

/* Uses of an entry of the table now. */
static inline uint32_t grant_uses(const struct endpoint *owner, uint64_t ref)
{
	return LOAD_ACQUIRE(owner->entry_use[ref]);
}

/* The last use ended: raise the owner's virq if it still waits for that. */
void grant_idle(struct endpoint *owner, uint32_t ref);

/* The use ends; tells the owner if it waits for that. */
static inline void grant_close(struct endpoint *owner, uint32_t ref)
{
	/* It asks, fences, and looks at the count once more. */
	if (!__atomic_sub_fetch(&owner->entry_use[ref], 1, __ATOMIC_SEQ_CST) &&
	    unlikely(READ_ONCE(owner->grant[ref].notify)))
		grant_idle(owner, ref);
}

/* grant_get() of an opened entry that is not permitted, or not of low RAM. */
int MUST_CHECK grant_get_rest(struct endpoint *owner, uint64_t ref,
			      uint32_t generation, uint32_t rights,
			      const struct ambit_grant *g, struct grant_page *out);

/* Whether an entry lets a reference of this generation do that. An acceptance
 * entry names a place, where there may be no page. */
static inline bool grant_permits(const struct ambit_grant *g, uint32_t generation,
				 uint32_t rights)
{
	return g->generation == generation &&
	       (g->frame & (rights | AMBIT_GRANT_ACCEPT)) == rights &&
	       g->offset + g->len <= (int)PAGE_SIZE;
}

/* grant_get() of an entry in the table. */
static inline int MUST_CHECK grant_get_at(struct endpoint *owner, uint64_t ref,
					  uint32_t generation, uint32_t rights,
					  struct grant_page *out)
{
	const struct vm *vm = owner->vm;
	struct ambit_grant g = grant_mark(owner, ref);
	uint64_t at = g.frame & ~PAGE_MASK;

	if (unlikely(!grant_permits(&g, generation, rights) || !vm) ||
	    unlikely(!index_below(&at, vm->ram_low)))
		return grant_get_rest(owner, ref, generation, rights, &g, out);
	out->pa = hpa(vm->ram[at / GUEST_PIECE].v + at % GUEST_PIECE);
	out->offset = g.offset;
	out->len = g.len;
	out->pool = false;
	return AMBIT_OK;
}

/*
 * grant_open() and the checks: this generation, READ and WRITE as in rights (not
 * 0), a page of RAM or pool that owner's VM owns, bounds within it. AMBIT_OK and
 * *out, held until grant_put(); or ENOENT (no entry, or empty), ESTALE, EACCES,
 * EFAULT with nothing held.
 */
static inline int MUST_CHECK grant_get(struct endpoint *owner, uint64_t ref,
				       uint32_t generation, uint32_t rights,
				       struct grant_page *out)
{
	if (unlikely(!index_below(&ref, owner->link->grant_count)))
		return AMBIT_ENOENT;
	return grant_get_at(owner, ref, generation, rights, out);
}

static inline void grant_put(struct endpoint *owner, uint32_t ref,
			     const struct grant_page *page)
{
	if (unlikely(page->pool))
		pool_put(page->pa);
	grant_close(owner, ref);
}

/*
 * A VM died, its ends show DEAD and sync_ops() was called: withdraw what others
 * have mapped of it and give back what it had mapped of others, a bounded step
 * a call; true when nothing is left. Flushes are done.
 */
bool grant_vm_died_step(struct vm *vm);
