/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One mapping: an entry of an owner, shown at a page of its peer's map window.
 * All of it is under the owner's grant_lock. A mapping ends in three steps: off
 * the tables and marked GOING; sync_flush(); mapping_end(). Who set the mark
 * takes all three; others leave the mapping alone, or only flush too.
 */
#pragma once

#include "vio/grant.h"

/* endpoint.mapped[page]: 0, or the peer's entry + 1, or what the page shows since
 * a mapping was withdrawn; GOING beside either. */
#define MAPPED_SINK	0x40000000u
#define MAPPED_GOING	0x80000000u

#define CALL_PAGES	64u	/* that a call deals with, up to some 300 instructions each */
#define WINDOW_TABLE	512u	/* pages that one table of the window shows */

static inline uint32_t window_pages(const struct endpoint *e)
{
	return (uint32_t)(e->window_size >> PAGE_SHIFT);
}

/* The entry for a page of the window. The tables were all made with the VM;
 * where they are is looked up once in its life. */
static inline uint64_t *window_entry(struct endpoint *e, uint32_t page)
{
	uint64_t **table = &e->window_table[page / WINDOW_TABLE];

	if (unlikely(!*table))
		*table = p2m_page(&e->vm->p2m, gpa(e->window.v + ALIGN_DOWN(
				  (uint64_t)page * PAGE_SIZE, MIB(2))));
	return &(*table)[page % WINDOW_TABLE];
}

/*
 * After the flush: the grantee's page is `next` (0 or MAPPED_SINK) from then on,
 * and what the mapping held is given back, but for the quota: returns how much.
 */
static inline uint32_t mapping_end(struct endpoint *grantee, uint32_t page, uint32_t next)
{
	uint32_t mapped = grantee->mapped[page] & ~MAPPED_GOING;
	struct endpoint *owner = grantee->peer;
	struct grant_use *use;

	grantee->mapped[page] = next;
	if (unlikely(mapped == MAPPED_SINK))
		return 0;
	use = &owner->grant[mapped - 1];
	if (unlikely(use->pool_frame))
		pool_put(hpa((uint64_t)use->pool_frame << PAGE_SHIFT));
	use->page = use->pool_frame = 0;
	grant_close(owner, mapped - 1);
	return 1;
}

/* Mappings of an owner's entries that are being withdrawn by force. */
struct revocation {
	struct endpoint *owner;
	uint32_t count;
	bool flush;			/* or others withdraw some now */
	uint32_t page[CALL_PAGES];	/* of the peer's window */
};

static inline void revocation_begin(struct revocation *r, struct endpoint *owner)
{
	r->owner = owner;
	r->count = 0;
	r->flush = false;
}

/* Under owner's grant_lock, not inside a data operation: the mapping of an own
 * entry, if it has one, is replaced by its holder's sink. At most CALL_PAGES. */
void revocation_add(struct revocation *r, uint32_t ref);
/* No lock held: when it returns nobody reaches what was mapped, all that the
 * mappings held is given back, and the holder has been told. */
void revocation_end(struct revocation *r);
