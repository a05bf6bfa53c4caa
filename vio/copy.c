/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMBIT_HC_COPY: between a slot of the peer and the caller's own memory, or a
 * slot that the peer of another of its links has. What is copied onto itself
 * (two slots that name the same memory) is undefined, but harms nobody else.
 */
#include "arch/copy.h"
#include "hv/abi/errno.h"
#include "hv/sync.h"
#include "vio/data.h"
#include "vio/slot.h"

#define SCHEMES (BIT(AMBIT_SCHEME_COPY) | BIT(AMBIT_SCHEME_GRANT))
#define FLAGS	(AMBIT_COPY_TO_PEER | AMBIT_COPY_OTHER_SLOT)

static int other_open(struct side *s, struct endpoint *e,
		      const struct ambit_copy_item *i)
{
	struct endpoint *other;
	struct slot_range range;

	other = e->vm ? link_endpoint(e->vm, i->own_endpoint) : NULL;
	if (!other || !(SCHEMES & BIT(other->link->scheme)))
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

/* n bytes piece by piece; *done counts what was copied, also before an error. */
static int copy_pieces(struct side *to, struct side *from, uint32_t n,
		       uint32_t *done)
{
	while (n) {
		size_t k;
		int err;

		if (!to->run && (err = side_next(to, n)))
			return err;
		if (!from->run && (err = side_next(from, n)))
			return err;
		k = MIN(n, MIN(to->run, from->run));
		arch_copy(to->at, from->at, k);
		to->at += k;
		to->run -= k;
		from->at += k;
		from->run -= k;
		*done += (uint32_t)k;
		n -= (uint32_t)k;
	}
	return AMBIT_OK;
}

static int copy_sides(struct side *peer, struct endpoint *e,
		      struct ambit_copy_item *i, uint32_t n)
{
	struct side own;
	int err = own_open(&own, e, i);

	if (err)
		return err;
	if (i->flags & AMBIT_COPY_TO_PEER)
		err = copy_pieces(peer, &own, n, &i->done);
	else
		err = copy_pieces(&own, peer, n, &i->done);
	side_close(&own);
	return err;
}

/* At most n bytes of an item; its status. */
static int copy_item(struct endpoint *e, struct ambit_copy_item *i, uint32_t n)
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
	err = copy_sides(&peer, e, i, MIN(n, i->len - i->done));
	side_close(&peer);
	if (err)
		return err;
	return i->done < i->len ? AMBIT_EAGAIN : AMBIT_OK;
}

static uint32_t copy_run(struct endpoint *e, void *items, uint32_t n)
{
	struct ambit_copy_item *item = items;
	uint32_t budget = AMBIT_BATCH_BYTES, i;

	sync_op_begin();
	/* Ends that are found connected stay until sync_op_end(). */
	FENCE_FULL();
	for (i = 0; i < n && budget; i++) {
		uint32_t from = item[i].done;

		item[i].status = copy_item(e, &item[i], budget);
		budget -= item[i].done - from;
		if (item[i].status == AMBIT_EAGAIN)
			break;
	}
	sync_op_end();
	return i;
}

const struct data_op copy_op = {
	.item_size = sizeof(struct ambit_copy_item),
	.status_offset = offsetof(struct ambit_copy_item, status),
	.schemes = SCHEMES,
	.connected = true,
	.run = copy_run,
};
