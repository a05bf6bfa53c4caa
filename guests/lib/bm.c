/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model: states of slots, messages, events. Invariants: a message of
 * ours is written only between prod and published; nothing of a peer's message
 * is used before it was checked and the connection was seen to still stand.
 */
#include "guests/lib/bm_impl.h"
#include "guests/lib/str.h"

static void bm_push(struct bm *b, const struct ambit_msg *m, bool loud)
{
	b->ring[b->prod++ & b->mask] = *m;
	if (loud)
		b->loud = b->prod;
}

/* --- owner ---------------------------------------------------------------- */

static uint32_t seg_pages(const struct bm_seg *s)
{
	uint64_t in_page = (uintptr_t)s->p & PAGE_MASK;

	return (uint32_t)((in_page + s->len + PAGE_MASK) >> PAGE_SHIFT);
}

static uint32_t max_pages(const struct bm *b)
{
	return (uint32_t)(ALIGN_UP(b->buffer_size, PAGE_SIZE) >> PAGE_SHIFT) +
	       b->seg_max;
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
	return pages <= max_pages(b) ? len : UINT64_MAX;
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
	bm_push(b, &(struct ambit_msg){
		.kind = own->dir == BM_OUT ? BM_MSG_POST_OUT : BM_MSG_POST_IN,
		.slot = (uint16_t)slot,
		.len = len,
		.flags = flags & BM_QUIET,
		.bay = b->t->post(b, slot),
		.note = { note.w[0], note.w[1] },
	}, !(flags & BM_QUIET_POST));
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
	return b->t->view(b, slot, seg, max);
}

int bm_result(const struct bm *b, uint32_t slot)
{
	if (slot >= b->slots || !b->held[slot].dir)
		return held_error(b);
	return b->held[slot].result;
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (unlikely(slot >= b->slots || !h->dir || len > h->len ||
		     status > BM_OK || status < BM_NOMEM))
		return held_error(b);
	h->dir = 0;
	bm_push(b, &(struct ambit_msg){
		.kind = BM_MSG_DONE,
		.slot = (uint16_t)slot,
		.len = len,
		.status = (int16_t)status,
		.note = { note.w[0], note.w[1] },
	}, !h->quiet);
	return BM_OK;
}

/* --- events ------------------------------------------------------------------- */

/* One message, each of its words read once. */
static inline struct ambit_msg bm_read(const struct bm *b)
{
	const word_t *w = (const word_t *)&b->peer_ring[b->cons & b->mask];
	uint64_t w0 = READ_ONCE(w[0]), w1 = READ_ONCE(w[1]);

	return (struct ambit_msg){
		.kind = (uint16_t)w0,
		.slot = (uint16_t)(w0 >> 16),
		.len = (uint32_t)(w0 >> 32),
		.flags = (uint16_t)w1,
		.status = (int16_t)(w1 >> 16),
		.bay = (uint32_t)(w1 >> 32),
		.note = { READ_ONCE(w[2]), READ_ONCE(w[3]) },
	};
}

static bool bm_take_post(struct bm *b, const struct ambit_msg *m,
			 struct bm_event *e)
{
	struct bm_held *h = &b->held[m->slot];
	uint64_t bay = (uint64_t)m->bay * BM_BAY_UNIT;

	if (unlikely(m->slot >= b->slots || m->len > b->buffer_size))
		return false;
	if (unlikely(h->dir || bay + m->len > b->data_size))
		return false;
	h->dir = (uint8_t)(m->kind == BM_MSG_POST_OUT ? BM_OUT : BM_IN);
	h->quiet = m->flags & BM_QUIET;
	h->result = BM_OK;
	h->len = m->len;
	h->bay = bay;
	e->type = BM_POSTED;
	e->dir = h->dir;
	e->status = BM_OK;
	e->len = m->len;
	return true;
}

static bool bm_take_done(struct bm *b, const struct ambit_msg *m,
			 struct bm_event *e)
{
	struct bm_own *own = &b->own[m->slot];

	if (unlikely(m->slot >= b->slots || own->state < BM_OWN_POSTED))
		return false;
	if (unlikely(m->len > own->posted || m->status > BM_OK ||
		     m->status < BM_NOMEM))
		return false;
	e->type = BM_DONE;
	e->dir = own->dir;
	e->status = m->status;
	e->len = m->len;
	if (unlikely(own->state == BM_WITHDRAWN)) {
		own->state = BM_FREE;
		e->status = BM_GONE;
		e->len = 0;
		return true;
	}
	if (own->dir == BM_IN && m->status == BM_OK && b->t->fetch)
		b->t->fetch(b, m->slot, m->len);
	own->state = BM_REGISTERED;
	if (own->flags & BM_ONCE) {
		own_detach(b, m->slot);
		own->state = BM_FREE;
	}
	return true;
}

/* Look for messages. False: none, or the connection has ended. */
static bool bm_look(struct bm *b)
{
	b->seen = LOAD_ACQUIRE(b->peer->prod);
	if (unlikely(!bm_alive(b))) {
		bm_link_lost(b);
		return false;
	}
	if (unlikely(b->seen - b->cons > b->mask + 1)) {
		bm_link_reset(b);
		return false;
	}
	return b->seen != b->cons;
}

bool bm_next(struct bm *b, struct bm_event *e)
{
	struct ambit_msg m;
	bool good;

	if (unlikely(b->phase != BM_PHASE_UP))
		return bm_link_next(b, e);
	if (b->cons == b->seen && !bm_look(b))
		return b->phase != BM_PHASE_UP && bm_link_next(b, e);
	m = bm_read(b);
	/* A new incarnation may have begun to write over what we just read. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(!bm_alive(b))) {
		bm_link_lost(b);
		return bm_link_next(b, e);
	}
	b->cons++;
	e->slot = m.slot;
	e->note = (struct bm_note){ { m.note[0], m.note[1] } };
	if (m.kind == BM_MSG_DONE)
		good = bm_take_done(b, &m, e);
	else
		good = m.kind - 1u < BM_MSG_POST_IN && bm_take_post(b, &m, e);
	if (likely(good))
		return true;
	bm_link_reset(b);
	return bm_link_next(b, e);
}
