/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virq: two VMs with two vCPUs each exchange numbered notifications over two
 * links, in every way to mask, unmask, poll, halt and wait. Each vCPU drives one
 * link; a number that does not arrive in time was lost. The numbers go through
 * the control area's first word, which the peer can read.
 */
#include "guests/lib/cpu.h"
#include "tests/guest/lib/check.h"

#include "hv/abi/link.h"

#define PATIENCE	(3000 * MS)	/* virtual time; only a lost virq takes it */
#define WAYS		8u

struct side {
	const struct ambit_link_info *l;
	struct ambit_event *event;
	volatile uint32_t *own, *peer;	/* numbers sent and received */
	struct ambit_vcpu_page *page;
	uint32_t endpoint, vcpu;
	uint64_t lost, upcalls;
	uint64_t done;			/* rounds */
};

static struct side sides[2];
static uint64_t finished;
static uint32_t rounds;

static void on_upcall(uint32_t virq, void *arg)
{
	struct side *s = arg;

	(void)virq;
	s->upcalls++;
	__atomic_exchange_n(&s->event->pending, 0, __ATOMIC_SEQ_CST);
}

static bool here(struct side *s, uint32_t number)
{
	return (int32_t)(LOAD_ACQUIRE(*s->peer) - number) >= 0;
}

static void clear(struct side *s)
{
	__atomic_exchange_n(&s->event->pending, 0, __ATOMIC_SEQ_CST);
	virq_poll();
}

/* --- the ways to wait for the peer's number -------------------------------------- */

static void by_wait(struct side *s, uint32_t number)
{
	uint64_t end = time_now() + PATIENCE;

	clear(s);
	while (!here(s, number)) {
		if (hcall1(AMBIT_HC_WAIT, end) == AMBIT_ETIME) {
			s->lost++;
			return;
		}
		clear(s);
	}
}

/* Mask in the event page: pending is set, nothing else; unmask and look. */
static void by_event_mask(struct side *s, uint32_t number)
{
	WRITE_ONCE(s->event->mask, 1);
	clear(s);
	for (uint32_t i = 0; i < (number & 63); i++)
		__asm__ volatile("");
	WRITE_ONCE(s->event->mask, 0);
	FENCE_FULL();
	by_wait(s, number);
}

/* Mask the virq: pending in the vCPU page, no wake-up; unmask and look. */
static void by_virq_mask(struct side *s, uint32_t number)
{
	uint64_t bit = 1ull << (s->l->virq & 63);
	uint64_t *mask = &s->page->mask[s->l->virq / 64];

	__atomic_fetch_or(mask, bit, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < (number & 31); i++)
		__asm__ volatile("");
	__atomic_fetch_and(mask, ~bit, __ATOMIC_SEQ_CST);
	by_wait(s, number);
}

/* Upcalls while it looks again and again. */
static void by_upcall(struct side *s, uint32_t number)
{
	uint64_t end = time_now() + PATIENCE;

	virq_upcalls(true);
	clear(s);
	for (uint32_t i = 0; !here(s, number); i++) {
		cpu_pause();
		/* On one pCPU the peer must get a turn. */
		if (i % 64 == 63)
			hcall1(AMBIT_HC_WAIT, time_now() + MS);
		if (time_now() > end) {
			s->lost++;
			break;
		}
	}
	virq_upcalls(false);
}

/* The classic: look with interrupts off, then STI; HLT. */
static void by_halt(struct side *s, uint32_t number)
{
	uint64_t end = time_now() + PATIENCE;

	virq_upcalls(true);
	hcall1(AMBIT_HC_TIMER_SET, end);
	for (;;) {
		irq_disable();
		if (here(s, number))
			break;
		if (time_now() > end) {
			s->lost++;
			break;
		}
		__asm__ volatile("sti; hlt" : : : "memory");
	}
	hcall1(AMBIT_HC_TIMER_SET, 0);
	irq_enable();
	virq_upcalls(false);
}

/* --- one round ------------------------------------------------------------------------ */

static void send(struct side *s, uint32_t number)
{
	STORE_RELEASE(*s->own, number);
	hcall1(AMBIT_HC_NOTIFY, s->endpoint);
	/* One that is pending already changes nothing. */
	if (number % 5 == 0)
		hcall1(AMBIT_HC_NOTIFY, s->endpoint);
}

static void receive(struct side *s, uint32_t number, uint32_t way)
{
	switch (way) {
	case 0:
	case 1:
		by_wait(s, number);
		break;
	case 2:
		by_event_mask(s, number);
		break;
	case 3:
		by_virq_mask(s, number);
		break;
	case 4:
	case 5:
		by_upcall(s, number);
		break;
	default:
		by_halt(s, number);
	}
}

/* Ways of this round: a different mix for each side, all pairs in time. */
static void run_round(struct side *s, uint32_t number, bool first)
{
	uint32_t way = (number + (first ? number / WAYS : 3 * number / 7)) % WAYS;

	if (first && way == 1) {
		/* Send and sleep in one call. */
		clear(s);
		STORE_RELEASE(*s->own, number);
		hcall2(AMBIT_HC_NOTIFY_WAIT, s->endpoint, time_now() + PATIENCE);
		by_wait(s, number);
	} else if (first) {
		send(s, number);
		receive(s, number, way);
	} else {
		receive(s, number, way);
		send(s, number);
	}
}

static void drive(void *arg)
{
	struct side *s = arg;
	bool first = !(s->l->flags & AMBIT_LINKF_BACK);

	for (uint32_t i = 1; i <= rounds && !s->lost; i++) {
		run_round(s, i, first);
		s->done = i;
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
	hcall2(AMBIT_HC_VIRQ_SEND, 0, AMBIT_VIRQ_IPI);
}

static void side_open(struct side *s, uint32_t endpoint)
{
	const struct ambit_link_info *l = link_info(endpoint);

	*s = (struct side){
		.l = l, .endpoint = endpoint, .vcpu = endpoint,
		.event = (struct ambit_event *)l->event,
		.own = &((struct ambit_control *)l->control)->prod,
		.peer = &((struct ambit_control *)l->peer_control)->prod,
		.page = vcpu_page(endpoint),
	};
	virq_handle(l->virq, on_upcall, s);
	CHECK_IS(hcall2(AMBIT_HC_VIRQ_BIND, l->virq, endpoint), 0);
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
	while (LOAD_ACQUIRE(((const struct ambit_status *)l->status)->peer_state) !=
	       AMBIT_LINK_CONNECTED)
		virq_wait(time_now() + MS);
}

int guest_main(void)
{
	rounds = (uint32_t)cmdline_u64("rounds", 5000);
	for (uint32_t i = 0; i < 2; i++)
		side_open(&sides[i], i);
	CHECK_IS(vcpu_start(1, drive, &sides[1]), 0);
	drive(&sides[0]);
	while (LOAD_ACQUIRE(finished) != 2)
		virq_wait(time_now() + 10 * MS);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_IS(sides[i].lost, 0);
		CHECK_IS(sides[i].done, rounds);
		CHECK(sides[i].upcalls > 0);
	}
	return check_end();
}
