/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Revoking own grants. The caller has cleared the entries, so with a full fence
 * a use count of 0 says that nobody acts on them any more; by force, sync_ops()
 * waits for operations, and what is left then are mappings.
 */
#include "hv/abi/errno.h"
#include "hv/sync.h"
#include "vio/data.h"
#include "vio/grant.h"
#include "vio/mapping.h"

#include "arch/hvm.h"

#define RUN_MAX		256u	/* entries of an item */
#define LOCK_MAX	32u	/* entries under one lock */

/* --- withdrawing mappings ---------------------------------------------------------- */

/* The holder counts it before it can see the sink: who finds the count unchanged
 * after its last read has read the owner's page. */
static void sink_in(struct endpoint *holder, uint32_t page)
{
	uint64_t *entry = window_entry(holder, page);
	uint32_t rights = P2M_READ;

	if (*entry & p2m_format.write)
		rights |= P2M_WRITE;
	WRITE_ONCE(holder->status->revocations, holder->status->revocations + 1);
	STORE_RELEASE(*entry, p2m_page_entry(holder->vm->sink, rights));
}

void revocation_add(struct revocation *r, uint32_t ref)
{
	struct endpoint *holder = r->owner->peer;
	uint32_t page = r->owner->grant[ref].page - 1;

	if (page == AMBIT_QUERY_UNMAPPED)
		return;
	r->flush = true;
	if (holder->mapped[page] & MAPPED_GOING)
		return;
	sink_in(holder, page);
	holder->mapped[page] |= MAPPED_GOING;
	r->page[r->count++] = page;
}

void revocation_end(struct revocation *r)
{
	struct endpoint *holder = r->owner->peer;
	uint32_t ended = 0;

	if (!r->flush)
		return;
	sync_flush(holder->vm);
	for (uint32_t i = 0; i < r->count;) {
		uint32_t end = MIN(r->count, i + LOCK_MAX);

		spin_lock(&r->owner->grant_lock);
		for (; i < end; i++)
			ended += mapping_end(holder, r->page[i], MAPPED_SINK);
		spin_unlock(&r->owner->grant_lock);
	}
	__atomic_fetch_sub(&holder->vm->maps, ended, __ATOMIC_RELAXED);
	end_count(&r->owner->count->revoked, ended);
	if (r->count)
		endpoint_raise(holder);
}

/* --- the call ------------------------------------------------------------------------ */

/* In use: ask for the virq, and look again, as who ends the use looks for this.
 * AMBIT_OK if the last use ended meanwhile; another vCPU that asked, and saw one,
 * is not forgotten then. */
static int notify_ask(struct endpoint *e, uint32_t ref)
{
	__atomic_store_n(&e->grant[ref].notify, 1, __ATOMIC_SEQ_CST);
	if (grant_uses(e, ref))
		return AMBIT_EBUSY;
	grant_idle(e, ref);
	return AMBIT_OK;
}

/* One entry; for force AMBIT_OK with *busy if there is something to withdraw. */
static int entry_look(struct endpoint *e, uint64_t ref, uint32_t mode, bool *busy)
{
	if (!index_below(&ref, e->link->grant_count))
		return AMBIT_EQGRANT;
	if (READ_ONCE(e->entry[ref].frame))
		return AMBIT_EACCES;
	if (!grant_uses(e, ref))
		return AMBIT_OK;
	if (mode == AMBIT_REVOKE_FORCE) {
		*busy = true;
		return AMBIT_OK;
	}
	return mode == AMBIT_REVOKE_NOTIFY ? notify_ask(e, (uint32_t)ref) :
					     AMBIT_EBUSY;
}

static int32_t item_look(struct endpoint *e, struct ambit_revoke_item *it,
			 uint32_t *left, bool *busy)
{
	int err = AMBIT_OK;

	if (it->mode > AMBIT_REVOKE_FORCE || !it->count || it->count > RUN_MAX ||
	    it->done > it->count)
		return AMBIT_EINVAL;
	while (it->done < it->count) {
		if (!*left)
			return AMBIT_EAGAIN;
		--*left;
		err = entry_look(e, (uint64_t)it->ref + it->done, it->mode, busy);
		if (err)
			break;
		it->done++;
	}
	return err;
}

/* Entries [from, to). */
static void withdraw(struct revocation *r, uint32_t from, uint32_t to)
{
	struct spinlock *lock = &r->owner->grant_lock;
	uint32_t count = r->owner->link->grant_count;

	while (from < to) {
		uint32_t end = MIN(to, from + LOCK_MAX);

		spin_lock(lock);
		for (; from < end; from++)
			revocation_add(r, (uint32_t)index_nospec(from, count));
		spin_unlock(lock);
	}
}

static uint32_t revoke_run(struct endpoint *e, void *items, uint32_t n)
{
	struct revocation r;
	struct ambit_revoke_item *it = items;
	uint32_t from[AMBIT_BATCH_MAX], left = CALL_PAGES, dealt = 0, seen = 0;
	bool busy = false;

	FENCE_FULL();
	while (seen < n && dealt == seen) {
		from[seen] = it[seen].done;
		it[seen].status = item_look(e, &it[seen], &left, &busy);
		dealt += it[seen++].status != AMBIT_EAGAIN;
	}
	if (!busy)
		return dealt;
	revocation_begin(&r, e);
	sync_ops();
	for (uint32_t i = 0; i < seen; i++) {
		if (it[i].mode == AMBIT_REVOKE_FORCE)
			withdraw(&r, it[i].ref + from[i], it[i].ref + it[i].done);
	}
	revocation_end(&r);
	return dealt;
}

const struct data_op revoke_op = {
	.item_size = sizeof(struct ambit_revoke_item),
	.status_offset = offsetof(struct ambit_revoke_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT), .run = revoke_run,
};
