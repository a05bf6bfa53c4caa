/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves by data calls: queued as items, done at the flush in as few calls as
 * can be, the last of which carries the tail. What failed is told twice: to the
 * holder as the slot's result, to the owner by its DONE, which is not visible
 * yet. Views of such schemes are bounce buffers, filled and emptied by moves.
 */
#include "hv/abi/errno.h"
#include "guests/lib/bm_impl.h"

/* A move of the slot failed: so does its DONE, if it is written already. */
static void move_failed(struct bm *b, uint32_t slot)
{
	b->held[slot].result = BM_FAULT;
	for (uint32_t i = b->published; i != b->prod; i++) {
		struct ambit_msg *m = &b->ring[i & b->mask];

		if (m->kind == BM_MSG_DONE && m->slot == slot)
			m->status = BM_FAULT;
	}
}

/* Look at the n items that a call has dealt with: true if none failed. */
static bool moves_good(struct bm *b, const struct ambit_copy_item *item,
		       int64_t n)
{
	bool good = true;

	for (int64_t i = 0; i < n; i++) {
		if (likely(!item[i].status))
			continue;
		move_failed(b, item[i].slot / b->slot_step);
		good = false;
	}
	return good;
}

bool bm_move_all(struct bm *b, const struct ambit_tail *tail)
{
	struct ambit_copy_item *item = b->queue->move;
	bool good = true;

	for (uint32_t left = b->moves; left;) {
		/* The tail is not for a batch of which a part has failed. */
		int64_t n = bm_sys_data(AMBIT_HC_COPY, b->endpoint, item, left,
					good ? tail : NULL);

		if (unlikely(n < 0)) {
			for (n = 0; n < left; n++)
				item[n].status = AMBIT_EGONE;
		}
		good &= moves_good(b, item, n);
		item += n;
		left -= (uint32_t)n;
	}
	b->moves = 0;
	b->queue->bounce_free |= b->queue->bounce_over;
	b->queue->bounce_over = 0;
	return good;
}

/* --- views ------------------------------------------------------------------------- */

static uint8_t *bounce_of(const struct bm *b, uint32_t slot)
{
	const struct bm_queue *q = b->queue;

	return q->bounce + (size_t)q->bounce_of[slot] * q->bounce_stride;
}

int bm_bounce_map(struct bm *b, uint32_t slot)
{
	struct bm_queue *q = b->queue;
	struct bm_held *h = &b->held[slot];

	if (h->viewed)
		return BM_OK;
	if (!q->bounce_free)
		return BM_NOMEM;
	q->bounce_of[slot] = (uint8_t)__builtin_ctzll(q->bounce_free);
	q->bounce_free &= q->bounce_free - 1;
	h->viewed = true;
	if (h->dir == BM_IN)
		return BM_OK;
	return b->t->receive(b, slot, 0, bounce_of(b, slot), h->len);
}

int bm_bounce_view(struct bm *b, uint32_t slot, struct bm_seg *seg,
		   uint32_t max)
{
	(void)max;	/* one is enough, and common code saw that there is one */
	if (!b->held[slot].viewed)
		return BM_INVAL;
	seg[0].p = bounce_of(b, slot);
	seg[0].len = b->held[slot].len;
	return 1;
}

void bm_bounce_unmap(struct bm *b, uint32_t slot, uint32_t len)
{
	if (b->held[slot].dir == BM_IN)
		b->t->send(b, slot, 0, bounce_of(b, slot), len);
	b->queue->bounce_over |= 1ull << b->queue->bounce_of[slot];
}

void bm_bounce_down(struct bm *b)
{
	b->moves = 0;
	b->queue->bounce_over = 0;
	b->queue->bounce_free = b->queue->bounce_all;
}
