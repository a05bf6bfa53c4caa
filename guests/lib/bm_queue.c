/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What schemes with data calls have queued: moves, mappings, and their ends. A
 * flush does them in as few calls as can be, the last of which carries the
 * tail. A move that failed is told twice: to the holder as the slot's result,
 * to the owner by its DONE, which is not visible yet. Views that cannot be
 * mapped are bounce buffers, filled and emptied by moves.
 */
#include "hv/abi/errno.h"
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

struct kind {			/* of items */
	uint32_t call;
	uint32_t size, status;	/* bytes of an item, offset of its int32_t */
	void (*failed)(struct bm *b, const void *item);
};

/* A move of the slot failed: so does its DONE, if it is written already. */
static void move_failed(struct bm *b, const void *item)
{
	uint32_t slot = ((const struct ambit_copy_item *)item)->slot /
			b->slot_step;

	b->held[slot].result = BM_FAULT;
	for (uint32_t i = b->published; i != b->prod; i++) {
		struct ambit_msg *m = &b->ring[i & b->mask];

		if (m->kind == BM_MSG_DONE && m->slot == slot)
			m->status = BM_FAULT;
	}
}

/* The view is none, nor is a mapping kept; what of it was mapped goes. */
static void map_failed(struct bm *b, const void *item)
{
	struct ambit_map_item unmap = *(const struct ambit_map_item *)item;
	uint32_t slot = unmap.page / b->slot_step;
	struct bm_held *h = &b->held[slot];

	if ((h->viewed == BM_VIEW_MAPPED || h->viewed == BM_VIEW_KEPT) &&
	    h->bay == unmap.generation)
		h->viewed = BM_VIEW_FAILED;
	if (b->queue->kept[slot].generation == unmap.generation)
		b->queue->kept[slot] = (struct bm_kept){ 0 };
	unmap.count = unmap.done;
	unmap.done = 0;
	if (unmap.count)
		b->queue->unmap[b->queue->unmaps++] = unmap;
}

/* A mapping that went with its owner, a use that cannot be any more. */
static void nothing_failed(struct bm *b, const void *item)
{
	(void)b;
	(void)item;
}

static const struct kind moves = {
	AMBIT_HC_COPY, sizeof(struct ambit_copy_item),
	offsetof(struct ambit_copy_item, status), move_failed
}, maps = {
	AMBIT_HC_GRANT_MAP, sizeof(struct ambit_map_item),
	offsetof(struct ambit_map_item, status), map_failed
}, unmaps = {
	AMBIT_HC_GRANT_UNMAP, sizeof(struct ambit_map_item),
	offsetof(struct ambit_map_item, status), nothing_failed
}, revokes = {
	AMBIT_HC_GRANT_REVOKE, sizeof(struct ambit_revoke_item),
	offsetof(struct ambit_revoke_item, status), nothing_failed
};

static inline int32_t *status_of(const struct kind *k, uint8_t *item)
{
	return (int32_t *)(void *)(item + k->status);
}

/* The tail had something to publish and has done it: then no item failed. */
static inline bool tail_ran(const struct bm *b, const struct ambit_tail *tail)
{
	return tail && tail->from != tail->prod &&
	       READ_ONCE(b->control->prod) == tail->prod;
}

/* As many of the moves as one call deals with: those of a call without tail that
 * ends with them are done behind the exit. Small ones all are. */
static inline uint32_t moves_fit(const struct ambit_copy_item *item, uint32_t n)
{
	uint32_t bytes = item->len, fit = 1;

	if (bytes <= AMBIT_BATCH_BYTES / AMBIT_BATCH_MAX)
		return n;
	while (fit < n && (bytes += item[fit].len) <= AMBIT_BATCH_BYTES)
		fit++;
	return fit;
}

/* Do left items at `item`. True if none failed: then the tail was run. */
static bool items_do(struct bm *b, const struct kind *k, void *items,
		     uint32_t left, const struct ambit_tail *tail)
{
	uint8_t *item = items;
	bool good = true;

	while (left) {
		uint32_t fit = k == &moves ? moves_fit((void *)item, left) : left;
		/* The tail is not for items of which some have failed. */
		int64_t n = bm_sys_data(k->call, b->endpoint, item, fit,
					good && fit == left ? tail : NULL);
		bool all_failed = n < 0;

		if (likely(good && fit == left && tail_ran(b, tail)))
			return true;
		if (unlikely(all_failed))
			n = left;
		left -= (uint32_t)n;
		for (; n; n--, item += k->size) {
			if (likely(!all_failed && !*status_of(k, item)))
				continue;
			k->failed(b, item);
			good = false;
		}
	}
	return good;
}

bool bm_queue_flush(struct bm *b, const struct ambit_tail *tail)
{
	struct bm_queue *q = b->queue;
	uint32_t n = (uint32_t)(b->move - q->move);
	bool good = true;

	if (likely(n))
		good = items_do(b, &moves, q->move, n,
				q->maps | q->unmaps ? NULL : tail);
	if (unlikely(q->maps))
		good &= items_do(b, &maps, q->map, q->maps,
				 q->unmaps || !good ? NULL : tail);
	if (unlikely(q->unmaps))
		good &= items_do(b, &unmaps, q->unmap, q->unmaps,
				 good ? tail : NULL);
	b->move = q->move;
	b->queued = q->maps = q->unmaps = 0;
	return good;
}

void bm_revoke(struct bm *b, uint32_t ref, uint32_t count)
{
	for (uint32_t n; count; count -= n, ref += n) {
		/* Its words are of 4 bytes, a data call wants 8. */
		_Alignas(8) struct ambit_revoke_item item = {
			.mode = AMBIT_REVOKE_FORCE,
			.ref = ref,
			.count = n = MIN(count, BM_PAGES_MAX),
		};

		items_do(b, &revokes, &item, 1, NULL);
	}
}

/* --- views ------------------------------------------------------------------------- */

static uint8_t *bounce_of(const struct bm *b, uint32_t slot)
{
	const struct bm_queue *q = b->queue;

	return q->bounce + (size_t)q->bounce_of[slot] * q->bounce_stride;
}

int bm_queue_bounce(struct bm *b, uint32_t slot)
{
	struct bm_queue *q = b->queue;
	struct bm_held *h = &b->held[slot];

	if (h->viewed)
		return BM_OK;
	if (!q->bounce_free)
		return BM_NOMEM;
	q->bounce_of[slot] = (uint8_t)__builtin_ctzll(q->bounce_free);
	q->bounce_free &= q->bounce_free - 1;
	h->viewed = BM_VIEW_BOUNCE;
	if (h->dir == BM_OUT && h->len)
		b->t->receive(b, slot, 0, bounce_of(b, slot), h->len, h);
	return BM_OK;
}

static uint8_t *mapped_at(const struct bm *b, uint32_t slot)
{
	return b->window + (size_t)slot * b->slot_step * PAGE_SIZE;
}

/* The mapping of a held slot's pages at its place of the map window; its count is 0 if
 * they are not all whole, or have no place. */
static struct ambit_map_item whole_pages(const struct bm *b, uint32_t slot)
{
	const struct bm_held *h = &b->held[slot];
	uint32_t ref = slot * b->slot_step, n = 0;

	while (n * PAGE_SIZE < h->len && bm_grant_bounds(b, ref + n) == PAGE_SIZE << 16)
		n++;
	if (n * PAGE_SIZE < h->len || (ref + b->slot_step) * PAGE_SIZE > b->window_size)
		n = 0;
	return (struct ambit_map_item){
		.flags = h->dir == BM_IN ? AMBIT_MAP_WRITE : 0, .ref = ref,
		.generation = h->bay, .page = ref, .count = n,
	};
}

static void pages_map(struct bm *b, struct ambit_map_item map)
{
	struct bm_queue *q = b->queue;

	if (q->maps == AMBIT_BATCH_MAX)
		bm_queue_flush(b, NULL);
	q->map[q->maps++] = map;
	b->queued = true;
}

static void pages_unmap(struct bm *b, uint32_t slot, uint32_t count)
{
	struct bm_queue *q = b->queue;

	if (q->unmaps == AMBIT_BATCH_MAX)
		bm_queue_flush(b, NULL);
	q->unmap[q->unmaps++] = (struct ambit_map_item){
		.page = slot * b->slot_step,
		.count = count,
	};
	b->queued = true;
}

static void view_unmap(struct bm *b, uint32_t slot)
{
	uint64_t bytes = ALIGN_UP((uint64_t)b->held[slot].len, PAGE_SIZE);

	pages_unmap(b, slot, (uint32_t)(bytes >> PAGE_SHIFT));
}

void bm_queue_unmap(struct bm *b, uint32_t slot, uint32_t len)
{
	struct bm_held *h = &b->held[slot];

	if (h->viewed == BM_VIEW_MAPPED)
		view_unmap(b, slot);
	if (h->viewed != BM_VIEW_BOUNCE)
		return;
	if (h->dir == BM_IN && len)
		b->t->send(b, slot, 0, bounce_of(b, slot), len, h);
	/* Its next user's moves come behind that one. */
	b->queue->bounce_free |= 1ull << b->queue->bounce_of[slot];
}

/* --- mappings -------------------------------------------------------------------- */

/* Whether it is these pages that are mapped, or will be by the flush. */
static bool kept_fits(const struct bm *b, uint32_t slot)
{
	const struct bm_kept *k = &b->queue->kept[slot];
	const struct bm_held *h = &b->held[slot];

	return k->generation == h->bay && k->pages * PAGE_SIZE >= h->len &&
	       k->revocations == READ_ONCE(b->status->revocations);
}

static uint8_t *kept_at(const struct bm *b, uint32_t slot)
{
	return kept_fits(b, slot) && !b->queue->maps ? mapped_at(b, slot) : NULL;
}

/* The same where it matters which ones the flush is yet to map. */
static bool kept_stands(const struct bm *b, uint32_t slot)
{
	const struct bm_queue *q = b->queue;
	uint32_t i = 0;

	while (i < q->maps && q->map[i].page != slot * b->slot_step)
		i++;
	return i == q->maps && kept_fits(b, slot);
}

/* Have them mapped by the flush; or if others are, these unmapped first. */
static void keep(struct bm *b, uint32_t slot, struct ambit_map_item map)
{
	struct bm_kept *k = &b->queue->kept[slot];

	if (k->pages && kept_fits(b, slot))
		return;
	if (k->pages) {
		pages_unmap(b, slot, k->pages);
		*k = (struct bm_kept){ 0 };
		return;
	}
	pages_map(b, map);
	*k = (struct bm_kept){ map.generation, map.count,
			       READ_ONCE(b->status->revocations) };
}

bool bm_queue_send_kept(struct bm *b, uint32_t slot, uint32_t off,
			const void *src, uint32_t len)
{
	uint8_t *to = kept_at(b, slot);
	struct ambit_map_item map;

	if (likely(to)) {
		memcpy(to + off, src, len);
		return true;
	}
	map = whole_pages(b, slot);
	if (map.count && !b->held[slot].viewed)
		keep(b, slot, map);
	return false;
}

static int map_kept(struct bm *b, uint32_t slot, struct ambit_map_item map)
{
	if (!kept_at(b, slot)) {
		/* What others are mapped there go first. */
		bm_queue_flush(b, NULL);
		keep(b, slot, map);
		bm_queue_flush(b, NULL);
		keep(b, slot, map);
	}
	b->held[slot].viewed = BM_VIEW_KEPT;
	return BM_OK;
}

int bm_queue_map(struct bm *b, uint32_t slot)
{
	struct ambit_map_item map = whole_pages(b, slot);
	struct bm_held *h = &b->held[slot];

	if (h->viewed || !map.count)
		return bm_queue_bounce(b, slot);
	if (h->flags & BM_MSG_KEPT)
		return map_kept(b, slot, map);
	pages_map(b, map);
	b->queue->revocations[slot] = READ_ONCE(b->status->revocations);
	h->viewed = BM_VIEW_MAPPED;
	return BM_OK;
}

int bm_queue_view(struct bm *b, uint32_t slot, struct bm_seg *seg,
		  uint32_t max)
{
	const struct bm_held *h = &b->held[slot];

	(void)max;	/* one is enough, and common code saw that there is one */
	if (!h->viewed)
		return BM_INVAL;
	if (h->viewed == BM_VIEW_FAILED ||
	    (h->viewed == BM_VIEW_KEPT && !kept_stands(b, slot)))
		return BM_NOMEM;
	seg[0].p = h->viewed == BM_VIEW_BOUNCE ? bounce_of(b, slot) :
						 mapped_at(b, slot);
	seg[0].len = h->len;
	return 1;
}

bool bm_queue_view_lost(const struct bm *b, uint32_t slot)
{
	const struct bm_held *h = &b->held[slot];

	return (h->viewed == BM_VIEW_MAPPED && READ_ONCE(b->status->revocations) !=
					       b->queue->revocations[slot]) ||
	       (h->viewed == BM_VIEW_KEPT && !kept_stands(b, slot));
}

void bm_queue_down(struct bm *b)
{
	struct bm_queue *q = b->queue;

	b->move = q->move;
	q->maps = 0;
	for (uint32_t i = 0; i < b->slots; i++) {
		if (b->held[i].viewed == BM_VIEW_MAPPED)
			view_unmap(b, i);
		if (q->kept[i].pages)
			pages_unmap(b, i, q->kept[i].pages);
		q->kept[i] = (struct bm_kept){ 0 };
	}
	bm_queue_flush(b, NULL);
	q->bounce_free = q->bounce_all;
}
