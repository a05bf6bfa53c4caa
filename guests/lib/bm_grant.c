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

/* --- owner ------------------------------------------------------------------------- */

/* One segment's entries. Who may write a whole page may map it, and so read. */
static word_t *grant_pages(word_t *e, uint32_t generation, uint64_t dir,
			   uint64_t at, uint64_t left)
{
	for (uint64_t n; left; e += 2, at += n, left -= n) {
		uint64_t in = at & PAGE_MASK;

		n = MIN(left, PAGE_SIZE - in);
		WRITE_ONCE(e[1], generation | (in | n << 16) << 32);
		STORE_RELEASE(e[0], (at - in) | dir | n >> PAGE_SHIFT);
	}
	return e;
}

static __attribute__((noinline))
uint32_t grant_attach_pages(struct bm *b, struct bm_own *own, uint32_t slot,
			    enum bm_dir dir, void *p, uint32_t len)
{
	(void)slot;
	grant_pages(own->entry, b->stamp, dir, bm_sys_gpa(p), len);
	return b->stamp;
}

static uint32_t grant_attach(struct bm *b, struct bm_own *own, uint32_t slot,
			     enum bm_dir dir, void *p, uint32_t len)
{
	uint64_t at = bm_sys_gpa(p), in = at & PAGE_MASK, n = len;
	uint32_t stamp = b->stamp + 2;
	word_t *e = own->entry;

	b->stamp = stamp;
	if (unlikely(in + n > PAGE_SIZE))
		return grant_attach_pages(b, own, slot, dir, p, len);
	WRITE_ONCE(e[1], stamp | (in | n << 16) << 32);
	STORE_RELEASE(e[0], (at - in) | dir | n >> PAGE_SHIFT);
	return stamp;
}

static uint32_t grant_attach_many(struct bm *b, struct bm_own *own, uint32_t slot,
				  const struct bm_seg *seg)
{
	uint32_t stamp = (b->stamp += 2) | MANY;
	word_t *e = own->entry;

	(void)slot;
	for (uint32_t i = 0; i < own->segs; i++)
		e = grant_pages(e, stamp, own->dir, bm_sys_gpa(seg[i].p),
				seg[i].len);
	return stamp;
}

static __attribute__((noinline)) void grant_take_back(struct bm *b, uint32_t ref,
						      uint32_t n)
{
	if (bm_settle(b, b->slots + ref, n))
		bm_revoke(b, ref, n);
}

/* All entries up to the first that is empty. */
static __attribute__((noinline)) void grant_detach_many(struct bm *b, word_t *e,
							uint32_t ref)
{
	uint32_t n = 0;

	do {
		WRITE_ONCE(e[2 * n], 0ull);
	} while (++n < b->slot_step && e[2 * n]);
	if (unlikely(bm_withdrawn_used(b, b->slots + ref, n)))
		grant_take_back(b, ref, n);
}

/* A buffer has room for two entries at least (bm_open.c). */
static inline void grant_withdraw(struct bm *b, word_t *e, uint32_t slot)
{
	uint32_t ref = slot * b->slot_step;

	if (unlikely(e[2])) {
		grant_detach_many(b, e, ref);
		return;
	}
	WRITE_ONCE(e[0], 0ull);
	if (unlikely(bm_withdrawn_used(b, b->slots + ref, 1)))
		grant_take_back(b, ref, 1);
}

static void grant_detach(struct bm *b, uint32_t slot)
{
	grant_withdraw(b, b->own[slot].entry, slot);
}

static void grant_done(struct bm *b, const struct bm_own *own, uint32_t slot,
		       uint32_t len)
{
	(void)len;
	if (own->after == BM_FREE)
		grant_withdraw(b, own->entry, slot);
}

/* --- holder ------------------------------------------------------------------------ */

/* A move of pages side by side; offset and length come from the caller. */
static inline void grant_item(struct ambit_copy_item *move,
			      const struct bm_held *h, uint32_t flags,
			      uint32_t ref, uint64_t own)
{
	move->flags = flags;
	move->slot = ref;
	move->generation = h->bay;
	move->own = own;
	move->done = 0;
	move->status = 0;
}

/* Items for as many pages in a row as lie side by side: no more than the slot may have
 * segments, whatever its entries say, as who serves it counts on that. */
static __attribute__((noinline))
void grant_pieces(struct bm *b, uint32_t flags, uint32_t slot, uint32_t off,
		  uint64_t own, uint32_t left)
{
	struct ambit_copy_item *last = NULL;
	uint32_t ref = slot * b->slot_step, end = ref + b->slot_step;
	uint32_t before = 0, segs = 0;	/* end of the entry before, in its page */

	for (; left && ref < end; ref++) {
		uint32_t at = bm_grant_bounds(b, ref), n = at >> 16;

		segs += before != PAGE_SIZE || at & 0xffff;
		if (!n || segs > b->seg_max)
			break;
		before = (at & 0xffff) + n;
		if (off >= n) {
			off -= n;
			continue;
		}
		at = (at & 0xffff) + off;
		n = MIN(left, n - off);
		if (!last || last->offset + last->len !=
			     PAGE_SIZE * (ref - last->slot) + at) {
			if (bm_queue_full(b))
				bm_queue_flush(b, NULL);
			last = bm_queue_move(b);
			grant_item(last, &b->held[slot], flags, ref, own);
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
}

static inline void grant_move(struct bm *b, uint32_t flags, uint32_t slot,
			      uint32_t off, uint64_t own, uint32_t len,
			      const struct bm_held *h)
{
	struct ambit_copy_item *move;
	uint32_t ref = slot * b->slot_step;

	if (unlikely(h->bay & MANY || bm_queue_full(b))) {
		grant_pieces(b, flags, slot, off, own, len);
		return;
	}
	move = bm_queue_move(b);
	grant_item(move, h, flags, ref, own);
	move->offset = off + READ_ONCE(b->peer_grant[ref].offset);
	move->len = len;
}

static void grant_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
			  uint32_t len, struct bm_held *h)
{
	grant_move(b, 0, slot, off, bm_sys_gpa(dst), len, h);
}

static __attribute__((noinline))
void grant_send_kept(struct bm *b, uint32_t slot, uint32_t off, const void *src,
		     uint32_t len)
{
	if (!bm_queue_send_kept(b, slot, off, src, len))
		grant_move(b, AMBIT_COPY_TO_PEER, slot, off, bm_sys_gpa(src), len,
			   &b->held[slot]);
}

static void grant_send(struct bm *b, uint32_t slot, uint32_t off,
		       const void *src, uint32_t len, struct bm_held *h)
{
	if (unlikely(h->flags & BM_MSG_KEPT))
		grant_send_kept(b, slot, off, src, len);
	else
		grant_move(b, AMBIT_COPY_TO_PEER, slot, off, bm_sys_gpa(src), len, h);
}

const struct bm_transport bm_grant = {
	.attach = grant_attach,
	.attach_many = grant_attach_many,
	.detach = grant_detach,
	.done = grant_done,
	.send = grant_send,
	.receive = grant_receive,
	.map = bm_queue_map,
	.view = bm_queue_view,
	.unmap = bm_queue_unmap,
	.flush = bm_queue_flush,
	.down = bm_queue_down,
};
