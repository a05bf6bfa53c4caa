/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model: states of slots, messages, events. Invariants: a message of
 * ours is written only between prod and published; nothing of a peer's message
 * is used before it was checked and the connection was seen to still stand.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

/*
 * A message as its four quadwords, which is how it is written and read: kind,
 * slot and len; flags, status and bay; the note.
 */
static inline uint64_t msg_word0(uint32_t kind, uint32_t slot, uint32_t len)
{
	return kind | slot << 16 | (uint64_t)len << 32;
}

static inline uint64_t msg_word1(uint32_t flags, int status, uint32_t bay)
{
	return flags | (uint32_t)status << 16 | (uint64_t)bay << 32;
}

static inline void bm_push(struct bm *b, uint64_t word0, uint64_t word1,
			   struct bm_note note, bool loud)
{
	word_t *w = (word_t *)&b->ring[b->prod++ & b->mask];

	w[0] = word0;
	w[1] = word1;
	w[2] = note.w[0];
	w[3] = note.w[1];
	if (loud)
		b->loud = b->prod;
}

/* --- owner ---------------------------------------------------------------- */

static uint32_t seg_pages(const struct bm_seg *s)
{
	uint64_t in_page = (uintptr_t)s->p & PAGE_MASK;

	return (uint32_t)((in_page + s->len + PAGE_MASK) >> PAGE_SHIFT);
}

/* Copy the segments and return their bytes; more than fit: UINT64_MAX. */
static uint64_t segs_take(const struct bm *b, struct bm_own *own,
			  const struct bm_seg *seg, uint32_t n)
{
	uint64_t len = 0;
	uint32_t pages = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (seg[i].len - 1 >= b->buffer_size)
			return UINT64_MAX;
		len += seg[i].len;
		pages += seg_pages(&seg[i]);
		own->seg[i] = seg[i];
	}
	own->segs = (uint8_t)n;
	return pages <= b->pages_max ? len : UINT64_MAX;
}

int bm_register(struct bm *b, uint32_t slot, enum bm_dir dir,
		const struct bm_seg *seg, uint32_t n, uint32_t flags)
{
	struct bm_own *own;
	uint64_t len;
	int r = BM_OK;

	if (unlikely(b->phase != BM_PHASE_UP))
		return BM_GONE;
	if (unlikely(slot >= b->slots || n - 1 >= b->seg_max ||
		     (dir != BM_OUT && dir != BM_IN) || flags & ~BM_ONCE))
		return BM_INVAL;
	own = &b->own[slot];
	if (unlikely(own->state != BM_FREE))
		return BM_INVAL;
	len = segs_take(b, own, seg, n);
	if (unlikely(len > b->buffer_size))
		return BM_INVAL;
	own->len = (uint32_t)len;
	own->dir = (uint8_t)dir;
	own->flags = (uint8_t)flags;
	own->bay = bm_bay(b, dir, slot);
	if (b->t->attach)
		r = b->t->attach(b, slot);
	if (r == BM_OK)
		own->state = BM_REGISTERED;
	return r;
}

int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags)
{
	struct bm_own *own;

	if (unlikely(b->phase != BM_PHASE_UP))
		return BM_GONE;
	if (unlikely(slot >= b->slots || flags & ~(BM_QUIET | BM_QUIET_POST)))
		return BM_INVAL;
	own = &b->own[slot];
	if (unlikely(own->state != BM_REGISTERED || len > own->len))
		return BM_INVAL;
	own->state = BM_OWN_POSTED;
	own->posted = len;
	bm_push(b, msg_word0(own->dir, slot, len),
		msg_word1(flags & BM_QUIET, 0, own->bay), note,
		!(flags & BM_QUIET_POST));
	/* The message is not visible yet. */
	if (own->dir == BM_OUT && b->t->fill)
		b->t->fill(b, own);
	return BM_OK;
}

static void own_detach(struct bm *b, uint32_t slot)
{
	if (b->t->detach)
		b->t->detach(b, slot);
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
	own_detach(b, slot);
	own->state = own->state == BM_REGISTERED ? BM_FREE : BM_WITHDRAWN;
	return BM_OK;
}

/* --- holder ----------------------------------------------------------------- */

/* The held slot if bytes [off, off + len) of it may be moved that way. */
static struct bm_held *held_check(struct bm *b, uint32_t slot, uint8_t dir,
				  uint32_t off, uint32_t len)
{
	struct bm_held *h = &b->held[slot];

	if (unlikely(slot >= b->slots))
		return NULL;
	if (unlikely(h->dir != dir || (uint64_t)off + len > h->len))
		return NULL;
	return h;
}

static int held_error(const struct bm *b)
{
	return b->phase == BM_PHASE_UP ? BM_INVAL : BM_GONE;
}

int bm_send(struct bm *b, uint32_t slot, uint32_t off, const void *src,
	    uint32_t len)
{
	if (!held_check(b, slot, BM_IN, off, len))
		return held_error(b);
	return b->t->send(b, slot, off, src, len);
}

int bm_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
	       uint32_t len)
{
	if (!held_check(b, slot, BM_OUT, off, len))
		return held_error(b);
	return b->t->receive(b, slot, off, dst, len);
}

int bm_map(struct bm *b, uint32_t slot)
{
	if (slot >= b->slots || !b->held[slot].dir)
		return held_error(b);
	return b->t->map ? b->t->map(b, slot) : BM_OK;
}

int bm_view(struct bm *b, uint32_t slot, struct bm_seg *seg, uint32_t max)
{
	if (slot >= b->slots || !b->held[slot].dir || !max)
		return held_error(b);
	if (b->held[slot].result)
		return b->held[slot].result;
	return b->t->view(b, slot, seg, max);
}

int bm_result(const struct bm *b, uint32_t slot)
{
	if (slot >= b->slots || !b->held[slot].dir)
		return held_error(b);
	/* What the peer's death cut short may have moved anything. */
	if (!bm_alive(b))
		return BM_GONE;
	return bm_queue_view_lost(b, slot) ? BM_FAULT : b->held[slot].result;
}

/* Finish a slot that had a view or a move that failed: the status to tell. */
static int held_end(struct bm *b, uint32_t slot, int status, uint32_t len)
{
	struct bm_held *h = &b->held[slot];

	if (h->viewed)
		b->t->unmap(b, slot, status == BM_OK ? len : 0);
	h->viewed = false;
	return h->result == BM_OK ? status : h->result;
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (unlikely(slot >= b->slots || !h->dir || len > h->len ||
		     status > BM_OK || status < BM_NOMEM))
		return held_error(b);
	if (unlikely(h->viewed | h->result))
		status = held_end(b, slot, status, len);
	h->dir = 0;
	bm_push(b, msg_word0(BM_MSG_DONE, slot, len), msg_word1(0, status, 0),
		note, !h->quiet);
	return BM_OK;
}

/* --- events ------------------------------------------------------------------- */

/* The peer posted e->slot, e->len bytes, with these flags and bay. */
static inline bool bm_take_post(struct bm *b, uint32_t dir, uint64_t word1,
				struct bm_event *e)
{
	struct bm_held *h = &b->held[e->slot];
	uint64_t bay = (word1 >> 32) * BM_BAY_UNIT;

	if (unlikely(e->slot >= b->slots || e->len > b->buffer_size ||
		     h->dir || bay + e->len > b->bay_end))
		return false;
	h->dir = (uint8_t)dir;
	h->quiet = word1 & BM_QUIET;
	h->result = BM_OK;
	h->len = e->len;
	h->bay = bay;
	e->type = BM_POSTED;
	e->dir = (uint8_t)dir;
	e->status = BM_OK;
	return true;
}

/* A slot that was unregistered while it was posted has come back. */
static bool own_withdrawn(struct bm_own *own, struct bm_event *e)
{
	own->state = BM_FREE;
	e->status = BM_GONE;
	e->len = 0;
	return true;
}

static inline bool bm_take_done(struct bm *b, uint64_t word1,
				struct bm_event *e)
{
	struct bm_own *own = &b->own[e->slot];
	int status = (int16_t)(word1 >> 16);

	if (unlikely(e->slot >= b->slots || own->state < BM_OWN_POSTED ||
		     e->len > own->posted || status > BM_OK ||
		     status < BM_NOMEM))
		return false;
	e->type = BM_DONE;
	e->dir = own->dir;
	e->status = (int16_t)status;
	if (unlikely(own->state == BM_WITHDRAWN))
		return own_withdrawn(own, e);
	own->state = BM_REGISTERED;
	if (own->dir == BM_IN && status == BM_OK && b->t->fetch)
		b->t->fetch(b, own, e->len);
	if (own->flags & BM_ONCE) {
		own_detach(b, e->slot);
		own->state = BM_FREE;
	}
	return true;
}

/* All messages seen so far are taken: whether there are more now. */
static bool bm_look(struct bm *b)
{
	if (unlikely(b->phase != BM_PHASE_UP))
		return false;
	b->seen = LOAD_ACQUIRE(b->peer->prod);
	if (unlikely(!bm_alive(b)))
		bm_link_lost(b);
	else if (unlikely(b->seen - b->cons > b->mask + 1))
		bm_link_reset(b);
	return b->seen != b->cons;
}

bool bm_next(struct bm *b, struct bm_event *e)
{
	const word_t *w;
	uint64_t word0, word1;
	uint32_t kind;
	bool good;

	if (b->cons == b->seen && !bm_look(b))
		return b->phase != BM_PHASE_UP && bm_link_next(b, e);
	/* Each word of the message is read once. */
	w = (const word_t *)&b->peer_ring[b->cons++ & b->mask];
	word0 = READ_ONCE(w[0]);
	word1 = READ_ONCE(w[1]);
	e->note.w[0] = READ_ONCE(w[2]);
	e->note.w[1] = READ_ONCE(w[3]);
	/* A new incarnation may have begun to write over what we just read. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(!bm_alive(b))) {
		bm_link_lost(b);
		return bm_link_next(b, e);
	}
	kind = (uint16_t)word0;
	e->slot = (uint16_t)(word0 >> 16);
	e->len = (uint32_t)(word0 >> 32);
	if (kind == BM_MSG_DONE)
		good = bm_take_done(b, word1, e);
	else
		good = kind - 1 < BM_MSG_POST_IN &&
		       bm_take_post(b, kind, word1, e);
	if (likely(good))
		return true;
	bm_link_reset(b);
	return bm_link_next(b, e);
}
