/* SPDX-License-Identifier: BSD-2-Clause */
/* The side that does what it is told, and reads on another CPU. */
#include "tests/guest/grants/grants.h"
#include "tests/guest/lib/check.h"

static struct end me;
static struct {
	uint32_t first, n, stop, stopped;
	uint32_t poison;
	uint64_t rounds;
} loop;

static void reader(void *arg)
{
	(void)arg;
	for (; !LOAD_ACQUIRE(loop.stop); loop.rounds++) {
		for (uint32_t i = 0; i < loop.n; i++) {
			volatile uint64_t *p = window_page(&me, loop.first + i);

			loop.poison += p[0] == POISON;
			p[1] = SCRIBBLE + loop.rounds;
		}
	}
	STORE_RELEASE(loop.stopped, 1);
}

/* One item over all entries; what it gets for that when they are gone is fine. */
static void copier(void *arg)
{
	(void)arg;
	for (; !LOAD_ACQUIRE(loop.stop); loop.rounds++) {
		struct ambit_copy_item it = {
			.flags = AMBIT_COPY_TO_PEER, .slot = loop.first, .generation = GEN,
			.len = loop.n * (uint32_t)PAGE_SIZE, .own = (uint64_t)me.pages };

		hcall4(AMBIT_HC_COPY, me.endpoint, (uint64_t)&it, 1, 0);
	}
	STORE_RELEASE(loop.stopped, 1);
}

static int loop_start(void (*fn)(void *), uint32_t first, uint32_t n)
{
	uint64_t until = time_now() + 5000 * MS;
	int err;

	loop.first = first;
	loop.n = n;
	loop.poison = loop.stop = loop.stopped = 0;
	loop.rounds = 0;
	while ((err = vcpu_start(1, fn, NULL)) == AMBIT_EBUSY && time_now() < until)
		virq_wait(time_now() + MS);
	while (!err && !READ_ONCE(loop.rounds) && time_now() < until)
		virq_wait(time_now() + MS);
	return err;
}

static int loop_end(uint64_t *rounds)
{
	STORE_RELEASE(loop.stop, 1);
	while (!LOAD_ACQUIRE(loop.stopped))
		virq_wait(time_now() + MS);
	*rounds = loop.rounds;
	return (int)loop.poison;
}

static uint32_t look(const struct order *o)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->n; i++)
		n += window_page(&me, o->page + i)[0] == o->mark + i;
	return n;
}

static void stamp(const struct order *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		own_page(&me, o->page + i)[0] = o->mark + i;
}

static int memory_order(const struct order *o, uint64_t *value)
{
	switch (o->command) {
	case MATE_STAMP:
		stamp(o);
		return 0;
	case MATE_LOOK:
		return (int)look(o);
	case MATE_WRITE:
		window_page(&me, o->page)[1] = o->mark;
		return 0;
	case MATE_READ:
		*value = window_page(&me, o->page)[0];
		return 0;
	case MATE_LOOP:
		return loop_start(reader, o->page, o->n);
	case MATE_COPY_LOOP:
		memset(me.pages, 0x5c, o->n * PAGE_SIZE);
		return loop_start(copier, o->ref, o->n);
	case MATE_LOOP_END:
		return loop_end(value);
	case MATE_CRASH:
		__asm__ volatile("cli; hlt");
	}
	guest_fail("order %u", o->command);
}

static int order_do(const struct order *o, uint64_t *value)
{
	switch (o->command) {
	case MATE_PUT:
		entries_put(&me, o->ref, o->page, o->n, o->flags);
		return 0;
	case MATE_PUT_RAW:
		me.grant[o->ref] = o->entry;
		return 0;
	case MATE_MAP:
		return map_do(&me, o->flags, o->ref, o->page, o->n, NULL);
	case MATE_UNMAP:
		return unmap_do(&me, o->page, o->n, NULL);
	case MATE_MUTUAL:
		return (int)mutual_do(&me, o->n);
	case MATE_UNMAP_LATER:
		return 0;
	default:
		return memory_order(o, value);
	}
}

void mate(void)
{
	end_open(&me, 0);
	me.own->value = vm_info()->incarnation;
	/* What the lead asked of an earlier incarnation is not repeated. */
	me.own->seq = me.peer->seq;
	end_meet(&me);
	for (;;) {
		struct order o;

		__atomic_exchange_n(&me.event->pending, 0, __ATOMIC_SEQ_CST);
		if (LOAD_ACQUIRE(me.peer->seq) == me.own->seq) {
			virq_wait(0);
			continue;
		}
		memcpy(&o, &me.peer->order, sizeof(o));
		me.own->result = order_do(&o, &me.own->value);
		STORE_RELEASE(me.own->seq, me.own->seq + 1);
		hcall1(AMBIT_HC_NOTIFY, me.endpoint);
		if (o.command == MATE_UNMAP_LATER) {
			time_sleep_until(time_now() + 300 * MS);
			unmap_do(&me, o.page, o.n, NULL);
		}
	}
}
