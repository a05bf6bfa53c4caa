/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items. Others hand them over through a lock-free inbox; `queued` says that
 * an item is in one list or another, and only who sets it may link it.
 */
#include "hv/work.h"

#include "hv/audit.h"
#include "hv/sched.h"
#include "hv/time.h"
#include "hv/timers.h"

#define WORK_NS	50000ull	/* of guest time between two slices of work */
#define ASK_BURST	16u	/* interrupts for work, after a while without */

/* p is to look at its inbox. A guest there is disturbed so often and no more (work_pay):
 * else the timer that ends the quiet does. If the guest leaves just now, it does too. */
static void work_ask(struct pcpu *p)
{
	if (READ_ONCE(p->work_quiet) && READ_ONCE(p->current))
		return;
	WRITE_ONCE(p->work_asked, 1u);
	sched_interrupt(p);
}

void work_add(uint32_t pcpu, struct work *w)
{
	struct pcpu *p = pcpu_of(pcpu);

	if (__atomic_exchange_n(&w->queued, 1, __ATOMIC_SEQ_CST))
		return;
	struct work *head = READ_ONCE(p->work_inbox);

	do
		w->next = head;
	while (!__atomic_compare_exchange_n(&p->work_inbox, &head, w, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (!head && p != this_pcpu())
		work_ask(p);
}

/*
 * An interrupt for work costs the guest that runs here an exit, and others, on CPUs of
 * their own, say how often. So a bucket bounds it, as that of kicks does (hv/sched.c:
 * kick_pay); it belongs to the pCPU, as any guest may be the one that runs.
 */
static __attribute__((noinline)) void work_pay(struct pcpu *p)
{
	uint64_t now = arch_tsc(), each = time_ns_to_ticks(WORK_NS);
	uint64_t full = now + ASK_BURST * each;

	WRITE_ONCE(p->work_asked, 0u);
	if (!p->current)
		return;
	p->work_paid = MIN(MAX(p->work_paid, now), full) + each;
	if (p->work_paid <= full || p->work_quiet)
		return;
	WRITE_ONCE(p->work_quiet, now + each);
	timers_arm(p, p->work_quiet);
}

/* If work came meanwhile, this was the interrupt for it, and the next comes no sooner. */
static void quiet_look(struct pcpu *p, uint64_t now)
{
	if (p->work_quiet <= now) {
		/* Full fence: who finds it 0 interrupts, the others are seen behind it. */
		__atomic_store_n(&p->work_quiet, 0, __ATOMIC_SEQ_CST);
		if (!p->current || !READ_ONCE(p->work_inbox))
			return;
		WRITE_ONCE(p->work_quiet, now + time_ns_to_ticks(WORK_NS));
	}
	timers_arm(p, p->work_quiet);
}

static void work_append(struct pcpu *p, struct work *list)
{
	struct work **tail = &p->work;

	while (*tail)
		tail = &(*tail)->next;
	*tail = list;
}

/* What a slice took since TSC `from` was not used by the current vCPU, nor by the
 * one that goes next, but by the payer. Returns the ticks. */
static uint64_t work_charge(struct pcpu *p, struct vcpu *payer, uint64_t from)
{
	uint64_t now = arch_tsc();

	if (p->current)
		p->current->count.since += now - from;
	else
		p->left_tsc = now;
	if (payer)
		sched_charge(payer, now - from);
	return now - from;
}

static bool work_slice(struct pcpu *p, struct work *w)
{
	struct vcpu *payer = w->payer;
	bool (*step)(struct work *) = w->run;
	uint64_t from = arch_tsc();
	bool done = w->run(w);

	audit_step(step, work_charge(p, payer, from));
	return done;
}

/* One slice of one item; an unfinished one goes to the end of the list, behind
 * what came in meanwhile. */
void work_run(struct pcpu *p)
{
	struct work *w;

	if (unlikely(READ_ONCE(p->work_asked)))
		work_pay(p);
	work_append(p, __atomic_exchange_n(&p->work_inbox, NULL, __ATOMIC_SEQ_CST));
	w = p->work;
	if (!w)
		return;
	p->work = w->next;
	/* Raised again from here on: runs again. A full fence, or run() might read
	 * what it works on before others see that they have to raise it. */
	__atomic_exchange_n(&w->queued, 0, __ATOMIC_SEQ_CST);
	if (work_slice(p, w))
		return;
	if (__atomic_exchange_n(&w->queued, 1, __ATOMIC_SEQ_CST))
		return;			/* is in an inbox again already */
	w->next = NULL;
	work_append(p, w);
}

void work_look(void)
{
	audit_off_end();
	arch_take_interrupts();
	work_run(this_pcpu());
	audit_off_begin();
}

void work_arm(struct pcpu *p)
{
	if (p->work || READ_ONCE(p->work_inbox))
		timers_arm(p, arch_tsc() + time_ns_to_ticks(WORK_NS));
}

void work_delayed(struct pcpu *p, uint64_t now)
{
	struct work **at = &p->delayed, *w;

	if (p->work_quiet)
		quiet_look(p, now);
	while ((w = *at)) {
		if (w->due_tsc <= now) {
			*at = w->next;
			w->next = p->work;
			p->work = w;
		} else {
			timers_arm(p, w->due_tsc);
			at = &w->next;
		}
	}
}

void work_add_later(struct work *w, uint64_t tsc)
{
	struct pcpu *p = this_pcpu();

	/* Asked for at once by somebody meanwhile: that one will do. */
	if (__atomic_exchange_n(&w->queued, 1, __ATOMIC_SEQ_CST))
		return;
	w->due_tsc = tsc;
	w->next = p->delayed;
	p->delayed = w;
	timers_arm(p, tsc);
}

void work_undelay(struct work *w, bool run)
{
	struct pcpu *p = this_pcpu();
	struct work **at = &p->delayed;

	while (*at && *at != w)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = w->next;
	w->next = NULL;
	if (run)
		work_append(p, w);
	else
		STORE_RELEASE(w->queued, 0u);
}
