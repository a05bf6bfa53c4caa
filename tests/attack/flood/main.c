/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vCPUs on CPUs of their own notify a victim on another CPU as fast as they can,
 * and change the states of their links. The victim keeps at least 90% of its CPU, be it
 * one that masks an event once it has come and looks again half a millisecond later, or
 * one that takes every upcall: kicks are limited in time (hv/sched.c: kick_pay), and so are
 * openings of a window onto the attacker (vio/window.c: window_pay), which flush the
 * victim's translations. So the CPUs have to be fast enough, and keep pace with each other.
 *
 * A "sibling" does the same on a CPU of its own to the hypervisor's back end, whose work
 * is done on the CPU of its VM's first vCPU. That one waits, and the victim runs there.
 */
#include "tests/attack/lib/attack.h"

#include "guests/lib/cpu.h"

#define PHASE		(8 * MS)	/* of system time */
#define SETTLED		(2 * MS)	/* at both ends of a phase nobody measures */
#define LOOK_EVERY	(MS / 2)

/* The first ones pass while all come up. */
enum phase { QUIET = 6, NOTIFY_MASKED, STATE_MASKED, NOTIFY_TAKEN, STATE_TAKEN, PHASES };

static uint32_t phase_now(void)
{
	return (uint32_t)(time_now() / PHASE);
}

/* --- the attacker ----------------------------------------------------------------------------- */

static uint64_t calls, lost;

/* The second call may have to wait, but then it is made. */
static void change_state(uint64_t endpoint)
{
	const struct ambit_status *s = (const void *)link_info((uint32_t)endpoint)->status;

	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONFIGURING);
	hcall2(AMBIT_HC_LINK_STATE, endpoint, AMBIT_LINK_CONNECTED);
	__atomic_fetch_add(&lost, READ_ONCE(s->state) != AMBIT_LINK_CONNECTED,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&calls, 2, __ATOMIC_RELAXED);
}

static void storm(void *arg)
{
	uint64_t endpoint = arg ? 1 : 0;

	for (;;) {
		switch (phase_now()) {
		case NOTIFY_MASKED:
		case NOTIFY_TAKEN:
			hcall1(AMBIT_HC_NOTIFY, endpoint);
			__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
			break;
		case STATE_MASKED:
		case STATE_TAKEN:
			change_state(endpoint);
			break;
		case PHASES:
			return;
		default:
			cpu_pause();
		}
	}
}

static int attacker(void)
{
	struct end e;

	for (uint32_t i = 0; i < vm_info()->link_count; i++)
		end_open(&e, i);
	if (cmdline_has("sibling")) {
		CHECK_IS(vcpu_start(1, storm, NULL), 0);
	} else {
		CHECK_IS(vcpu_start(1, storm, &calls), 0);
		storm(NULL);
	}
	time_sleep_until(PHASES * PHASE + 5 * MS);
	printf("%lu calls in the storm\n", calls);
	CHECK(calls > 2000);
	CHECK(!lost);
	return check_end();
}

/* --- the victim -------------------------------------------------------------------------------- */

static struct end end[2];
static uint64_t look_at[2];		/* when the masked event is looked at; 0: unmasked */
static uint64_t upcalls[PHASES + 1];

static void on_event(uint32_t virq, void *arg)
{
	struct end *e = arg;
	uint32_t phase = phase_now();

	(void)virq;
	upcalls[MIN(phase, (uint32_t)PHASES)]++;
	if (phase == NOTIFY_MASKED || phase == STATE_MASKED) {
		WRITE_ONCE(e->event->mask, 1u);
		look_at[e - end] = time_now() + LOOK_EVERY;
	}
	__atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
}

/* Unmask; what came meanwhile is pending, and served here. */
static void look(struct end *e)
{
	look_at[e - end] = 0;
	WRITE_ONCE(e->event->mask, 0u);
	FENCE_FULL();
	__atomic_exchange_n(&e->event->pending, 0, __ATOMIC_SEQ_CST);
}

/* Turns of a loop that has nothing else to do. */
static uint64_t turns(uint32_t phase)
{
	uint64_t from = phase * PHASE + SETTLED, to = (phase + 1) * PHASE - SETTLED, n = 0;

	for (uint64_t now = time_now(); now < to; now = time_now()) {
		for (uint32_t i = 0; i < 2; i++)
			if (READ_ONCE(look_at[i]) && now >= look_at[i])
				look(&end[i]);
		n += now >= from;
	}
	return n;
}

/* What must come through to measure anything: with a window a change is held back. */
static uint32_t upcalls_min(uint32_t phase)
{
	bool state = phase == STATE_MASKED || phase == STATE_TAKEN;

	return state && end[0].l->window_size ? 3 : 10;
}

static int victim(void)
{
	static const char *const name[] = {
		[NOTIFY_MASKED] = "notifications", [STATE_MASKED] = "changes of state",
		[NOTIFY_TAKEN] = "notifications, all taken",
		[STATE_TAKEN] = "changes of state, all taken",
	};
	uint64_t quiet;

	for (uint32_t i = 0; i < vm_info()->link_count; i++) {
		end_open(&end[i], i);
		virq_handle(end[i].l->virq, on_event, &end[i]);
	}
	virq_upcalls(true);
	quiet = turns(QUIET);
	CHECK(quiet > 1000);
	for (uint32_t phase = QUIET + 1; phase < PHASES; phase++) {
		uint64_t left = turns(phase) * 100 / MAX(quiet, 1ul);

		printf("%s: %lu%% of the CPU left, %lu upcalls\n", name[phase], left,
		       upcalls[phase]);
		CHECK(!vm_info()->link_count || upcalls[phase] >= upcalls_min(phase));
		CHECK(left >= 90 && left <= 101);
	}
	return check_end();
}

int guest_main(void)
{
	return cmdline_has("victim") ? victim() : attacker();
}
