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
#include "hv/vm.h"

#define WORK_NS	50000ull	/* of guest time between two slices of work */

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
		sched_interrupt(p);
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

	/* Its VM's vCPU that runs has it done, and is to have its turn later for it. */
	if (payer && p->current && p->current->vm == payer->vm)
		payer = p->current;
	audit_step(step, work_charge(p, payer, from));
	return done;
}

/* The link to the next item. A guest that runs here has its time between two slices,
 * however often it exits or is interrupted: before that is over it is for work of its
 * own VM alone. So others, who ask for work from other CPUs, cannot have it exit here
 * more often either: an item that waits is not asked for again. */
static struct work **work_next(struct pcpu *p, bool due)
{
	struct work **at = &p->work;

	while (!due && *at && !((*at)->payer && (*at)->payer->vm == p->current->vm))
		at = &(*at)->next;
	return at;
}

/* One slice of one item; an unfinished one goes to the end of the list, behind
 * what came in meanwhile. */
void work_run(struct pcpu *p)
{
	bool due = !p->current || arch_tsc() >= p->work_due, done;
	struct work **at, *w;

	work_append(p, __atomic_exchange_n(&p->work_inbox, NULL, __ATOMIC_SEQ_CST));
	at = work_next(p, due);
	w = *at;
	if (!w)
		return;
	*at = w->next;
	/* Raised again from here on: runs again. A full fence, or run() might read
	 * what it works on before others see that they have to raise it. */
	__atomic_exchange_n(&w->queued, 0, __ATOMIC_SEQ_CST);
	done = work_slice(p, w);
	if (due)
		p->work_due = arch_tsc() + time_ns_to_ticks(WORK_NS);
	if (done)
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
	uint64_t now = arch_tsc();

	if (p->work || READ_ONCE(p->work_inbox))
		timers_arm(p, p->work_due > now ? p->work_due : now + time_ns_to_ticks(WORK_NS));
}

void work_delayed(struct pcpu *p, uint64_t now)
{
	struct work **at = &p->delayed, *w;

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
