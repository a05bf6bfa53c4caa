/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VM's death means for mappings, in both directions. Its ends are dead
 * and operations on them have ended, so nothing new comes; a mapping that
 * another CPU is withdrawing just now is left to it.
 */
#include "vio/grant.h"

#include "vio/give.h"
#include "vio/mapping.h"

/* Its own mappings, from page *at on up to one that has to be come back to. Nobody
 * runs on its tables; should it go on after all, it flushes first. */
static void unmap_own(struct endpoint *e, uint64_t *at, uint64_t end)
{
	struct spinlock *lock = &e->peer->grant_lock;
	uint32_t ended = 0;

	spin_lock(lock);
	for (; *at < end && !(e->mapped[*at] & MAPPED_GOING); ++*at) {
		if (e->mapped[*at]) {
			WRITE_ONCE(*window_entry(e, (uint32_t)*at), 0);
			ended += mapping_end(e, (uint32_t)*at, 0);
		}
		e->window_table[*at / WINDOW_TABLE] = NULL;
	}
	spin_unlock(lock);
	__atomic_fetch_sub(&e->vm->maps, ended, __ATOMIC_RELAXED);
}

static bool going(const struct endpoint *owner, uint64_t ref)
{
	uint32_t page = owner->grant[ref].page;

	return page && (owner->peer->mapped[page - 1] & MAPPED_GOING);
}

/* What the peer mapped of it, in the same way, and what it waits for. */
static void withdraw_own(struct endpoint *e, uint64_t *at, uint64_t end)
{
	struct revocation r;

	revocation_begin(&r, e);
	spin_lock(&e->grant_lock);
	for (; *at < end && !going(e, *at); ++*at) {
		revocation_add(&r, (uint32_t)*at);
		WRITE_ONCE(e->grant[*at].notify, 0);
		gift_drop(e, &e->grant[*at]);
	}
	spin_unlock(&e->grant_lock);
	revocation_end(&r);
}

/* *offset counts the pages of the window, then the entries. True when done. */
static bool endpoint_step(struct endpoint *e, uint64_t *offset)
{
	uint64_t pages = window_pages(e), entries = e->link->grant_count, at;

	if (*offset < pages) {
		unmap_own(e, offset, MIN(*offset + CALL_PAGES, pages));
		return false;
	}
	at = *offset - pages;
	if (at < entries) {
		withdraw_own(e, &at, MIN(at + CALL_PAGES, entries));
		*offset = pages + at;
	}
	return at == entries;
}

bool grant_vm_died_step(struct vm *vm)
{
	struct vm_build *b = &vm->build;

	while (b->idx < vm->endpoint_count &&
	       vm->endpoint[b->idx]->link->scheme != AMBIT_SCHEME_GRANT)
		b->idx++;
	if (b->idx < vm->endpoint_count) {
		if (endpoint_step(vm->endpoint[b->idx], &b->offset)) {
			b->offset = 0;
			b->idx++;
		}
		return false;
	}
	b->idx = 0;
	return true;
}
