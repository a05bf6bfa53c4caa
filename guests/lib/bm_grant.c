/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme grant: slot n's pages are entries n * step on, under a
 * new generation for each use, which its POST names. Moves are copies by grant;
 * a view of whole pages is a mapping, at a place of the map window that is the
 * slot's, any other a bounce buffer. Bounds and rights are the hypervisor's to
 * check; what is read of the peer's entries here only chooses the way.
 */
#include "guests/lib/bm_impl.h"

_Static_assert(BM_OUT == AMBIT_GRANT_READ && BM_IN == AMBIT_GRANT_WRITE,
	       "directions are rights");
_Static_assert(PAGE_SIZE >> PAGE_SHIFT == AMBIT_GRANT_READ, "whole pages' right");

#define MANY	1u		/* generation: the slot has several segments */
#define WHOLE	(PAGE_SIZE << 16)	/* bounds of a page without any */

/* --- owner ------------------------------------------------------------------------- */

/* One segment's entries. Who may write a whole page may map it, and so read. */
static inline word_t *grant_pages(word_t *e, uint64_t generation, uint64_t dir,
				  uint64_t at, uint64_t left)
{
	for (uint64_t n; left; e += 2, at += n, left -= n) {
		uint64_t in = at & PAGE_MASK;

		n = MIN(left, PAGE_SIZE - in);
		WRITE_ONCE(e[1], generation | in << 32 | n << 48);
		STORE_RELEASE(e[0], (at - in) | dir | n >> PAGE_SHIFT);
	}
	return e;
}

static uint32_t grant_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			     const struct bm_seg *seg)
{
	uint32_t segs = own->segs, stamp = b->stamp += 2;
	uint64_t dir = own->dir;
	word_t *e = own->entry;

	(void)slot;
	stamp |= segs > 1 ? MANY : 0;
	do {
		e = grant_pages(e, stamp, dir, bm_sys_gpa(seg->p), seg->len);
		seg++;
	} while (unlikely(--segs));
	return stamp;
}

static __attribute__((noinline)) void grant_take_back(struct bm *b, uint32_t ref,
						      uint32_t n)
{
	if (bm_settle(b, b->slots + ref, n))
		bm_revoke(b, ref, n);
}

static void grant_detach(struct bm *b, uint32_t slot)
{
	uint32_t n = 0, ref = slot * b->slot_step;
	word_t *e = b->own[slot].entry;

	do {
		WRITE_ONCE(e[2 * n], 0ull);
	} while (++n < b->slot_step && e[2 * n]);
	if (unlikely(bm_withdrawn_used(b, b->slots + ref, n)))
		grant_take_back(b, ref, n);
}

static void grant_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		       uint32_t len)
{
	(void)len;
	if (own->flags & BM_ONCE)
		grant_detach(b, slot);
}

/* --- holder ------------------------------------------------------------------------ */

/* Bounds of an entry of the peer: offset and length in 16 bits each. */
static inline uint32_t bounds(const struct bm *b, uint32_t ref)
{
	const word_t *e = (const word_t *)&b->peer_grant[ref];

	return (uint32_t)(READ_ONCE(e[1]) >> 32);
}

/* A move of pages side by side; offset and length come from the caller. */
static inline struct ambit_copy_item *grant_item(struct bm *b, uint32_t slot,
						 uint32_t ref, uint64_t own)
{
	struct ambit_copy_item *move = bm_queue_move(b);

	move->flags = b->held[slot].dir == BM_IN ? AMBIT_COPY_TO_PEER : 0;
	move->slot = ref;
	move->generation = b->held[slot].bay;
	move->own = own;
	move->done = 0;
	move->status = 0;
	return move;
}

/* Items for as many pages in a row as lie side by side. */
static int grant_pieces(struct bm *b, uint32_t slot, uint32_t off, uint64_t own,
			uint32_t left)
{
	struct ambit_copy_item *last = NULL;
	uint32_t ref = slot * b->slot_step, end = ref + b->slot_step;

	for (; left && ref < end; ref++) {
		uint32_t at = bounds(b, ref), n = at >> 16;

		if (off >= n) {
			off -= n;
			continue;
		}
		at = (at & 0xffff) + off;
		n = MIN(left, n - off);
		if (!last || last->offset + last->len !=
			     PAGE_SIZE * (ref - last->slot) + at) {
			last = grant_item(b, slot, ref, own);
			last->offset = at;
			last->len = 0;
		}
		last->len += n;
		own += n;
		left -= n;
		off = 0;
	}
	if (left)
		b->held[slot].result = BM_FAULT;
	return BM_OK;
}

static inline int grant_move(struct bm *b, uint32_t slot, uint32_t off,
			     uint64_t own, uint32_t len)
{
	uint32_t ref = slot * b->slot_step;
	struct ambit_copy_item *move;

	if (unlikely(b->held[slot].bay & MANY))
		return grant_pieces(b, slot, off, own, len);
	move = grant_item(b, slot, ref, own);
	move->offset = off + (bounds(b, ref) & 0xffff);
	move->len = len;
	return BM_OK;
}

static int grant_send(struct bm *b, uint32_t slot, uint32_t off,
		      const void *src, uint32_t len)
{
	return grant_move(b, slot, off, bm_sys_gpa(src), len);
}

static int grant_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			 uint32_t len)
{
	return grant_move(b, slot, off, bm_sys_gpa(dst), len);
}

static int grant_map(struct bm *b, uint32_t slot)
{
	const struct bm_held *h = &b->held[slot];
	uint32_t ref = slot * b->slot_step, n = 0;

	while (n * PAGE_SIZE < h->len && bounds(b, ref + n) == WHOLE)
		n++;
	if (h->viewed || !n || n * PAGE_SIZE < h->len ||
	    (ref + b->slot_step) * PAGE_SIZE > b->window_size)
		return bm_queue_bounce(b, slot);
	return bm_queue_map(b, slot, (struct ambit_map_item){
		.flags = h->dir == BM_IN ? AMBIT_MAP_WRITE : 0, .ref = ref,
		.generation = h->bay,
		.page = ref, .count = n });
}

const struct bm_transport bm_grant = {
	.attach = grant_attach,
	.detach = grant_detach,
	.done = grant_done,
	.send = grant_send,
	.receive = grant_receive,
	.map = grant_map,
	.view = bm_queue_view,
	.unmap = bm_queue_unmap,
	.flush = bm_queue_flush,
	.down = bm_queue_down,
};
