/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving pages away. A gift owns what it touches: its two places are reserved
 * and its acceptance entry is claimed, or it fails at once; it never waits. All
 * gifts of a call hide their pages first, then one flush serves them all, then
 * each page gets its new owner and place. What fails on the way leaves all as
 * it was; in between the page is in nobody's reach.
 */
#include "vio/give.h"

#include "arch/arch.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/pool.h"
#include "hv/string.h"
#include "hv/sync.h"
#include "vio/data.h"

#define SCRUB_PAGES	(AMBIT_BATCH_BYTES / PAGE_SIZE)	/* cleared in a call */

/* One gift under way. */
struct gift {
	struct ambit_give_item *item;	/* may lie in guest memory: for the status */
	uint32_t ref, generation;	/* of the item, read once */
	struct pool_page *from, *to;	/* reserved */
	struct grant_use *use;		/* claimed */
	bool exchange, scrub, scrub_back;
};

/* Those of one call. */
struct gifts {
	struct endpoint *e, *peer;	/* of giver and acceptor */
	struct vm *giver, *acceptor;
	int may;			/* AMBIT_OK, or why none can be given */
	uint32_t count;
	uint32_t scrubs;		/* pages to clear so far */
	bool exchange;			/* one of them is */
	struct gift gift[AMBIT_BATCH_MAX];
};

/* --- the quota: incarnation in the high half of vm->gifts --------------------- */

static bool gift_count(struct vm *vm)
{
	uint64_t seen = READ_ONCE(vm->gifts);

	do {
		if ((uint32_t)seen >= vm->config->gifts)
			return false;
	} while (!__atomic_compare_exchange_n(&vm->gifts, &seen, seen + 1, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

/* No longer in flight, if the incarnation that gave it still lives. */
static void gift_uncount(struct vm *vm, uint32_t giver)
{
	uint64_t seen = READ_ONCE(vm->gifts);

	do {
		if (seen >> 32 != giver)
			return;
	} while (!__atomic_compare_exchange_n(&vm->gifts, &seen, seen - 1, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

void gift_drop(struct endpoint *owner, struct grant_use *use)
{
	if (READ_ONCE(use->spent) == GIFT_ARRIVED)
		gift_uncount(owner->peer->vm, use->giver);
	WRITE_ONCE(use->spent, GIFT_NONE);
}

/* --- begin: claim, check, hide ------------------------------------------------- */

static int entry_accepts(const struct ambit_grant *entry, uint32_t generation)
{
	if (!entry->frame)
		return AMBIT_ENOENT;
	if (entry->generation != generation)
		return AMBIT_ESTALE;
	return entry->frame & AMBIT_GRANT_ACCEPT ? AMBIT_OK : AMBIT_EACCES;
}

static bool claim(struct grant_use *use)
{
	uint8_t none = GIFT_NONE;

	return __atomic_compare_exchange_n(&use->spent, &none, GIFT_COMING, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Reserve a place that has a page which nobody uses, or else is empty. */
static inline int place_open(struct pool_page *place, bool full)
{
	int err = AMBIT_OK;

	if (unlikely(!place))
		return AMBIT_EFAULT;
	if (unlikely(!pool_reserve(place)))
		return AMBIT_EBUSY;
	if (unlikely(full != (place->pa.v != 0)))
		err = full ? AMBIT_EFAULT : AMBIT_EBUSY;
	else if (full && unlikely(READ_ONCE(place->frame->uses)))
		err = AMBIT_EBUSY;
	if (unlikely(err))
		pool_release(place);
	return err;
}

/* The acceptor's side: claim entry and place. The entry is marked used. */
static int gift_accept(struct gifts *b, struct gift *g, const struct ambit_grant *entry)
{
	int err = entry_accepts(entry, g->generation);

	if (unlikely(err))
		return err;
	g->scrub_back = g->exchange && (entry->frame & AMBIT_GRANT_SCRUB);
	if (unlikely(b->scrubs + g->scrub + g->scrub_back > SCRUB_PAGES))
		return AMBIT_EAGAIN;
	g->use = &b->peer->grant[index_nospec(g->ref, b->peer->link->grant_count)];
	if (unlikely(!claim(g->use)))
		return AMBIT_EBUSY;
	g->to = pool_find(b->acceptor, gpa(entry->frame & ~PAGE_MASK));
	err = place_open(g->to, g->exchange);
	if (likely(!err)) {
		if (likely(gift_count(b->giver)))
			return AMBIT_OK;
		err = AMBIT_EQGIFT;
		pool_release(g->to);
	}
	STORE_RELEASE(g->use->spent, GIFT_NONE);
	return err;
}

static int gift_begin(struct gifts *b, struct gift *g, gpa_t page)
{
	struct ambit_grant entry;
	int err;

	g->from = pool_find(b->giver, page);
	err = place_open(g->from, true);
	if (unlikely(err))
		return err;
	err = grant_open(b->peer, g->ref, &entry);
	if (likely(!err)) {
		err = gift_accept(b, g, &entry);
		if (unlikely(err))
			grant_close(b->peer, g->ref);
	}
	if (unlikely(err)) {
		pool_release(g->from);
		return err;
	}
	pool_hide(g->from);
	if (g->exchange)
		pool_hide(g->to);
	return AMBIT_OK;
}

/* --- end: after the flush -------------------------------------------------------- */

/* New owners, both or none; somebody may use the pages again since we looked. */
static bool gift_own(const struct gift *g, uint32_t giver, uint32_t acceptor)
{
	if (unlikely(!frame_give(g->from->frame, giver, acceptor)))
		return false;
	if (likely(!g->exchange) || frame_give(g->to->frame, acceptor, giver))
		return true;
	/* No place shows it to its new owner yet. Who found it at one of the acceptor's
	 * long ago may hold it for the moment that pool_get() takes to look again. */
	while (unlikely(!frame_give(g->from->frame, acceptor, giver)))
		arch_pause();
	return false;
}

static void gift_move(struct gift *g)
{
	struct pool_page *from = g->from, *to = g->to;
	struct frame *frame = from->frame;
	hpa_t page = from->pa;

	if (unlikely(g->scrub))
		memset(phys_to_virt(page), 0, PAGE_SIZE);
	if (unlikely(g->scrub_back))
		memset(phys_to_virt(to->pa), 0, PAGE_SIZE);
	from->frame = to->frame;
	WRITE_ONCE(from->pa.v, to->pa.v);
	to->frame = frame;
	WRITE_ONCE(to->pa.v, page.v);
}

/* True if the gift arrived. */
static bool gift_end(struct gifts *b, struct gift *g)
{
	struct vm *giver = b->giver;
	bool given = gift_own(g, giver->owner, b->acceptor->owner);

	if (likely(given)) {
		gift_move(g);
		g->use->giver = giver->incarnation;
		g->use->generation = g->generation;
	} else {
		gift_uncount(giver, giver->incarnation);
	}
	pool_show(g->from);
	pool_show(g->to);
	/* Spent before the place is free: nobody finds the entry fresh again. */
	STORE_RELEASE(g->use->spent, given ? GIFT_ARRIVED : GIFT_NONE);
	pool_release(g->from);
	pool_release(g->to);
	grant_close(b->peer, g->ref);
	WRITE_ONCE(g->item->status, given ? AMBIT_OK : AMBIT_EBUSY);
	return given;
}

static void gifts_end(struct gifts *b)
{
	uint32_t given = 0;

	if (!b->count)
		return;
	sync_flush(b->giver);
	if (b->exchange)
		sync_flush(b->acceptor);
	for (uint32_t i = 0; i < b->count; i++)
		given += gift_end(b, &b->gift[i]);
	if (!given)
		return;
	end_count(&b->e->count->given, given);
	endpoint_raise(b->peer);
}

/* --- items ------------------------------------------------------------------------ */

static int take(struct endpoint *e, uint64_t ref, uint32_t generation)
{
	uint32_t giver, count = e->link->grant_count;
	struct grant_use *use;
	bool arrived;

	if (ref >= count)
		return AMBIT_EQGRANT;
	use = &e->grant[index_nospec(ref, count)];
	spin_lock(&e->grant_lock);	/* against another TAKE */
	arrived = LOAD_ACQUIRE(use->spent) == GIFT_ARRIVED &&
		  use->generation == generation;
	giver = use->giver;
	if (arrived)
		STORE_RELEASE(use->spent, GIFT_NONE);
	spin_unlock(&e->grant_lock);
	if (!arrived)
		return AMBIT_ENOENT;
	gift_uncount(e->peer->vm, giver);
	return AMBIT_OK;
}

/* AMBIT_EAGAIN: too much to clear for this call. */
static int give_item(struct gifts *b, struct ambit_give_item *item)
{
	uint32_t asked = READ_ONCE(item->mode), mode = asked & ~AMBIT_GIVE_SCRUB;
	struct gift *g = &b->gift[b->count];
	int err;

	g->item = item;
	g->ref = READ_ONCE(item->ref);
	g->generation = READ_ONCE(item->generation);
	if (asked == AMBIT_GIVE_TAKE)
		return take(b->e, g->ref, g->generation);
	if (unlikely(mode > AMBIT_GIVE_EXCHANGE))
		return AMBIT_EINVAL;
	if (unlikely(b->may))
		return b->may;
	g->exchange = mode == AMBIT_GIVE_EXCHANGE;
	g->scrub = asked != mode;
	err = gift_begin(b, g, gpa(READ_ONCE(item->page)));
	if (unlikely(err))
		return err;
	b->scrubs += g->scrub + g->scrub_back;
	b->exchange |= g->exchange;
	b->count++;
	return AMBIT_OK;
}

/* Holds to sync_op_end(): it is looked at behind a full fence. */
static int may_give(const struct endpoint *e)
{
	if (!e->vm || !e->peer->vm)
		return AMBIT_EFAULT;	/* the hypervisor has no pool */
	FENCE_FULL();
	return link_connected(e) ? AMBIT_OK : AMBIT_EGONE;
}

static uint32_t give_run(struct endpoint *e, void *items, uint32_t n)
{
	struct ambit_give_item *item = items;
	struct gifts b;
	uint32_t i;

	b.e = e;
	b.peer = e->peer;
	b.giver = e->vm;
	b.acceptor = e->peer->vm;
	b.count = b.scrubs = 0;
	b.exchange = false;
	sync_op_begin();
	b.may = may_give(e);
	for (i = 0; i < n; i++) {
		int status = give_item(&b, &item[i]);

		if (unlikely(status == AMBIT_EAGAIN))
			break;
		WRITE_ONCE(item[i].status, status);
	}
	gifts_end(&b);
	sync_op_end();
	return i;
}

const struct data_op give_op = {
	.item_size = sizeof(struct ambit_give_item),
	.status_offset = offsetof(struct ambit_give_item, status),
	.schemes = BIT(AMBIT_SCHEME_GRANT),
	.connected = false,
	.in_place = true,
	.run = give_run,
};
