/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMBIT_HC_COPY: between a slot of the peer and the caller's own memory, or a
 * slot that the peer of another of its links has. What is copied onto itself
 * (two slots that name the same memory) is undefined, but harms nobody else.
 */
#include "arch/copy.h"
#include "hv/abi/errno.h"
#include "hv/guest_mem.h"
#include "hv/sync.h"
#include "vio/data.h"
#include "vio/slot.h"

/* What a piece takes of a call's bytes at least, as finding it costs something too. */
#define PIECE_BYTES	1536u
/* What an item takes besides, unless it goes the short way: looking for its slots. */
#define ITEM_BYTES	(2 * PIECE_BYTES)

#define FLAGS	(AMBIT_COPY_TO_PEER | AMBIT_COPY_OTHER_SLOT)

typedef uint64_t __attribute__((may_alias)) quad_t;

static int other_open(struct side *s, struct endpoint *e,
		      const struct ambit_copy_item *i)
{
	struct endpoint *other;
	struct slot_range range;

	other = e->vm ? link_endpoint(e->vm, i->own_endpoint) : NULL;
	if (!other || !(COPY_SCHEMES & BIT(other->link->scheme)))
		return AMBIT_EINVAL;
	if (i->own > UINT32_MAX)
		return AMBIT_ERANGE;
	range = (struct slot_range){
		.slot = i->own_slot, .generation = i->own_generation,
		.from = i->own + i->done, .end = i->own + i->len,
		.write = !(i->flags & AMBIT_COPY_TO_PEER),
	};
	return slot_open(s, other->peer, &range);
}

static int own_open(struct side *s, struct endpoint *e,
		    const struct ambit_copy_item *i)
{
	if (unlikely(i->flags & AMBIT_COPY_OTHER_SLOT))
		return other_open(s, e, i);
	side_own(s, e, gpa(i->own + i->done));
	return AMBIT_OK;
}

/*
 * n bytes piece by piece, as long as there is a budget; *done counts what was
 * copied, also before an error.
 */
static int copy_pieces(struct side *to, struct side *from, uint32_t n,
		       uint32_t *done, uint32_t *budget)
{
	while (n && *budget) {
		int err = to->run ? AMBIT_OK : side_next(to, n);
		size_t k;

		if (!err && !from->run)
			err = side_next(from, n);
		if (err) {
			*budget -= MIN(*budget, PIECE_BYTES);
			return err;
		}
		k = MIN(MIN(n, *budget), MIN(to->run, from->run));
		arch_copy(to->at, from->at, k);
		to->at += k;
		to->run -= k;
		from->at += k;
		from->run -= k;
		*done += (uint32_t)k;
		n -= (uint32_t)k;
		*budget -= MIN(*budget, MAX((uint32_t)k, PIECE_BYTES));
	}
	return AMBIT_OK;
}

static int copy_sides(struct side *peer, struct endpoint *e,
		      struct ambit_copy_item *i, uint32_t *budget)
{
	uint32_t n = i->len - i->done;
	struct side own;
	int err = own_open(&own, e, i);

	if (err)
		return err;
	if (i->flags & AMBIT_COPY_TO_PEER)
		err = copy_pieces(peer, &own, n, &i->done, budget);
	else
		err = copy_pieces(&own, peer, n, &i->done, budget);
	side_close(&own);
	return err;
}

/* An item as far as the budget goes; its status. */
static int copy_item(struct endpoint *e, struct ambit_copy_item *i, uint32_t *budget)
{
	struct side peer;
	int err;

	if ((i->flags & ~FLAGS) || i->done > i->len)
		return AMBIT_EINVAL;
	const struct slot_range range = {
		.slot = i->slot, .generation = i->generation,
		.from = (uint64_t)i->offset + i->done,
		.end = (uint64_t)i->offset + i->len,
		.write = i->flags & AMBIT_COPY_TO_PEER,
	};

	err = slot_open(&peer, e->peer, &range);
	if (err)
		return err;
	err = copy_sides(&peer, e, i, budget);
	side_close(&peer);
	if (err)
		return err;
	return i->done < i->len ? AMBIT_EAGAIN : AMBIT_OK;
}

/* What an item took of the budget, and how much of that no bytes were copied for. */
struct taken {
	uint32_t budget, spare;
};

/* An item where it lies, read once. */
static __attribute__((noinline)) struct taken copy_long(struct endpoint *e,
							struct ambit_copy_item *item,
							uint32_t budget)
{
	union {
		uint64_t quad[sizeof(*item) / 8];
		struct ambit_copy_item item;
	} own;
	uint32_t left = budget, done;

	for (uint32_t k = 0; k < ARRAY_SIZE(own.quad); k++)
		own.quad[k] = READ_ONCE(((const quad_t *)item)[k]);
	done = own.item.done;
	own.item.status = copy_item(e, &own.item, &left);
	left -= MIN(left, ITEM_BYTES);
	WRITE_ONCE(item->done, own.item.done);
	WRITE_ONCE(item->status, own.item.status);
	return (struct taken){ budget - left, budget - left - (own.item.done - done) };
}

/* --- the short way: whole items, one piece at both sides, as most copies are ----- */

#define NOT_SHORT UINT32_MAX		/* nothing was done */

struct part {
	uint32_t flags, n;
	void *own;
};
_Static_assert(AMBIT_DESC_OUT == 1 && AMBIT_DESC_IN == 2 && AMBIT_GRANT_READ == 1 &&
	       AMBIT_GRANT_WRITE == 2 && AMBIT_COPY_TO_PEER == 1, "rights by flags + 1");

static inline bool part_take(const struct endpoint *e, const struct ambit_copy_item *item,
			     uint32_t budget, struct part *p)
{
	p->flags = READ_ONCE(item->flags);
	p->n = READ_ONCE(item->len);
	if (unlikely(p->flags & ~AMBIT_COPY_TO_PEER) || unlikely(p->n > budget) ||
	    unlikely(READ_ONCE(item->done)))
		return false;
	p->own = guest_piece(e->vm, gpa(READ_ONCE(item->own)), p->n);
	return likely(p->own != NULL);
}

static inline uint32_t part_move(const struct part *p, void *theirs,
				 struct ambit_copy_item *item)
{
	if (p->flags)
		arch_copy(theirs, p->own, p->n);
	else
		arch_copy(p->own, theirs, p->n);
	/* Together with the status, AMBIT_OK. */
	WRITE_ONCE(*(quad_t *)&item->done, (uint64_t)p->n);
	return p->n;
}

/* The piece of a slot's one segment; NULL: not so simple. The slot is marked. */
static inline void *desc_piece(const struct endpoint *owner, uint64_t slot,
			       uint64_t from, const struct part *p)
{
	uint64_t first = READ_ONCE(*(const quad_t *)&owner->desc[slot]);
	const struct ambit_seg *seg = &owner->seg[slot * owner->seg_max];
	uint64_t at = READ_ONCE(seg->gpa), end = from + p->n;

	if (unlikely(!(first >> 32 & (p->flags + 1))) || unlikely(first >> 48 != 1) ||
	    unlikely(end > (uint32_t)first) || unlikely(end > READ_ONCE(seg->len)))
		return NULL;
	return guest_piece(owner->vm, gpa(at + from), p->n);
}

static inline __attribute__((always_inline))
uint32_t desc_short(struct endpoint *e, struct ambit_copy_item *item, uint32_t budget)
{
	const struct endpoint *owner = e->peer;
	uint64_t slot = READ_ONCE(item->slot);
	uint32_t *use, moved = NOT_SHORT;
	struct part p;
	void *theirs;

	if (unlikely(!part_take(e, item, budget, &p)) ||
	    unlikely(!index_below(&slot, owner->slots)) ||
	    unlikely(READ_ONCE(item->generation)))
		return NOT_SHORT;
	use = &owner->status->use[slot];
	__atomic_fetch_add(use, 1, __ATOMIC_SEQ_CST);
	theirs = desc_piece(owner, slot, READ_ONCE(item->offset), &p);
	if (likely(theirs != NULL))
		moved = part_move(&p, theirs, item);
	__atomic_fetch_sub(use, 1, __ATOMIC_RELEASE);
	return moved;
}

/* The same inside one grant entry, of a page in low RAM. */
static inline __attribute__((always_inline))
uint32_t grant_short(struct endpoint *e, struct ambit_copy_item *item, uint32_t budget)
{
	uint32_t from = READ_ONCE(item->offset), in = from % PAGE_SIZE;
	uint64_t ref = READ_ONCE(item->slot) + (uint64_t)from / PAGE_SIZE, at;
	struct endpoint *owner = e->peer;
	uint32_t moved = NOT_SHORT;
	struct ambit_grant g;
	struct part p;

	if (unlikely(!part_take(e, item, budget, &p)) || unlikely(in + p.n > PAGE_SIZE) ||
	    unlikely(!index_below(&ref, owner->link->grant_count)))
		return NOT_SHORT;
	g = grant_mark(owner, ref);
	at = (g.frame & ~PAGE_MASK) + in;
	if (likely(grant_permits(&g, READ_ONCE(item->generation), p.flags + 1)) &&
	    likely(in >= g.offset) && likely(in + p.n <= (uint32_t)g.offset + g.len) &&
	    likely(index_below(&at, owner->vm->ram_low)))
		moved = part_move(&p, guest_low_ram(owner->vm, at), item);
	grant_close(owner, (uint32_t)ref);
	return moved;
}

/* --- batches ---------------------------------------------------------------------- */

typedef uint32_t copy_short_fn(struct endpoint *e, struct ambit_copy_item *item,
			       uint32_t budget);

/* Until the budget is used up: the first item that did not begin. What was copied is
 * counted once, at the end, so that the sum never runs back. */
static inline __attribute__((always_inline))
struct ambit_copy_item *copy_items(struct endpoint *e, struct ambit_copy_item *item,
				   const struct ambit_copy_item *end, uint32_t *budget,
				   copy_short_fn *copy_short)
{
	uint32_t left = AMBIT_BATCH_BYTES;
	uint64_t bytes = AMBIT_BATCH_BYTES;

	for (; item < end && left; item++) {
		uint32_t moved = copy_short ? copy_short(e, item, left) : NOT_SHORT;

		if (unlikely(moved == NOT_SHORT)) {
			struct taken t = copy_long(e, item, left);

			moved = t.budget;
			bytes -= t.spare;
		}
		left -= moved;
	}
	/* In 64 bits, or the compiler keeps what was left before the last item. */
	end_count(&e->count->copied, bytes - (uint64_t)left);
	*budget = left;
	return item;
}

/* Ends that are found connected stay until sync_op_end(). */
static inline __attribute__((always_inline))
uint32_t copy_batch(struct endpoint *e, struct ambit_copy_item *first, uint32_t n,
		    copy_short_fn *copy_short)
{
	uint32_t left, done = DATA_GONE;
	struct ambit_copy_item *item;

	sync_op_begin();
	FENCE_FULL();
	if (likely(link_connected(e))) {
		item = copy_items(e, first, first + n, &left, copy_short);
		/* Only the last one can be half done, the budget used up. */
		if (unlikely(!left) && READ_ONCE(item[-1].status) == AMBIT_EAGAIN)
			item--;
		done = (uint32_t)(item - first);
	}
	sync_op_end();
	return done;
}

/* One function a scheme, as what both share would keep the words of each out of
 * registers. */
static __attribute__((noinline))
uint32_t copy_batch_grant(struct endpoint *e, void *items, uint32_t n)
{
	return copy_batch(e, items, n, grant_short);
}

static __attribute__((noinline))
uint32_t copy_batch_desc(struct endpoint *e, void *items, uint32_t n)
{
	return copy_batch(e, items, n, desc_short);
}

/* An end is the hypervisor's. */
static __attribute__((noinline))
uint32_t copy_batch_host(struct endpoint *e, void *items, uint32_t n)
{
	return copy_batch(e, items, n, NULL);
}

uint32_t copy_run(struct endpoint *e, void *items, uint32_t n)
{
	if (unlikely(!e->vm || !e->peer->vm))
		return copy_batch_host(e, items, n);
	if (e->link->scheme == AMBIT_SCHEME_GRANT)
		return copy_batch_grant(e, items, n);
	return copy_batch_desc(e, items, n);
}

const struct data_op copy_op = {
	.item_size = sizeof(struct ambit_copy_item),
	.status_offset = offsetof(struct ambit_copy_item, status),
	.schemes = COPY_SCHEMES,
	.in_place = true,
	.run = copy_run,
};
