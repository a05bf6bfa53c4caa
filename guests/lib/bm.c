/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model: states of slots, messages, events. Invariants: a message of
 * ours is written only between prod and published; nothing of a peer's message
 * is used before it was checked and the connection was seen to still stand.
 */
#define BM_CALLS
#include "guests/lib/bm_inline.h"

/* --- owner ---------------------------------------------------------------- */

static uint32_t seg_pages(const struct bm_seg *s)
{
	uint64_t in_page = (uintptr_t)s->p & PAGE_MASK;

	return (uint32_t)((in_page + s->len + PAGE_MASK) >> PAGE_SHIFT);
}

/* Bytes of several segments; 0 if they are more than may be. */
static uint32_t segs_len(const struct bm *b, const struct bm_seg *seg,
			 uint32_t n)
{
	uint64_t len = 0;
	uint32_t pages = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (seg[i].len - 1 >= b->buffer_size)
			return 0;
		len += seg[i].len;
		pages += seg_pages(&seg[i]);
	}
	return len <= b->buffer_size && pages <= b->pages_max ?
		       (uint32_t)len : 0;
}

int bm_register(struct bm *b, uint32_t slot, enum bm_dir dir,
		const struct bm_seg *seg, uint32_t n, uint32_t flags)
{
	struct bm_own *own = &b->own[slot];
	uint32_t len;

	if (unlikely(slot >= b->slots_up || n - 1 >= b->seg_max ||
		     dir - 1u > 1 || flags & ~BM_ONCE))
		return bm_error(b);
	/* A single segment of a good length cannot have too many pages. */
	len = likely(n == 1) ? seg->len : segs_len(b, seg, n);
	if (unlikely(own->state != BM_FREE || len - 1 >= b->buffer_size))
		return BM_INVAL;
	*bm_own_word(own) = bm_own_first(BM_REGISTERED, dir, flags & BM_ONCE ?
					 BM_FREE : BM_REGISTERED, n, len);
	own->bay = n == 1 ? b->t->attach(b, own, slot, dir, seg->p, len) :
			    b->t->attach_many(b, own, slot, seg);
	return BM_OK;
}

int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags)
{
	struct bm_own *own = &b->own[slot];

	if (unlikely(slot >= b->slots_up || flags & ~(BM_QUIET | BM_QUIET_POST)))
		return bm_error(b);
	if (unlikely(own->state != BM_REGISTERED || len > own->len))
		return BM_INVAL;
	own->state = BM_OWN_POSTED;
	own->posted = len;
	bm_push(b, bm_msg_word0(own->dir, slot, len),
		bm_msg_word1((flags & BM_QUIET) | (own->after ? BM_MSG_KEPT : 0), 0,
			     own->bay), note, !(flags & BM_QUIET_POST));
	/* The message is not visible yet. */
	if (own->dir == BM_OUT && b->t->fill)
		b->t->fill(b, own);
	return BM_OK;
}

int bm_unregister(struct bm *b, uint32_t slot)
{
	struct bm_own *own;

	if (unlikely(b->phase != BM_PHASE_UP))
		return BM_GONE;
	if (slot >= b->slots)
		return BM_INVAL;
	own = &b->own[slot];
	if (own->state != BM_REGISTERED && own->state != BM_OWN_POSTED)
		return BM_INVAL;
	if (b->t->detach)
		b->t->detach(b, slot);
	own->state = own->state == BM_REGISTERED ? BM_FREE : BM_WITHDRAWN;
	return BM_OK;
}

/* --- holder ----------------------------------------------------------------- */

int bm_map(struct bm *b, uint32_t slot)
{
	if (slot >= b->slots || !b->held[slot].dir)
		return bm_error(b);
	return b->t->map ? b->t->map(b, slot) : BM_OK;
}

int bm_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max)
{
	if (slot >= b->slots || !b->held[slot].dir || !max)
		return bm_error(b);
	if (b->held[slot].result)
		return b->held[slot].result;
	if (!bm_alive(b))
		return BM_GONE;
	return b->t->view(b, slot, seg, max);
}

int bm_result(const struct bm *b, uint32_t slot)
{
	if (slot >= b->slots || !b->held[slot].dir)
		return bm_error(b);
	/* What the peer's death cut short may have moved anything. */
	if (!bm_alive(b))
		return BM_GONE;
	return bm_queue_view_lost(b, slot) ? BM_FAULT : b->held[slot].result;
}

/* Hand back a slot that had a view, or a move that failed. */
int bm_finish_odd(struct bm *b, uint32_t slot, int status, uint32_t len,
		  struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (!h->dir)
		return bm_error(b);
	if (h->viewed)
		b->t->unmap(b, slot, status == BM_OK ? len : 0);
	if (h->result != BM_OK)
		status = h->result;
	h->viewed = 0;
	h->result = BM_OK;
	return bm_finish(b, slot, status, len, note);
}

/* --- events ------------------------------------------------------------------- */

bool bm_next_lost(struct bm *b, struct bm_event *e)
{
	bm_link_lost(b);
	return bm_link_next(b, e);
}

bool bm_next_bad(struct bm *b, struct bm_event *e)
{
	bm_link_reset(b);
	return bm_link_next(b, e);
}

bool bm_done_odd(struct bm *b, struct bm_event *e)
{
	struct bm_own *own = &b->own[e->slot];
	uint8_t state = own->state;

	if ((state != BM_WITHDRAWN && state != BM_OWN_POSTED) ||
	    e->len > own->posted || e->status < BM_NOMEM || e->status > BM_OK)
		return bm_next_bad(b, e);
	e->type = BM_DONE;
	e->dir = own->dir;
	if (state == BM_WITHDRAWN) {
		own->state = BM_FREE;
		e->len = 0;
		e->status = BM_GONE;
	} else {
		/* GONE means that the number waits for an UP: no word of a peer. */
		if (e->status == BM_GONE)
			e->status = BM_FAULT;
		own->state = own->after;
		b->t->done(b, own, e->slot, 0);
	}
	return true;
}

bool bm_look(struct bm *b)
{
	uint32_t seen, n;

	if (unlikely(b->phase != BM_PHASE_UP))
		return false;
	seen = LOAD_ACQUIRE(b->peer->prod);
	n = seen - b->cons;
	if (likely(bm_alive(b) && n <= b->mask + 1)) {
		b->seen = seen;
		return n;
	}
	/* Nonsense, or the ring of a new connection. */
	if (!bm_alive(b))
		bm_link_lost(b);
	else
		bm_link_reset(b);
	return false;
}

/* --- the inline calls as functions ----------------------------------------------- */

int bm_offer(struct bm *b, uint32_t slot, enum bm_dir dir,
	     const struct bm_seg *seg, uint32_t len, struct bm_note note,
	     uint32_t flags)
{
	return bm_offer_inline(b, slot, dir, seg, len, note, flags);
}

int bm_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
	    uint32_t len)
{
	return bm_send_inline(b, slot, off, src, len);
}

int bm_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
	       uint32_t len)
{
	return bm_receive_inline(b, slot, off, dst, len);
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	return bm_finish_inline(b, slot, status, len, note);
}

int bm_send_all(struct bm *b, uint32_t slot, const void *src, uint32_t len,
		struct bm_note note)
{
	return bm_send_all_inline(b, slot, src, len, note);
}

int bm_receive_all(struct bm *b, uint32_t slot, void *dst, uint32_t len,
		   struct bm_note note)
{
	return bm_receive_all_inline(b, slot, dst, len, note);
}

bool bm_next(struct bm *b, struct bm_event *e)
{
	return bm_next_inline(b, e);
}
