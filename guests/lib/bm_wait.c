/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making messages visible, waking the peer, and sleeping. Each side stores its
 * word, then a full fence, then looks at the other's: the writer stores prod
 * and looks at the wake index, the sleeper stores the wake index and looks at
 * prod, so at least one of them sees the other. With moves queued the call that
 * does them does the rest too; the sleeper's part comes before it.
 */
#include "guests/lib/bm_impl.h"

/* Whether event index `wake` lies in [from, to). */
static inline bool passes(uint32_t wake, uint32_t from, uint32_t to)
{
	return to - wake - 1 < to - from;
}

/* All messages written are published. */
static inline void bm_published(struct bm *b)
{
	uint32_t prod = b->prod, loud = b->loud;

	b->published = prod;
	/* Keep the distance small, however long all stays quiet. */
	if (unlikely(prod - loud > b->mask + 1))
		b->loud = loud = prod - b->mask - 1;
	b->loud_published = loud;
}

/* Publish what was written. True if the peer wants to be notified of it. */
static inline bool bm_publish(struct bm *b)
{
	uint32_t from = b->published, to = b->prod;
	uint32_t loud_from = b->loud_published, loud = b->loud;
	bool notify;

	if (from == to)
		return false;
	STORE_RELEASE(b->control->prod, to);
	FENCE_FULL();
	notify = passes(READ_ONCE(b->peer->wake_quiet), from, to) ||
		 (loud != loud_from &&
		  passes(READ_ONCE(b->peer->wake), loud_from, loud));
	bm_published(b);
	return notify;
}

/*
 * The queued moves, and in the exit of the last of them all that follows:
 * publish, notify, and if asked for wait. After a failed move the owner must
 * not see a DONE before it was corrected, so all that is done apart.
 */
static void bm_carry(struct bm *b, uint32_t flags, uint64_t deadline)
{
	struct ambit_tail tail = {
		.flags = AMBIT_TAIL_PUBLISH | flags,
		.from = b->published,
		.prod = b->prod,
		.loud_from = b->loud_published,
		.loud = b->loud,
		.deadline = deadline,
	};
	bool notify;

	if (likely(b->t->flush(b, &tail))) {
		bm_published(b);
		return;
	}
	notify = bm_publish(b);
	if (notify && flags)
		bm_sys_notify_wait(b->endpoint, deadline);
	else if (notify)
		bm_sys_notify(b->endpoint);
	else if (flags)
		bm_sys_wait(deadline);
}

/* Whether a flush of the end has more to do than to publish. */
static inline bool bm_queued(const struct bm *b)
{
	return b->queued && b->phase == BM_PHASE_UP;
}

int bm_flush(struct bm *b)
{
	if (unlikely(b->phase != BM_PHASE_UP))
		return BM_GONE;
	if (b->queued)
		bm_carry(b, 0, 0);
	else if (bm_publish(b))
		bm_sys_notify(b->endpoint);
	return BM_OK;
}

/* Ask to be woken, then look again: true if there is something to do. */
static inline bool bm_arm(struct bm *b, uint32_t flags)
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

/* Flush all but the last end with moves, which it returns; *notify: an end that
 * is to be notified yet. */
static struct bm *bm_flush_all(struct bm *const *b, uint32_t n,
			       const struct bm **notify)
{
	struct bm *carrier = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (bm_queued(b[i])) {
			if (carrier)
				bm_carry(carrier, 0, 0);
			carrier = b[i];
		} else if (b[i]->phase == BM_PHASE_UP && bm_publish(b[i])) {
			if (*notify)
				bm_sys_notify((*notify)->endpoint);
			*notify = b[i];
		}
	}
	return carrier;
}

/* bm_wait() for one end, as most programs have. */
static inline bool bm_wait_one(struct bm *b, uint32_t flags, uint64_t deadline)
{
	bool busy = bm_sys_before_wait(), queued = bm_queued(b), notify = false;

	if (!queued && b->phase == BM_PHASE_UP)
		notify = bm_publish(b);
	busy |= bm_arm(b, flags);
	if (queued)
		bm_carry(b, busy ? 0 : AMBIT_TAIL_WAIT, deadline);
	else if (busy && notify)
		bm_sys_notify(b->endpoint);
	else if (notify)
		bm_sys_notify_wait(b->endpoint, deadline);
	else if (!busy)
		bm_sys_wait(deadline);
	bm_sys_after_wait();
	return busy;
}

static bool bm_wait_many(struct bm *const *b, uint32_t n, uint32_t flags,
			 uint64_t deadline)
{
	const struct bm *notify = NULL;
	bool busy = bm_sys_before_wait();
	struct bm *carrier = bm_flush_all(b, n, &notify);

	for (uint32_t i = 0; i < n; i++)
		busy |= bm_arm(b[i], flags);
	if (notify && (busy || carrier))
		bm_sys_notify(notify->endpoint);
	if (carrier)
		bm_carry(carrier, busy ? 0 : AMBIT_TAIL_WAIT, deadline);
	else if (!busy && notify)
		bm_sys_notify_wait(notify->endpoint, deadline);
	else if (!busy)
		bm_sys_wait(deadline);
	bm_sys_after_wait();
	return busy;
}

bool bm_wait(struct bm *const *b, uint32_t n, uint32_t flags,
	     uint64_t deadline)
{
	return likely(n == 1) ? bm_wait_one(b[0], flags, deadline) :
				bm_wait_many(b, n, flags, deadline);
}
