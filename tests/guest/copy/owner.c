/* SPDX-License-Identifier: BSD-2-Clause */
/* The owner of descriptors: it does what it is ordered to. */
#include "guests/lib/cpu.h"
#include "guests/lib/prng.h"
#include "tests/guest/copy/copy.h"

#define RACE_SLOT	0u
#define POISON		0xa5u
#define DAWDLE		3000u	/* loops at most before and after a withdrawal */

static struct end links[2], *echo;
static uint8_t *buffer;

static uint64_t uses(const struct end *e)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < e->l->slots; i++)
		sum += READ_ONCE(e->status->use[i]);
	return sum;
}

static struct end *link_of(uint64_t i)
{
	return &links[i != links[0].endpoint];
}

static uint64_t obey(const struct order *o)
{
	struct end *e = link_of(o->a);

	switch (o->op) {
	case ORDER_BASE:
		return (uint64_t)buffer;
	case ORDER_FILL:
		pattern_fill((uint8_t *)o->a, o->b, o->c);
		return 0;
	case ORDER_CHECK:
		return pattern_check((const uint8_t *)o->a, o->b, o->c);
	case ORDER_POKE:
		STORE_RELEASE(*(uint64_t *)(e->control + o->b), o->c);
		return 0;
	case ORDER_PENDING:
		return __atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
	case ORDER_ECHO:
		echo = e;
		return 0;
	case ORDER_USES:
		return uses(e);
	case ORDER_RACE:
		return owner_race(&links[0], buffer, o);
	default:
		return 0;
	}
}

/* --- the race --------------------------------------------------------------------- */

static void dawdle(struct prng *r)
{
	for (uint64_t n = prng_below(r, DAWDLE); n; n--)
		cpu_pause();
}

static bool any_is(const uint8_t *p, uint64_t n, bool poison)
{
	for (uint64_t i = 0; i < n; i++) {
		if ((READ_ONCE(p[i]) == POISON) == poison)
			return true;
	}
	return false;
}

/* Clear the entry; when this returns nobody writes what it named. */
static void withdraw(const struct end *e, uint64_t *first, bool by_call)
{
	__atomic_store_n(first, 0, __ATOMIC_RELEASE);
	FENCE_FULL();
	if (by_call) {
		hcall1(AMBIT_HC_SETTLE, e->endpoint);
		return;
	}
	while (LOAD_ACQUIRE(e->status->use[RACE_SLOT]))
		cpu_pause();
}

/*
 * The lead's other vCPU copies into our slot without end. Publish, withdraw,
 * poison, and look for bytes that came late. Result: rounds with late bytes,
 * and in the upper half rounds in which something was written.
 */
uint64_t owner_race(const struct end *e, uint8_t *at, const struct order *o)
{
	struct ambit_desc *desc = (void *)(e->control + e->l->desc_offset);
	struct ambit_seg *seg = (void *)(e->control + e->l->seg_offset);
	const uint64_t word = o->b | (uint64_t)AMBIT_DESC_IN << 32 | 1ull << 48;
	uint64_t *first = (uint64_t *)(void *)&desc[RACE_SLOT];
	struct prng r = { o->c };
	uint64_t late = 0, hits = 0;

	seg[RACE_SLOT * SEGMENTS] = (struct ambit_seg){ (uint64_t)at, (uint32_t)o->b, 0 };
	memset(at, POISON, o->b);
	for (uint64_t i = 0; i < o->a; i++) {
		STORE_RELEASE(*first, word);
		dawdle(&r);
		withdraw(e, first, i & 1);
		hits += any_is(at, o->b, false);
		memset(at, POISON, o->b);
		dawdle(&r);
		late += any_is(at, o->b, false);
	}
	return late | hits << 32;
}

/* --- orders ----------------------------------------------------------------------- */

static void answer_to(uint32_t number, uint64_t value)
{
	struct answer *a = (void *)(links[0].control + links[0].l->ring_offset);

	a->value = value;
	STORE_RELEASE(a->number, number);
	hcall1(AMBIT_HC_NOTIFY, links[0].endpoint);
}

int owner_main(void)
{
	const struct order *there;
	struct order o = { 0 };
	struct end last;

	end_open(&links[0], "one", true);
	end_open(&links[1], "two", true);
	end_open(&last, "page", true);
	buffer = page_alloc_bytes(BUFFER_BYTES);
	there = (const void *)(links[0].peer + links[0].l->ring_offset);
	while (o.op != ORDER_END) {
		uint32_t number = o.number;

		__atomic_exchange_n(&links[0].event->pending, 0, __ATOMIC_SEQ_CST);
		if (echo && __atomic_exchange_n(&echo->event->pending, 0,
						__ATOMIC_SEQ_CST)) {
			uint64_t endpoint = echo->endpoint;

			echo = NULL;
			hcall1(AMBIT_HC_NOTIFY, endpoint);
		}
		if (LOAD_ACQUIRE(there->number) == number) {
			virq_wait(0);
			continue;
		}
		o = *there;
		answer_to(o.number, obey(&o));
	}
	return 0;
}
