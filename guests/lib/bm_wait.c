/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making messages visible, waking the peer, and sleeping. Each side stores its
 * word, then a full fence, then looks at the other's: the writer stores prod
 * and looks at the wake index, the sleeper stores the wake index and looks at
 * prod, so at least one of them sees the other.
 */
#include "guests/lib/bm_impl.h"

/* Whether event index `wake` lies in [from, to). */
static inline bool passes(uint32_t wake, uint32_t from, uint32_t to)
{
	return to - wake - 1 < to - from;
}

/* Publish what was written. True if the peer wants to be notified of it. */
static bool bm_publish(struct bm *b)
{
	uint32_t from = b->published, to = b->prod;
	uint32_t loud_from = b->loud_published;
	bool notify;

	if (from == to)
		return false;
	STORE_RELEASE(b->control->prod, to);
	b->published = to;
	FENCE_FULL();
	notify = passes(READ_ONCE(b->peer->wake_quiet), from, to);
	if (b->loud == loud_from) {
		/* Keep the distance small, however long all stays quiet. */
		if (unlikely(to - loud_from > b->mask + 1))
			b->loud = b->loud_published = to - (b->mask + 1);
		return notify;
	}
	b->loud_published = b->loud;
	return notify | passes(READ_ONCE(b->peer->wake), loud_from, b->loud);
}

/* The flush of one end: true if it is to be notified. */
static bool bm_flush_quietly(struct bm *b)
{
	if (unlikely(b->phase != BM_PHASE_UP))
		return false;
	if (b->t->flush)
		b->t->flush(b);
	return bm_publish(b);
}

int bm_flush(struct bm *b)
{
	if (unlikely(b->phase != BM_PHASE_UP))
		return BM_GONE;
	if (bm_flush_quietly(b))
		bm_sys_notify(b->endpoint);
	return BM_OK;
}

/* Ask to be woken, then look again: true if there is something to do. */
static bool bm_arm(struct bm *b, uint32_t flags)
{
	WRITE_ONCE(b->control->wake, b->cons);
	if (flags & BM_WAIT_QUIET)
		WRITE_ONCE(b->control->wake_quiet, b->cons);
	/* A locked operation: the full fence between the store and the look. */
	__atomic_exchange_n(&b->event->pending, 0, __ATOMIC_SEQ_CST);
	if (unlikely(b->phase != BM_PHASE_UP))
		return bm_link_ready(b);
	return LOAD_ACQUIRE(b->peer->prod) != b->cons || !bm_alive(b);
}

bool bm_wait(struct bm *const *b, uint32_t n, uint32_t flags,
	     uint64_t deadline)
{
	const struct bm *last = NULL;
	bool busy = bm_sys_before_wait();

	for (uint32_t i = 0; i < n; i++) {
		if (!bm_flush_quietly(b[i]))
			continue;
		if (last)
			bm_sys_notify(last->endpoint);
		last = b[i];
	}
	for (uint32_t i = 0; i < n; i++)
		busy |= bm_arm(b[i], flags);
	if (busy) {
		if (last)
			bm_sys_notify(last->endpoint);
	} else if (last) {
		bm_sys_notify_wait(last->endpoint, deadline);
	} else {
		bm_sys_wait(deadline);
	}
	bm_sys_after_wait();
	return busy;
}
