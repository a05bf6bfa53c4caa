/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks. The TSC's rate is measured against the HPET, the PM timer or the PIT,
 * in that order: what CPUID claims is not believed. The same clock (not the
 * PIT) stays as the reference for machines whose TSC stops or changes.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/machine.h"
#include "hv/panic.h"

#define HPET_CAPS	0x000
#define HPET_PERIOD	0x004		/* femtoseconds */
#define HPET_CONFIG	0x010
#define HPET_COUNTER	0x0f0
#define HPET_WIDE	BIT(13)
#define HPET_PERIOD_MAX	100000000u
#define PM_TIMER_HZ	3579545
#define PIT_HZ		1193182
#define PIT_CHANNEL2	0x42
#define PIT_COMMAND	0x43
#define PIT_GATE	0x61

#define CALIBRATION_HZ	100		/* measure for 10 ms */
#define POLL_MAX	1000000u	/* a clock that stands is not waited for */
#define SAMPLES		8
#define PIT_RUNS	3

struct sample {
	uint64_t ref, tsc;
	uint32_t apic;
};

static enum { REF_TSC, REF_HPET, REF_PM } ref_kind;
static volatile uint8_t *hpet;
static uint16_t pm_port;
static uint64_t ref_mask;	/* of the counter's width; 0: 64 bits */
static uint64_t ref_last;	/* atomic: highest value handed out */
static uint64_t ref_hz, tsc_hz;
static int64_t skew[PCPU_MAX];

/* --- the reference clock ------------------------------------------------------ */

static uint32_t hpet_read(uint32_t reg)
{
	return *(volatile uint32_t *)(hpet + reg);
}

static uint64_t hpet_read_wide(void)
{
	uint32_t high, low;

	do {
		high = hpet_read(HPET_COUNTER + 4);
		low = hpet_read(HPET_COUNTER);
	} while (hpet_read(HPET_COUNTER + 4) != high);
	return (uint64_t)high << 32 | low;
}

static uint64_t ref_raw(void)
{
	switch (ref_kind) {
	case REF_HPET:
		return ref_mask ? hpet_read(HPET_COUNTER) : hpet_read_wide();
	case REF_PM:
		return inl(pm_port) & ref_mask;
	default:
		return arch_tsc();
	}
}

/*
 * A narrow counter is extended by its distance from the last value handed out.
 * A distance of nearly all its range means that another pCPU was faster with a
 * later reading: time does not go back, so that one is returned.
 */
uint64_t arch_ref_read(void)
{
	uint64_t raw, last = READ_ONCE(ref_last), next, distance;

	if (!ref_mask)
		return ref_raw();
	do {
		raw = ref_raw();
		distance = (raw - last) & ref_mask;
		if (distance > ref_mask - ref_mask / 8)
			return last;
		next = last + distance;
	} while (!__atomic_compare_exchange_n(&ref_last, &last, next, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return next;
}

uint64_t arch_ref_round(void)
{
	return ref_mask ? ref_mask + 1 : 0;
}

uint64_t arch_ref_hz(void)
{
	return ref_hz;
}

static bool hpet_open(uint64_t base)
{
	uint32_t period;

	hpet = base ? arch_map_mmio(hpa(base), 0x400) : NULL;
	if (!hpet)
		return false;
	period = hpet_read(HPET_PERIOD);
	if (!period || period > HPET_PERIOD_MAX)
		return false;
	ref_hz = 1000000000000000ull / period;
	ref_mask = hpet_read(HPET_CAPS) & HPET_WIDE ? 0 : UINT32_MAX;
	*(volatile uint32_t *)(hpet + HPET_CONFIG) = hpet_read(HPET_CONFIG) | 1;
	ref_kind = REF_HPET;
	return true;
}

static bool pm_open(const struct acpi_info *acpi)
{
	pm_port = acpi->pm_timer;
	if (!pm_port)
		return false;
	ref_hz = PM_TIMER_HZ;
	ref_mask = acpi->pm_timer_32 ? UINT32_MAX : 0xffffff;
	ref_kind = REF_PM;
	return true;
}

/* --- calibration ----------------------------------------------------------------- */

/* Some thousand instructions that no emulator has to leave its fast path for. */
static void short_work(void)
{
	for (uint32_t i = 0; i < 1000; i++)
		__asm__ volatile("" : "+r"(i));
}

/* Both clocks at one moment: the closest of some readings. */
static struct sample take_sample(void)
{
	struct sample best = { 0 };
	uint64_t span = UINT64_MAX;

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t before = arch_tsc(), ref = ref_raw(), after = arch_tsc();

		if (after - before >= span)
			continue;
		span = after - before;
		best.ref = ref;
		best.tsc = before + span / 2;
		best.apic = apic_timer_count();
	}
	return best;
}

/* TSC and APIC timer over 10 ms of the reference clock; false if it stands. */
static bool measure(struct sample *ticks)
{
	struct sample from = take_sample(), to;
	uint64_t mask = ref_mask ? ref_mask : UINT64_MAX;
	uint32_t polls = 0;

	while (((ref_raw() - from.ref) & mask) < ref_hz / CALIBRATION_HZ) {
		if (++polls == POLL_MAX)
			return false;
		short_work();
	}
	to = take_sample();
	ticks->ref = (to.ref - from.ref) & mask;
	ticks->tsc = to.tsc - from.tsc;
	ticks->apic = from.apic - to.apic;
	return true;
}

/* The same by channel 2 of the PIT, which only says when 10 ms are over. */
static bool pit_run(struct sample *ticks)
{
	const uint16_t count = PIT_HZ / CALIBRATION_HZ;
	uint8_t gate = inb(PIT_GATE) & 0xfc;
	uint64_t tsc;
	uint32_t apic, polls = 0;

	outb(PIT_GATE, gate | 1);
	outb(PIT_COMMAND, 0xb0);	/* channel 2, both bytes, one-shot */
	outb(PIT_CHANNEL2, (uint8_t)count);
	outb(PIT_CHANNEL2, (uint8_t)(count >> 8));
	tsc = arch_tsc();
	apic = apic_timer_count();
	while (!(inb(PIT_GATE) & 0x20)) {
		if (++polls == POLL_MAX)
			return false;
		short_work();
	}
	*ticks = (struct sample){ count, arch_tsc() - tsc, apic - apic_timer_count() };
	return true;
}

/* The end is seen late or in time, never early: the shortest run counts. */
static bool measure_by_pit(struct sample *ticks)
{
	struct sample run;

	*ticks = (struct sample){ .ref = 1, .tsc = UINT64_MAX };
	for (uint32_t i = 0; i < PIT_RUNS; i++) {
		if (!pit_run(&run))
			return false;
		if (run.tsc < ticks->tsc)
			*ticks = run;
	}
	ref_hz = PIT_HZ;
	return true;
}

void tsc_init(const struct acpi_info *acpi)
{
	struct sample ticks;
	bool done = false;

	apic_timer_free_run();
	if (hpet_open(acpi->hpet))
		done = measure(&ticks);
	if (!done && pm_open(acpi))
		done = measure(&ticks);
	if (!done) {
		ref_kind = REF_TSC;
		ref_mask = 0;
		done = measure_by_pit(&ticks);
	}
	if (!done || !ticks.tsc)
		hv_refuse("no clock to measure the time-stamp counter by");
	tsc_hz = ticks.tsc * ref_hz / ticks.ref;
	if (ref_kind == REF_TSC)
		ref_hz = tsc_hz;
	if (ref_mask)
		ref_last = ref_raw();
	apic_timer_set_rate(ticks.apic, ticks.tsc);
}

uint64_t arch_tsc_hz(void)
{
	return tsc_hz;
}

bool arch_tsc_stable(void)
{
	return cpuid(0x80000007).edx & BIT(8);
}

void time_delay_us(uint64_t us)
{
	uint64_t start = arch_tsc(), ticks = us * (tsc_hz / 1000) / 1000;

	while (arch_tsc() - start < ticks) {
		short_work();
		arch_pause();
	}
}

/* --- skew ---------------------------------------------------------------------------- */

/*
 * The boot CPU asks (round goes up by one), the AP answers with its TSC. The
 * answer was taken between the question and its arrival, so half of that time
 * is the error; the quickest round counts.
 */
#define ROUNDS	6
static uint32_t round_asked, round_answered;
static uint64_t answer;

void time_skew_boot(uint32_t id)
{
	uint64_t best = UINT64_MAX;
	int64_t found = 0;

	for (uint32_t i = 1; i <= ROUNDS; i++) {
		uint64_t before = arch_tsc(), after;

		STORE_RELEASE(round_asked, i);
		while (LOAD_ACQUIRE(round_answered) != i)
			arch_pause();
		after = arch_tsc();
		if (after - before < best) {
			best = after - before;
			found = (int64_t)(before + best / 2 - READ_ONCE(answer));
		}
	}
	STORE_RELEASE(round_asked, 0);
	while (LOAD_ACQUIRE(round_answered))
		arch_pause();
	/* Within the error there is none: most machines have none. */
	if (found <= (int64_t)(best / 2) && -found <= (int64_t)(best / 2))
		found = 0;
	skew[id] = found;
}

void time_skew_ap(void)
{
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		while (LOAD_ACQUIRE(round_asked) != i)
			arch_pause();
		WRITE_ONCE(answer, arch_tsc());
		STORE_RELEASE(round_answered, i);
	}
	while (LOAD_ACQUIRE(round_asked))
		arch_pause();
	STORE_RELEASE(round_answered, 0);
}

int64_t arch_tsc_skew(uint32_t pcpu)
{
	return skew[pcpu];
}
