/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model: states of slots, messages, events. Invariants: a message of
 * ours is written only between prod and published; nothing of a peer's message
 * is used before it was checked and the connection was seen to still stand.
 */
#include "guests/lib/bm_impl.h"

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
	uint32_t prod = b->prod;
	word_t *w = (word_t *)&b->ring[prod++ & b->mask];

	b->prod = prod;
	if (loud)
		b->loud = prod;
	w[0] = word0;
	w[1] = word1;
	w[2] = note.w[0];
	w[3] = note.w[1];
}

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

static int owner_error(const struct bm *b)
{
	return b->phase == BM_PHASE_UP ? BM_INVAL : BM_GONE;
}

int bm_register(struct bm *b, uint32_t slot, enum bm_dir dir,
		const struct bm_seg *seg, uint32_t n, uint32_t flags)
{
	struct bm_own *own = &b->own[slot];
	uint32_t len;

	if (unlikely(slot >= b->slots_up || n - 1 >= b->seg_max ||
		     dir - 1u > 1 || flags & ~BM_ONCE))
		return owner_error(b);
	/* A single segment of a good length cannot have too many pages. */
	len = likely(n == 1) ? seg->len : segs_len(b, seg, n);
	if (unlikely(own->state != BM_FREE || len - 1 >= b->buffer_size))
		return BM_INVAL;
	own->state = BM_REGISTERED;
	own->dir = (uint8_t)dir;
	own->flags = (uint8_t)flags;
	own->segs = (uint8_t)n;
	own->len = len;
	return b->t->attach(b, own, seg);
}

int bm_post(struct bm *b, uint32_t slot, uint32_t len, struct bm_note note,
	    uint32_t flags)
{
	struct bm_own *own = &b->own[slot];

	if (unlikely(slot >= b->slots_up || flags & ~(BM_QUIET | BM_QUIET_POST)))
		return owner_error(b);
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

static void own_detach(struct bm *b, struct bm_own *own)
{
	if (b->t->detach)
		b->t->detach(b, own);
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
	own_detach(b, own);
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
	if (unlikely(!len))
		return BM_OK;
	return b->t->send(b, slot, off, src, len);
}

int bm_receive(struct bm *b, uint32_t slot, uint32_t off, void *dst,
	       uint32_t len)
{
	if (!held_check(b, slot, BM_OUT, off, len))
		return held_error(b);
	if (unlikely(!len))
		return BM_OK;
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

/* First quadword of a held slot. */
static inline word_t *held_word(struct bm_held *h)
{
	return (word_t *)h;
}

#define HELD_QUIET	(1ull << 8)
#define HELD_ODD	0xffff0000ull	/* viewed, or a result */

/* Hand back a slot that had a view, or a move that failed. */
static __attribute__((noinline)) int finish_odd(struct bm *b, uint32_t slot,
						int status, uint32_t len,
						struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (h->viewed)
		b->t->unmap(b, slot, status == BM_OK ? len : 0);
	if (h->result != BM_OK)
		status = h->result;
	h->viewed = 0;
	h->result = BM_OK;
	return bm_finish(b, slot, status, len, note);
}

int bm_finish(struct bm *b, uint32_t slot, int status, uint32_t len,
	      struct bm_note note)
{
	struct bm_held *h = &b->held[slot];
	uint64_t held;

	if (unlikely(slot >= b->slots))
		return held_error(b);
	held = *held_word(h);
	if (unlikely(!(uint8_t)held || len > held >> 32 ||
		     0u - (uint32_t)status > 0u - (uint32_t)BM_NOMEM))
		return held_error(b);
	if (unlikely(held & HELD_ODD))
		return finish_odd(b, slot, status, len, note);
	h->dir = 0;
	bm_push(b, msg_word0(BM_MSG_DONE, slot, len), msg_word1(0, status, 0),
		note, !(held & HELD_QUIET));
	return BM_OK;
}

/* --- events ------------------------------------------------------------------- */

/* The connection ended, or the peer is to blame for its end. */
static __attribute__((noinline)) bool next_lost(struct bm *b, struct bm_event *e)
{
	bm_link_lost(b);
	return bm_link_next(b, e);
}

static __attribute__((noinline)) bool next_bad(struct bm *b, struct bm_event *e)
{
	bm_link_reset(b);
	return bm_link_next(b, e);
}

/* First quadword of an event, from that of the message, whose lower 16 bits are
 * its kind: type, dir, slot, len. Who serves the event trusts its slot: `sure` is
 * that behind nospec(). */
static inline void event_word(struct bm_event *e, uint64_t word0, uint32_t kind,
			      uint32_t type_dir, uint64_t slot, uint64_t sure)
{
	*(word_t *)e = (word0 ^ (slot ^ sure) << 16) - kind + type_dir;
}

/* The peer posted a slot; the message's kind is the direction. */
static inline bool take_post(struct bm *b, uint64_t word0, uint64_t word1,
			     struct bm_event *e)
{
	uint32_t dir = (uint16_t)word0;
	uint64_t slot = (uint16_t)(word0 >> 16), bay = word1 >> 32;
	uint64_t sure = nospec(slot, b->slots);
	struct bm_held *h = &b->held[sure];

	if (unlikely(dir - 1 > 1 || slot >= b->slots ||
		     word0 >> 32 > b->buffer_size || h->dir || bay > b->bay_max))
		return next_bad(b, e);
	*held_word(h) = word0 >> 32 << 32 | (word1 & BM_QUIET) * HELD_QUIET | dir;
	h->bay = (uint32_t)nospec(bay, b->bay_max + 1ull);
	event_word(e, word0, dir, dir << 8 | BM_POSTED, slot, sure);
	return true;
}

static __attribute__((noinline)) bool own_fetch(struct bm *b, struct bm_own *own,
						const struct bm_event *e)
{
	b->t->fetch(b, own, e->len);
	if (own->flags & BM_ONCE)
		own_detach(b, own);
	return true;
}

/* A slot that is not posted: unregistered meanwhile, or nonsense. */
static __attribute__((noinline)) bool done_odd(struct bm *b, struct bm_own *own,
					       struct bm_event *e)
{
	if (own->state != BM_WITHDRAWN)
		return next_bad(b, e);
	own->state = BM_FREE;
	*e = (struct bm_event){
		.type = BM_DONE,
		.dir = own->dir,
		.slot = (uint16_t)bm_slot_of(b, own),
		.status = BM_GONE,
		.note = e->note,
	};
	return true;
}

/* The peer finished an own slot. */
static inline bool take_done(struct bm *b, uint64_t word0, uint64_t word1,
			     struct bm_event *e)
{
	uint64_t slot = (uint16_t)(word0 >> 16);
	int status = (int16_t)(word1 >> 16);
	uint64_t sure = nospec(slot, b->slots);
	struct bm_own *own = &b->own[sure];

	if (unlikely(slot >= b->slots || word0 >> 32 > own->posted ||
		     0u - (uint32_t)status > 0u - (uint32_t)BM_NOMEM))
		return next_bad(b, e);
	if (unlikely(own->state != BM_OWN_POSTED))
		return done_odd(b, own, e);
	e->status = (int16_t)status;
	event_word(e, word0, BM_MSG_DONE, (uint32_t)own->dir << 8 | BM_DONE, slot,
		   sure);
	own->state = own->flags & BM_ONCE ? BM_FREE : BM_REGISTERED;
	if (b->t->fetch && own->dir == BM_IN && status == BM_OK)
		return own_fetch(b, own, e);
	if (own->flags & BM_ONCE)
		own_detach(b, own);
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

static __attribute__((noinline)) bool next_look(struct bm *b, struct bm_event *e)
{
	if (bm_look(b))
		return bm_next(b, e);
	return b->phase != BM_PHASE_UP && bm_link_next(b, e);
}

bool bm_next(struct bm *b, struct bm_event *e)
{
	const word_t *w;
	uint64_t word0, word1;

	if (unlikely(b->cons == b->seen))
		return next_look(b, e);
	/* Each word of the message is read once. */
	w = (const word_t *)&b->peer_ring[b->cons++ & b->mask];
	word0 = READ_ONCE(w[0]);
	word1 = READ_ONCE(w[1]);
	e->note.w[0] = READ_ONCE(w[2]);
	e->note.w[1] = READ_ONCE(w[3]);
	/* A new incarnation may have begun to write over what we just read. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(bm_epochs(b) != b->epochs))
		return next_lost(b, e);
	if ((uint16_t)word0 == BM_MSG_DONE)
		return take_done(b, word0, word1, e);
	return take_post(b, word0, word1, e);
}
