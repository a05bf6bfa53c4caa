/* SPDX-License-Identifier: BSD-2-Clause */
/* The side that does as it is told. */
#include "tests/guest/gifts/gifts.h"

static uint32_t fled_from;	/* the place that vCPU 1 reads */

static void flee(void *arg)
{
	(void)arg;
	for (;;)
		*(volatile uint64_t *)pool_at(READ_ONCE(fled_from));
}

static int act(struct end *e, const struct order *o)
{
	uint32_t n = 0;

	switch (o->command) {
	case MATE_POST:
		entries_post(e, o->ref, o->place, o->n, AMBIT_GRANT_ACCEPT | o->flags);
		return 0;
	case MATE_GRANT:
		entries_post(e, o->ref, o->place, o->n, AMBIT_GRANT_READ);
		return 0;
	case MATE_WITHDRAW:
		entries_clear(e, o->ref, o->n);
		return 0;
	case MATE_GIVE:
		return gifts_do(e, o->mode, o->ref, o->place, o->n);
	case MATE_TAKE:
		return gifts_do(e, AMBIT_GIVE_TAKE, o->ref, 0, o->n);
	case MATE_STAMP:
		for (uint32_t i = 0; i < o->n; i++)
			mark_put(o->place + i, o->mark + i);
		return 0;
	case MATE_LOOK:
		for (uint32_t i = 0; i < o->n; i++)
			n += mark_is(o->place + i, o->mark + i);
		return (int)n;
	case MATE_FLEE:
		WRITE_ONCE(fled_from, o->place);
		return vcpu_start(1, flee, NULL);
	case MATE_TOUCH:
		return (int)*(volatile uint64_t *)pool_at(o->place);
	default:
		return AMBIT_ENOSYS;
	}
}

_Noreturn void mate(void)
{
	struct end e;

	end_open(&e, 0);
	/* An order to an earlier incarnation is none to this one. */
	e.own->seq = LOAD_ACQUIRE(e.peer->seq);
	hcall2(AMBIT_HC_LINK_STATE, e.endpoint, AMBIT_LINK_CONNECTED);
	for (;;) {
		uint32_t seq;

		__atomic_exchange_n(&e.event->pending, 0, __ATOMIC_SEQ_CST);
		seq = LOAD_ACQUIRE(e.peer->seq);
		if (seq == e.own->seq) {
			virq_wait(0);
			continue;
		}
		struct order o = e.peer->order;

		e.own->result = act(&e, &o);
		STORE_RELEASE(e.own->seq, seq);
		hcall1(AMBIT_HC_NOTIFY, e.endpoint);
	}
}
