/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run: power off by the way that the command line names. */
#include "arch/arch.h"
#include "arch/coverage.h"
#include "arch/cpu.h"
#include "arch/machine.h"
#include "hv/string.h"

#define ISA_DEBUG_EXIT	0xf4
#define BOCHS_SHUTDOWN	0x8900
#define SCI_EN		0x0001
#define SLP_EN		0x2000
#define SLP_TYP(v)	((uint16_t)((v) << 10))
#define SLP_TYP_MASK	0x1c00

_Noreturn void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* One PM1 control register; what else it holds stays. */
static void sleep_write(uint16_t port, uint8_t type)
{
	uint16_t v = inw(port) & (uint16_t)~(SLP_TYP_MASK | SLP_EN);

	outw(port, v | SLP_TYP(type) | SLP_EN);
}

static void acpi_off(void)
{
	const struct acpi_info *acpi = platform_acpi();

	if (!acpi->has_s5 || !acpi->pm1a)
		return;
	if (acpi->smi_port && acpi->acpi_enable && !(inw(acpi->pm1a) & SCI_EN)) {
		outb(acpi->smi_port, acpi->acpi_enable);
		time_delay_us(10000);
	}
	sleep_write(acpi->pm1a, acpi->s5a);
	if (acpi->pm1b)
		sleep_write(acpi->pm1b, acpi->s5b);
	time_delay_us(1000000);
}

_Noreturn void arch_poweroff(const char *method, uint8_t status)
{
	static const char shutdown[] = "Shutdown";

	arch_stop_others();
	uart_drain();
	coverage_tell();
	if (method && !strcmp(method, "isa-debug-exit")) {
		outb(ISA_DEBUG_EXIT, status);
	} else if (method && !strcmp(method, "bochs")) {
		for (const char *s = shutdown; *s; s++)
			outb(BOCHS_SHUTDOWN, (uint8_t)*s);
	} else if (method && !strcmp(method, "acpi")) {
		acpi_off();
	}
	arch_halt();
}
