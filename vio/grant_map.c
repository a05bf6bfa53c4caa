/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapping grants into the map window and out again. A mapping holds one use of
 * its entry and, of a pool page, the frame. It is known from both sides, by its
 * page (mapped[] of the grantee) and by its entry (grant[] of the owner), and
 * stays so until no CPU can reach the page any more.
 */
#include "hv/abi/errno.h"
#include "hv/pool.h"
#include "hv/sync.h"
#include "vio/data.h"
#include "vio/grant.h"
#include "vio/mapping.h"

#define RUN_MAX		256u	/* pages of an item */
#define CALL_MAX	512u	/* pages in a call */
#define LOCK_MAX	32u	/* pages under one lock */

struct run {
	struct endpoint *e;
	uint32_t left;		/* pages that this call may still deal with */
	struct window_walk walk;
};

static bool item_valid(const struct endpoint *e, const struct ambit_map_item *it)
{
	return e->vm && !(it->flags & ~AMBIT_MAP_WRITE) &&
	       it->count && it->count <= RUN_MAX && it->done <= it->count;
}

/* step() for each page that an item has left; AMBIT_OK, its error, or EAGAIN. */
static inline int32_t item_run(struct run *r, struct ambit_map_item *it,
			       int (*step)(struct run *, const struct ambit_map_item *))
{
	struct spinlock *lock = &r->e->peer->grant_lock;
	int err = AMBIT_OK;

	if (!item_valid(r->e, it))
		return AMBIT_EINVAL;
	while (!err && it->done < it->count) {
		uint32_t n = MIN(MIN(it->count - it->done, LOCK_MAX), r->left);

		if (!n)
			return AMBIT_EAGAIN;
		r->left -= n;
		spin_lock(lock);
		for (; n && !(err = step(r, it)); n--)
			it->done++;
		spin_unlock(lock);
	}
	return err;
}

/* --- map ------------------------------------------------------------------------ */

static bool quota_take(struct vm *vm)
{
	if (__atomic_add_fetch(&vm->maps, 1, __ATOMIC_RELAXED) <= vm->config->maps)
		return true;
	__atomic_fetch_sub(&vm->maps, 1, __ATOMIC_RELAXED);
	return false;
}

/* The entry is held: whether it may be mapped, counted in the quota then. The
 * hypervisor's own pages are for copies only. */
static int mapping_admit(const struct endpoint *e, const struct grant_use *use,
			 const struct grant_page *g)
{
	if (!e->peer->vm)
		return AMBIT_EACCES;
	if (g->offset || g->len != PAGE_SIZE)
		return AMBIT_ERANGE;
	if (use->page)
		return AMBIT_EBUSY;
	return quota_take(e->vm) ? AMBIT_OK : AMBIT_EQMAP;
}

static int map_step(struct run *r, const struct ambit_map_item *it)
{
	struct endpoint *e = r->e, *owner = e->peer;
	uint64_t page = (uint64_t)it->page + it->done;
	uint64_t ref = (uint64_t)it->ref + it->done;
	bool write = it->flags & AMBIT_MAP_WRITE;
	struct grant_page g;
	struct grant_use *use;
	int err;

	if (page >= window_pages(e))
		return AMBIT_EINVAL;
	page = index_nospec(page, window_pages(e));
	if (e->mapped[page])
		return AMBIT_EINVAL;
	err = grant_get(owner, ref, it->generation,
			write ? AMBIT_GRANT_READ | AMBIT_GRANT_WRITE :
				AMBIT_GRANT_READ, &g);
	if (err)
		return err;
	ref = index_nospec(ref, e->link->grant_count);
	use = &owner->grant[ref];
	err = mapping_admit(e, use, &g);
	if (err) {
		grant_put(owner, (uint32_t)ref, &g);
		return err;
	}
	use->page = (uint32_t)page + 1;
	use->pool_frame = g.pool ? (uint32_t)(g.pa.v >> PAGE_SHIFT) : 0;
	e->mapped[page] = (uint32_t)ref + 1;
	WRITE_ONCE(*window_entry(e, &r->walk, (uint32_t)page),
		   p2m_page_entry(g.pa, write ? P2M_READ | P2M_WRITE : P2M_READ));
	return AMBIT_OK;
}

static uint32_t map_run(struct endpoint *e, void *items, uint32_t n)
{
	struct run r = { .e = e, .left = CALL_MAX };
	struct ambit_map_item *it = items;
	bool up;
	uint32_t i;

	sync_op_begin();
	FENCE_FULL();
	up = link_connected(e);
	for (i = 0; i < n; i++) {
		it[i].status = up ? item_run(&r, &it[i], map_step) : AMBIT_EGONE;
		if (it[i].status == AMBIT_EAGAIN)
			break;
	}
	sync_op_end();
	return i;
}

void mapping_end(struct endpoint *grantee, uint32_t page, uint32_t next)
{
	uint32_t mapped = grantee->mapped[page] & ~MAPPED_GOING;
	struct endpoint *owner = grantee->peer;
	struct grant_use *use;

	grantee->mapped[page] = next;
	if (mapped == MAPPED_SINK)
		return;
	use = &owner->grant[mapped - 1];
	if (use->pool_frame)
		pool_put(hpa((uint64_t)use->pool_frame << PAGE_SHIFT));
	use->page = use->pool_frame = 0;
	__atomic_fetch_sub(&grantee->vm->maps, 1, __ATOMIC_RELAXED);
	grant_close(owner, mapped - 1);
}

/* --- unmap ---------------------------------------------------------------------- */

/* Off the tables; books stay as they are, marked, until the flush. */
static int unmap_step(struct run *r, const struct ambit_map_item *it)
{
	struct endpoint *e = r->e;
	uint64_t page = (uint64_t)it->page + it->done;
	uint32_t *mapped;

	if (page >= window_pages(e))
		return AMBIT_EINVAL;
	page = index_nospec(page, window_pages(e));
	mapped = &e->mapped[page];
	if (!*mapped)
		return AMBIT_ENOENT;
	if (*mapped & MAPPED_GOING)
		return AMBIT_EAGAIN;	/* another CPU is at it */
	*mapped |= MAPPED_GOING;
	WRITE_ONCE(*window_entry(e, &r->walk, (uint32_t)page), 0);
	return AMBIT_OK;
}

/* The pages [from, to) that this call took off the tables. */
static void unmap_finish(struct endpoint *e, uint32_t from, uint32_t to)
{
	struct spinlock *lock = &e->peer->grant_lock;

	while (from < to) {
		uint32_t end = MIN(to, from + LOCK_MAX);

		spin_lock(lock);
		for (; from < end; from++)
			mapping_end(e, from, 0);
		spin_unlock(lock);
	}
}

static uint32_t unmap_run(struct endpoint *e, void *items, uint32_t n)
{
	struct run r = { .e = e, .left = CALL_MAX };
	struct ambit_map_item *it = items;
	uint32_t from[AMBIT_BATCH_MAX], i, dealt;
	bool any = false;

	for (dealt = 0, i = 0; i < n; i++) {
		from[i] = it[i].done;
		it[i].status = item_run(&r, &it[i], unmap_step);
		any |= it[i].done != from[i];
		if (it[i].status == AMBIT_EAGAIN)
			break;
		dealt++;
	}
	if (!any)
		return dealt;
	sync_flush(e->vm);
	for (i = 0; i < MIN(dealt + 1, n); i++)
		unmap_finish(e, it[i].page + from[i], it[i].page + it[i].done);
	return dealt;
}

/* --- query ---------------------------------------------------------------------- */

static int32_t query(struct endpoint *e, struct ambit_query_item *it)
{
	bool own = it->flags & AMBIT_QUERY_OWN;
	struct endpoint *owner = own ? e : e->peer;
	struct ambit_grant g;
	uint64_t ref;

	if (it->flags & ~AMBIT_QUERY_OWN)
		return AMBIT_EINVAL;
	if (grant_entry(owner, it->ref, &g))
		return own ? AMBIT_EQGRANT : AMBIT_ENOENT;
	ref = index_nospec(it->ref, e->link->grant_count);
	it->rights = (uint32_t)(g.frame & PAGE_MASK);
	it->generation = g.generation;
	it->offset = g.offset;
	it->len = g.len;
	it->uses = grant_uses(owner, ref);
	it->page = READ_ONCE(owner->grant[ref].page) - 1;
	return AMBIT_OK;
}
_Static_assert(AMBIT_QUERY_UNMAPPED == 0u - 1, "no page + 1 is 0");

static uint32_t query_run(struct endpoint *e, void *items, uint32_t n)
{
	struct ambit_query_item *it = items;

	for (uint32_t i = 0; i < n; i++)
		it[i].status = query(e, &it[i]);
	return n;
}

const struct data_op grant_map_op = {
	.item_size = sizeof(struct ambit_map_item),
	.status_offset = offsetof(struct ambit_map_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT), .connected = true, .run = map_run,
};
const struct data_op grant_unmap_op = {
	.item_size = sizeof(struct ambit_map_item),
	.status_offset = offsetof(struct ambit_map_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT), .run = unmap_run,
};
const struct data_op grant_query_op = {
	.item_size = sizeof(struct ambit_query_item),
	.status_offset = offsetof(struct ambit_query_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT), .run = query_run,
};
