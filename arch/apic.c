/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC by xAPIC registers or, where CPUID offers it, x2APIC MSRs:
 * IPIs to one CPU at a time and the one-shot timer (SDM 3A, Advanced
 * Programmable Interrupt Controller).
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/machine.h"
#include "arch/msr.h"
#include "hv/panic.h"

#define REG_ID			0x20
#define REG_TPR			0x80
#define REG_EOI			0xb0
#define REG_SVR			0xf0
#define REG_ICR			0x300
#define REG_ICR_HIGH		0x310
#define REG_LVT_TIMER		0x320
#define REG_LVT_THERMAL		0x330
#define REG_LVT_PERF		0x340
#define REG_LVT_LINT0		0x350
#define REG_LVT_LINT1		0x360
#define REG_LVT_ERROR		0x370
#define REG_TIMER_INIT		0x380
#define REG_TIMER_NOW		0x390
#define REG_TIMER_DIVIDE	0x3e0
#define REG_VERSION		0x30

#define BASE_ENABLE		BIT(11)
#define BASE_X2APIC		BIT(10)
#define SVR_ENABLE		0x100
#define LVT_MASKED		0x10000
#define LVT_NMI			0x400
#define LVT_DEADLINE		0x40000
#define DIVIDE_BY_1		0xb
#define ICR_BUSY		0x1000
#define ICR_WAIT_MAX		1000000

/* For entry.asm: the xAPIC's EOI register, NULL with x2APIC. */
extern volatile uint32_t *apic_eoi_register;
volatile uint32_t *apic_eoi_register;

static volatile uint8_t *registers;	/* NULL with x2APIC */
static bool x2apic, deadline, ready;
static uint64_t timer_scale;		/* APIC ticks a TSC tick, 32.32 */
static uint64_t timer_delta_max;	/* TSC ticks that the counter holds */

static uint32_t reg_read(uint32_t reg)
{
	if (x2apic)
		return (uint32_t)rdmsr(MSR_X2APIC_BASE + reg / 16);
	return *(volatile uint32_t *)(registers + reg);
}

static void reg_write(uint32_t reg, uint32_t v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC_BASE + reg / 16, v);
	else
		*(volatile uint32_t *)(registers + reg) = v;
}

void apic_init(void)
{
	struct cpuid c = cpuid(1);
	uint64_t base = rdmsr(MSR_APIC_BASE);

	x2apic = c.ecx & BIT(21);
	deadline = c.ecx & BIT(24);
	if (!x2apic) {
		registers = arch_map_mmio(hpa(base & 0x000ffffffffff000), PAGE_SIZE);
		if (!registers)
			hv_refuse("no room to map the local APIC");
		apic_eoi_register = (volatile uint32_t *)(registers + REG_EOI);
	}
	apic_init_cpu();
	ready = true;
}

void apic_init_cpu(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;
	uint32_t lvt_max;

	wrmsr(MSR_APIC_BASE, base);	/* xAPIC first: x2APIC is entered from there */
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	reg_write(REG_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	reg_write(REG_TPR, 0);
	lvt_max = reg_read(REG_VERSION) >> 16 & 0xff;
	reg_write(REG_LVT_LINT0, LVT_MASKED);
	/* The machine's NMI line is the boot CPU's alone. */
	reg_write(REG_LVT_LINT1, percpu_id() ? LVT_MASKED : LVT_NMI);
	reg_write(REG_LVT_ERROR, LVT_MASKED);
	if (lvt_max >= 4)
		reg_write(REG_LVT_PERF, LVT_MASKED);
	if (lvt_max >= 5)
		reg_write(REG_LVT_THERMAL, LVT_MASKED);
	reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
	reg_write(REG_TIMER_INIT, 0);
	reg_write(REG_LVT_TIMER, VECTOR_TIMER | (deadline ? LVT_DEADLINE : 0));
	/* The mode must be in place before the deadline MSR is written. */
	__asm__ volatile("mfence" ::: "memory");
	arch_pcpu_this()->apic_id = apic_id();
}

void apic_eoi(void)
{
	reg_write(REG_EOI, 0);
}

uint32_t apic_id(void)
{
	uint32_t id = reg_read(REG_ID);

	return x2apic ? id : id >> 24;
}

bool apic_reaches(uint32_t id)
{
	return x2apic || id < 0xff;
}

static void wait_idle(void)
{
	for (uint32_t i = 0; i < ICR_WAIT_MAX && reg_read(REG_ICR) & ICR_BUSY; i++)
		arch_pause();
}

void apic_send(uint32_t id, uint32_t command)
{
	if (x2apic) {
		/* This WRMSR does not wait for earlier stores by itself. */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC_BASE + REG_ICR / 16, (uint64_t)id << 32 | command);
		return;
	}
	wait_idle();
	reg_write(REG_ICR_HIGH, id << 24);
	reg_write(REG_ICR, command);
}

void arch_kick(uint32_t id)
{
	apic_send(platform_apic_id(id), APIC_FIXED | VECTOR_KICK);
}

void arch_idle(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

void arch_take_interrupts(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

bool apic_ready(void)
{
	return ready;
}

/* --- timer -------------------------------------------------------------------- */

void apic_timer_free_run(void)
{
	if (deadline)
		return;
	reg_write(REG_LVT_TIMER, VECTOR_TIMER | LVT_MASKED);
	reg_write(REG_TIMER_INIT, UINT32_MAX);
}

uint32_t apic_timer_count(void)
{
	return reg_read(REG_TIMER_NOW);
}

void apic_timer_set_rate(uint64_t apic_ticks, uint64_t tsc_ticks)
{
	timer_scale = (apic_ticks << 32) / tsc_ticks;
	if (!timer_scale)
		timer_scale = 1;
	timer_delta_max = ((uint64_t)UINT32_MAX << 32) / timer_scale;
	if (deadline)
		return;
	reg_write(REG_TIMER_INIT, 0);
	reg_write(REG_LVT_TIMER, VECTOR_TIMER);
}

bool arch_timer_fired(void)
{
	struct arch_pcpu *p = arch_pcpu_this();
	bool fired = READ_ONCE(p->timer_fired);

	p->timer_fired = 0;
	return fired;
}

void arch_timer_set(uint64_t tsc)
{
	uint64_t now, count;

	if (deadline) {
		if (tsc == UINT64_MAX)
			tsc = 0;		/* disarms */
		else if (!tsc)
			tsc = 1;
		wrmsr(MSR_TSC_DEADLINE, tsc);
		return;
	}
	if (tsc == UINT64_MAX) {
		reg_write(REG_TIMER_INIT, 0);
		return;
	}
	now = arch_tsc();
	if (tsc <= now)
		count = 1;
	else if (tsc - now >= timer_delta_max)
		count = UINT32_MAX;	/* early: whoever waits arms it again */
	else
		count = (uint64_t)(((unsigned __int128)(tsc - now) * timer_scale) >> 32) + 1;
	reg_write(REG_TIMER_INIT, (uint32_t)MIN(count, UINT32_MAX));
}
