/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables that the hypervisor reads (ACPI Specification 6.5, chapter
 * 5): pure functions over a callback that maps physical memory, so that host
 * tests and fuzzers run them. No table is believed: signature, length and
 * checksum first, every walk bounded.
 */
#pragma once

#include "hv/types.h"

#define ACPI_CPU_MAX		256	/* entries kept of the MADT */
#define ACPI_IOAPIC_MAX		8
#define ACPI_OVERRIDE_MAX	16
#define ACPI_PORTS_MAX		10

struct acpi_ioapic {
	uint64_t base;
	uint32_t gsi;			/* first interrupt */
	uint8_t id;
};

struct acpi_override {			/* ISA interrupt to GSI */
	uint8_t irq;
	uint16_t flags;			/* polarity, trigger: as in the MADT */
	uint32_t gsi;
};

struct acpi_ports {			/* a register block */
	uint16_t first, last;
};

struct acpi_info {
	uint32_t apic_id[ACPI_CPU_MAX];	/* usable CPUs, in the MADT's order */
	uint32_t cpu_count;
	uint32_t cpu_dropped;		/* usable, but beyond ACPI_CPU_MAX */
	uint64_t lapic;			/* registers of the local APIC, or 0 */
	struct acpi_ioapic ioapic[ACPI_IOAPIC_MAX];
	uint32_t ioapic_count;
	struct acpi_override override[ACPI_OVERRIDE_MAX];
	uint32_t override_count;
	uint16_t pm_timer;		/* I/O port, or 0 */
	bool pm_timer_32;		/* counts 32 bits, else 24 */
	uint64_t hpet;			/* registers, or 0 */
	uint16_t pm1a, pm1b;		/* control ports, or 0 */
	uint16_t smi_port;		/* writing acpi_enable there ends legacy mode */
	uint8_t acpi_enable;
	uint16_t sci;			/* its interrupt: ISA's, or a GSI */
	struct acpi_ports ports[ACPI_PORTS_MAX]; /* all that the FADT names */
	uint32_t ports_count;
	uint8_t s5a, s5b;		/* SLP_TYP for S5, if has_s5 */
	bool has_s5;
	uint32_t bad_tables;		/* refused: length or checksum */
};

/* How an interrupt is wired. */
struct acpi_line {
	uint32_t gsi;
	bool level, low;		/* triggered by level; active low */
};

/* A readable view of physical memory, or NULL. Views are never given back. */
struct acpi_memory {
	const void *(*map)(void *context, uint64_t pa, uint64_t bytes);
	void *context;
};

/* Look for the RSDP where a BIOS leaves it; 0: not there. */
uint64_t acpi_find_rsdp(const struct acpi_memory *memory);
/*
 * Fill *out from the tables that rsdp leads to. 0; AMBIT_ENOENT without a valid
 * RSDP and root table. Missing tables leave their fields 0.
 */
int acpi_parse(const struct acpi_memory *memory, uint64_t rsdp, struct acpi_info *out);
/* ISA interrupt irq, or from 16 on GSI irq, which then is taken to be PCI's. */
struct acpi_line acpi_irq(const struct acpi_info *info, uint32_t irq);
