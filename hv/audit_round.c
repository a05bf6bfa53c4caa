/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds with DEBUG=1: the audit again and again while guests run. All CPUs come to
 * their run loops, where no call is under way, and wait there.
 */
#include "hv/audit.h"

#include "hv/console.h"
#include "hv/panic.h"
#include "hv/pcpu.h"
#include "hv/symbol.h"
#include "hv/sync.h"
#include "hv/time.h"
#include "hv/work.h"

#define PERIOD_NS	20000000ull
#define SHARE		20u	/* of the time goes to it, at most one in this many */

static struct work round, hold[PCPU_MAX];
static uint32_t held, go;	/* atomic */
static bool over;
static uint64_t longest;	/* ticks of a step; atomic */
static uint64_t longest_of;	/* the step's function */
static uint64_t off_from[PCPU_MAX];
static uint64_t longest_off;	/* atomic */

static bool hold_step(struct work *w)
{
	uint32_t before = LOAD_ACQUIRE(go);

	(void)w;
	sync_away();
	__atomic_fetch_add(&held, 1, __ATOMIC_SEQ_CST);
	while (LOAD_ACQUIRE(go) == before && !READ_ONCE(over))
		arch_pause();
	sync_back();
	return true;
}

static bool round_step(struct work *w)
{
	struct pcpu *self = this_pcpu();
	uint64_t from = arch_tsc(), now;
	uint32_t others = 0;

	WRITE_ONCE(held, 0);
	sync_away();
	for (uint32_t i = 0; i < pcpu_limit; i++) {
		if (!pcpu_online[i] || i == self->id)
			continue;
		work_add(i, &hold[i]);
		others++;
	}
	/* The CPU that ends the run does not come: it waits for this one to halt. */
	while (LOAD_ACQUIRE(held) != others && !READ_ONCE(over))
		arch_pause();
	if (!READ_ONCE(over))
		CHECK(audit_check());
	__atomic_fetch_add(&go, 1, __ATOMIC_SEQ_CST);
	sync_back();
	now = arch_tsc();
	work_add_later(w, now + MAX(time_ns_to_ticks(PERIOD_NS), SHARE * (now - from)));
	return true;
}

void audit_step(bool (*step)(struct work *), uint64_t ticks)
{
	uint64_t before = READ_ONCE(longest);

	audit_moved_look();
	if (step == round_step || step == hold_step)
		return;
	while (ticks > before)
		if (__atomic_compare_exchange_n(&longest, &before, ticks, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			WRITE_ONCE(longest_of, (uint64_t)step);
}

void audit_off_begin(void)
{
	audit_moved_look();
	off_from[this_pcpu()->id] = arch_tsc();
}

void audit_off_end(void)
{
	uint64_t ticks = arch_tsc() - off_from[this_pcpu()->id];
	uint64_t before = READ_ONCE(longest_off);

	while (ticks > before && !__atomic_compare_exchange_n(&longest_off, &before, ticks, false,
							      __ATOMIC_RELAXED,
							      __ATOMIC_RELAXED))
		;
	audit_moved_look();
}

void audit_steps_report(void)
{
	uint64_t offset;
	const char *name = symbol_find(longest_of, &offset);

	hv_log("audit: the longest step of work took %lu ticks, of %s", longest,
	       name ? name : "-");
	hv_log("audit: the longest time in an exit was %lu ticks", longest_off);
	hv_log("audit: at most %lu bytes were moved between two looks", audit_moved_most());
}

void audit_end(void)
{
	WRITE_ONCE(over, true);
}

void audit_begin(void)
{
	audit_moved_begin();	/* behind the boot */
	round.run = round_step;
	for (uint32_t i = 0; i < PCPU_MAX; i++)
		hold[i].run = hold_step;
	work_add(this_pcpu()->id, &round);
}
