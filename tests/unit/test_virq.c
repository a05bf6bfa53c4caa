/* SPDX-License-Identifier: BSD-2-Clause */
/* Raising virqs: whom it wakes or kicks, and that none is lost on the way. */
/* LINK: vio/virq.c vio/user.c hv/sched.c hv/timers.c hv/work.c hv/heap.c */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>

#include "tests/unit/fake_sched.h"
#include "tests/unit/tap.h"

#define VIRQ	70
#define BIT70	BIT(6)

static struct guest *g;		/* at home on pCPU 1 */

/* --- one call ---------------------------------------------------------------------- */

static void fresh(void)
{
	new_machine();
	g = new_guest(0, 1, NULL);
	fake_vm.vcpu[0] = &g->v;
}

static void test_raise(void)
{
	fresh();
	g->v.run_state = VCPU_WAITING;
	g->page.pending[1] = BIT70;
	virq_raise(&fake_vm, VIRQ);
	ok(g->v.run_state == VCPU_WAITING && !fake_kicks[1], "pending already: nothing more");
	g->page.pending[1] = 0;
	g->page.mask[1] = BIT70;
	virq_raise(&fake_vm, VIRQ);
	ok(g->page.pending[1] == BIT70, "masked: it is set");
	ok(g->v.run_state == VCPU_WAITING && !fake_kicks[1], "and nobody is woken");
	g->page.pending[1] = g->page.mask[1] = 0;
	virq_raise(&fake_vm, VIRQ);
	ok(g->v.run_state == VCPU_READY && pcpu_of(1)->inbox == &g->v && fake_kicks[1] == 1,
	   "waiting: it is woken by one kick");
	virq_raise(&fake_vm, VIRQ + 1);
	ok(fake_kicks[1] == 1 && g->page.pending[1] == (BIT70 | BIT70 << 1),
	   "ready, not running: no further one");
	ok(!g->page.pending[0] && !g->page.pending[2] && !g->page.pending[3], "no other bit");

	fresh();
	g->v.run_state = VCPU_READY;
	pcpu_of(1)->current = &g->v;
	virq_raise(&fake_vm, VIRQ);
	virq_raise(&fake_vm, VIRQ);
	virq_raise(&fake_vm, VIRQ + 1);
	ok_eq(fake_kicks[1], 2, "running elsewhere: a kick for each virq that was clear");
	fake_cpu = 1;
	virq_raise(&fake_vm, VIRQ + 2);
	ok_eq(fake_kicks[1], 2, "none from its own pCPU");
	fake_cpu = 0;
	fresh();
	virq_raise(&fake_vm, VIRQ);
	ok(g->page.pending[1] == BIT70 && !fake_kicks[1] && g->v.run_state == VCPU_OFF,
	   "one that is off is left alone");
}

/* --- a raise between any two instructions of a wait ---------------------------------- */

static uint32_t step_now, step_at;

static void step_raise(void)
{
	if (step_now++ != step_at)
		return;
	fake_cpu = 0;
	virq_raise(&fake_vm, VIRQ);
	fake_cpu = 1;
}

static void test_wait_steps(void)
{
	uint32_t lost = 0, stayed = 0, woken = 0;

	for (step_at = 0, step_now = 1; step_now > step_at; step_at++) {
		fresh();
		fake_cpu = 1;
		make_current(g);
		step_now = 0;
		fake_step_begin(step_raise);
		sched_wait(&g->v, NS_NEVER);
		fake_step_end();
		if (g->v.run_state == VCPU_READY && pcpu_of(1)->current == &g->v)
			stayed++;
		else if (g->v.run_state == VCPU_READY && pcpu_of(1)->inbox == &g->v &&
			 fake_kicks[1])
			woken++;
		else if (step_now > step_at)
			lost++;
	}
	fake_cpu = 0;
	ok(stayed && woken, "%u raises came before the last look, %u after it", stayed, woken);
	ok_eq(lost, 0, "at no point of a wait is one lost");
}

/* --- two threads ------------------------------------------------------------------------ */

#define ROUNDS	20000u
#define PATIENCE 200000000ul

static uint32_t raised, served;		/* numbers of the last one */
static bool over;
static uint32_t waits, upcalls, polls;
static jmp_buf end;

/* Guest mode and HLT last until somebody kicks, or the timer: time passes here. */
static void until_kicked(void)
{
	while (!READ_ONCE(fake_kicks[1]) && fake_timer[1] > fake_tsc) {
		if (READ_ONCE(over))
			longjmp(end, 1);
		fake_tsc += US;
		sched_yield();
	}
}

void arch_idle(void) { until_kicked(); arch_take_interrupts(); }
void arch_take_interrupts(void) { __atomic_store_n(&fake_kicks[1], 0, __ATOMIC_SEQ_CST); }

static void serve(void)
{
	if (__atomic_fetch_and(&g->page.pending[1], ~BIT70, __ATOMIC_SEQ_CST) & BIT70)
		STORE_RELEASE(served, LOAD_ACQUIRE(raised));
}

/* By turns: spin for an upcall; mask, unmask and look again; wait in a call. */
static enum exit_reason run_guest(struct guest *me, uint32_t upcall)
{
	if (upcall) {
		upcalls++;
		serve();
	}
	switch (me->left++ % 3) {
	case 0:
		until_kicked();
		return EXIT_INTERRUPT;
	case 1:
		__atomic_fetch_or(&me->page.mask[1], BIT70, __ATOMIC_SEQ_CST);
		polls++;
		sched_yield();
		__atomic_fetch_and(&me->page.mask[1], ~BIT70, __ATOMIC_SEQ_CST);
		serve();
		return EXIT_NONE;
	default:
		return EXIT_HYPERCALL;
	}
}

static void call_guest(struct guest *me)
{
	waits++;
	sched_wait(&me->v, NS_NEVER);
}

static void *home(void *arg)
{
	fake_cpu = 1;
	if (!setjmp(end))
		sched_run();
	return arg;
}

static void test_threads(void)
{
	pthread_t thread;
	uint32_t n;
	bool lost = false;

	fresh();
	g->run = run_guest;
	g->call = call_guest;
	sched_ready(&g->v, VCPU_OFF);
	pthread_create(&thread, NULL, home, NULL);
	for (n = 1; n <= ROUNDS && !lost; n++) {
		uint64_t patience = PATIENCE;

		STORE_RELEASE(raised, n);
		virq_raise(&fake_vm, VIRQ);
		/* The guest has seen the number before: that is as good. */
		while (LOAD_ACQUIRE(served) != n && !lost)
			if (--patience % 64 == 0) {
				sched_yield();
				lost = !patience;
			}
	}
	WRITE_ONCE(over, true);
	pthread_join(thread, NULL);
	ok(!lost, "%u raised and served in turn", n - 1);
	ok(waits > 100 && upcalls > 100 && polls > 100,
	   "by %u waits, %u upcalls, %u polls", waits, upcalls, polls);
}

int main(void)
{
	test_raise();
	test_wait_steps();
	test_threads();
	return done_testing();
}
