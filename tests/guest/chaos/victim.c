/* SPDX-License-Identifier: BSD-2-Clause */
/* One VM at the hands of chaos: what may be done to it now, and what must come of it. */
#include "tests/guest/chaos/chaos.h"

#define OK		(1u << 0)
#define BUSY		(1u << -AMBIT_EBUSY)
#define AGAIN		(1u << -AMBIT_EAGAIN)

struct victim victim[VICTIMS_MAX];
uint32_t victim_count;
struct deeds deeds;
struct prng chaos_prng;
uint64_t act_max_kticks;

static uint32_t pick(uint32_t n)
{
	return (uint32_t)prng_below(&chaos_prng, n);
}

void victims_find(uint32_t clients, const char *mortal)
{
	const struct ambit_vm_entry *e;
	uint32_t n = vm_list(&e);

	for (uint32_t i = 0; i < n; i++) {
		struct victim *v = &victim[victim_count];

		if (!e[i].rights || e[i].vm == vm_info()->vm)
			continue;
		if (victim_count == VICTIMS_MAX)
			guest_fail("more than %u VMs", VICTIMS_MAX);
		*v = (struct victim){ .seen = e[i], .client = victim_count < clients,
				      .mortal = !strcmp(e[i].name, mortal) };
		victim_count++;
	}
	CHECK(victim_count > clients);
}

bool victim_ended(const struct victim *v)
{
	return v->seen.state == AMBIT_VMS_STOPPED || v->seen.state == AMBIT_VMS_CRASHED;
}

void victim_look(struct victim *v)
{
	bool before = victim_ended(v);

	v->seen = *vm_look(v->seen.vm);
	if (!victim_ended(v))
		return;
	if ((v->seen.state == AMBIT_VMS_CRASHED && !v->mortal) || v->seen.status)
		guest_fail("%s failed: state %u, status %d", v->seen.name, v->seen.state,
			   (int)v->seen.status);
	deeds.ends += !before && v->phase != HALTED;
}

int64_t victim_control(struct victim *v, uint64_t op)
{
	int64_t r = vm_control(op, v->seen.vm);

	deeds.acts[op] += r == 0;
	return r;
}

/* An operation that must have one of these statuses; which it was. */
static int64_t outcome(struct victim *v, uint64_t op, uint32_t allowed)
{
	int64_t r = victim_control(v, op);

	CHECK(r <= 0 && r > -32);
	if (r > 0 || r <= -32 || !(allowed & 1u << -r))
		guest_fail("%s, state %u, phase %d: operation %lu: status %ld",
			   v->seen.name, v->seen.state, v->phase, op, r);
	return r;
}

static bool control(struct victim *v, uint64_t op, uint32_t allowed)
{
	return outcome(v, op, allowed) == 0;
}

/* Of what is under way, whether it is done. A mortal one may have crashed since it was
 * restored, and started again by itself: the answer is lost then. */
static bool work_done(struct victim *v, uint64_t op)
{
	uint32_t lost = v->mortal && op == AMBIT_VM_RESTORE ? BUSY : 0;

	return outcome(v, op, OK | AGAIN | lost) != AMBIT_EAGAIN;
}

static enum phase restart(struct victim *v)
{
	control(v, AMBIT_VM_RESTART, OK);
	return RUNS;
}

/* BUSY: it ended by itself meanwhile. */
static enum phase stop(struct victim *v, uint32_t allowed)
{
	return control(v, AMBIT_VM_STOP, allowed) ? HALTED : RUNS;
}

static enum phase resume(struct victim *v)
{
	control(v, AMBIT_VM_RESUME, OK | BUSY);
	return RUNS;
}

static enum phase from_running(struct victim *v)
{
	uint32_t act = pick(8);

	if (victim_ended(v))	/* a crashed one may be left to its policy */
		return v->mortal && act < 4 ? RUNS : restart(v);
	if (act < 2)
		return restart(v);
	if (act < 3)
		return stop(v, OK | BUSY);
	if (act < 5)
		return control(v, AMBIT_VM_PAUSE, OK | BUSY) ? PAUSED : RUNS;
	return control(v, AMBIT_VM_SUSPEND, OK | BUSY) ? ASKED : RUNS;
}

/* It is to go on, or to end. */
static enum phase from_rest(struct victim *v)
{
	uint32_t act = pick(6);

	return act == 0 ? restart(v) : act == 1 ? stop(v, OK | BUSY) : resume(v);
}

static enum phase from_suspended(struct victim *v)
{
	if (pick(3) == 0)
		return from_rest(v);
	control(v, AMBIT_VM_SAVE, AGAIN);
	return SAVING;
}

/* It is under way, and asked for now and then: a restart takes effect at its end, a stop
 * is too early. Or it has just been done, and nobody has been told. */
static enum phase from_work(struct victim *v, uint64_t op, enum phase done)
{
	uint32_t act = pick(100);

	if (act == 0)
		return restart(v);
	if (act == 1 && control(v, AMBIT_VM_STOP, OK | BUSY))
		return HALTED;
	return work_done(v, op) ? done : v->phase;
}

static enum phase from_saved(struct victim *v)
{
	uint32_t act = pick(6);

	if (act < 2)
		return act ? restart(v) : stop(v, OK);
	control(v, AMBIT_VM_RESTORE, AGAIN);
	return RESTORING;
}

static enum phase next_phase(struct victim *v)
{
	switch (v->phase) {
	case RUNS:
		return from_running(v);
	case HALTED:
		return restart(v);
	case PAUSED:
		return from_rest(v);
	case ASKED:	/* not everybody does it */
		return v->seen.state == AMBIT_VMS_SUSPENDED ? from_suspended(v) :
							      from_rest(v);
	case SAVING:
		return from_work(v, AMBIT_VM_SAVE, SAVED);
	case SAVED:
		return from_saved(v);
	default:
		return from_work(v, AMBIT_VM_RESTORE, RUNS);
	}
}

void victim_act(struct victim *v)
{
	uint64_t kticks = POLL_KTICKS;

	victim_look(v);
	v->phase = next_phase(v);
	if (v->phase != SAVING && v->phase != RESTORING)
		kticks = ACT_MIN_KTICKS +
			 prng_below(&chaos_prng, act_max_kticks - ACT_MIN_KTICKS + 1);
	v->due = time_now() + kticks_ns(kticks);
}

void victim_calm(struct victim *v)
{
	uint64_t until = time_now() + PATIENCE;

	while (v->phase == SAVING || v->phase == SAVED || v->phase == RESTORING) {
		uint64_t op = v->phase == SAVING ? AMBIT_VM_SAVE : AMBIT_VM_RESTORE;

		if (work_done(v, op))
			v->phase = v->phase == SAVING ? SAVED : RUNS;
		else if (v->phase == SAVED)
			v->phase = RESTORING;
		if (time_now() > until)
			guest_fail("%s: no end of phase %d", v->seen.name, v->phase);
		time_sleep_until(time_now() + kticks_ns(POLL_KTICKS));
	}
	victim_look(v);
	if (v->phase == HALTED || (victim_ended(v) && !v->client))
		restart(v);
	else if (v->phase != RUNS)
		resume(v);
	v->phase = RUNS;
}
