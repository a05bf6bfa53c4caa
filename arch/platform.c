/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware's tables say about this machine, and the order in which
 * interrupt controllers and clocks are set up. pCPU 0 is the boot CPU, the
 * others follow in the MADT's order.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/machine.h"
#include "hv/console.h"

#define PIC1		0x20
#define PIC2		0xa0
#define PIC_VECTORS	0x20		/* 0x20 to 0x2f, all masked */

static struct acpi_info acpi;
static uint32_t apic_ids[PCPU_MAX];
static uint32_t cpu_count = 1;

const struct acpi_info *platform_acpi(void)
{
	return &acpi;
}

uint32_t platform_apic_id(uint32_t cpu)
{
	return apic_ids[cpu];
}

uint32_t arch_cpu_count(void)
{
	return cpu_count;
}

static const void *map_table(void *context, uint64_t pa, uint64_t bytes)
{
	(void)context;
	return arch_map_firmware(hpa(pa), bytes);
}

static void read_tables(const struct boot_info *bi)
{
	const struct acpi_memory memory = { map_table, NULL };
	uint64_t rsdp = bi->rsdp ? bi->rsdp : acpi_find_rsdp(&memory);

	if (!rsdp || acpi_parse(&memory, rsdp, &acpi))
		hv_log("no ACPI tables: one CPU, no power-off");
	if (acpi.bad_tables)
		hv_log("ACPI: %u tables with a bad length or checksum ignored", acpi.bad_tables);
}

bool arch_ports_owned(uint16_t first, uint16_t last)
{
	for (uint32_t i = 0; i < acpi.ports_count; i++)
		if (first <= acpi.ports[i].last && acpi.ports[i].first <= last)
			return true;
	return false;
}

/* The PIC's vectors leave the exceptions alone, then all its lines are masked;
 * a spurious interrupt may still come and is taken like any other. */
static void pic_disable(void)
{
	outb(PIC1, 0x11);
	outb(PIC2, 0x11);
	outb(PIC1 + 1, PIC_VECTORS);
	outb(PIC2 + 1, PIC_VECTORS + 8);
	outb(PIC1 + 1, 4);
	outb(PIC2 + 1, 2);
	outb(PIC1 + 1, 1);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

static void number_cpus(void)
{
	uint32_t dropped = acpi.cpu_dropped;

	apic_ids[0] = apic_id();
	for (uint32_t i = 0; i < acpi.cpu_count; i++) {
		if (acpi.apic_id[i] == apic_ids[0])
			continue;
		if (cpu_count < PCPU_MAX && apic_reaches(acpi.apic_id[i]))
			apic_ids[cpu_count++] = acpi.apic_id[i];
		else
			dropped++;
	}
	if (dropped)
		hv_log("%u CPUs beyond what we can use stay off", dropped);
}

void arch_init_platform(const struct boot_info *bi)
{
	read_tables(bi);
	pic_disable();
	ioapic_init(&acpi);
	apic_init();
	number_cpus();
	tsc_init(&acpi);
	smp_init();
}
