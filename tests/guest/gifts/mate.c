/* SPDX-License-Identifier: BSD-2-Clause */
/* The side that does as it is told. */
#include "tests/guest/gifts/gifts.h"

static struct end end;
static uint32_t stared_at;	/* the place that vCPU 1 reads */

static void stare(void *arg)
{
	volatile uint64_t *page = (volatile uint64_t *)pool_at(stared_at);

	(void)arg;
	for (;;)
		WRITE_ONCE(end.own->seen, *page);
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
	case MATE_STARE:
		stared_at = o->place;
		return vcpu_start(1, stare, NULL);
	case MATE_TOUCH:
		return (int)*(volatile uint64_t *)pool_at(o->place);
	default:
		return AMBIT_ENOSYS;
	}
}

_Noreturn void mate(void)
{
	end_open(&end, 0);
	/* An order to an earlier incarnation is none to this one. */
	end.own->seq = LOAD_ACQUIRE(end.peer->seq);
	hcall2(AMBIT_HC_LINK_STATE, end.endpoint, AMBIT_LINK_CONNECTED);
	for (;;) {
		uint32_t seq;

		__atomic_exchange_n(&end.event->pending, 0, __ATOMIC_SEQ_CST);
		seq = LOAD_ACQUIRE(end.peer->seq);
		if (seq == end.own->seq) {
			virq_wait(0);
			continue;
		}
		struct order o = end.peer->order;

		end.own->result = act(&end, &o);
		STORE_RELEASE(end.own->seq, seq);
		hcall1(AMBIT_HC_NOTIFY, end.endpoint);
	}
}
