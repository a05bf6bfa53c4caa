/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, timers and kicks of the fake machine. */
#include "arch/arch.h"
#include "tests/fake/fake.h"

void (*fake_tsc_hook)(void);
uint64_t fake_tsc, fake_timer[PCPU_MAX], fake_kicks[PCPU_MAX];

void fake_clock_reset(void)
{
	fake_tsc = 1;
	for (uint32_t i = 0; i < PCPU_MAX; i++) {
		fake_timer[i] = UINT64_MAX;
		fake_kicks[i] = 0;
	}
}

uint64_t arch_tsc(void)
{
	if (fake_tsc_hook)
		fake_tsc_hook();
	return READ_ONCE(fake_tsc);
}

__attribute__((weak)) uint64_t arch_tsc_hz(void)
{
	return 1000000000;
}

void arch_timer_set(uint64_t tsc)
{
	fake_timer[fake_cpu] = tsc;
}

bool arch_timer_fired(void)
{
	bool fired = fake_timer[fake_cpu] <= arch_tsc();

	if (fired)
		fake_timer[fake_cpu] = UINT64_MAX;
	return fired;
}

bool arch_fired(const struct arch_pcpu *p)
{
	return fake_timer[fake_cpu] <= arch_tsc() || p->irqs;
}

/* A machine whose pCPUs run guests has its own. */
__attribute__((weak)) void arch_kick(uint32_t id)
{
	__atomic_fetch_add(&fake_kicks[id], 1, __ATOMIC_SEQ_CST);
}
