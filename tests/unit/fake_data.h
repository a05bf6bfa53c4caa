/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data calls for host tests (end of fake_link.h): use marks, one reading of
 * each entry, bounded work, tails, as hv/abi/data.h has them. Tests can make
 * items fail and look on at each exit.
 */
#pragma once

#include <sched.h>

static uint32_t fake_budget = AMBIT_BATCH_BYTES;
static long fake_fail;			/* n: the n-th item from now on fails */
static unsigned long fake_op[2];	/* odd: an end's operation runs */
static unsigned long fake_calls, fake_tails;
/* Called between an operation's look at an entry and its copy. */
static void (*fake_between)(uint32_t endpoint);

static inline struct ambit_desc *fake_desc(unsigned int end, uint32_t slot)
{
	return (struct ambit_desc *)(fake[end].control +
				     fake[end].info.desc_offset) + slot;
}

static inline struct ambit_seg *fake_seg(unsigned int end, uint32_t slot)
{
	const struct ambit_link_info *l = &fake[end].info;

	return (struct ambit_seg *)(fake[end].control + l->seg_offset) +
	       (size_t)slot * l->seg_max;
}

/* Called with the own side of each piece of a copy. */
static void (*fake_own)(uint8_t *own, uint64_t n, bool written);

/* Copy what one segment has of bytes [off, off + n): how many, or an error. */
static inline int64_t fake_piece(const struct ambit_copy_item *item,
				 uint64_t gpa, uint64_t len, uint8_t *own)
{
	uint8_t *p = fake_ptr(gpa, len);

	if (!p)
		return AMBIT_EFAULT;
	if (fake_own)
		fake_own(own, len, !(item->flags & AMBIT_COPY_TO_PEER));
	if (item->flags & AMBIT_COPY_TO_PEER)
		fake_copy(p, own, len);
	else
		fake_copy(own, p, len);
	return (int64_t)len;
}

#include "tests/unit/fake_grant.h"

/* Up to `budget` bytes of an item whose slot is marked used; its status. */
static inline int fake_copy_desc(uint32_t endpoint,
				 struct ambit_copy_item *item, uint32_t *budget)
{
	unsigned int peer = endpoint ^ 1;
	const struct ambit_seg *s = fake_seg(peer, item->slot);
	uint64_t word = READ_ONCE(*(word_t *)fake_desc(peer, item->slot));
	uint64_t off = (uint64_t)item->offset + item->done;
	uint32_t segs = (uint32_t)(word >> 48), dir = (uint16_t)(word >> 32);

	if (!word)
		return AMBIT_ENOENT;
	if (!(dir & (item->flags & AMBIT_COPY_TO_PEER ? AMBIT_DESC_IN :
						       AMBIT_DESC_OUT)))
		return AMBIT_EACCES;
	if ((uint64_t)item->offset + item->len > (uint32_t)word ||
	    segs > fake[peer].info.seg_max)
		return AMBIT_ERANGE;
	if (fake_between)
		fake_between(endpoint);
	for (uint32_t i = 0; i < segs && item->done < item->len; i++) {
		uint64_t gpa = READ_ONCE(s[i].gpa), n = READ_ONCE(s[i].len);
		uint8_t *own = fake_ptr(item->own, item->len);
		int64_t r;

		if (off >= n) {
			off -= n;
			continue;
		}
		if (!own)
			return AMBIT_EFAULT;
		n = MIN(MIN(n - off, *budget), item->len - item->done);
		r = fake_piece(item, gpa + off, n, own + item->done);
		if (r < 0)
			return (int)r;
		item->done += (uint32_t)n;
		*budget -= (uint32_t)n;
		if (!*budget && item->done < item->len)
			return AMBIT_EAGAIN;
		off = 0;
	}
	return item->done == item->len ? AMBIT_OK : AMBIT_ERANGE;
}

static inline int fake_copy_slot(uint32_t endpoint,
				 struct ambit_copy_item *item, uint32_t *budget)
{
	uint32_t *use = fake[endpoint ^ 1].status->use;
	int r;

	if (item->slot >= fake[endpoint].info.slots)
		return AMBIT_ENOENT;
	__atomic_fetch_add(&use[item->slot], 1, __ATOMIC_SEQ_CST);
	r = fake_copy_desc(endpoint, item, budget);
	__atomic_fetch_sub(&use[item->slot], 1, __ATOMIC_SEQ_CST);
	return r;
}

static inline int fake_copy_item(uint32_t endpoint,
				 struct ambit_copy_item *item, uint32_t *budget)
{
	int r;

	if (fake_fail && !--fake_fail)
		return AMBIT_EFAULT;
	__atomic_fetch_add(&fake_op[endpoint], 1, __ATOMIC_SEQ_CST);
	r = fake_kind == FAKE_GRANT ? fake_copy_grant(endpoint, item, budget) :
				      fake_copy_slot(endpoint, item, budget);
	__atomic_fetch_add(&fake_op[endpoint], 1, __ATOMIC_SEQ_CST);
	return r;
}

static inline bool fake_passes(uint32_t wake, uint32_t from, uint32_t to)
{
	return to - wake - 1 < to - from;
}

static inline void fake_tail(uint32_t endpoint, const struct ambit_tail *tail)
{
	struct ambit_control *own = (struct ambit_control *)fake[endpoint].control;
	const struct ambit_control *peer =
		(const struct ambit_control *)fake[endpoint ^ 1].control;

	fake_tails++;
	if (tail->flags & AMBIT_TAIL_PUBLISH && tail->from != tail->prod) {
		STORE_RELEASE(own->prod, tail->prod);
		FENCE_FULL();
		if (fake_passes(READ_ONCE(peer->wake_quiet), tail->from,
				tail->prod) ||
		    (tail->loud != tail->loud_from &&
		     fake_passes(READ_ONCE(peer->wake), tail->loud_from,
				 tail->loud)))
			bm_sys_notify(endpoint);
	}
	if (tail->flags & AMBIT_TAIL_WAIT)
		bm_sys_wait(tail->deadline);
}

/* The first n copy items: how many were dealt with. */
static inline uint32_t fake_copies(uint32_t endpoint,
				   struct ambit_copy_item *item, uint32_t n,
				   bool *good)
{
	uint32_t budget = fake_budget, i;

	for (i = 0; i < n && budget; i++) {
		item[i].status = fake_copy_item(endpoint, &item[i], &budget);
		if (item[i].status == AMBIT_EAGAIN)
			break;
		*good &= !item[i].status;
	}
	return i;
}

static inline int64_t fake_items(uint32_t endpoint, uint32_t call, void *items,
				 uint32_t n, bool *good)
{
	uint32_t max = MIN(n, (uint32_t)AMBIT_BATCH_MAX), done;
	bool copy = call == AMBIT_HC_COPY;

	if (fake_kind != FAKE_GRANT &&
	    !(copy && (fake_kind == FAKE_COPY ||
		       (fake_kind == FAKE_DIRECT_HOST && endpoint == 1))))
		return AMBIT_EINVAL;
	if ((copy || call == AMBIT_HC_GRANT_MAP) && !fake_connected())
		return AMBIT_EGONE;
	done = copy ? fake_copies(endpoint, items, max, good) :
		      fake_grants(endpoint, call, items, max, good);
	*good &= done == n;
	return done;
}

int64_t bm_sys_data(uint32_t call, uint32_t endpoint, void *items, uint32_t n,
		    const struct ambit_tail *tail)
{
	bool good = true;
	int64_t r;

	fake_calls++;
	if (fake_exit)
		fake_exit(endpoint, false);
	r = fake_items(endpoint, call, items, n, &good);
	if (fake_exit)
		fake_exit(endpoint, true);
	if (r >= 0 && good && tail)
		fake_tail(endpoint, tail);
	return r;
}

/* Wait until the peer's operation of now, if there is one, has ended. */
void bm_sys_settle(uint32_t endpoint)
{
	unsigned long op = __atomic_load_n(&fake_op[endpoint ^ 1],
					   __ATOMIC_SEQ_CST);

	fake[endpoint].settles++;
	while (op & 1 && __atomic_load_n(&fake_op[endpoint ^ 1],
					 __ATOMIC_SEQ_CST) == op)
		sched_yield();
}
