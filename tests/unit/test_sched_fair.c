/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets how much time: slices, direct switches, sleepers. */
/* LINK: hv/sched.c hv/timers.c hv/work.c hv/heap.c vio/virq.c vio/user.c */
#include "tests/unit/fake_play.h"
#include "tests/unit/tap.h"

/* Serves what is pending, computes 20 us, then notifies its peer and waits. */
static enum exit_reason run_pong(struct guest *g, uint32_t upcall)
{
	(void)upcall;
	g->page.pending[0] = 0;
	g->left = g->left ? g->left : 20 * US;
	return run_left(g);
}

static void call_pong(struct guest *g)
{
	virq_raise_on(&g->peer->v, 9);
	sched_wait(&g->v, NS_NEVER);
}

static bool third(uint64_t part, uint64_t all)
{
	return part > all * 3 / 10 && part < all * 11 / 30;
}

/* B, made ready by A's wait, goes first although C has waited longer. */
static void test_handoff(void)
{
	struct guest *a, *b, *c;

	new_machine();
	a = new_guest(0, 0, run_pong);
	b = new_guest(1, 0, run_pong);
	c = new_guest(2, 0, run_spin);
	a->peer = b;
	b->peer = a;
	a->call = b->call = call_pong;
	b->v.run_state = VCPU_WAITING;
	c->v.vruntime = 1;	/* so that a begins */
	start(a);
	start(c);
	play(0, 9 * MS);
	ok(a->v.count.run_ticks > 4 * MS && b->v.count.run_ticks > 4 * MS && !c->entries,
	   "a pair hands its slice to and fro");
	play(0, 2 * MS);
	ok(c->entries && c->v.count.since <= 1000 * MS + SLICE + 20 * US,
	   "but not beyond its end: then the third runs");
}

static bool work_start(struct work *w)
{
	(void)w;
	start(&guest[1]);
	return true;
}

/* On an idle pCPU work makes one ready, another pCPU a second one. */
static void test_handoff_idle(void)
{
	struct work work = { .run = work_start };
	struct guest *a;

	new_machine();
	a = new_guest(0, 0, run_pong);
	a->peer = new_guest(3, 1, run_spin);
	a->call = call_pong;
	start(a);
	play(0, 1 * MS);
	ok(!this_pcpu()->current && a->v.run_state == VCPU_WAITING, "idle");
	new_guest(1, 0, run_spin);
	work_add(0, &work);
	fake_cpu = 1;
	start(new_guest(2, 0, run_spin));
	play(0, 100 * MS);
	ok(guest[1].v.count.run_ticks >= 40 * MS && guest[2].v.count.run_ticks >= 40 * MS,
	   "the two share what there is");
}

static void test_fairness(void)
{
	struct guest *a, *b, *c;

	new_machine();
	for (uint32_t i = 0; i < 3; i++)
		start(new_guest(i, 0, run_spin));
	for (uint32_t i = 0; i < 3000; i++) {
		sched_timer_set(&guest[0].v, fake_tsc + MS / 2);
		play(0, MS);
	}
	ok(third(guest[0].v.count.run_ticks, 3000 * MS) && third(guest[1].v.count.run_ticks, 3000 * MS) &&
	   third(guest[2].v.count.run_ticks, 3000 * MS), "three that spin: a third each");
	ok(guest[0].v.count.switches > 90 && guest[0].v.count.switches < 110, "slices of 10 ms");

	new_machine();
	a = new_guest(0, 0, run_pong);
	b = new_guest(1, 0, run_pong);
	c = new_guest(2, 0, run_spin);
	a->peer = b;
	b->peer = a;
	a->call = b->call = call_pong;
	b->v.run_state = VCPU_WAITING;
	start(c);
	start(a);
	play(0, 3000 * MS);
	ok(third(a->v.count.run_ticks, 3000 * MS) && third(b->v.count.run_ticks, 3000 * MS) &&
	   third(c->v.count.run_ticks, 3000 * MS), "two that hand over and one that spins: "
	   "a third each (%lu, %lu, %lu ms)", a->v.count.run_ticks / MS, b->v.count.run_ticks / MS,
	   c->v.count.run_ticks / MS);
	ok(a->v.count.switches > 10000, "by direct switches");

	/* One that slept for a second does not get that second back. */
	a = new_guest(0, 0, run_spin);
	a->v.run_state = VCPU_WAITING;
	b->v.run_state = VCPU_OFF;
	new_machine();
	c = new_guest(2, 0, run_spin);
	start(c);
	play(0, 1000 * MS);
	b = new_guest(3, 0, run_spin);
	start(b);
	play(0, 100 * MS);
	virq_raise_on(&a->v, 3);
	play(0, 300 * MS);
	ok(a->v.count.run_ticks < 130 * MS && a->v.count.run_ticks > 70 * MS,
	   "a sleeper gets its third from now on (%lu ms)", a->v.count.run_ticks / MS);
}

/* Nothing interrupts who runs alone; what it used shows all the same. */
static void test_alone(void)
{
	struct guest *a;

	new_machine();
	a = new_guest(0, 0, run_spin);
	start(a);
	play(0, 300 * MS);
	ok(sched_run_ticks(&a->v) >= 290 * MS && sched_run_ticks(&a->v) <= 300 * MS,
	   "one alone has run all the time (%lu ms)", sched_run_ticks(&a->v) / MS);
}

/* Woken by a direct switch, one that slept does not get it back either. */
static void test_handoff_sleeper(void)
{
	struct guest *a, *b;

	new_machine();
	a = new_guest(0, 0, run_spin);
	a->v.run_state = VCPU_WAITING;
	b = new_guest(1, 0, run_pong);
	b->peer = a;
	b->call = call_pong;
	start(new_guest(2, 0, run_spin));
	play(0, 1000 * MS);
	start(b);
	play(0, 300 * MS);
	ok(a->v.count.run_ticks < 180 * MS && a->v.count.run_ticks > 120 * MS,
	   "a sleeper woken by a direct switch gets its half (%lu ms)",
	   a->v.count.run_ticks / MS);
}

static uint64_t work_ns;

static bool work_always(struct work *w)
{
	(void)w;
	work_ns += 20 * US;
	pass(fake_tsc + 20 * US);
	return false;
}

/* Work without end for one of three, each of its own VM; then for nobody. */
static void test_payer(void)
{
	static struct vm vm[3];
	struct work work = { .run = work_always };
	uint64_t guests = 0;

	new_machine();
	for (uint32_t i = 0; i < 3; i++) {
		new_guest(i, 0, run_spin)->v.vm = &vm[i];
		start(&guest[i]);
	}
	work.payer = &guest[2].v;
	work_ns = 0;
	work_add(0, &work);
	play(0, 3000 * MS);
	ok(work_ns > 500 * MS && work_ns < 1000 * MS &&
	   third(guest[0].v.count.run_ticks, 3000 * MS) && third(guest[1].v.count.run_ticks, 3000 * MS) &&
	   third(guest[2].v.count.run_ticks + work_ns, 3000 * MS),
	   "who has %lu ms of work done for it gets less time itself (%lu, %lu, %lu ms)",
	   work_ns / MS, guest[0].v.count.run_ticks / MS, guest[1].v.count.run_ticks / MS,
	   guest[2].v.count.run_ticks / MS);

	new_machine();
	for (uint32_t i = 0; i < 3; i++)
		start(new_guest(i, 0, run_spin));
	work = (struct work){ .run = work_always };
	work_ns = 0;
	work_add(0, &work);
	play(0, 3000 * MS);
	for (uint32_t i = 0; i < 3; i++)
		guests += guest[i].v.vruntime;
	/* Each begins at 0 and forfeits nothing; the last stretch is not charged yet. */
	ok(work_ns > 500 * MS && guests + work_ns <= 3000 * MS &&
	   guests + work_ns > 2980 * MS, "work without a payer is charged to nobody");
}

/* It exits each 5 us. */
static enum exit_reason run_exits(struct guest *g, uint32_t upcall)
{
	(void)g;
	(void)upcall;
	if (fake_timer[fake_cpu] <= fake_tsc)
		return EXIT_INTERRUPT;
	pass(fake_tsc + 5 * US);
	return EXIT_NONE;
}

/* The payer sleeps, another vCPU of its VM has the work done. */
static void test_sibling(void)
{
	static struct vm other;
	struct work work = { .run = work_always };
	struct guest *victim, *busy;

	new_machine();
	work.payer = &new_guest(0, 0, run_spin)->v;
	busy = new_guest(1, 0, run_exits);
	victim = new_guest(2, 0, run_spin);
	victim->v.vm = &other;
	start(busy);
	start(victim);
	work_add(0, &work);
	play(0, 3000 * MS);
	ok(victim->v.count.run_ticks > 1100 * MS, "who asks for it while it runs pays, "
	   "though its VM's first vCPU sleeps (%lu ms for another)",
	   victim->v.count.run_ticks / MS);
}

int main(void)
{
	test_handoff();
	test_handoff_idle();
	test_fairness();
	test_alone();
	test_handoff_sleeper();
	test_payer();
	test_sibling();
	return done_testing();
}
