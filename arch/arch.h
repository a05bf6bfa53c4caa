/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arch contract: all that hv/ and vio/ know of the machine, besides the
 * guest side in arch/hvm.h. tests/fake/ implements the same for host tests.
 */
#pragma once

#include "arch/percpu.h"
#include "hv/boot_info.h"
#include "hv/types.h"

#define PCPU_MAX 128

/* --- physical memory ---------------------------------------------------- */

/* Address of physical memory in the direct map. RAM of the boot map only. */
#ifdef AMBIT_HV
static inline void *phys_to_virt(hpa_t pa)
{
	return (void *)(VA_DIRECT + pa.v);
}

static inline hpa_t virt_to_phys(const void *direct_map_va)
{
	return hpa((uint64_t)(uintptr_t)direct_map_va - VA_DIRECT);
}
#else	/* tests/fake */
void *phys_to_virt(hpa_t pa);
hpa_t virt_to_phys(const void *direct_map_va);
#endif

/*
 * Map a device's registers (uncached, not executable). Boot CPU only, before
 * or after frames_init(); never unmapped. NULL when out of space.
 */
volatile void *arch_map_mmio(hpa_t pa, uint64_t bytes);

/*
 * Firmware tables: a readable view of any physical range (ACPI memory lies
 * outside of the RAM ranges), cached, read-only. NULL if it can't be mapped.
 */
const void *arch_map_firmware(hpa_t pa, uint64_t bytes);

/* --- boot, in the order in which hv_main() calls them -------------------- */

/* GDT, TSS, IDT of the boot CPU; the CPU features that we need are checked
 * (one line and halt if one lacks). */
void arch_init_cpu(void);
/* Build the final page tables: direct map of all ranges, the image W^X (no
 * writable alias of text), percpu region 0. Frames come from
 * frames_early_alloc(). Does not return to the old stack's frames: the caller
 * already runs on region 0's stack, which boot/ mapped first. */
void arch_init_paging(const struct boot_info *bi);
/* ACPI (MADT, FADT, HPET), TSC calibration, local APIC of the boot CPU. */
void arch_init_platform(const struct boot_info *bi);
/* CPUs that the MADT lists as usable, boot CPU included (1 .. PCPU_MAX). */
uint32_t arch_cpu_count(void);
/* Start CPU id (>= 1): allocates its region, sends INIT-SIPI-SIPI, waits for
 * it (bounded). The CPU runs hv_ap_main(). 0, or AMBIT_ETIME or AMBIT_ENOMEM. */
int MUST_CHECK arch_cpu_start(uint32_t id);
/* Runs on each AP, on its own region's stack, interrupts off, paging and
 * descriptor tables final. Given by hv/. */
_Noreturn void hv_ap_main(void);

/* --- time ---------------------------------------------------------------- */

uint64_t arch_tsc_hz(void);		/* measured */
bool arch_tsc_stable(void);		/* invariant TSC announced by CPUID */
/* What to add to this pCPU's TSC to agree with the boot CPU (measured). */
int64_t arch_tsc_skew(uint32_t pcpu);
#ifdef AMBIT_HV
static inline uint64_t arch_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}
#else
uint64_t arch_tsc(void);		/* host tests set their own time */
#endif
/*
 * Monotonic ticks of a reference clock that keeps time when the TSC does not
 * (HPET or PM timer, extended to 64 bits by regular calls: the next within 7/8 of
 * arch_ref_round(), in which its counter comes round, unless that is 0), and its rate.
 */
uint64_t arch_ref_read(void);
uint64_t arch_ref_round(void);
uint64_t arch_ref_hz(void);
/*
 * Program this pCPU's one-shot timer to interrupt at this TSC value (at once if
 * past). UINT64_MAX disarms. The interrupt ends arch_idle() and guest mode and
 * calls nothing: the run loop looks at the clock itself.
 */
void arch_timer_set(uint64_t tsc);
/* Has the timer's interrupt been taken since the last call? It may come before
 * its time (the counter is narrow): then it is for the caller to set it again. */
bool arch_timer_fired(void);
/* Has it, or has a device interrupted this pCPU (arch_irqs_take)? p is its own. */
#ifdef AMBIT_HV
static inline bool arch_fired(const struct arch_pcpu *p)
{
	return READ_ONCE(p->timer_fired) | READ_ONCE(p->irqs);
}
#else
bool arch_fired(const struct arch_pcpu *p);
#endif

/* --- interrupts (the hypervisor runs with IF = 0 but for two windows) ------ */

/* Make pCPU id leave guest mode or idle soon. Never lost: if it is between its
 * last look for work and either, it leaves at once. Calls nothing there. */
void arch_kick(uint32_t id);
/* HLT with interrupts on until anything arrives; returns with IF = 0. */
void arch_idle(void);
/* Take what is pending (IF on for an instant). After an external-interrupt exit. */
void arch_take_interrupts(void);

static inline void arch_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* --- devices that VMs are given ----------------------------------------------- */

#define ARCH_IRQ_MAX	64	/* device interrupts */
/* Why one is held back: it comes when there is no reason left. */
#define ARCH_IRQ_CLOSED	1u	/* its VM does not run */
#define ARCH_IRQ_SERVED	2u	/* level-triggered: it came and is not served yet */
#define ARCH_IRQ_BURST	4u	/* it comes too often */

/*
 * Boot CPU: give ISA interrupt irq, or from 16 on GSI irq, a line to a pCPU. It is
 * held back, closed. Returns the line's number, or -1 and why not, in words.
 */
int MUST_CHECK arch_irq_route(uint32_t irq, uint32_t pcpu, const char **why);
bool arch_irq_level(uint32_t line);	/* else by edge: lost while held back */
/* Any pCPU. What was taken already may still arrive after a hold. */
void arch_irq_hold(uint32_t line, uint32_t why);
void arch_irq_release(uint32_t line, uint32_t why);
/* The lines whose interrupts came to this pCPU, whose part p is, since the last
 * call, a bit each. Acknowledges them, and holds level-triggered ones back as
 * ARCH_IRQ_SERVED. */
uint64_t arch_irqs_take(struct arch_pcpu *p);

/* Whether registers that only this machine's firmware knows of (ACPI) lie in a
 * range of ports. */
bool arch_ports_owned(uint16_t first, uint16_t last);
/* Boot CPU: turn DMA off, for good, for all that decodes a range of ports for which
 * given() says yes, and tell; refuse if that cannot be done. */
void arch_dma_off(bool (*given)(uint16_t first, uint16_t last));

/* --- console devices -------------------------------------------------------- */

/* COM1 at 115200 8N1 if present (loop-back probe), VGA text or framebuffer. */
void arch_console_init(const struct boot_info *bi);
/* Write now, waiting for the UART: for boot and panic only. */
void arch_console_write_sync(const char *s, size_t n);
/*
 * Write as much as the UART's FIFO takes without waiting, and the same bytes to
 * the screen. Returns the bytes taken. With no UART all are taken.
 */
size_t arch_console_write(const char *s, size_t n);
/* The same two ways for the parts alone: a screen never waits. */
size_t arch_com1_write(const char *s, size_t n);
void arch_com1_write_sync(const char *s, size_t n);
void arch_screen_write(const char *s, size_t n);
/*
 * Boot CPU, when VMs have their interrupts: have COM1 interrupt it for each byte that
 * comes. The number of the interrupt's line, or -1 and why not, in words. All that
 * came must be read, or no other interrupt comes.
 */
int MUST_CHECK arch_com1_listen(const char **why);
int arch_com1_read(void);		/* a byte, or -1 */

/* --- COM2, for bytes as they are, at 115200 8N1 -------------------------------- */

/* Boot CPU, before the others; false: there is none. */
bool MUST_CHECK arch_com2_init(void);
/* The same two ways, one caller at a time. A port that hangs takes all. */
size_t arch_com2_write(const void *p, size_t n);
void arch_com2_write_sync(const void *p, size_t n);

/* --- the end ------------------------------------------------------------------ */

/*
 * Power the machine off. method is the command line's poweroff= word:
 * "isa-debug-exit" (QEMU's device at 0xf4: exit code status * 2 + 1), "bochs"
 * (port 0x8900), "acpi" (S5 by FADT and DSDT), "halt" or NULL. Falls back to
 * halting with interrupts off.
 */
_Noreturn void arch_poweroff(const char *method, uint8_t status);
/* Stop all other pCPUs (NMI; bounded wait) and never let them run again. */
void arch_stop_others(void);
_Noreturn void arch_halt(void);
