/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler in simulated time: ready and wait, timers, work. */
/* LINK: hv/sched.c hv/timers.c hv/work.c hv/heap.c vio/virq.c vio/user.c */
#include "hv/heap.h"
#include "tests/unit/fake_play.h"
#include "tests/unit/tap.h"

static uint64_t steps;

/* --- ready and waiting ----------------------------------------------------------- */

static void test_ready(void)
{
	struct guest *a, *b, *c, *d;

	new_machine();
	a = new_guest(0, 0, run_spin);
	b = new_guest(1, 0, run_spin);
	c = new_guest(2, 1, run_spin);
	d = new_guest(3, 1, run_spin);
	ok(!sched_ready(&a->v, VCPU_WAITING) && a->v.run_state == VCPU_OFF,
	   "not from another state");
	ok(sched_ready(&a->v, VCPU_OFF) && this_pcpu()->handoff == &a->v, "kept aside at home");
	ok(!sched_ready(&a->v, VCPU_OFF), "once");
	ok(sched_ready(&b->v, VCPU_OFF) && heap_top(&this_pcpu()->queue) == &b->v,
	   "the next one is queued");
	ok_eq(a->v.count.wakes, 1, "one wake-up is counted");
	start(c);
	ok_eq(fake_kicks[1], 1, "another pCPU is kicked when its inbox was empty");
	start(d);
	ok_eq(fake_kicks[1], 1, "and not again while it is not");
	ok(pcpu_of(1)->inbox == &d->v && !pcpu_of(1)->queue.count, "they wait in its inbox");
	play(1, 100 * MS);
	ok(c->v.count.run_ticks >= 40 * MS && d->v.count.run_ticks >= 40 * MS, "there both get their turn");
	ok(!a->entries && !b->entries, "and nobody else");
	fake_kicks[1] = 0;
	sched_kick(&d->v);
	sched_kick(&c->v);
	sched_kick(&a->v);
	ok_eq(fake_kicks[1], 1, "only the one in guest mode is kicked");
}

static struct guest *charged;
static uint32_t looks;

/* Its home goes on while another pCPU looks at it for the third time. */
static void charge_ends(void)
{
	if (++looks < 3)
		return;
	charged->v.count.run_ticks = 500;
	this_pcpu()->current = NULL;
	fake_tsc_hook = NULL;
}

static void test_run_ticks(void)
{
	new_machine();
	charged = new_guest(0, 0, run_spin);
	make_current(charged);
	fake_tsc += 500;
	ok_eq(sched_run_ticks(&charged->v), 500, "who runs has run up to now");
	charged->v.count.since = 0;
	fake_tsc_hook = charge_ends;
	ok_eq(sched_run_ticks(&charged->v), 500, "and no less while its home charges it");
	ok_eq(looks, 3, "which is waited for");
}

/* A report takes 2 ms and lets the timer's interrupt in; its work wakes guest 1. */
static void report(void)
{
	fake_tsc += 2 * MS;
	sched_ready(&guest[1].v, VCPU_OFF);
}

static enum exit_reason run_and_look(struct guest *g, uint32_t upcall)
{
	if (g->entries == 1)
		ok_eq(guest[2].v.run_state, VCPU_READY, "who waited till then is awake before another is entered");
	return run_spin(g, upcall);
}

static void test_leave(void)
{
	struct guest *a, *c;

	new_machine();
	a = new_guest(0, 0, run_spin);
	new_guest(1, 0, run_and_look);
	c = new_guest(2, 0, run_spin);
	make_current(c);
	sched_wait(&c->v, fake_tsc + 1 * MS);
	make_current(a);
	this_pcpu()->slice_end = fake_tsc + 10 * MS;
	a->v.ask = VCPU_ASK_STOP;
	on_leave = report;
	play(0, 20 * MS);
	on_leave = NULL;
	ok(guest[1].entries && c->entries, "and both run");
}

static void test_wait(void)
{
	struct guest *g;
	struct pcpu *p;

	new_machine();
	p = this_pcpu();
	g = new_guest(0, 0, run_spin);
	make_current(g);
	g->page.pending[1] = g->page.mask[1] = BIT(5);
	fake_tsc += 500;
	sched_wait(&g->v, fake_tsc + 700);
	ok(!p->current && g->v.run_state == VCPU_WAITING, "a masked virq does not keep it awake");
	ok(g->v.count.run_ticks == 500 && g->v.vruntime == 500, "it is charged");
	ok_eq(fake_timer[0], fake_tsc + 700, "the timer is set to the end of the wait");
	make_current(g);
	g->page.pending[3] = BIT(63);
	sched_wait(&g->v, NS_NEVER);
	ok(p->current == &g->v && g->v.run_state == VCPU_READY, "a pending one does");
	g->page.pending[3] = 0;
	g->v.ask = VCPU_ASK_STOP;
	sched_wait(&g->v, NS_NEVER);
	ok(p->current == &g->v && g->v.run_state == VCPU_READY, "so does a request");
	ok(!p->handoff && !p->queue.count && !g->v.queue_idx, "and it is in no queue");
}

/* --- the timer ---------------------------------------------------------------------- */

static bool timer_pending(const struct guest *g)
{
	return g->page.pending[0] & BIT(AMBIT_VIRQ_TIMER);
}

static void test_timer(void)
{
	struct guest *g;
	uint64_t t;

	new_machine();
	g = new_guest(0, 0, run_spin);
	t = fake_tsc;
	start(g);
	sched_timer_set(&g->v, t + 5 * MS);
	ok_eq(fake_timer[0], t + 5 * MS, "a timer is set");
	sched_timer_set(&g->v, t + 7 * MS);
	ok_eq(fake_timer[0], t + 5 * MS, "a later one costs nothing now");
	play(0, 6 * MS);
	ok(!timer_pending(g), "the earlier time passes without a virq");
	ok_eq(fake_timer[0], t + 7 * MS, "then the later one is set");
	play(0, 2 * MS);
	ok(timer_pending(g) && g->v.timer_ns == NS_NEVER, "and comes");
	g->page.pending[0] = 0;
	play(0, 50 * MS);
	ok(!timer_pending(g), "once");
	sched_timer_set(&new_guest(1, 0, run_spin)->v, t + 75 * MS);
	sched_timer_set(&g->v, t + 80 * MS);
	sched_timer_set(&g->v, t + 70 * MS);
	play(0, t + 71 * MS - fake_tsc);
	ok(timer_pending(g) && !timer_pending(&guest[1]),
	   "an earlier one comes when it should, before another's");
	g->page.pending[0] = 0;
	sched_timer_set(&g->v, t + 90 * MS);
	sched_timer_set(&g->v, NS_NEVER);
	play(0, t + 95 * MS - fake_tsc);
	ok(!timer_pending(g), "one that was taken back does not");
	sched_timer_set(&g->v, t + 99 * MS);
	fake_timer[0] = t + 96 * MS;
	play(0, t + 97 * MS - fake_tsc);
	ok(!timer_pending(g) && fake_timer[0] == t + 99 * MS, "hardware that is early is set again");
	sched_timer_set(&g->v, t);
	play(0, 1 * MS);
	ok(timer_pending(g), "a time that is past comes at once");
}

static enum exit_reason run_wait(struct guest *g, uint32_t upcall)
{
	(void)g;
	(void)upcall;
	return EXIT_HYPERCALL;
}

static void call_sleep(struct guest *g)
{
	uint64_t i = (uint64_t)(g - guest);

	g->left = fake_tsc;
	if (g->entries < 2)
		sched_wait(&g->v, 1200 * MS + i % 3 * US);
	else
		sched_wait(&g->v, NS_NEVER);
}

/* More waits end at once than one look at the heap serves. */
static void test_deadlines(void)
{
	bool right = true;
	uint64_t ran = 0;

	new_machine();
	for (uint32_t i = 0; i < GUEST_MAX; i++) {
		new_guest(i, 0, run_wait)->call = call_sleep;
		start(&guest[i]);
	}
	play(0, 1000 * MS);
	for (uint32_t i = 0; i < GUEST_MAX; i++)
		right &= guest[i].entries == 2 && guest[i].left == 1200 * MS + i % 3 * US &&
			 guest[i].v.run_state == VCPU_WAITING && !guest[i].v.heap_idx;
	ok(right, "%u waits end, each at its time", GUEST_MAX);
	for (uint32_t i = 0; i < GUEST_MAX; i++)
		ran += guest[i].v.count.run_ticks;
	ok(!ran && !this_pcpu()->current, "all the time before is nobody's");
}

/* --- kicks ---------------------------------------------------------------------------- */

#define FLOOD_VIRQ	40u

static uint64_t raised_at, longest;

static void raise_from_afar(struct guest *g)
{
	if (!(g->page.pending[0] & BIT(FLOOD_VIRQ)))
		raised_at = fake_tsc;
	fake_cpu = 1;
	virq_raise_on(&g->v, FLOOD_VIRQ);
	fake_cpu = 0;
}

/* It serves each upcall at once, and each microsecond another pCPU raises it anew. */
static enum exit_reason run_flooded(struct guest *g, uint32_t upcall)
{
	uint64_t kicks = fake_kicks[0];

	if (upcall && g->page.pending[0] & BIT(FLOOD_VIRQ)) {
		g->page.pending[0] = 0;
		longest = MAX(longest, fake_tsc - raised_at);
	}
	while (fake_kicks[0] == kicks && fake_timer[0] > fake_tsc) {
		pass(fake_tsc + US);
		raise_from_afar(g);
	}
	return EXIT_INTERRUPT;
}

static void test_kicks(void)
{
	struct guest *g;
	uint64_t before;

	new_machine();
	g = new_guest(0, 0, run_flooded);
	start(g);
	play(0, 10 * MS);
	ok(g->entries >= 200 && g->entries <= 220, "a flood of 10 ms interrupts some 200 times "
	   "(%lu)", g->entries);
	ok(longest >= 40 * US && longest <= 51 * US, "and no virq waits longer than 50 us (%lu)",
	   longest);
	ok_eq(g->v.count.kicks, fake_kicks[0], "all other interrupts are the timer's");
	g->run = run_spin;
	play(0, 2 * MS);
	ok(g->v.quiet_ns == NS_NEVER, "after it the quiet ends");
	before = fake_kicks[0];
	for (uint64_t i = 0; i < 5; i++) {
		g->page.pending[0] = 0;
		raise_from_afar(g);
		play(0, 10 * US);
	}
	ok_eq(fake_kicks[0] - before, 5, "and a few virqs come at once again");
	g->run = run_flooded;
	play(0, 2 * MS);
	before = fake_kicks[0];
	sched_kick(&g->v);
	ok(g->v.quiet_ns != NS_NEVER && this_pcpu()->current == &g->v, "in a time of quiet");
	fake_cpu = 1;
	sched_kick(&g->v);
	fake_cpu = 0;
	ok_eq(fake_kicks[0] - before, 1, "what is no virq kicks all the same");
	sched_drop(&g->v, VCPU_OFF);
	ok(g->v.quiet_ns == NS_NEVER && !g->v.heap_idx, "a vCPU that is off has none");
}

/* --- work ----------------------------------------------------------------------------- */

struct item { struct work w; uint64_t runs, want, last; bool again; };

static bool item_run(struct work *w)
{
	struct item *i = (struct item *)w;

	i->runs++;
	i->last = fake_tsc;
	if (i->again && i->runs == 1)
		work_add(fake_cpu, w);
	steps++;
	return i->runs >= i->want;
}

static bool later_run(struct work *w)
{
	item_run(w);
	work_add_later(w, fake_tsc + 5 * MS);
	return true;
}

static void test_work(void)
{
	struct item a = { { .run = item_run }, .want = 1000 }, b = a, far = a, later = a;
	struct item again = { { .run = item_run }, .want = 1, .again = true };
	struct guest *g;

	new_machine();
	g = new_guest(0, 0, run_spin);
	start(g);
	work_add(0, &a.w);
	work_add(0, &a.w);
	play(0, 10 * MS);
	ok(a.runs > 150 && a.runs < 250, "work under a guest that never exits: a step each 50 us "
	   "(%lu)", a.runs);
	work_add(0, &b.w);
	steps = a.runs;
	play(0, 100 * MS);
	ok(a.runs == 1000 && b.runs == 1000 && !a.w.queued && !b.w.queued,
	   "it comes to its end, new work beside it");
	ok(b.last - a.last > 5 * MS && b.last - a.last < 15 * MS, "in turn");
	play(0, 50 * MS);
	ok_eq(a.runs + b.runs, 2000, "and is not run again");
	work_add(0, &again.w);
	play(0, 1 * MS);
	ok_eq(again.runs, 2, "queued again while it runs: it runs again");
	later.w.run = later_run;
	work_add(0, &later.w);
	play(0, 22 * MS);
	ok_eq(later.runs, 5, "delayed work comes each 5 ms");
	ok_eq(g->v.count.since, 1000 * MS, "and the guest was never switched from");
	far.want = 2;
	work_add(1, &far.w);
	ok_eq(fake_kicks[1], 1, "another pCPU is kicked for work");
	work_add(1, &b.w);
	ok_eq(fake_kicks[1], 1, "once");
	ok(!far.runs && far.w.queued, "it is not ours to run");
	play(1, 1 * MS);
	ok(far.runs == 2 && b.runs == 1001, "an idle pCPU does it all");
}

static struct item asked;	/* of CPU 1, by CPU 0 each 5 us */

static void ask(void)
{
	fake_cpu = 0;
	work_add(1, &asked.w);
	fake_cpu = 1;
}

/* A guest on CPU 1 meanwhile, which exits by interrupts alone. */
static enum exit_reason run_asked(struct guest *g, uint32_t upcall)
{
	uint64_t seen = fake_kicks[1];

	(void)g;
	(void)upcall;
	while (fake_kicks[1] == seen && fake_timer[1] > fake_tsc) {
		ask();
		pass(fake_tsc + 5 * US);
	}
	return EXIT_INTERRUPT;
}

/* One that exits by itself each us. */
static enum exit_reason run_exits(struct guest *g, uint32_t upcall)
{
	(void)g;
	(void)upcall;
	pass(fake_tsc + US);
	return EXIT_NONE;
}

static void test_work_flood(void)
{
	struct item many = { { .run = item_run }, .want = UINT64_MAX };
	struct guest *g;

	new_machine();
	asked = (struct item){ { .run = item_run }, .want = 1 };
	for (uint32_t i = 0; i < 100; i++) {
		ask();
		play(1, 5 * US);
	}
	ok(fake_kicks[1] == 100 && asked.runs == 100, "an idle pCPU works as often as it is asked");
	g = new_guest(0, 1, run_asked);
	start(g);
	fake_kicks[1] = asked.runs = 0;
	play(1, 10 * MS);
	ok(asked.runs >= 190 && asked.runs <= 201, "one that runs a guest each 50 us (%lu)",
	   asked.runs);
	ok(fake_kicks[1] <= asked.runs + 2, "and is interrupted no more often (%lu)", fake_kicks[1]);
	g->run = run_exits;
	work_add(1, &many.w);
	play(1, 10 * MS);
	ok(many.runs >= 190 && many.runs <= 201, "a guest that exits has its time too (%lu)",
	   many.runs);
	asked.w.payer = &g->v;
	asked.runs = 0;
	for (uint32_t i = 0; i < 100; i++) {
		ask();
		play(1, 5 * US);
	}
	ok(asked.runs == 100, "but work of its own is done at once (%lu)", asked.runs);
	ok(many.runs >= 198, "and others' too in time (%lu)", many.runs);
}

int main(void)
{
	test_ready();
	test_run_ticks();
	test_leave();
	test_wait();
	test_timer();
	test_deadlines();
	test_kicks();
	test_work();
	test_work_flood();
	return done_testing();
}
