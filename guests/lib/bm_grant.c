/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transport of scheme grant: slot n's pages are entries n * step on, under a
 * new generation for each use, which its POST names. Moves are copies by grant;
 * a view of whole pages is a mapping, at a place of the map window that is the
 * slot's, any other a bounce buffer. Bounds and rights are the hypervisor's to
 * check; what is read of the peer's entries here only chooses the way.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

_Static_assert(BM_OUT == AMBIT_GRANT_READ && BM_IN == AMBIT_GRANT_WRITE,
	       "directions are rights");

#define MANY	1u		/* generation: the slot has several segments */
#define WHOLE	(PAGE_SIZE << 16)	/* bounds of a page without any */

/* --- owner ------------------------------------------------------------------------- */

/* One segment's entries. Who may write a whole page may map it, and so read. */
static word_t *grant_pages(word_t *e, const struct bm_own *own, uint64_t at,
			   uint32_t left)
{
	for (uint32_t n; left; e += 2, at += n, left -= n) {
		uint64_t in = at & PAGE_MASK;

		n = (uint32_t)MIN(left, PAGE_SIZE - in);
		WRITE_ONCE(e[1], own->bay | in << 32 | (uint64_t)n << 48);
		STORE_RELEASE(e[0], (at - in) | own->dir |
			      (n == PAGE_SIZE ? AMBIT_GRANT_READ : 0));
	}
	return e;
}

static int grant_attach(struct bm *b, uint32_t slot)
{
	struct bm_own *own = &b->own[slot];
	word_t *e = (word_t *)&b->grant[slot * b->slot_step];

	b->stamp += 2;
	own->bay = b->stamp | (own->segs > 1 ? MANY : 0);
	for (uint32_t i = 0; i < own->segs; i++)
		e = grant_pages(e, own, bm_sys_gpa(own->seg[i].p),
				own->seg[i].len);
	return BM_OK;
}

static void grant_detach(struct bm *b, uint32_t slot)
{
	uint32_t n = 0, ref = slot * b->slot_step;
	word_t *e = (word_t *)&b->grant[ref];

	for (; n < b->slot_step && e[2 * n]; n++)
		WRITE_ONCE(e[2 * n], 0ull);
	if (unlikely(bm_withdraw(b, b->slots + ref, n)))
		bm_revoke(b, ref, n);
}

/* --- holder ------------------------------------------------------------------------ */

/* Bounds of an entry of the peer: offset and length in 16 bits each. */
static inline uint32_t bounds(const struct bm *b, uint32_t ref)
{
	const word_t *e = (const word_t *)&b->peer_grant[ref];

	return (uint32_t)(READ_ONCE(e[1]) >> 32);
}

/* Items for as many pages in a row as lie side by side. */
static int grant_pieces(struct bm *b, uint32_t slot, struct ambit_copy_item move)
{
	struct ambit_copy_item *last = NULL;
	uint32_t off = move.offset, left = move.len, ref = move.slot;

	for (uint32_t end = ref + b->slot_step; left && ref < end; ref++) {
		uint32_t at = bounds(b, ref), n = at >> 16;

		if (off >= n) {
			off -= n;
			continue;
		}
		move.offset = (at & 0xffff) + off;
		move.slot = ref;
		move.len = MIN(left, n - off);
		if (last && last->offset + last->len ==
			    PAGE_SIZE * (ref - last->slot) + move.offset)
			last->len += move.len;
		else
			last = memcpy(bm_queue_move(b), &move, sizeof(move));
		move.own += move.len;
		left -= move.len;
		off = 0;
	}
	if (left)
		b->held[slot].result = BM_FAULT;
	return BM_OK;
}

static inline int grant_move(struct bm *b, uint32_t slot,
			     struct ambit_copy_item move)
{
	move.generation = (uint32_t)(b->held[slot].bay / BM_BAY_UNIT);
	move.slot = slot * b->slot_step;
	if (unlikely(move.generation & MANY))
		return grant_pieces(b, slot, move);
	move.offset += bounds(b, move.slot) & 0xffff;
	if (likely(move.len))
		*bm_queue_move(b) = move;
	return BM_OK;
}

static int grant_send(struct bm *b, uint32_t slot, uint32_t off,
		      const void *src, uint32_t len)
{
	return grant_move(b, slot, (struct ambit_copy_item){
		.flags = AMBIT_COPY_TO_PEER, .offset = off, .len = len,
		.own = bm_sys_gpa(src) });
}

static int grant_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			 uint32_t len)
{
	return grant_move(b, slot, (struct ambit_copy_item){
		.offset = off, .len = len, .own = bm_sys_gpa(dst) });
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
		.generation = (uint32_t)(h->bay / BM_BAY_UNIT),
		.page = ref, .count = n });
}

const struct bm_transport bm_grant = {
	.attach = grant_attach,
	.detach = grant_detach,
	.send = grant_send,
	.receive = grant_receive,
	.map = grant_map,
	.view = bm_queue_view,
	.unmap = bm_queue_unmap,
	.flush = bm_queue_flush,
	.down = bm_queue_down,
};
