/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside arch/: what its files offer each other beyond arch/arch.h. */
#pragma once

#include "arch/acpi.h"
#include "hv/boot_info.h"
#include "hv/types.h"

/* --- uart.c: more is in arch.h -------------------------------------------- */

bool uart_init(void);			/* false: no UART there */
void uart_drain(void);			/* until all last bits are on the line */

/* --- screen.c: VGA text or framebuffer --------------------------------------- */

void screen_init(const struct boot_info *bi);
void screen_write(const char *s, size_t n);

/* --- cpu.c --------------------------------------------------------------------- */

void cpu_init_xcr0(void);		/* this pCPU; arch_pcpu.xcr0 */

/* --- apic.c: the local APIC ------------------------------------------------------ */

/* Boot CPU: choose xAPIC or x2APIC, map registers, and enable. */
void apic_init(void);
void apic_init_cpu(void);		/* the same on an AP */
bool apic_ready(void);			/* apic_init() is done */
void apic_eoi(void);
uint32_t apic_id(void);			/* of this pCPU */
bool apic_reaches(uint32_t id);		/* can an IPI name this APIC? */
/* Send an interrupt to one local APIC. */
void apic_send(uint32_t id, uint32_t command);
#define APIC_FIXED	0x04000u	/* | vector; level asserted */
#define APIC_NMI	0x04400u
#define APIC_INIT	0x04500u
#define APIC_STARTUP	0x04600u	/* | page number */
/* Calibration of the timer; no effect where it works by TSC deadline. */
void apic_timer_free_run(void);
uint32_t apic_timer_count(void);	/* counts down */
void apic_timer_set_rate(uint64_t apic_ticks, uint64_t tsc_ticks);

/* --- ioapic.c ------------------------------------------------------------------------ */

/* Find the I/O APICs and mask all pins. */
void ioapic_init(const struct acpi_info *acpi);

/* --- platform.c -------------------------------------------------------------------- */

const struct acpi_info *platform_acpi(void);
uint32_t platform_apic_id(uint32_t cpu);	/* of pCPU number cpu */

/* --- smp.c ------------------------------------------------------------------------- */

void smp_init(void);			/* after the final page tables */

/* --- time.c ------------------------------------------------------------------------ */

void tsc_init(const struct acpi_info *acpi);
/* Wait by the TSC, with PAUSE. Before tsc_init() it returns at once. */
void time_delay_us(uint64_t us);
/* Measure the skew of AP id: both CPUs call their side at the same time. */
void time_skew_boot(uint32_t id);
void time_skew_ap(void);
