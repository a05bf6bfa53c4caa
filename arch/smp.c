/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting and stopping the other CPUs, one at a time, by the boot CPU. What an
 * AP needs before it has a stack stands in smp_region and smp_final_cr3, which
 * trampoline.asm reads.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/desc.h"
#include "arch/machine.h"
#include "arch/paging.h"
#include "arch/trampoline.h"
#include "hv/abi/errno.h"
#include "hv/string.h"

#define PATIENCE_FIRST_MS	3000	/* for the first AP that doesn't come ... */
#define PATIENCE_NEXT_MS	100	/* ... and for each one after it */
#define STOP_WAIT_MS		200

extern uint64_t smp_region, smp_final_cr3;
extern const uint8_t trampoline_code[];
extern const uint32_t trampoline_bytes, trampoline_gdt_base, trampoline_far, trampoline_cr3;
_Noreturn void ap_main(void);

uint64_t smp_region, smp_final_cr3;

static uint32_t alive;		/* id of the AP that came up last */
static uint64_t patience_ms = PATIENCE_FIRST_MS;
static bool online[PCPU_MAX];

static void patch(uint8_t *where, uint32_t add)
{
	uint32_t v;

	memcpy(&v, where, sizeof(v));
	v += add;
	memcpy(where, &v, sizeof(v));
}

void trampoline_install(void *page, uint64_t pa)
{
	uint8_t *code = page;

	memcpy(code, trampoline_code, trampoline_bytes);
	patch(code + trampoline_gdt_base, (uint32_t)pa);
	patch(code + trampoline_far, (uint32_t)pa);
	patch(code + trampoline_cr3, paging_start_cr3());
}

void smp_init(void)
{
	smp_final_cr3 = paging_cr3();
	online[0] = true;
}

_Noreturn void ap_main(void)
{
	uint32_t id = percpu_id();

	paging_init_cpu();
	desc_init_cpu();
	cpu_init_xcr0();
	apic_init_cpu();
	STORE_RELEASE(alive, id);
	time_skew_ap();
	hv_ap_main();
}

/* Poll for the AP; the patience is the caller's, in TSC time. */
static bool wait_alive(uint32_t id, uint64_t ms)
{
	uint64_t start = arch_tsc(), ticks = ms * (arch_tsc_hz() / 1000);

	while (LOAD_ACQUIRE(alive) != id) {
		if (arch_tsc() - start > ticks)
			return false;
		arch_pause();
	}
	return true;
}

/*
 * CPUs with VT-x or AMD-V need no 10 ms between INIT and the first SIPI. The
 * second one is for those that missed the first. One that does not come in time
 * must not come later, when its region and the page that it starts in are the next
 * one's: another INIT makes it wait for a SIPI that is never sent.
 */
static bool start(uint32_t id, uint32_t apic)
{
	uint32_t startup = APIC_STARTUP | (uint32_t)(paging_trampoline() >> PAGE_SHIFT);

	apic_send(apic, APIC_INIT);
	time_delay_us(200);
	apic_send(apic, startup);
	if (wait_alive(id, 20))
		return true;
	apic_send(apic, startup);
	if (wait_alive(id, patience_ms))
		return true;
	patience_ms = PATIENCE_NEXT_MS;
	apic_send(apic, APIC_INIT);
	return false;
}

int arch_cpu_start(uint32_t id)
{
	int err;

	if (!paging_trampoline())
		return AMBIT_ENOMEM;
	err = paging_map_region(id);
	if (err)
		return err;
	smp_region = VA_PERCPU + (uint64_t)id * PERCPU_SIZE;
	if (!start(id, platform_apic_id(id)))
		return AMBIT_ETIME;
	time_skew_boot(id);
	online[id] = true;
	return AMBIT_OK;
}

void arch_stop_others(void)
{
	uint64_t start = arch_tsc(), ticks = STOP_WAIT_MS * (arch_tsc_hz() / 1000);
	uint32_t sent = 0, me = percpu_id();

	if (!apic_ready() || !nmi_stop_claim())
		return;
	for (uint32_t id = 0; id < arch_cpu_count(); id++) {
		if (id == me || !READ_ONCE(online[id]))
			continue;
		apic_send(platform_apic_id(id), APIC_NMI);
		sent++;
	}
	while (nmi_stopped() < sent && arch_tsc() - start < ticks)
		arch_pause();
}
