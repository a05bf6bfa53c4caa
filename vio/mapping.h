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

/* The table of window entries used last; zero at first. */
struct window_walk {
	uint64_t *table;
	uint32_t idx;
};

static inline uint32_t window_pages(const struct endpoint *e)
{
	return (uint32_t)(e->window_size >> PAGE_SHIFT);
}

/* The window's tables were all made with the VM, and it starts with one. */
static inline uint64_t *window_entry(const struct endpoint *e,
				     struct window_walk *w, uint32_t page)
{
	uint32_t idx = page / 512;

	if (!w->table || w->idx != idx) {
		w->table = p2m_page(&e->vm->p2m, gpa(e->window.v + idx * MIB(2)));
		w->idx = idx;
	}
	return &w->table[page % 512];
}

/* After the flush: the grantee's page is `next` (0 or MAPPED_SINK) from then on,
 * and what the mapping held is given back. */
void mapping_end(struct endpoint *grantee, uint32_t page, uint32_t next);

/* Mappings of an owner's entries that are being withdrawn by force. */
#define REVOKE_MAX 512u
struct revocation {
	struct endpoint *owner;
	uint32_t count;
	bool flush;			/* or others withdraw some now */
	struct window_walk walk;
	uint32_t page[REVOKE_MAX];	/* of the peer's window */
};

static inline void revocation_begin(struct revocation *r, struct endpoint *owner)
{
	r->owner = owner;
	r->count = 0;
	r->flush = false;
	r->walk.table = NULL;
}

/* Under owner's grant_lock, not inside a data operation: the mapping of an own
 * entry, if it has one, is replaced by its holder's sink. At most REVOKE_MAX. */
void revocation_add(struct revocation *r, uint32_t ref);
/* No lock held: when it returns nobody reaches what was mapped, all that the
 * mappings held is given back, and the holder has been told. */
void revocation_end(struct revocation *r);
