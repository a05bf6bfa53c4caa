/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The give pool of a VM: 4 KiB pages in its aperture that can change their
 * owner. A place holds a page or nothing. Frames carry their owner's number and
 * count uses (frame_get), and only an unused one changes its owner. Who moves
 * a page reserves its place first; nobody waits for a reservation.
 */
#pragma once

#include "hv/frames.h"
#include "hv/vm.h"

struct pool_page {
	hpa_t pa;		/* 0: an empty place; changed under a reservation */
	struct frame *frame;	/* of that page */
	uint64_t *entry;	/* of this place, in the VM's tables */
	uint32_t reserved;	/* by a gift under way, atomic */
};

extern uint64_t pool_leaf;	/* bits of an entry that shows a page, constant */

/* Where the VM's pool would lie from gpa `at` on: sets vm->pool, 0 without one,
 * and returns the first gpa behind it. Boot CPU. */
gpa_t pool_place(struct vm *vm, gpa_t at);
/* The page at gpa `at`, with a reference that pool_put() ends; 0: none there. */
hpa_t pool_get(struct vm *vm, gpa_t at);
void pool_put(hpa_t pa);

/* The place at gpa `at`, NULL if there is none. */
static inline struct pool_page *pool_find(struct vm *vm, gpa_t at)
{
	uint64_t places = vm->config->pool_places;
	uint64_t idx = (at.v - vm->pool.v) >> PAGE_SHIFT;

	if (unlikely((at.v & PAGE_MASK) || idx >= places))
		return NULL;
	return &vm->pool_page[index_nospec(idx, places)];
}

/* Until pool_release() nobody else moves what the place holds; false: somebody
 * does. The VM is held off from being taken apart: it is the caller's own, or
 * by sync_op_begin(). */
static inline bool pool_reserve(struct pool_page *place)
{
	return !__atomic_exchange_n(&place->reserved, 1, __ATOMIC_SEQ_CST);
}

static inline void pool_release(struct pool_page *place)
{
	STORE_RELEASE(place->reserved, 0);
}

/* Of a reserved place: map nothing, or what it holds. The VM needs a sync_flush()
 * before a hidden page is used otherwise. */
static inline void pool_hide(struct pool_page *place)
{
	WRITE_ONCE(*place->entry, 0);
}

static inline void pool_show(struct pool_page *place)
{
	WRITE_ONCE(*place->entry, place->pa.v ? place->pa.v | pool_leaf : 0);
}

/* Tables of the pool, frames for its first pages, mapped; as vm_build_step(). */
int MUST_CHECK pool_build_step(struct vm *vm, const char **why);
/* The same for pages that a saved VM has kept. */
int MUST_CHECK pool_rebuild_step(struct vm *vm, const char **why);
/* Pages in its places; those that it gave away are in the acceptor's. */
static inline uint64_t pool_frames(const struct vm *vm)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < vm->config->pool_places; i++)
		n += vm->pool_page[i].pa.v != 0;
	return n;
}
/* Give all pages back, a step; true when done. Nobody else uses the pool. */
bool pool_unbuild_step(struct vm *vm);
