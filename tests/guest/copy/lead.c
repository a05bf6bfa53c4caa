/* SPDX-License-Identifier: BSD-2-Clause */
/* What the lead's tests use: orders to the owner, descriptors, calls. */
#include "tests/guest/copy/copy.h"

#define PATIENCE (30000 * MS)

struct end one, two, page, idle;
uint8_t *own;
uint64_t theirs;

void order_begin(uint32_t op, uint64_t a, uint64_t b, uint64_t c)
{
	struct order *o = (void *)(one.control + one.l->ring_offset);

	o->op = op;
	o->a = a;
	o->b = b;
	o->c = c;
	STORE_RELEASE(o->number, o->number + 1);
	hcall1(AMBIT_HC_NOTIFY, one.endpoint);
}

bool order_answered(uint64_t *value)
{
	const struct order *o = (const void *)(one.control + one.l->ring_offset);
	const struct answer *a = (const void *)(one.peer + one.l->ring_offset);

	__atomic_exchange_n(&one.event->pending, 0, __ATOMIC_SEQ_CST);
	if (LOAD_ACQUIRE(a->number) != o->number)
		return false;
	*value = a->value;
	return true;
}

uint64_t order(uint32_t op, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t end = time_now() + PATIENCE, value = 0;

	order_begin(op, a, b, c);
	while (!order_answered(&value)) {
		if (time_now() > end)
			guest_fail("the owner does not answer order %u", op);
		virq_wait(end);
	}
	return value;
}

static void poke(const struct end *e, uint64_t offset, uint64_t value)
{
	order(ORDER_POKE, e->endpoint, offset, value);
}

void slot_poke(const struct end *e, uint32_t slot, uint32_t len, uint32_t flags,
	       uint32_t count)
{
	poke(e, e->l->desc_offset + slot * sizeof(struct ambit_desc),
	     len | (uint64_t)flags << 32 | (uint64_t)count << 48);
}

void slot_set(const struct end *e, uint32_t slot, uint32_t flags,
	      const struct ambit_seg *seg, uint32_t count)
{
	uint64_t at = e->l->seg_offset + slot * SEGMENTS * sizeof(*seg);
	uint32_t len = 0;

	for (uint32_t i = 0; i < count; i++) {
		poke(e, at + i * sizeof(*seg), seg[i].gpa);
		poke(e, at + i * sizeof(*seg) + 8, seg[i].len);
		len += seg[i].len;
	}
	slot_poke(e, slot, len, flags, count);
}

void slot_set1(const struct end *e, uint32_t slot, uint32_t flags, uint64_t gpa,
	       uint32_t len)
{
	struct ambit_seg seg = { gpa, len, 0 };

	slot_set(e, slot, flags, &seg, 1);
}

int64_t copy_call(const struct end *e, const void *items, uint64_t n,
		  const void *tail)
{
	return hcall4(AMBIT_HC_COPY, e->endpoint, (uint64_t)items, n, (uint64_t)tail);
}

int32_t copy_one(const struct end *e, struct ambit_copy_item *i)
{
	uint32_t before;
	int64_t r;

	i->done = 0;
	do {
		before = i->done;
		r = copy_call(e, i, 1, NULL);
		CHECK(r == 0 || r == 1);
		CHECK(i->done <= i->len && i->done - before <= AMBIT_BATCH_BYTES);
		CHECK_IS(i->status == AMBIT_EAGAIN, r == 0);
	} while (r == 0 && i->done > before);
	return i->status;
}

void copy_must(uint32_t flags, uint32_t slot, uint32_t offset, const void *at,
	       uint32_t len)
{
	struct ambit_copy_item i = {
		.flags = flags, .slot = slot, .offset = offset, .len = len,
		.own = (uint64_t)at, .status = 1,
	};

	CHECK_IS(copy_one(&one, &i), AMBIT_OK);
	CHECK_IS(i.done, len);
}
