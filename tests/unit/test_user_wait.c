/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits of ring 3: what ends them, whose events count, and that none is lost. */
/* LINK: vio/user.c vio/virq.c vio/link.c hv/sched.c hv/timers.c hv/work.c hv/heap.c */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>

#include "hv/guest_mem.h"
#include "hv/sync.h"
#include "tests/unit/fake_sched.h"
#include "tests/unit/tap.h"
#include "vio/host.h"
#include "vio/link.h"
#include "vio/user.h"
#include "vio/window.h"

#define ENDS	70u
#define END	65u			/* the program's endpoint */
#define VIRQ	(AMBIT_VIRQ_LINK + END)
#define BIT_END	BIT(END & 63)
#define BIT_VIRQ BIT(VIRQ & 63)

static struct guest *g;			/* at home on pCPU 1 */
static struct endpoint ends[ENDS], *end_table[ENDS];
static struct ambit_event events[ENDS];

/* What the tested part of vio/link.c does not come to. */
struct vm *window_open(struct link *l) { unasked("window_open"); return (struct vm *)l; }
struct vm *window_close(struct link *l) { unasked("window_close"); return (struct vm *)l; }
void window_flushed(struct link *l, uint32_t n) { (void)l; (void)n; unasked("window_flushed"); }
void window_closed(struct link *l) { (void)l; unasked("window_closed"); }
void sync_flush(struct vm *vm) { (void)vm; unasked("sync_flush"); }
void host_raise(struct endpoint *e) { (void)e; unasked("host_raise"); }
void *guest_ptr(struct vm *vm, gpa_t at, size_t n, size_t *run)
{
	unasked("guest_ptr");
	return (void *)((uintptr_t)vm + at.v + n + *run);
}

/* A program has END, whose virq its kernel has masked. */
static void fresh(void)
{
	new_machine();
	g = new_guest(0, 1, NULL);
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(events, 0, sizeof(events));
	fake_vm.vcpu[0] = &g->v;
	fake_vm.vcpu[1] = &new_guest(1, 0, NULL)->v;
	fake_vm.vcpu_count = 2;
	fake_vm.endpoint = end_table;
	fake_vm.endpoint_count = ENDS;
	for (uint32_t i = 0; i < ENDS; i++) {
		ends[i] = (struct endpoint){ .vm = &fake_vm, .number = i,
			.virq = AMBIT_VIRQ_LINK + i, .event = &events[i] };
		end_table[i] = &ends[i];
	}
	g->page.user_endpoints[END / 64] = BIT_END;
	g->page.mask[VIRQ / 64] = BIT_VIRQ;
}

/* As after a wait that slept. */
static void asleep(bool user)
{
	fresh();
	fake_cpu = 1;
	make_current(g);
	if (user)
		sched_wait_user(&g->v, NS_NEVER);
	else
		sched_wait(&g->v, NS_NEVER);
	fake_cpu = 0;
	if (g->v.run_state != VCPU_WAITING)
		unasked("a wait that must sleep did not, its end");
}

static bool sleeps(void)
{
	return g->v.run_state == VCPU_WAITING && !fake_kicks[1];
}

static bool woken(void)
{
	return g->v.run_state == VCPU_READY && pcpu_of(1)->inbox == &g->v && fake_kicks[1] == 1;
}

/* --- rights ------------------------------------------------------------------------- */

static void test_rights(void)
{
	fresh();
	ok(user_may_wait(&g->v), "an endpoint of ring 3: it may wait");
	ok(user_may_use(&g->v, END) && !user_may_use(&g->v, END - 1) &&
	   !user_may_use(&g->v, END - 64), "and use that one alone");
	g->page.user_endpoints[2] = g->page.user_endpoints[3] = UINT64_MAX;
	ok(!user_may_use(&g->v, AMBIT_LINK_MAX) && !user_may_use(&g->v, UINT64_MAX) &&
	   !user_may_use(&g->v, BIT(32) | END), "none beyond a VM's most");
	memset(g->page.user_endpoints, 0, sizeof(g->page.user_endpoints));
	ok(!user_may_wait(&g->v) && !user_may_use(&g->v, END), "none: neither");
}

/* --- one call ------------------------------------------------------------------------- */

static void test_raise(void)
{
	asleep(true);
	endpoint_raise(&ends[END]);
	ok(woken() && events[END].pending, "an event ends a wait of ring 3");
	ok(g->page.pending[VIRQ / 64] == BIT_VIRQ, "its virq is pending too, for the kernel");
	endpoint_raise(&ends[END]);
	ok(woken(), "once");

	asleep(true);
	g->page.pending[VIRQ / 64] = BIT_VIRQ;
	endpoint_raise(&ends[END]);
	ok(woken(), "a virq that was pending already is no hindrance");

	asleep(true);
	events[END].mask = 1;
	endpoint_raise(&ends[END]);
	ok(sleeps() && events[END].pending, "its event mask is");
	events[END].pending = events[END].mask = 0;
	endpoint_raise(&ends[1]);
	ok(woken(), "an unmasked virq of the kernel ends the wait as any other");

	asleep(true);
	g->page.mask[0] = UINT64_MAX;
	endpoint_raise(&ends[1]);
	virq_raise_on(&g->v, AMBIT_VIRQ_TIMER);
	ok(sleeps(), "a masked one of the kernel does not");
	g->page.user_endpoints[END / 64] = 0;
	endpoint_raise(&ends[END]);
	ok(sleeps(), "nor an endpoint that was taken away meanwhile");

	asleep(true);
	fake_vm.virq_vcpu[VIRQ] = 1;
	endpoint_raise(&ends[END]);
	ok(sleeps(), "nor one whose virq another vCPU has");

	asleep(false);
	endpoint_raise(&ends[END]);
	ok(sleeps(), "the kernel's own wait: a masked virq is none");
}

static bool wait_returns(void)
{
	fake_cpu = 1;
	make_current(g);
	sched_wait_user(&g->v, NS_NEVER);
	fake_cpu = 0;
	return g->v.run_state == VCPU_READY && pcpu_of(1)->current == &g->v;
}

static void test_wait(void)
{
	fresh();
	events[END].pending = 1;
	ok(wait_returns(), "an event that is there: no sleep");
	events[END].mask = 1;
	ok(!wait_returns(), "masked, it is none");
	fresh();
	events[END].pending = 1;
	fake_vm.virq_vcpu[VIRQ] = 1;
	ok(!wait_returns(), "nor is another vCPU's");
	fresh();
	events[END - 1].pending = events[END - 64].pending = 1;
	ok(!wait_returns(), "nor one of an endpoint that is not ring 3's");
	fresh();
	g->page.user_endpoints[0] = g->page.user_endpoints[1] = UINT64_MAX;
	ok(!wait_returns(), "bits beyond the last endpoint are nothing");
	fresh();
	g->page.user_endpoints[1] = UINT64_MAX;
	events[ENDS - 1].pending = 1;
	ok(wait_returns(), "of several endpoints each one counts");
	fresh();
	g->page.pending[0] = BIT(AMBIT_VIRQ_TIMER);
	ok(wait_returns(), "neither does it sleep over a virq of the kernel");
}

/* --- between any two instructions ------------------------------------------------------- */

static uint32_t step_now, step_at;
static bool consumed;

static void step_raise(void)
{
	if (step_now++ != step_at)
		return;
	fake_cpu = 0;
	endpoint_raise(&ends[END]);
	fake_cpu = 1;
}

static void test_wait_steps(void)
{
	uint32_t lost = 0, stayed = 0, ended = 0;

	for (step_at = 0, step_now = 1; step_now > step_at; step_at++) {
		fresh();
		g->page.pending[VIRQ / 64] = BIT_VIRQ;
		fake_cpu = 1;
		make_current(g);
		step_now = 0;
		fake_step_begin(step_raise);
		sched_wait_user(&g->v, NS_NEVER);
		fake_step_end();
		if (g->v.run_state == VCPU_READY && pcpu_of(1)->current == &g->v)
			stayed++;
		else if (woken())
			ended++;
		else if (step_now > step_at)
			lost++;
	}
	fake_cpu = 0;
	ok(stayed && ended, "%u events came before the last look, %u after it", stayed, ended);
	ok_eq(lost, 0, "at no point of a wait is one lost");
}

/* The program's part, at once: forget events, look for work, sleep. */
static void step_wait(void)
{
	if (step_now++ != step_at)
		return;
	fake_cpu = 1;
	make_current(g);
	consumed = __atomic_exchange_n(&events[END].pending, 0, __ATOMIC_SEQ_CST);
	sched_wait_user(&g->v, NS_NEVER);
	fake_cpu = 0;
}

static void test_raise_steps(bool was_pending)
{
	uint32_t lost = 0, seen = 0, ended = 0;

	for (step_at = 0, step_now = 1; step_now > step_at; step_at++) {
		fresh();
		g->page.pending[VIRQ / 64] = was_pending ? BIT_VIRQ : 0;
		step_now = 0;
		consumed = false;
		fake_step_begin(step_wait);
		endpoint_raise(&ends[END]);
		fake_step_end();
		if (consumed)
			seen++;
		else if (woken())
			ended++;
		else if (step_now > step_at)
			lost++;
	}
	ok(seen && ended, "a program sleeps within a raise: %u times woken, %u not asleep",
	   ended, seen);
	ok_eq(lost, 0, "at no point of a raise is it lost");
}

/* --- two threads ------------------------------------------------------------------------ */

#define ROUNDS	20000u
#define PATIENCE 200000000ul

static uint32_t raised, served;		/* numbers of the last one */
static bool over;
static uint32_t waits, upcalls;
static jmp_buf end;

static void until_kicked(void)
{
	while (!READ_ONCE(fake_kicks[1])) {
		if (READ_ONCE(over))
			longjmp(end, 1);
		sched_yield();
	}
}

void arch_idle(void) { until_kicked(); arch_take_interrupts(); }
void arch_take_interrupts(void) { __atomic_store_n(&fake_kicks[1], 0, __ATOMIC_SEQ_CST); }

/* The program: forget events, look, and sleep if there is nothing. */
static enum exit_reason run_user(struct guest *me, uint32_t upcall)
{
	uint32_t n;

	if (upcall) {
		upcalls++;
		__atomic_exchange_n(&me->page.pending[0], 0, __ATOMIC_SEQ_CST);
	}
	__atomic_exchange_n(&events[END].pending, 0, __ATOMIC_SEQ_CST);
	n = LOAD_ACQUIRE(raised);
	if (n == served)
		return EXIT_HYPERCALL;
	STORE_RELEASE(served, n);
	return EXIT_NONE;
}

static void call_user_wait(struct guest *me)
{
	waits++;
	sched_wait_user(&me->v, NS_NEVER);
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
	uint32_t n, ticks = 0;
	bool lost = false;

	fresh();
	g->run = run_user;
	g->call = call_user_wait;
	sched_ready(&g->v, VCPU_OFF);
	pthread_create(&thread, NULL, home, NULL);
	for (n = 1; n <= ROUNDS && !lost; n++) {
		uint64_t patience = PATIENCE;

		STORE_RELEASE(raised, n);
		endpoint_raise(&ends[END]);
		if (n % 64 == 0) {
			virq_raise_on(&g->v, AMBIT_VIRQ_TIMER);
			ticks++;
		}
		while (LOAD_ACQUIRE(served) != n && !lost)
			if (--patience % 64 == 0) {
				sched_yield();
				lost = !patience;
			}
	}
	WRITE_ONCE(over, true);
	pthread_join(thread, NULL);
	ok(!lost, "%u events served in turn", n - 1);
	ok(waits > 100 && upcalls && upcalls <= ticks,
	   "by %u waits; %u ticks of the kernel's timer made %u upcalls", waits, ticks, upcalls);
}

int main(void)
{
	test_rights();
	test_raise();
	test_wait();
	test_wait_steps();
	test_raise_steps(false);
	test_raise_steps(true);
	test_threads();
	return done_testing();
}
