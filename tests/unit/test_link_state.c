/* SPDX-License-Identifier: BSD-2-Clause */
/* Links: what both ends are shown and told of states, deaths and rebirths. */
/* LINK: vio/link.c vio/area.c vio/window.c hv/counters_show.c hv/manifest_layout.c hv/guest_mem.c hv/pool.c hv/p2m.c hv/frames.c hv/frames_early.c */
#include "vio/link.h"

#include <stdlib.h>

#include "arch/hvm.h"
#include "hv/abi/errno.h"
#include "hv/frames.h"
#include "hv/sync.h"
#include "hv/trace.h"
#include "hv/vm.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"
#include "vio/virq.h"

struct p2m_format p2m_format;

static struct vm vms[2];
struct vm *vm_table = vms;
uint32_t vm_count = 2;
static uint32_t virqs[2][AMBIT_VIRQ_MAX];

void virq_raise(struct vm *vm, uint32_t virq)
{
	virqs[vm - vms][virq]++;
}

void sync_flush(struct vm *vm)
{
	printf("Bail out! flush of VM %u\n", vm->id);
	exit(1);
}

bool trace_on = true;
static uint32_t traced[2];		/* events of each VM ... */
static uint64_t traced_state[2];	/* ... and the state of the last */
static bool traced_up;			/* calls found the connection, before it was shown */

void trace_put(uint16_t type, const struct vcpu *v, uint16_t n, uint64_t a, uint64_t b)
{
	if (type != TRACE_LINK || n || b != link_table[0].end[v->vm->id].status->generation)
		return;
	traced[v->vm->id]++;
	traced_state[v->vm->id] = a;
	traced_up = link_table[0].connected;
}

struct model { uint32_t state[2], generation, resets, incarnation[2]; bool up; };

static bool model_both(const struct model *m, uint32_t state)
{
	return m->state[0] == state && m->state[1] == state;
}

static void model_set(struct model *m, uint32_t end, uint32_t state)
{
	bool was = m->up;

	m->state[end] = state;
	if (!was)
		m->up = model_both(m, AMBIT_LINK_CONNECTED);
	else if (state != AMBIT_LINK_CONNECTED && state != AMBIT_LINK_SUSPENDED)
		m->up = false;
	m->generation += !was && m->up;
	m->resets += was && !m->up;
}

static bool model_shown(const struct model *m, const struct link *l)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct ambit_status *s = l->end[i].status;

		if (s->state != m->state[i] || s->peer_state != m->state[!i] ||
		    s->generation != m->generation || s->resets != m->resets ||
		    s->peer_incarnation != m->incarnation[!i] || s->revocations)
			return false;
	}
	return true;
}

static uint32_t virq_count(const struct endpoint *e)
{
	return virqs[e->vm - vms][e->virq];
}

/* One event at an end; false if anybody is shown or told something wrong. */
static bool state_step(struct model *m, struct link *l, uint32_t end, uint32_t what)
{
	struct endpoint *e = &l->end[end], *peer = e->peer;
	bool change = true, masked = peer->event->mask, was = peer->event->pending;
	uint32_t before = virq_count(peer), own = virq_count(e), events = traced[end];
	int64_t r = 0;

	if (what == 5) {
		e->vm->incarnation++;
		e->event->pending = e->event->mask = 1;
		endpoint_born(e);
		model_set(m, end, AMBIT_LINK_CLOSED);
		m->incarnation[end] = e->vm->incarnation;
		if (e->event->pending || e->event->mask)
			return false;
	} else if (what == AMBIT_LINK_DEAD) {
		endpoint_died(e);
		change = m->state[end] != what;
		model_set(m, end, what);
	} else {
		change = m->state[end] != what;
		model_set(m, end, what);
		r = link_set_state(e, what);
		if (r != m->generation)
			return false;
	}
	return model_shown(m, l) && virq_count(e) == own &&
	       traced[end] == events + change && traced_state[end] == m->state[end] &&
	       (!change || traced_up == m->up) &&
	       peer->event->pending == (was || change) &&
	       virq_count(peer) == before + (change && !was && !masked);
}

static bool notify_step(struct model *m, struct link *l, uint32_t end)
{
	struct endpoint *e = &l->end[end];
	uint32_t was = e->peer->event->pending, before = virq_count(e->peer);
	bool up = m->up;

	return link_notify(e) == (up ? AMBIT_OK : AMBIT_EGONE) &&
	       e->peer->event->pending == (was || up) &&
	       virq_count(e->peer) == before + (up && !was && !e->peer->event->mask) &&
	       model_shown(m, l);
}

/* A link as it is at boot; its two VMs have no other, so their lives are its. */
static struct link *new_link(void)
{
	static struct manifest_link lone = {
		.name = "lone", .end = { { .vm = 0 }, { .vm = 1 } }, .slots = 2,
		.buffer_size = 64, .seg_max = 1,
	};
	struct manifest m = { .link = &lone, .link_count = 1, .vm_count = 2 };
	static const struct manifest_vm none;
	static struct vcpu vcpu[2];

	for (uint32_t i = 0; i < 2; i++) {
		vcpu[i].vm = &vms[i];
		vms[i] = (struct vm){ .id = i, .config = &none, .vcpu[0] = &vcpu[i] };
	}
	fake_machine(MIB(8));
	if (link_init(&m))
		exit(1);
	return &link_table[0];
}

static void test_states(void)
{
	struct link *l = new_link();
	struct model m = { 0 };
	uint32_t n, done[2][6][6] = { 0 }, all = 0, slept = 0;
	bool good = true;

	srand(3);
	for (n = 0; n < 20000 && good; n++) {
		uint32_t end = (uint32_t)rand() % 2, what = (uint32_t)rand() % 9;

		/* More often than not both ends are up: that is where it counts. */
		what = what > 5 ? AMBIT_LINK_CONNECTED : what;
		done[end][m.state[end]][what] = 1;
		slept += m.up && model_both(&m, AMBIT_LINK_SUSPENDED);
		good = state_step(&m, l, end, what) && notify_step(&m, l, end) &&
		       notify_step(&m, l, !end);
		l->end[end].event->pending = (uint32_t)rand() % 2;
		l->end[end].event->mask = rand() % 4 == 0;
	}
	for (uint32_t i = 0; i < sizeof(done) / 4; i++)
		all += ((uint32_t *)done)[i];
	ok(good && m.generation > 100, "%u steps: both ends see each state, generation %u, "
	   "%u resets, and are told once", n, m.generation, m.resets);
	ok_eq(all, 2 * 5 * 6, "from each state each step was taken, at both ends");
	ok(slept > 20, "%u of them with both ends suspended", slept);
}

/* A guest reads states, then the generation: it must never find an old one. */
static struct link *step_link;
static uint32_t step_want, step_looks, step_stale;

static void step_look(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct ambit_status *s = step_link->end[i].status;

		step_looks++;
		step_stale += s->state == AMBIT_LINK_CONNECTED &&
			      s->peer_state == AMBIT_LINK_CONNECTED &&
			      s->generation != step_want;
	}
}

static void test_order(void)
{
	struct link *l = step_link = new_link();

	link_set_state(&l->end[0], AMBIT_LINK_CONNECTED);
	for (uint32_t i = 0; i < 2; i++) {
		step_want = i + 1;
		fake_step_begin(step_look);
		link_set_state(&l->end[1], AMBIT_LINK_CONNECTED);
		fake_step_end();
		link_set_state(&l->end[1], AMBIT_LINK_CLOSED);
	}
	ok(step_looks > 100, "%u looks while the states change", step_looks);
	ok_eq(step_stale, 0, "connected never comes with an old generation");
}

int main(void)
{
	test_states();
	test_order();
	return done_testing();
}
