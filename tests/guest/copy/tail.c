/* SPDX-License-Identifier: BSD-2-Clause */
/* The tail: publish, notify by the peer's event indices, wait. */
#include "tests/guest/copy/copy.h"

#define OUT	10u
#define EMPTY	3u

static struct ambit_copy_item item;
static struct ambit_tail tail __attribute__((aligned(8)));
static const struct end *e;

static uint32_t prod(void)
{
	return READ_ONCE(((const struct ambit_control *)(const void *)e->control)->prod);
}

/* The owner's event indices on this link. */
static void wake_at(uint32_t loud, uint32_t quiet)
{
	order(ORDER_POKE, e->endpoint, offsetof(struct ambit_control, wake),
	      loud | (uint64_t)quiet << 32);
}

static bool notified(void)
{
	return order(ORDER_PENDING, e->endpoint, 0, 0);
}

/* Publish [from, to), the last loud messages ending at these places. */
static bool publishes(uint32_t from, uint32_t to, uint32_t loud_from, uint32_t loud)
{
	tail = (struct ambit_tail){
		.flags = AMBIT_TAIL_PUBLISH, .from = from, .prod = to,
		.loud_from = loud_from, .loud = loud,
	};
	CHECK_IS(copy_call(e, &item, 0, &tail), 0);
	CHECK_IS(prod(), to);
	return notified();
}

static void test_wake_rule(void)
{
	uint32_t ring = e->l->ring_size;

	wake_at(100, 100);
	CHECK(publishes(100, 101, 90, 101));
	CHECK(publishes(100, 101, 90, 90));	/* quiet ones by wake_quiet */
	CHECK(publishes(95, 105, 90, 90));
	CHECK(!publishes(101, 105, 101, 101));
	CHECK(!publishes(95, 100, 90, 100));
	CHECK(!publishes(100, 100, 100, 100));
	wake_at(100, 5000);
	CHECK(publishes(100, 101, 100, 101));
	CHECK(publishes(103, 105, 98, 104));	/* quiet ones came before it */
	CHECK(!publishes(103, 105, 101, 104));
	CHECK(!publishes(99, 105, 98, 98));	/* no loud one in the batch */
	CHECK(!publishes(98, 105, 98, 100));
	/* No further back than a ring. */
	CHECK(publishes(99 + ring, 100 + ring, 2, 100 + ring));
	CHECK(!publishes(99 + ring, 101 + ring, 2, 101 + ring));
	/* Over the end of 32 bits. */
	wake_at(UINT32_MAX, 5000);
	CHECK(publishes(UINT32_MAX - 1, 1, UINT32_MAX - 1, 1));
	CHECK(publishes(UINT32_MAX, 0, UINT32_MAX, 0));
	CHECK(!publishes(0, 1, 0, 1));
	wake_at(5000, UINT32_MAX);
	CHECK(publishes(UINT32_MAX - 3, 2, 0, 0));
}

/* It runs when all is dealt with and nothing failed. */
static void test_condition(void)
{
	wake_at(5000, 10);
	item = (struct ambit_copy_item){ .slot = OUT, .len = 64, .own = (uint64_t)own };
	tail = (struct ambit_tail){
		.flags = AMBIT_TAIL_PUBLISH, .from = 10, .prod = 11,
	};
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	CHECK(notified());
	tail.prod = 12;
	item.done = 0;
	item.slot = EMPTY;
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	CHECK_IS(item.status, AMBIT_ENOENT);
	CHECK_IS(prod(), 11);
	item.slot = OUT;
	item.len = AMBIT_BATCH_BYTES + 1;
	CHECK_IS(copy_call(e, &item, 1, &tail), 0);
	CHECK_IS(prod(), 11);
	CHECK(!notified());
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	CHECK_IS(prod(), 12);
	CHECK(notified());
	/* More items than a call takes. */
	tail.prod = 13;
	item.done = 0;
	item.len = 0;
	static struct ambit_copy_item many[33];
	for (uint32_t i = 0; i < 33; i++)
		many[i] = item;
	CHECK_IS(copy_call(e, many, 33, &tail), 32);
	CHECK_IS(prod(), 12);
	CHECK_IS(copy_call(e, many + 32, 1, &tail), 1);
	CHECK_IS(prod(), 13);
	notified();
}

static void test_wait(void)
{
	uint64_t end;

	item = (struct ambit_copy_item){ .slot = OUT, .len = 64, .own = (uint64_t)own };
	tail = (struct ambit_tail){ .flags = AMBIT_TAIL_WAIT, .from = 3, .prod = 7 };
	virq_poll();
	end = tail.deadline = time_now() + 3 * MS;
	CHECK_IS(copy_call(e, &item, 1, &tail), AMBIT_ETIME);
	CHECK(time_now() >= end);
	CHECK_IS(item.status, AMBIT_OK);
	CHECK_IS(item.done, 64);
	CHECK_IS(prod(), 13);		/* not published */
	/* A failed item: no wait either, though there would be no end to it. */
	tail.deadline = 0;
	item.done = 0;
	item.slot = EMPTY;
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	/* One that is pending ends it at once. */
	item.slot = OUT;
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI), AMBIT_OK);
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	virq_poll();
	/* The answer of who was notified ends it. */
	wake_at(5000, 13);
	order(ORDER_ECHO, e->endpoint, 0, 0);
	__atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
	virq_poll();
	tail = (struct ambit_tail){
		.flags = AMBIT_TAIL_PUBLISH | AMBIT_TAIL_WAIT, .from = 13, .prod = 14,
		.deadline = time_now() + 5000 * MS,
	};
	item.done = 0;
	CHECK_IS(copy_call(e, &item, 1, &tail), 1);
	CHECK_IS(prod(), 14);
	CHECK_IS(READ_ONCE(e->event->pending), 1);
}

void test_tails(void)
{
	e = &two;
	slot_set1(e, OUT, AMBIT_DESC_OUT, theirs, BUFFER_BYTES);
	notified();
	test_wake_rule();
	test_condition();
	test_wait();
}
