/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer model's calls of every slot's cycle, inline. A driver that includes
 * this gets them by their names of bm.h, so an event's words stay in registers;
 * what is rare is a call (bm.c). Invariants: a message of ours is written only
 * between prod and published; nothing of a peer's message is used before it was
 * checked and the connection was seen to still stand.
 */
#pragma once

#include "guests/lib/bm_impl.h"

#define BM_INLINE static inline __attribute__((always_inline))

/* What a call gives that is refused because of the connection or its arguments. */
BM_INLINE int bm_error(const struct bm *b)
{
	return b->phase == BM_PHASE_UP ? BM_INVAL : BM_GONE;
}

/*
 * A message as its four quadwords, which is how it is written and read: kind,
 * slot and len; flags, status and bay; the note.
 */
BM_INLINE uint64_t bm_msg_word0(uint32_t kind, uint32_t slot, uint32_t len)
{
	return kind | slot << 16 | (uint64_t)len << 32;
}

BM_INLINE uint64_t bm_msg_word1(uint32_t flags, int status, uint32_t bay)
{
	return flags | (uint32_t)status << 16 | (uint64_t)bay << 32;
}

BM_INLINE void bm_push(struct bm *b, uint64_t word0, uint64_t word1,
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

#define BM_MSG_STATUS	0xffff0000ull

/* Nothing but a status that may stand in a message, as its distance from BM_OK. */
BM_INLINE bool bm_status_good(int status)
{
	return 0u - (uint32_t)status <= 0u - (uint32_t)BM_NOMEM;
}

/* --- owner ---------------------------------------------------------------- */

/* First quadword of an own slot. */
BM_INLINE word_t *bm_own_word(struct bm_own *own)
{
	return (word_t *)own;
}

BM_INLINE uint64_t bm_own_first(uint32_t state, uint32_t dir, uint32_t after,
				uint32_t segs, uint32_t len)
{
	return state | dir << 8 | after << 16 | segs << 24 | (uint64_t)len << 32;
}

BM_INLINE int bm_offer_inline(struct bm *b, uint32_t slot, enum bm_dir dir,
			      const struct bm_seg *seg, uint32_t len,
			      struct bm_note note, uint32_t flags)
{
	struct bm_own *own = &b->own[slot];
	uint32_t max = seg->len, bay;

	if (unlikely(slot >= b->slots_up || dir - 1u > 1 ||
		     flags & ~(BM_QUIET | BM_QUIET_POST)))
		return bm_error(b);
	/* A single segment of a good length cannot have too many pages. */
	if (unlikely(own->state != BM_FREE || max - 1 >= b->buffer_size || len > max))
		return BM_INVAL;
	*bm_own_word(own) = bm_own_first(BM_OWN_POSTED, dir, BM_FREE, 1, max);
	own->posted = len;
	bay = b->t->attach(b, own, slot, dir, seg->p, max);
	bm_push(b, bm_msg_word0(dir, slot, len),
		bm_msg_word1(flags & BM_QUIET, 0, bay), note,
		!(flags & BM_QUIET_POST));
	/* The message is not visible yet. */
	if (dir == BM_OUT && b->t->fill)
		b->t->fill(b, own);
	return BM_OK;
}

/* --- holder ----------------------------------------------------------------- */

/* The two quadwords of a held slot, and the first four bytes: dir, viewed and
 * result. */
BM_INLINE word_t *bm_held_words(struct bm_held *h)
{
	return (word_t *)h;
}

BM_INLINE half_t *bm_held_half(struct bm_held *h)
{
	return (half_t *)h;
}

/* Whether bytes [off, off + len) of the slot may be moved that way. */
BM_INLINE bool bm_held_check(const struct bm *b, uint32_t slot, uint8_t dir,
			     uint32_t off, uint32_t len)
{
	const struct bm_held *h = &b->held[slot];

	return likely(slot < b->slots && h->dir == dir &&
		      (uint64_t)off + len <= h->len);
}

BM_INLINE int bm_send_inline(struct bm *b, uint32_t slot, uint32_t off,
			     const void *src, uint32_t len)
{
	if (!bm_held_check(b, slot, BM_IN, off, len))
		return bm_error(b);
	if (unlikely(!len))
		return BM_OK;
	b->t->send(b, slot, off, src, len, &b->held[slot]);
	return BM_OK;
}

BM_INLINE int bm_receive_inline(struct bm *b, uint32_t slot, uint32_t off,
				void *dst, uint32_t len)
{
	if (!bm_held_check(b, slot, BM_OUT, off, len))
		return bm_error(b);
	if (unlikely(!len))
		return BM_OK;
	b->t->receive(b, slot, off, dst, len, &b->held[slot]);
	return BM_OK;
}

BM_INLINE int bm_finish_inline(struct bm *b, uint32_t slot, int status,
			       uint32_t len, struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (unlikely(slot >= b->slots || len > h->len || !bm_status_good(status)))
		return bm_error(b);
	/* Viewed, or with a result, or not held. */
	if (unlikely(*bm_held_half(h) - 1 > 1))
		return bm_finish_odd(b, slot, status, len, note);
	*bm_held_half(h) = 0;
	bm_push(b, bm_msg_word0(BM_MSG_DONE, slot, len),
		bm_msg_word1(0, status, 0), note, !(h->flags & BM_QUIET));
	return BM_OK;
}

/* What follows the only move of a slot; it may have failed. */
BM_INLINE int bm_finish_moved(struct bm *b, struct bm_held *h, uint32_t slot,
			      uint32_t len, struct bm_note note)
{
	if (unlikely(*bm_held_half(h) - 1 > 1))
		return bm_finish_odd(b, slot, BM_OK, len, note);
	*bm_held_half(h) = 0;
	bm_push(b, bm_msg_word0(BM_MSG_DONE, slot, len), 0, note,
		!(h->flags & BM_QUIET));
	return BM_OK;
}

BM_INLINE int bm_send_all_inline(struct bm *b, uint32_t slot, const void *src,
				 uint32_t len, struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (!len || !bm_held_check(b, slot, BM_IN, 0, len))
		return bm_error(b);
	b->t->send(b, slot, 0, src, len, h);
	return bm_finish_moved(b, h, slot, len, note);
}

BM_INLINE int bm_receive_all_inline(struct bm *b, uint32_t slot, void *dst,
				    uint32_t len, struct bm_note note)
{
	struct bm_held *h = &b->held[slot];

	if (!len || !bm_held_check(b, slot, BM_OUT, 0, len))
		return bm_error(b);
	b->t->receive(b, slot, 0, dst, len, h);
	return bm_finish_moved(b, h, slot, len, note);
}

/* --- events ------------------------------------------------------------------- */

/* Have a rare event made elsewhere, so that the driver's has no address. */
BM_INLINE bool bm_rare(struct bm *b, struct bm_event *e,
		       bool (*make)(struct bm *b, struct bm_event *e),
		       struct bm_event start)
{
	struct bm_event rare = start;
	bool made = make(b, &rare);

	if (made)
		*e = rare;
	return made;
}

#define BM_RARE(b, e, make, ...) \
	bm_rare(b, e, make, (struct bm_event){ __VA_ARGS__ })

/* The peer posted a slot; the message's kind is the direction. */
BM_INLINE bool bm_take_post(struct bm *b, uint64_t word0, uint64_t word1,
			    struct bm_note note, struct bm_event *e)
{
	uint32_t slot = (uint16_t)(word0 >> 16);
	/* Who serves the event trusts its slot. */
	uint64_t sure = nospec((uint64_t)slot, b->slots);
	struct bm_held *h = &b->held[sure];

	if (unlikely((uint16_t)(word0 - 1) > 1 || slot >= b->slots ||
		     word0 >= b->word0_end || word1 >= b->word1_end || h->dir))
		return BM_RARE(b, e, bm_next_bad, 0);
	bm_held_words(h)[0] = word0 & ~0xffff0000ull;
	bm_held_words(h)[1] = nospec(word1, b->word1_end);
	*e = (struct bm_event){
		.type = BM_POSTED,
		.dir = (uint8_t)word0,
		.slot = (uint16_t)sure,
		.len = (uint32_t)(word0 >> 32),
		.note = note,
	};
	return true;
}

/* The peer finished an own slot. */
BM_INLINE bool bm_take_done(struct bm *b, uint64_t word0, uint64_t word1,
			    struct bm_note note, struct bm_event *e)
{
	uint32_t slot = (uint16_t)(word0 >> 16);
	uint32_t len = (uint32_t)(word0 >> 32);
	uint64_t sure = nospec((uint64_t)slot, b->slots);
	struct bm_own *own = &b->own[sure];

	if (unlikely(slot >= b->slots))
		return BM_RARE(b, e, bm_next_bad, 0);
	if (unlikely(len > own->posted || own->state != BM_OWN_POSTED ||
		     word1 & BM_MSG_STATUS))
		return BM_RARE(b, e, bm_done_odd, .slot = (uint16_t)sure,
			       .len = len, .status = (int16_t)(word1 >> 16),
			       .note = note);
	*e = (struct bm_event){
		.type = BM_DONE,
		.dir = own->dir,
		.slot = (uint16_t)sure,
		.len = len,
		.status = BM_OK,
		.note = note,
	};
	own->state = own->after;
	b->t->done(b, own, (uint32_t)sure, len);
	return true;
}

BM_INLINE bool bm_next_inline(struct bm *b, struct bm_event *e)
{
	struct bm_note note;
	const word_t *w;
	uint64_t word0, word1;

	if (unlikely(b->cons == b->seen) && !bm_look(b))
		return b->phase != BM_PHASE_UP && BM_RARE(b, e, bm_link_next, 0);
	/* Each word of the message is read once, and those of the note not again
	 * behind the fence; who does not use them does not read them. */
	w = (const word_t *)&b->peer_ring[b->cons++ & b->mask];
	word0 = READ_ONCE(w[0]);
	word1 = READ_ONCE(w[1]);
	note.w[0] = w[2];
	note.w[1] = w[3];
	/* A new incarnation may have begun to write over what we just read. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(!bm_alive(b)))
		return BM_RARE(b, e, bm_next_lost, 0);
	if ((uint16_t)word0 == BM_MSG_DONE)
		return bm_take_done(b, word0, word1, note, e);
	return bm_take_post(b, word0, word1, note, e);
}

/* bm.c has them as functions too. */
#ifndef BM_CALLS
#define bm_offer	bm_offer_inline
#define bm_send		bm_send_inline
#define bm_receive	bm_receive_inline
#define bm_finish	bm_finish_inline
#define bm_send_all	bm_send_all_inline
#define bm_receive_all	bm_receive_all_inline
#define bm_next		bm_next_inline
#endif
