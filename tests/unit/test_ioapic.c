/* SPDX-License-Identifier: BSD-2-Clause */
/* Several level-triggered interrupts at once: none is acknowledged unmasked. */
/* LINK: arch/ioapic.c */
#include "arch/arch.h"
#include "arch/machine.h"
#include "tests/unit/tap.h"

#define PINS		24u
#define PIN(n)		(0x10 + 2 * (n))
#define MASKED		(1u << 16)
#define FIRST		16u		/* of three that are routed */

static uint32_t registers[8];		/* select, and the window at 0x10 */
static struct acpi_info acpi = { .ioapic_count = 1 };
static uint32_t eois, early;		/* early: before the last one was masked */

volatile void *arch_map_mmio(hpa_t pa, uint64_t bytes)
{
	(void)pa;
	(void)bytes;
	return registers;
}

const struct acpi_info *platform_acpi(void)
{
	return &acpi;
}

uint32_t platform_apic_id(uint32_t cpu)
{
	return cpu;
}

struct acpi_line acpi_irq(const struct acpi_info *info, uint32_t irq)
{
	(void)info;
	return (struct acpi_line){ .gsi = irq, .level = true, .low = true };
}

/* The CPU ends the interrupt of the highest vector in service, which is the last line. */
void apic_eoi(void)
{
	eois++;
	early += registers[0] != PIN(FIRST + 2) || !(registers[4] & MASKED);
}

int main(void)
{
	struct arch_pcpu p = { .irqs = 7 };
	const char *why;

	registers[4] = (PINS - 1) << 16;
	ioapic_init(&acpi);
	for (uint32_t i = 0; i < 3; i++) {
		ok_eq(arch_irq_route(FIRST + i, 0, &why), i, "line %u", i);
		arch_irq_release(i, ARCH_IRQ_CLOSED);
	}
	ok(registers[0] == PIN(FIRST + 2) && !(registers[4] & MASKED), "the last one is open");
	ok_eq(arch_irqs_take(&p), 7, "three came at once");
	ok(eois == 3 && !p.irqs, "each is acknowledged");
	ok_eq(early, 0, "when all are masked");
	return done_testing();
}
