/* SPDX-License-Identifier: BSD-2-Clause */
/* System time by 32.32 fixed-point products of clock ticks. */
#include "hv/time.h"

#include "hv/abi/time.h"
#include "hv/pcpu.h"
#include "hv/vcpu.h"
#include "hv/work.h"

#define NS_PER_S 1000000000ull
#define DEADLINE_MAX (1ull << 60)	/* ns, 36 years: beyond is for ever */
#define KEEP_PART 8u			/* of the time in which the clock comes round */

static uint64_t tsc_zero, ref_zero;	/* the clocks at system time 0 */
static uint64_t ns_per_tick, ticks_per_ns, ns_per_ref;	/* 32.32 */
static bool stable;			/* the TSC keeps time */

static uint64_t scale(uint64_t v, uint64_t mul)
{
	return (uint64_t)(((unsigned __int128)v * mul) >> 32);
}

static uint64_t ratio(uint64_t a, uint64_t b)
{
	/* a / b in 32.32 without a 128-bit division, which needs libgcc */
	return ((a / b) << 32) + (((a % b) << 32) / b);
}

void system_time_init(void)
{
	stable = arch_tsc_stable();
	tsc_zero = arch_tsc();
	ref_zero = arch_ref_read();
	ns_per_tick = ratio(NS_PER_S, arch_tsc_hz());
	ticks_per_ns = ratio(arch_tsc_hz(), NS_PER_S);
	ns_per_ref = ratio(NS_PER_S, arch_ref_hz());
}

static bool is_narrow(void)
{
	return !stable && arch_ref_round();
}

void system_time_look(void)
{
	if (is_narrow())
		(void)arch_ref_read();
}

/* Nobody may ask for the time for long, and a narrow counter would come round unseen.
 * Far sooner than that, as the TSC, by which this waits, may be slow. */
static bool keep_step(struct work *w)
{
	uint64_t round = scale(arch_ref_round(), ns_per_ref);

	(void)arch_ref_read();
	work_add_later(w, arch_tsc() + time_ns_to_ticks(round / KEEP_PART));
	return true;
}

void system_time_keep(void)
{
	static struct work keep = { .run = keep_step };

	if (is_narrow())
		work_add(this_pcpu()->id, &keep);
}

static uint64_t boot_tsc(void)
{
	return arch_tsc() + (uint64_t)arch_tsc_skew(this_pcpu()->id);
}

uint64_t time_now(void)
{
	if (stable)
		return scale(boot_tsc() - tsc_zero, ns_per_tick);
	return scale(arch_ref_read() - ref_zero, ns_per_ref);
}

/* Counted from now: the rounding of a factor is small beside a wait, but not
 * beside days of uptime, when a deadline would come too early by them. */
uint64_t time_deadline(uint64_t ns)
{
	uint64_t now;

	if (ns > DEADLINE_MAX)
		return TSC_NEVER;
	now = time_now();
	return arch_tsc() + (ns > now ? scale(ns - now, ticks_per_ns) + 1 : 0);
}

uint64_t time_ticks_to_ns(uint64_t ticks)
{
	return scale(ticks, ns_per_tick);
}

uint64_t time_ns_to_ticks(uint64_t ns)
{
	return scale(ns, ticks_per_ns);
}

void time_fill_page(struct ambit_time *page, int64_t tsc_offset)
{
	WRITE_ONCE(page->version, page->version | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	page->flags = stable ? AMBIT_TIME_STABLE : 0;
	page->tsc_base = tsc_zero + (uint64_t)tsc_offset;
	page->ns_base = 0;
	page->tsc_mul = ns_per_tick;
	page->tsc_hz = arch_tsc_hz();
	STORE_RELEASE(page->version, page->version + 1);
}
