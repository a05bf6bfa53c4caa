/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run loop and its queues. A pCPU's queues belong to it alone: others hand
 * vCPUs and work over through lock-free inboxes, with one kick when an inbox
 * was empty. Everything that arrives comes with an interrupt, and an interrupt
 * ends guest mode, so the loop looks at inboxes and timers only then.
 */
#include "hv/sched.h"

#include "hv/audit.h"
#include "hv/boot_alloc.h"
#include "hv/device.h"
#include "hv/exit.h"
#include "hv/heap.h"
#include "hv/hypercall.h"
#include "hv/pcpu.h"
#include "hv/time.h"
#include "hv/timers.h"
#include "hv/trace.h"
#include "hv/vm.h"
#include "hv/vm_life.h"
#include "hv/work.h"
#include "vio/user.h"
#include "vio/virq.h"

#define SLICE_NS	10000000ull	/* 10 ms */
#define KICK_BURST	16u		/* kicks for virqs, after a while without */

static uint64_t slice_ticks, kick_ticks;

int sched_init(struct pcpu *p, uint32_t vcpu_max)
{
	size_t bytes = (size_t)vcpu_max * sizeof(struct vcpu *);

	slice_ticks = time_ns_to_ticks(SLICE_NS);
	kick_ticks = time_ns_to_ticks(KICK_NS);
	p->queue.v = boot_alloc(bytes);
	p->timers.v = boot_alloc(bytes);
	p->queue.max = p->timers.max = vcpu_max;
	p->armed = TSC_NEVER;
	p->min_vruntime = slice_ticks;
	return p->queue.v && p->timers.v ? 0 : -1;
}

/* --- ready and waiting --------------------------------------------------------- */

/* For what the current one, v, ran since it was last charged. */
static inline void charge(struct pcpu *p, struct vcpu *v, uint64_t now, uint64_t since)
{
	uint64_t used = now - v->count.since;

	v->vruntime += used;
	/* In this order, for sched_run_ticks(): at no time is a tick counted twice. */
	WRITE_ONCE(v->count.since, 0);
	__atomic_signal_fence(__ATOMIC_RELEASE);
	v->count.run_ticks += used;
	if (since)
		STORE_RELEASE(v->count.since, since);
	/* Who runs alone is never picked again, and is the measure meanwhile. */
	if (!p->queue.count && v->vruntime > p->min_vruntime)
		p->min_vruntime = v->vruntime;
}

/* One who slept does not get the time back that it did not want, but for a
 * slice. (min_vruntime starts at one slice.) */
static inline void forfeit(const struct pcpu *p, struct vcpu *v)
{
	uint64_t floor = p->min_vruntime - slice_ticks;

	if (v->vruntime < floor)
		v->vruntime = floor;
}

static void enqueue(struct pcpu *p, struct vcpu *v)
{
	if (p->current && !p->queue.count) {
		uint64_t now = arch_tsc();

		charge(p, p->current, now, now);
	}
	forfeit(p, v);
	queue_insert(&p->queue, v);
	if (p->current)
		timers_arm(p, p->slice_end);
}

/* self's interrupt for p. */
static inline void interrupt(const struct pcpu *self, const struct pcpu *p)
{
	if (self->current)
		self->current->count.ipis++;
	arch_kick(p->id);
}

bool sched_ready(struct vcpu *v, enum vcpu_run_state from)
{
	struct pcpu *home = pcpu_of(v->pcpu), *self = this_pcpu();
	uint32_t expected = from;

	if (!__atomic_compare_exchange_n(&v->run_state, &expected, VCPU_READY,
					 false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
	v->count.wakes++;
	if (home == self) {
		/* Kept aside for a direct switch; the run loop queues it if the
		 * current vCPU goes on. */
		if (!home->handoff)
			home->handoff = v;
		else
			enqueue(home, v);
		return true;
	}
	struct vcpu *head = READ_ONCE(home->inbox);

	do
		v->inbox_next = head;
	while (!__atomic_compare_exchange_n(&home->inbox, &head, v, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (!head)
		interrupt(self, home);
	return true;
}

/* The key of a queued one must not change where it stands. */
void sched_charge(struct vcpu *v, uint64_t ticks)
{
	struct pcpu *p = this_pcpu();
	bool queued = v->queue_idx;

	if (queued)
		queue_remove(&p->queue, v);
	v->vruntime += ticks;
	if (queued)
		queue_insert(&p->queue, v);
}

/* Its home may charge it meanwhile: then what it was before, or is after that. Between
 * the two it is current and has no `since`; who is not current is charged. */
uint64_t sched_run_ticks(const struct vcpu *v)
{
	const struct ambit_vcpu_counters *c = &v->count;
	const struct pcpu *home = pcpu_of(v->pcpu);
	uint64_t ran, since, now;
	bool charging;

	do {
		ran = LOAD_ACQUIRE(c->run_ticks);
		since = LOAD_ACQUIRE(c->since);
		now = arch_tsc();
		charging = !since && LOAD_ACQUIRE(home->current) == v;
	} while (charging || LOAD_ACQUIRE(c->run_ticks) != ran || READ_ONCE(c->since) != since);
	return since && now > since ? ran + now - since : ran;
}

static void switch_from(struct pcpu *p)
{
	p->left_tsc = arch_tsc();
	charge(p, p->current, p->left_tsc, 0);
	WRITE_ONCE(p->current, NULL);
}

static inline __attribute__((always_inline))
void wait_from(struct vcpu *v, uint64_t deadline, bool user)
{
	struct pcpu *p = this_pcpu();
	uint32_t expected = VCPU_WAITING;

	v->wait_ns = deadline;
	/* Publish, full fence (the store is one), look again: whoever set a virq,
	 * an event or a request before it is seen here; whoever sets one later
	 * sees WAITING. */
	__atomic_store_n(&v->run_state, VCPU_WAITING, __ATOMIC_SEQ_CST);
	if (virq_deliverable(v) || READ_ONCE(v->ask) || (user && user_event(v))) {
		if (__atomic_compare_exchange_n(&v->run_state, &expected,
						VCPU_READY, false,
						__ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return;		/* nobody took it: it runs on */
	}
	if (!v->heap_idx || deadline < v->heap_ns)
		timers_want(p, v, deadline);
	switch_from(p);
}

void sched_wait(struct vcpu *v, uint64_t deadline)
{
	wait_from(v, deadline, false);
}

/* The mark stands before WAITING does, and falls before v runs again. */
void sched_wait_user(struct vcpu *v, uint64_t deadline)
{
	WRITE_ONCE(v->due, v->due | VCPU_DUE_USER);
	wait_from(v, deadline, true);
}

void sched_timer_set(struct vcpu *v, uint64_t deadline)
{
	v->timer_ns = deadline;
	timers_want(this_pcpu(), v, deadline);
}

void sched_poke(struct vcpu *v)
{
	if (!sched_ready(v, VCPU_WAITING))
		sched_kick(v);
}

void sched_interrupt(const struct pcpu *p)
{
	interrupt(this_pcpu(), p);
}

void sched_kick(struct vcpu *v)
{
	struct pcpu *home = pcpu_of(v->pcpu);

	if (home != this_pcpu() && READ_ONCE(home->current) == v) {
		__atomic_fetch_add(&v->count.kicks, 1, __ATOMIC_RELAXED);
		sched_interrupt(home);
	}
}

static void inbox_run(struct pcpu *p)
{
	struct vcpu *v = __atomic_exchange_n(&p->inbox, NULL, __ATOMIC_SEQ_CST);

	while (v) {
		struct vcpu *next = v->inbox_next;

		enqueue(p, v);
		v = next;
	}
}

/* --- the loop ----------------------------------------------------------------------- */

static void switch_to(struct pcpu *p, struct vcpu *v, uint64_t now)
{
	v->count.since = now;
	v->count.switches++;
	/* Full fence: who raises a virq reads current after setting the bit. */
	__atomic_store_n(&p->current, v, __ATOMIC_SEQ_CST);
}

static void pick(struct pcpu *p)
{
	struct vcpu *v = heap_top(&p->queue);
	uint64_t now;

	if (!v)
		return;
	queue_remove(&p->queue, v);
	now = arch_tsc();
	if (v->vruntime > p->min_vruntime)
		p->min_vruntime = v->vruntime;
	p->slice_end = now + slice_ticks;
	switch_to(p, v, now);
	if (p->queue.count)
		timers_arm(p, p->slice_end);
	work_arm(p);
}

static void slice_check(struct pcpu *p)
{
	struct vcpu *v = p->current;

	if (!v || !p->queue.count || arch_tsc() < p->slice_end)
		return;
	switch_from(p);
	queue_insert(&p->queue, v);
}

static void handoff_run(struct pcpu *p)
{
	struct vcpu *v = p->handoff;

	p->handoff = NULL;
	if (p->current || p->left_tsc >= p->slice_end) {
		enqueue(p, v);
		return;
	}
	forfeit(p, v);
	switch_to(p, v, p->left_tsc);
	if (p->queue.count)
		timers_arm(p, p->slice_end);
}

static void idle(struct pcpu *p)
{
	if (TRACING())
		trace_put(TRACE_IDLE, NULL, 1, 0, 0);
	if (!p->work && !READ_ONCE(p->inbox) && !READ_ONCE(p->work_inbox))
		arch_idle();
	if (TRACING())
		trace_put(TRACE_IDLE, NULL, 0, 0, 0);
	p->left_tsc = arch_tsc();
}

static __attribute__((noinline)) void fired(struct pcpu *p)
{
	device_attend();
	timers_run(p);
}

/*
 * An interrupt brought virqs to v while it ran, which costs v an exit and an upcall, and
 * others say how often. A bucket that empties at a steady rate bounds that: once it is
 * full nobody kicks, and virqs stay pending until v's timer interrupts (timer_expired),
 * or any other exit. By vCPU and not by link, as what is to be kept is the vCPU's time,
 * however many peers there are.
 */
static __attribute__((noinline)) void kick_pay(struct pcpu *p, struct vcpu *v)
{
	uint64_t now = arch_tsc(), full = now + KICK_BURST * kick_ticks;

	v->kick_virqs = READ_ONCE(v->count.virqs);
	v->kick_tsc = MIN(MAX(v->kick_tsc, now), full) + kick_ticks;
	if (v->kick_tsc <= full || v->quiet_ns != NS_NEVER)
		return;			/* its end sees to the next quiet */
	WRITE_ONCE(v->quiet_ns, time_now() + KICK_NS);
	timers_want(p, v, v->quiet_ns);
}

/* What an interrupt may have brought; a kick, as a rule. */
static inline void attend(struct pcpu *p)
{
	inbox_run(p);
	if (unlikely(arch_fired(&p->arch)))
		fired(p);
	slice_check(p);
}

static inline __attribute__((always_inline))
void exit_serve(struct pcpu *p, struct vcpu *v, struct vcpu_exit *exit)
{
	if (likely(exit->reason == EXIT_HYPERCALL)) {
		hvm->skip(v, exit);
		hypercall(v, exit->hypercall.cpl);
		return;
	}
	v->count.exit[exit->reason]++;
	if (exit->reason == EXIT_INTERRUPT) {
		arch_take_interrupts();
		attend(p);
		if (READ_ONCE(v->count.virqs) != v->kick_virqs)
			kick_pay(p, v);
	} else {
		exit_handle(v, exit);
	}
}

static __attribute__((noinline)) void run_traced(struct pcpu *p, struct vcpu *v,
						 uint32_t upcall)
{
	struct vcpu_exit exit = { 0 };	/* its code goes there, which not each exit has */

	trace_entry(v, upcall);
	hvm->vcpu_run(v, upcall, &exit);
	trace_exit(v, &exit);
	audit_off_begin();
	exit_serve(p, v, &exit);
	audit_off_end();
}

static inline void run_current(struct pcpu *p, struct vcpu *v)
{
	struct vcpu_exit exit;
	uint32_t upcall = 0;

	if (unlikely(v->due))
		exit_due(v);
	if (virq_deliverable(v))
		upcall = READ_ONCE(v->page->upcall_vector) & 0xff;
	if (TRACING()) {
		run_traced(p, v, upcall);
		return;
	}
	hvm->vcpu_run(v, upcall, &exit);
	audit_off_begin();
	exit_serve(p, v, &exit);
	audit_off_end();
}

/* The report of a crash may have taken interrupts, and what its work woke would be entered
 * before anybody looks what they brought: the timer would not come again. */
static __attribute__((noinline)) void leave(struct pcpu *p, struct vcpu *v)
{
	audit_off_begin();
	vm_vcpu_leave(v);
	attend(p);
	audit_off_end();
}

_Noreturn void sched_run(void)
{
	struct pcpu *p = this_pcpu();

	for (;;) {
		if (p->handoff)
			handoff_run(p);
		if (unlikely(p->work || READ_ONCE(p->work_inbox))) {
			work_run(p);
			if (p->current)
				work_arm(p);
			else	/* no guest is entered, which would end by them */
				arch_take_interrupts();
		}
		if (!p->current) {
			attend(p);
			if (p->handoff)
				continue;
			pick(p);
		}
		struct vcpu *v = p->current;

		if (!v)
			idle(p);
		else if (unlikely(READ_ONCE(v->ask)))
			leave(p, v);
		else
			run_current(p, v);
	}
}

void sched_drop(struct vcpu *v, enum vcpu_run_state to)
{
	struct pcpu *p = this_pcpu();

	hvm->vcpu_unload(v);
	switch_from(p);
	if (to == VCPU_OFF && v->heap_idx) {
		timers_remove(&p->timers, v);
		v->quiet_ns = NS_NEVER;
	}
	STORE_RELEASE(v->run_state, to);
}
