/* SPDX-License-Identifier: BSD-2-Clause */
/* A reference clock of 32 bits: looked at seldom, or late, it neither stands nor goes back. */
/* LINK: arch/time.c */
#include "arch/arch.h"
#include "arch/machine.h"
#include "tests/fake/fake.h"
#include "tests/unit/tap.h"

#define PERIOD	100000000u	/* femtoseconds: 10 MHz */
#define STEP	200000u		/* of it, at each look at the TSC: 20 ms, more than is measured */

static uint32_t hpet[0x100];
#define COUNTER	hpet[0xf0 / 4]

volatile void *arch_map_mmio(hpa_t pa, uint64_t bytes)
{
	(void)pa;
	(void)bytes;
	return hpet;
}

void apic_timer_free_run(void) { }
uint32_t apic_timer_count(void) { return 0; }

void apic_timer_set_rate(uint64_t apic_ticks, uint64_t tsc_ticks)
{
	(void)apic_ticks;
	(void)tsc_ticks;
}

static void tick(void)
{
	COUNTER += STEP;
	fake_tsc += 100 * STEP;
}

static uint64_t since(uint64_t *from)
{
	uint64_t now = arch_ref_read(), ticks = now - *from;

	*from = now;
	return ticks;
}

int main(void)
{
	const struct acpi_info acpi = { .hpet = 0xfed00000 };
	uint64_t last;

	hpet[1] = PERIOD;
	fake_tsc_hook = tick;
	tsc_init(&acpi);
	fake_tsc_hook = NULL;
	ok(arch_ref_hz() == 10000000 && arch_ref_round() == 1ull << 32, "a narrow clock of 10 MHz");
	last = arch_ref_read();
	COUNTER += 1000;
	ok_eq(since(&last), 1000, "it goes on");
	COUNTER += 0x90000000;
	ok_eq(since(&last), 0x90000000, "after more than half a round, too");
	COUNTER += 0xd0000000;
	ok_eq(since(&last), 0xd0000000, "and once it came round");
	COUNTER -= 50;
	ok_eq(since(&last), 0, "who reads later than another sees no time go back");
	COUNTER += 60;
	ok_eq(since(&last), 10, "and none lost");
	return done_testing();
}
