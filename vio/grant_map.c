/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapping grants into the map window and out again. A mapping holds one use of
 * its entry and, of a pool page, the frame. It is known from both sides, by its
 * page (mapped[] of the grantee) and by its entry (grant[] of the owner), and
 * stays so until no CPU can reach the page any more.
 */
#include "hv/sync.h"
#include "vio/data.h"
#include "vio/mapping.h"

#include "arch/arch.h"

#define RUN_MAX		256u	/* pages of an item */
#define LOCK_MAX	32u	/* pages under one lock */

/* What an item asks for, read once: the guest may change it. */
struct want {
	uint32_t flags, ref, generation, page, count, done;
};

static inline bool want_read(const struct ambit_map_item *it, struct want *w)
{
	w->flags = READ_ONCE(it->flags);
	w->ref = READ_ONCE(it->ref);
	w->generation = READ_ONCE(it->generation);
	w->page = READ_ONCE(it->page);
	w->count = READ_ONCE(it->count);
	w->done = READ_ONCE(it->done);
	return !(w->flags & ~AMBIT_MAP_WRITE) && w->count - 1 < RUN_MAX &&
	       w->done <= w->count;
}

static inline void want_answer(struct ambit_map_item *it, const struct want *w,
			       int32_t status)
{
	WRITE_ONCE(it->done, w->done);
	WRITE_ONCE(it->status, status);
}

/* Another page: let others have the lock now and then. */
static inline void lock_turn(struct spinlock *lock, uint32_t left)
{
	if (unlikely(!(left % LOCK_MAX))) {
		spin_unlock(lock);
		spin_lock(lock);
	}
}

/* --- map ------------------------------------------------------------------------ */

static inline bool quota_take(struct vm *vm)
{
	if (likely(__atomic_add_fetch(&vm->maps, 1, __ATOMIC_RELAXED) <=
		   vm->config->maps))
		return true;
	__atomic_fetch_sub(&vm->maps, 1, __ATOMIC_RELAXED);
	return false;
}

/* An entry that is mapped already, or one too many. */
static __attribute__((noinline))
int map_undo(struct endpoint *owner, uint32_t ref, uint32_t pool_frame)
{
	int err = owner->grant[ref].page ? AMBIT_EBUSY : AMBIT_EQMAP;

	if (pool_frame)
		pool_put(hpa((uint64_t)pool_frame << PAGE_SHIFT));
	grant_close(owner, ref);
	return err;
}

/* The page that an entry shows, its use held, or why not. */
struct source {
	hpa_t pa;
	uint32_t pool_frame;
	int err;
};

/* Of an entry that is not the whole of a page of low RAM, or does not permit it.
 * The hypervisor's own pages are for copies only. */
static __attribute__((noinline))
struct source source_rest(struct endpoint *owner, uint64_t ref, uint32_t generation,
			  uint32_t rights, struct ambit_grant g)
{
	struct grant_page p;
	int err = grant_get_rest(owner, ref, generation, rights, &g, &p);

	if (err)
		return (struct source){ .err = err };
	if (!owner->vm || p.offset || p.len != PAGE_SIZE) {
		grant_put(owner, (uint32_t)ref, &p);
		return (struct source){ .err = owner->vm ? AMBIT_ERANGE : AMBIT_EACCES };
	}
	return (struct source){ p.pa, p.pool ? (uint32_t)(p.pa.v >> PAGE_SHIFT) : 0, 0 };
}

static inline struct source source_get(struct endpoint *owner, uint64_t ref,
				       uint32_t generation, uint32_t rights)
{
	/* Generation, offset and length in one word. */
	uint64_t whole = generation | (uint64_t)PAGE_SIZE << 48, bounds;
	struct ambit_grant g = grant_mark(owner, ref);
	const struct vm *vm = owner->vm;
	uint64_t at = g.frame & ~PAGE_MASK;

	__builtin_memcpy(&bounds, &g.generation, sizeof(bounds));
	if (unlikely(bounds != whole) ||
	    unlikely((g.frame & (rights | AMBIT_GRANT_ACCEPT)) != rights) ||
	    unlikely(!vm) || unlikely(!index_below(&at, vm->ram_low)))
		return source_rest(owner, ref, generation, rights, g);
	return (struct source){ hpa(vm->ram[at / GUEST_PIECE].v + at % GUEST_PIECE), 0, 0 };
}

static inline int map_page(struct endpoint *e, const struct want *w)
{
	uint64_t page = (uint64_t)w->page + w->done;
	uint64_t ref = (uint64_t)w->ref + w->done;
	bool write = w->flags & AMBIT_MAP_WRITE;
	struct endpoint *owner = e->peer;
	struct grant_use *use;
	struct source from;

	if (unlikely(!index_below(&page, window_pages(e))) || unlikely(e->mapped[page]))
		return AMBIT_EINVAL;
	if (unlikely(!index_below(&ref, e->link->grant_count)))
		return AMBIT_ENOENT;
	from = source_get(owner, ref, w->generation,
			  write ? AMBIT_GRANT_READ | AMBIT_GRANT_WRITE :
				  AMBIT_GRANT_READ);
	if (unlikely(from.err))
		return from.err;
	use = &owner->grant[ref];
	if (unlikely(use->page) || unlikely(!quota_take(e->vm)))
		return map_undo(owner, (uint32_t)ref, from.pool_frame);
	use->page = (uint32_t)page + 1;
	use->pool_frame = from.pool_frame;
	e->mapped[page] = (uint32_t)ref + 1;
	WRITE_ONCE(*window_entry(e, (uint32_t)page),
		   p2m_page_entry(from.pa, write ? P2M_READ | P2M_WRITE : P2M_READ));
	return AMBIT_OK;
}

static inline int map_item(struct endpoint *e, struct ambit_map_item *it, uint32_t *left)
{
	int err = AMBIT_EINVAL;
	struct want w;

	if (likely(want_read(it, &w))) {
		for (err = AMBIT_OK; w.done < w.count; w.done++) {
			err = likely(*left) ? map_page(e, &w) : AMBIT_EAGAIN;
			if (unlikely(err))
				break;
			lock_turn(&e->peer->grant_lock, --*left);
		}
	}
	want_answer(it, &w, err);
	return err;
}

static uint32_t map_run(struct endpoint *e, void *items, uint32_t n)
{
	struct spinlock *lock = &e->peer->grant_lock;
	struct ambit_map_item *it = items;
	uint32_t left = CALL_PAGES, dealt = DATA_GONE;

	sync_op_begin();
	FENCE_FULL();
	if (likely(link_connected(e))) {
		spin_lock(lock);
		for (dealt = 0; dealt < n; dealt++) {
			if (unlikely(map_item(e, &it[dealt], &left) == AMBIT_EAGAIN))
				break;
		}
		e->count->mapped += CALL_PAGES - left;	/* under the lock, always */
		spin_unlock(lock);
	}
	sync_op_end();
	return dealt;
}

/* --- unmap ---------------------------------------------------------------------- */

/* Off the tables; books stay as they are, marked, until the flush. */
static inline int unmap_page(struct endpoint *e, uint64_t page)
{
	uint32_t mapped;

	if (unlikely(!index_below(&page, window_pages(e))))
		return AMBIT_EINVAL;
	mapped = e->mapped[page];
	if (unlikely(!mapped))
		return AMBIT_ENOENT;
	if (unlikely(mapped & MAPPED_GOING)) {
		arch_pause();		/* another CPU is at it */
		return AMBIT_EAGAIN;
	}
	e->mapped[page] = mapped | MAPPED_GOING;
	WRITE_ONCE(*window_entry(e, (uint32_t)page), 0);
	return AMBIT_OK;
}

/* Pages of the window that this call took off the tables. */
struct gone {
	uint32_t from, to;
};

static inline int unmap_item(struct endpoint *e, struct ambit_map_item *it,
			     uint32_t *left, struct gone *gone)
{
	int err = AMBIT_EINVAL;
	struct want w;

	*gone = (struct gone){ 0, 0 };
	if (likely(want_read(it, &w))) {
		gone->from = w.page + w.done;
		for (err = AMBIT_OK; w.done < w.count; w.done++) {
			err = likely(*left) ? unmap_page(e, (uint64_t)w.page + w.done) :
					      AMBIT_EAGAIN;
			if (unlikely(err))
				break;
			lock_turn(&e->peer->grant_lock, --*left);
		}
		gone->to = w.page + w.done;
	}
	want_answer(it, &w, err);
	return err;
}

static void unmap_finish(struct endpoint *e, const struct gone *gone, uint32_t n)
{
	struct spinlock *lock = &e->peer->grant_lock;
	uint32_t ended = 0, left = CALL_PAGES;

	sync_flush(e->vm);
	spin_lock(lock);
	for (const struct gone *end = gone + n; gone < end; gone++) {
		for (uint32_t page = gone->from; page != gone->to; page++) {
			ended += mapping_end(e, page, 0);
			lock_turn(lock, --left);
		}
	}
	e->count->unmapped += ended;
	spin_unlock(lock);
	__atomic_fetch_sub(&e->vm->maps, ended, __ATOMIC_RELAXED);
}

static uint32_t unmap_run(struct endpoint *e, void *items, uint32_t n)
{
	struct spinlock *lock = &e->peer->grant_lock;
	struct ambit_map_item *it = items;
	struct gone gone[AMBIT_BATCH_MAX];
	uint32_t left = CALL_PAGES, dealt = 0, seen = 0;

	spin_lock(lock);
	while (seen < n && dealt == seen) {
		int err = unmap_item(e, &it[seen], &left, &gone[seen]);

		seen++;
		dealt += err != AMBIT_EAGAIN;
	}
	spin_unlock(lock);
	if (left < CALL_PAGES)
		unmap_finish(e, gone, seen);
	return dealt;
}

/* --- query ---------------------------------------------------------------------- */

static int32_t query(struct endpoint *e, struct ambit_query_item *it)
{
	bool own = it->flags & AMBIT_QUERY_OWN;
	struct endpoint *owner = own ? e : e->peer;
	uint64_t ref = it->ref;
	struct ambit_grant g;

	if (it->flags & ~AMBIT_QUERY_OWN)
		return AMBIT_EINVAL;
	if (!index_below(&ref, e->link->grant_count))
		return own ? AMBIT_EQGRANT : AMBIT_ENOENT;
	g = grant_read(&owner->entry[ref]);
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
	.schemes = MAP_SCHEMES, .in_place = true, .run = map_run,
};
const struct data_op grant_unmap_op = {
	.item_size = sizeof(struct ambit_map_item),
	.status_offset = offsetof(struct ambit_map_item, status),
	.schemes = MAP_SCHEMES, .in_place = true, .run = unmap_run,
};
const struct data_op grant_query_op = {
	.item_size = sizeof(struct ambit_query_item),
	.status_offset = offsetof(struct ambit_query_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT), .run = query_run,
};
